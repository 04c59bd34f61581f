//! The WebSocket loop that all dialects share: size limit, heartbeat, bounded outbox.
//!
//! Decides when a connection is dead: two pings without a sign of life, a write that does not end, a broken frame.
//! Leaves what messages mean to the dialect. Two tasks per socket, so that a client that does not read cannot stop us
//! from noticing anything; the dialect waits for room in the outbox and so never outruns its client.

use crate::config;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Bytes set aside for each direction of a connection; larger messages make their own room. The default is 128 kB each.
const BUFFER: usize = 4096;
/// Messages that may wait for a client.
const OUTBOX: usize = 256;
/// Messages that may wait for us, each as large as the limit; a client that sends more is slowed down by TCP.
const INBOX: usize = 4;
/// Frames up to this many times the limit are answered with an error; larger ones end the connection.
const HARD_LIMIT_FACTOR: usize = 4;
/// Pings without a sign of life before the connection is dead.
const MISSED_PONGS: u32 = 2;

/// Close code: going away (RFC 6455 7.4.1).
pub const GOING_AWAY: u16 = 1001;
/// Close code: the dialect ended the connection for a reason it has told (RFC 6455 7.4.2, private use).
pub const ENDED: u16 = 4000;

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A message.
    Text(String),
    /// A text frame over the size limit; its content was dropped.
    TooLarge,
    /// A binary frame, which no dialect here uses.
    Binary,
}

/// The dialect's end of a socket. Dropping it ends the connection once what was sent is out.
pub struct Socket {
    inbox: mpsc::Receiver<Incoming>,
    outbox: mpsc::Sender<Message>,
    heard: Arc<Notify>,
    dead: CancellationToken,
}

/// Asks from elsewhere whether a socket's client still lives, and ends the connection if it does not. Cheap to clone;
/// does not keep the connection.
#[derive(Clone, Debug)]
pub struct Pulse {
    outbox: mpsc::WeakSender<Message>,
    heard: Arc<Notify>,
    dead: CancellationToken,
}

/// The connection is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// Sets the limits of an upgrade.
pub fn limited(upgrade: WebSocketUpgrade, limits: &config::Rooms) -> WebSocketUpgrade {
    let hard = limits.max_message_bytes.saturating_mul(HARD_LIMIT_FACTOR);
    upgrade.max_message_size(hard).max_frame_size(hard).read_buffer_size(BUFFER).write_buffer_size(BUFFER)
}

impl Socket {
    /// Starts the loop.
    pub fn start(socket: WebSocket, limits: &config::Rooms) -> Self {
        let (sink, stream) = socket.split();
        let (to_dialect, inbox) = mpsc::channel(INBOX);
        let (outbox, to_client) = mpsc::channel(OUTBOX);
        let (dead, unanswered) = (CancellationToken::new(), Arc::new(AtomicU32::new(0)));
        let heard = Arc::new(Notify::new());
        let writer = Writer { sink, heartbeat: limits.heartbeat, unanswered: unanswered.clone() };
        let reader = Reader { stream, limit: limits.max_message_bytes, unanswered, heard: heard.clone() };
        tokio::spawn(until_dead(writer.run(to_client), dead.clone()).in_current_span());
        tokio::spawn(until_dead(reader.run(to_dialect), dead.clone()).in_current_span());
        Self { inbox, outbox, heard, dead }
    }

    /// The next message; `None` when the connection is gone. Cancel safe.
    pub async fn next(&mut self) -> Option<Incoming> {
        self.inbox.recv().await
    }
    /// Sends a text; waits while the outbox is full, at most until the connection is found dead.
    pub async fn send(&self, text: String) -> Result<(), Gone> {
        self.put(Message::Text(text.into())).await
    }
    /// A way to ask from elsewhere whether the client lives.
    pub fn pulse(&self) -> Pulse {
        Pulse { outbox: self.outbox.downgrade(), heard: self.heard.clone(), dead: self.dead.clone() }
    }
    /// Says good-bye after what was sent before.
    pub async fn close(self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code, reason: reason.into() };
        let _gone = self.put(Message::Close(Some(frame))).await;
    }

    async fn put(&self, message: Message) -> Result<(), Gone> {
        tokio::select! {
            sent = self.outbox.send(message) => sent.map_err(|_| Gone),
            () = self.dead.cancelled() => Err(Gone),
        }
    }
}

impl Pulse {
    /// Pings at once; whether any frame comes within the limit.
    pub async fn is_alive(&self, limit: Duration) -> bool {
        // Listens before it asks: the answer may be quick.
        let heard = self.heard.notified();
        let Some(outbox) = self.outbox.upgrade() else { return false };
        let answered = async move {
            let _dead = outbox.send(Message::Ping(bytes::Bytes::new())).await;
            // While a sender is left, the connection does not end.
            drop(outbox);
            heard.await;
        };
        tokio::select! {
            answered = tokio::time::timeout(limit, answered) => answered.is_ok(),
            () = self.dead.cancelled() => false,
        }
    }
    /// Ends the connection.
    pub fn end(&self) {
        self.dead.cancel();
    }
}

/// Either half's end is the other's end.
async fn until_dead(half: impl Future<Output = ()>, dead: CancellationToken) {
    let _guard = dead.clone().drop_guard();
    tokio::select! {
        () = half => {}
        () = dead.cancelled() => {}
    }
}

struct Writer {
    sink: SplitSink<WebSocket, Message>,
    heartbeat: Duration,
    unanswered: Arc<AtomicU32>,
}

impl Writer {
    async fn run(mut self, mut outbox: mpsc::Receiver<Message>) {
        let mut heartbeat = heartbeat(self.heartbeat);
        heartbeat.tick().await;
        loop {
            let message = tokio::select! {
                message = outbox.recv() => message.unwrap_or(Message::Close(None)),
                _ = heartbeat.tick() => match self.unanswered.fetch_add(1, Ordering::Relaxed) {
                    MISSED_PONGS.. => return tracing::info!(reason = "heartbeat", "connection is dead"),
                    _ => Message::Ping(bytes::Bytes::new()),
                },
            };
            let last = matches!(message, Message::Close(_));
            if !self.write(message).await || last {
                return;
            }
        }
    }

    async fn write(&mut self, message: Message) -> bool {
        match tokio::time::timeout(self.heartbeat * MISSED_PONGS, self.sink.send(message)).await {
            Ok(sent) => sent.is_ok(),
            Err(_) => {
                tracing::info!(reason = "not_reading", "connection is dead");
                false
            }
        }
    }
}

/// After a stall of ours, or of a client that reads slowly, pings come one by one: those that were missed, all at once,
/// would leave no time to answer.
fn heartbeat(every: Duration) -> Interval {
    let mut heartbeat = tokio::time::interval(every);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat
}

struct Reader {
    stream: SplitStream<WebSocket>,
    limit: usize,
    unanswered: Arc<AtomicU32>,
    heard: Arc<Notify>,
}

impl Reader {
    async fn run(mut self, inbox: mpsc::Sender<Incoming>) {
        while let Some(Ok(message)) = self.stream.next().await {
            self.unanswered.store(0, Ordering::Relaxed);
            self.heard.notify_waiters();
            let incoming = match message {
                Message::Text(text) if text.len() > self.limit => Incoming::TooLarge,
                Message::Text(text) => Incoming::Text(text.as_str().into()),
                Message::Binary(_) => Incoming::Binary,
                Message::Ping(_) | Message::Pong(_) => continue,
                Message::Close(_) => return,
            };
            if inbox.send(incoming).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn pings_missed_in_a_stall_do_not_come_all_at_once() {
        let every = Duration::from_secs(4);
        let mut heartbeat = heartbeat(every);
        heartbeat.tick().await;
        tokio::time::advance(every * 5).await;
        let stalled = Instant::now();
        heartbeat.tick().await;
        heartbeat.tick().await;
        assert_eq!(stalled.elapsed(), every);
    }
}
