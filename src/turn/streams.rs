//! Clients over TCP and TLS: a task for each connection, few enough of them, none for long without a relay.

use super::allocation::Allocation;
use super::crowd::{Crowd, Seat};
use super::door::count;
use super::frames::{self, Frame};
use super::house::{Caller, House};
use super::way::{Queue, Way};
use bytes::BytesMut;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

/// Who has no relay for this long is let go.
const IDLE: Duration = Duration::from_secs(60);
/// A TLS handshake takes no longer.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A pause when the system has no more descriptors, which others must give back first.
const BREATH: Duration = Duration::from_millis(100);

/// Accepts connections until the task is dropped; with `tls` they begin with a handshake.
pub(super) async fn serve(house: Arc<House>, listener: TcpListener, tls: Option<TlsAcceptor>, crowd: Crowd) {
    let Ok(local) = listener.local_addr() else { return };
    loop {
        let Ok((stream, client)) = listener.accept().await else {
            tokio::time::sleep(BREATH).await;
            continue;
        };
        let Some(seat) = crowd.take(client.ip()) else {
            count("connections");
            continue;
        };
        tokio::spawn(welcome(Arc::clone(&house), stream, (client, local), tls.clone(), seat));
    }
}

async fn welcome(
    house: Arc<House>,
    stream: TcpStream,
    ends: (SocketAddr, SocketAddr),
    tls: Option<TlsAcceptor>,
    seat: Seat,
) {
    let _ = stream.set_nodelay(true);
    match tls {
        None => attend(house, stream, ends).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                attend(house, stream, ends).await;
            }
        }
    }
    drop(seat);
}

/// One connection to its end, and its relay with it.
async fn attend(house: Arc<House>, stream: impl AsyncRead + AsyncWrite, (client, local): (SocketAddr, SocketAddr)) {
    let (read, write) = tokio::io::split(stream);
    let queue = Arc::new(Queue::default());
    let mut reader = Reader { house, client, local, way: Way::Stream(Arc::clone(&queue)), has: None };
    tokio::select! {
        () = reader.run(read) => {}
        () = write_all(write, &queue) => {}
    }
    if let Some(allocation) = reader.has {
        allocation.end();
    }
}

async fn write_all(write: impl AsyncWrite, queue: &Queue) {
    let mut write = std::pin::pin!(write);
    loop {
        // One by one: some clients take a TLS record for a message, coturn's own among them.
        for message in queue.take().await {
            if write.write_all(&message).await.is_err() || write.flush().await.is_err() {
                return;
            }
        }
    }
}

struct Reader {
    house: Arc<House>,
    client: SocketAddr,
    local: SocketAddr,
    way: Way,
    has: Option<Arc<Allocation>>,
}

impl Reader {
    async fn run(&mut self, read: impl AsyncRead) {
        let mut read = std::pin::pin!(read);
        let mut bytes = BytesMut::new();
        let mut deadline = Instant::now() + IDLE;
        loop {
            bytes.reserve(2048);
            let has = self.has.clone();
            tokio::select! {
                _ = tokio::time::sleep_until(deadline), if has.is_none() => return,
                () = over(has.as_deref()), if has.is_some() => {
                    (self.has, deadline) = (None, Instant::now() + IDLE);
                }
                got = read.read_buf(&mut bytes) => match got {
                    Ok(1..) if self.take(&mut bytes) => {}
                    _ => return,
                }
            }
        }
    }

    /// All messages that are there; false if the stream makes no sense.
    fn take(&mut self, bytes: &mut BytesMut) -> bool {
        loop {
            match frames::next(bytes) {
                Frame::Whole { length, taken } => {
                    let message = bytes.split_to(taken);
                    self.message(&message[..length]);
                }
                Frame::Part => return true,
                Frame::Broken => return false,
            }
        }
    }

    fn message(&mut self, message: &[u8]) {
        let has = self.has.as_ref().filter(|allocation| !allocation.is_over());
        let caller = Caller { client: self.client, local: self.local, way: &self.way, has };
        if let Some(opened) = self.house.take(message, &caller) {
            self.has = Some(opened);
        }
    }
}

async fn over(allocation: Option<&Allocation>) {
    if let Some(allocation) = allocation {
        allocation.over().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::house::tests::house;

    /// How long a connection lasts that sends `bytes` and then a bit each half minute.
    async fn lasts(bytes: &[u8]) -> Duration {
        let (begun, ends) = (Instant::now(), ("192.0.2.1:5000".parse().unwrap(), "192.0.2.2:3478".parse().unwrap()));
        let (mut client, server) = tokio::io::duplex(4096);
        client.write_all(bytes).await.unwrap();
        let trickle = async {
            loop {
                tokio::time::sleep(Duration::from_secs(29)).await;
                if client.write_all(&[0]).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::select! {
            () = attend(house(), server, ends) => {}
            () = trickle => {}
        }
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn who_gets_no_relay_is_let_go_after_a_minute() {
        assert_eq!(lasts(&[]).await.as_secs(), 60, "silent");
        let binding = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
        assert_eq!(lasts(&binding).await.as_secs(), 60, "after a binding request");
        assert_eq!(lasts(&[0xff]).await.as_secs(), 60, "a byte now and then");
        assert_eq!(lasts(&[0xff; 4]).await.as_secs(), 0, "without sense");
    }
}
