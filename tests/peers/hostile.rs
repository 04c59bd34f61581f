//! Clients of the device protocol that mean harm: they get errors or are dropped, memory stays bounded, and others are
//! served meanwhile as ever.

use crate::process::ServerProcess;
use crate::scene::{Scene, goes_on};
use anyhow::{Context, Result, bail, ensure};
use futures::{SinkExt, StreamExt, future};
use millrace_bench::{Client, Role};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};

/// Every wait for the server ends after this.
const LIMIT: Duration = Duration::from_secs(5);
/// `rooms.max_message_bytes`; four times as much ends the connection.
const MAX_MESSAGE: usize = 256 * 1024;
/// Sockets that never read.
const DEAF: usize = 200;
/// So many of them send without end, the others a little: ten thousand answers each fit into the kernel's buffers.
const FLOODING: usize = 4;
/// How long they send at most, and how long a send must hang to count as blocked.
const FLOOD: Duration = Duration::from_secs(8);
const BLOCKED: Duration = Duration::from_millis(500);

type Raw = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(server: &ServerProcess, id: &str) -> Result<Raw> {
    let (socket, _) = connect_async(format!("{}/ws/connect/WEB/{id}/any", server.ws)).await?;
    Ok(socket)
}

async fn next(socket: &mut Raw) -> Result<Value> {
    let wait = async {
        loop {
            match socket.next().await.context("the server closed the socket")?? {
                Message::Text(text) => return Ok(serde_json::from_str(&text)?),
                Message::Close(_) => bail!("the server closed the socket"),
                _ => {}
            }
        }
    };
    tokio::time::timeout(LIMIT, wait).await.context("no answer in time")?
}

fn private_kb(server: &ServerProcess) -> Result<u64> {
    Ok(millrace_bench::process::sample(server.pid())?.private_kb)
}

/// Somebody else's request is answered in good time.
async fn served(other: &mut Client) -> Result<()> {
    let begun = Instant::now();
    other.send("join_as_publisher", json!({"room_id": 1, "inviter": ""})).await?;
    let error = other.expect("error").await?;
    ensure!(error["code"] == "room_not_found", "{error}");
    ensure!(begun.elapsed() < Duration::from_secs(1), "an answer took {:?}", begun.elapsed());
    Ok(())
}

/// Sends this much and tells what came of it.
async fn giant(server: &ServerProcess, id: usize, bytes: usize) -> Result<Value> {
    let mut socket = connect(server, &format!("giant-{id}")).await?;
    // The server may hang up in the middle.
    let _cut = socket.send(Message::text("x".repeat(bytes))).await;
    next(&mut socket).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn giant_frames_are_refused() -> Result<()> {
    let server = ServerProcess::start()?;
    let scene = Scene::new(&server).await?;
    let (_client, resident) = scene.viewer(&server, "resident").await?;
    let before = private_kb(&server)?;
    let large = future::try_join_all((0..20).map(|id| giant(&server, id, MAX_MESSAGE + 1))).await?;
    ensure!(large.iter().all(|answer| answer["data"]["code"] == "bad_request"), "{large:?}");
    let huge = future::join_all((0..20).map(|id| giant(&server, id, 4 * MAX_MESSAGE + 1))).await;
    ensure!(huge.iter().all(Result::is_err), "a frame over the hard limit was answered: {huge:?}");
    // A header that promises a terabyte: nothing is set aside for it.
    let mut liar = connect(&server, "liar").await?;
    let MaybeTlsStream::Plain(stream) = liar.get_mut() else { bail!("not plain") };
    stream.write_all(&[0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4]).await?;
    ensure!(next(&mut liar).await.is_err_and(|e| !e.to_string().contains("in time")), "the liar was not dropped");
    let grown = private_kb(&server)?.saturating_sub(before);
    ensure!(grown < 40_000, "{grown} kB more");
    goes_on(&resident, 60).await
}

/// Reads nothing and sends, the first ones until the server takes no more; tells whether it came to that.
async fn deaf(server: &ServerProcess, id: usize) -> Result<(WebSocketStream<TcpStream>, bool)> {
    let socket = TcpSocket::new_v4()?;
    // Little room in the kernel: the server feels it soon.
    socket.set_recv_buffer_size(4096)?;
    socket.set_send_buffer_size(4096)?;
    let stream = socket.connect(server.ws.trim_start_matches("ws://").parse()?).await?;
    let url = format!("{}/ws/connect/WEB/deaf-{id}/any", server.ws);
    let (mut socket, _) = client_async(url, stream).await?;
    // Quoted in the answer, six bytes a character.
    let event = json!({"event": "\u{1}".repeat(40)}).to_string();
    let blocked = async {
        for _ in 0..if id < FLOODING { usize::MAX } else { 100 } {
            match tokio::time::timeout(BLOCKED, socket.send(Message::text(event.clone()))).await {
                Ok(sent) => sent?,
                Err(_) => return Ok(true),
            }
        }
        anyhow::Ok(false)
    };
    let blocked = tokio::time::timeout(FLOOD, blocked).await.unwrap_or(Ok(false))?;
    Ok((socket, blocked))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_sockets_that_never_read_hold_up_nobody() -> Result<()> {
    let server = ServerProcess::start()?;
    let scene = Scene::new(&server).await?;
    let (_client, resident) = scene.viewer(&server, "resident").await?;
    let mut other = Client::connect(&server.ws, Role::Web, "other", "any").await?;
    let before = private_kb(&server)?;
    let flood = future::try_join_all((0..DEAF).map(|id| deaf(&server, id)));
    let others = async {
        loop {
            served(&mut other).await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let sockets = tokio::select! {
        sockets = flood => sockets?,
        failed = others => return failed,
    };
    let grown = private_kb(&server)?.saturating_sub(before);
    let blocked = sockets.iter().filter(|(_, blocked)| *blocked).count();
    println!("{DEAF} deaf sockets, {blocked} blocked: {grown} kB");
    ensure!(blocked == FLOODING, "{blocked} of {FLOODING} were made to wait: the server takes without end");
    ensure!(grown < 150 * DEAF as u64, "{grown} kB more for {DEAF} sockets");
    served(&mut other).await?;
    goes_on(&resident, 60).await
}

/// Asks for rooms; returns how many were made and how many refused as beyond a limit.
async fn ask_for_rooms(server: &ServerProcess, id: &str, count: usize) -> Result<(usize, usize)> {
    let (mut sink, mut stream) = connect(server, id).await?.split();
    let ask = async {
        for _ in 0..count {
            sink.send(Message::text(json!({"event": "create_room", "data": {}}).to_string())).await?;
        }
        anyhow::Ok(())
    };
    let hear = async {
        let (mut made, mut refused) = (0, 0);
        while made + refused < count {
            let message = stream.next().await.context("the server closed the socket")??;
            let Message::Text(text) = message else { continue };
            let answer: Value = serde_json::from_str(&text)?;
            made += usize::from(answer["event"] == "room_created");
            refused += usize::from(answer["data"]["code"] == "limit");
        }
        Ok((made, refused))
    };
    let (_, counts) = tokio::time::timeout(LIMIT, future::try_join(ask, hear)).await.context(id.to_owned())??;
    Ok(counts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_by_the_thousand_end_at_the_limits() -> Result<()> {
    let server = ServerProcess::start()?;
    let scene = Scene::new(&server).await?;
    let before = private_kb(&server)?;
    ensure!(ask_for_rooms(&server, "greedy", 2000).await? == (100, 1900), "one connection's limit");
    let mut other = Client::connect(&server.ws, Role::Web, "other", "any").await?;
    other.make_room("other").await.context("another console makes a room all the same")?;
    // Many connections reach the limit of all rooms; those who are in a room notice nothing.
    let names: Vec<String> = (0..12).map(|n| format!("greedy-{n}")).collect();
    let each = future::try_join_all(names.iter().map(|name| ask_for_rooms(&server, name, 150))).await?;
    let made: usize = each.iter().map(|(made, _)| made).sum();
    ensure!(made == 1000 - 100 - 2, "{made} rooms");
    let (_client, viewer) = scene.viewer(&server, "viewer").await?;
    goes_on(&viewer, 30).await?;
    let grown = private_kb(&server)?.saturating_sub(before);
    println!("1000 rooms: {grown} kB");
    ensure!(grown < 40_000, "{grown} kB more for 1000 rooms");
    Ok(())
}
