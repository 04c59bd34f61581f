//! The listening side: a connection's first requests, until one is allowed in.
//!
//! Decides how long and how much a stranger may talk. Nothing but `OPTIONS` is answered without asking the `Door`.

use super::house::House;
use super::request::{MOST_HEAD, Request, answer, head_length};
use super::{Place, Refusal};
use crate::media::MediaError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

/// Who has not been let in by then goes: a person may have to type a password meanwhile.
const TALK: Duration = Duration::from_secs(30);
/// Between two requests of a stranger.
const SILENCE: Duration = Duration::from_secs(10);
/// Room and media answer within.
const LOOKUP: Duration = Duration::from_secs(8);
/// Requests of a stranger.
const MOST_REQUESTS: usize = 10;
const TIDY: Duration = Duration::from_secs(2);
/// After a failure to accept (no descriptors left) it is tried again.
const BREATH: Duration = Duration::from_millis(200);

/// Takes connections until `closing`.
pub async fn listen(listener: TcpListener, house: Arc<House>, closing: CancellationToken) {
    let mut tidy = tokio::time::interval(TIDY);
    tidy.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = closing.cancelled() => return,
            _ = tidy.tick() => house.tidy(),
            accepted = listener.accept() => match accepted {
                Ok((socket, from)) => {
                    let (house, closing) = (house.clone(), closing.clone());
                    tokio::spawn(async move {
                        tokio::select! {
                            () = closing.cancelled() => {}
                            _ = timeout(TALK, visit(socket, from, house)) => {}
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "an RTSP connection could not be taken");
                    tokio::time::sleep(BREATH).await;
                }
            },
        }
    }
}

/// `None`: the connection is over.
async fn visit(mut socket: TcpStream, from: SocketAddr, house: Arc<House>) -> Option<()> {
    let Some(place) = house.place() else {
        metrics::counter!("media_rtsp_refused_total", "reason" => "full").increment(1);
        return socket.write_all(&answer("503 Service Unavailable", "0")).await.ok();
    };
    let mut read = Vec::new();
    for _ in 0..MOST_REQUESTS {
        let length = read_head(&mut socket, &mut read).await?;
        let request = match Request::read(&read[..length]) {
            Ok(request) => request,
            Err(status) => return socket.write_all(&answer(status, "0")).await.ok(),
        };
        let reply = match request.method.as_str() {
            "OPTIONS" => request.options(),
            "DESCRIBE" | "SETUP" => match admit(&request, &house).await {
                Ok(stream) => {
                    let read = String::from_utf8(read).ok()?;
                    house.hand_over((socket, from), read, (stream, request.path()), place).await;
                    return Some(());
                }
                Err(status) => {
                    metrics::counter!("media_rtsp_refused_total", "reason" => status.split(' ').next().unwrap_or(""))
                        .increment(1);
                    request.answer(status)
                }
            },
            "ANNOUNCE" | "RECORD" => request.answer("501 Not Implemented"),
            _ => request.answer("454 Session Not Found"),
        };
        read.drain(..length);
        socket.write_all(&reply).await.ok()?;
    }
    None
}

/// Reads until a head is complete; its length.
async fn read_head(socket: &mut TcpStream, read: &mut Vec<u8>) -> Option<usize> {
    loop {
        if let Some(length) = head_length(read) {
            return Some(length);
        }
        if read.len() > MOST_HEAD {
            let _ = socket.write_all(&answer("400 Bad Request", "0")).await;
            return None;
        }
        let count = timeout(SILENCE, socket.read_buf(read)).await.ok()?.ok()?;
        if count == 0 {
            return None;
        }
    }
}

/// The stream that is asked for, ready to be described; or an answer's status line.
async fn admit(request: &Request, house: &Arc<House>) -> Result<Arc<super::stream::Stream>, &'static str> {
    let (place, token) = request.place()?;
    let Place { sound, .. } = place;
    let entered = timeout(LOOKUP, house.door().enter(place, token)).await.unwrap_or(Err(Refusal::Busy));
    let feed = entered.map_err(|refusal| match refusal {
        Refusal::Unauthorized => "401 Unauthorized",
        Refusal::Forbidden => "403 Forbidden",
        Refusal::NotFound => "404 Not Found",
        Refusal::Busy => "503 Service Unavailable",
    })?;
    let stream = house.stream(feed, sound).await.map_err(|error| match error {
        MediaError::NotReady(_) => "404 Not Found",
        _ => "503 Service Unavailable",
    })?;
    match timeout(LOOKUP, stream.ready()).await {
        Ok(true) => Ok(stream),
        _ => Err("503 Service Unavailable"),
    }
}
