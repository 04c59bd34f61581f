//! The synthetic DEVICE: a client of the device protocol inside the server, for whoever has no camera at hand.
//!
//! It comes in through the front door, by WebSocket and WebRTC, and knows nothing of the server's inside. `publisher`
//! is its media and serves the tests as well; `dialogue` is its half of the protocol.

mod dialogue;
pub mod publisher;

use dialogue::{Dialogue, Step};
use futures::{SinkExt, StreamExt};
use publisher::{Publisher, PublisherSpec};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_util::sync::CancellationToken;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A connection that lasted so long was a good one: the next pause begins small again.
const GOOD: Duration = Duration::from_secs(30);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// The synthetic device.
#[derive(Clone, Debug)]
pub struct DemoSpec {
    /// Of the server, e.g. `ws://127.0.0.1:8080`.
    pub url: String,
    /// Its client id.
    pub id: String,
    /// Its token; not logged.
    pub token: String,
    /// What it sends.
    pub media: PublisherSpec,
}

/// A running synthetic device.
pub struct Demo {
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

/// Starts the device; it connects, waits to be invited, and comes back by itself when the connection is lost.
pub fn start(spec: DemoSpec) -> Demo {
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    Demo { task: tokio::spawn(async move { run(spec, &token).await }), cancel }
}

impl Demo {
    /// Disconnects and frees its media.
    pub async fn stop(self) {
        self.cancel.cancel();
        let _ = self.task.await;
    }
}

async fn run(spec: DemoSpec, cancel: &CancellationToken) {
    let mut pause = FIRST_PAUSE;
    while !cancel.is_cancelled() {
        let begun = tokio::time::Instant::now();
        if let Err(error) = connection(&spec, cancel).await {
            tracing::debug!(client.id = %spec.id, %error, "the demo device lost its connection");
        }
        pause = if begun.elapsed() > GOOD { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        tokio::select! {
            () = cancel.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn connection(spec: &DemoSpec, cancel: &CancellationToken) -> Result<(), WsError> {
    let url = format!("{}/ws/connect/DEVICE/{}/{}", spec.url, spec.id, spec.token);
    let connecting = tokio::time::timeout(CONNECT_LIMIT, tokio_tungstenite::connect_async(url));
    let (mut socket, _) = connecting.await.map_err(|_| WsError::ConnectionClosed)??;
    let mut device = Device { media: spec.media.clone(), dialogue: Dialogue::default(), publisher: None };
    loop {
        let message = tokio::select! {
            () = cancel.cancelled() => break,
            message = socket.next() => message,
        };
        let answer = match message {
            Some(Ok(Message::Text(text))) => device.on_text(&text).await,
            Some(Ok(Message::Close(_))) | None => break,
            // Pings are answered by the library when it is read or flushed.
            Some(Ok(_)) => None,
            Some(Err(error)) => {
                device.end().await;
                return Err(error);
            }
        };
        match answer {
            Some(text) => socket.send(Message::text(text)).await?,
            None => socket.flush().await?,
        }
    }
    device.end().await;
    // Without it the server would keep the place for a connection that may come back.
    let _ = socket.send(Message::text(device.dialogue.leave())).await;
    let _ = socket.close(None).await;
    Ok(())
}

/// The protocol's half and the media it steers.
struct Device {
    media: PublisherSpec,
    dialogue: Dialogue,
    publisher: Option<Publisher>,
}

impl Device {
    /// One message of the server, and what is said to it.
    async fn on_text(&mut self, text: &str) -> Option<String> {
        match self.dialogue.on_message(text) {
            Step::Nothing => None,
            Step::Say(text) => Some(text),
            Step::Offer => Some(self.offer().await),
            Step::Answer(sdp) => self.answer(&sdp).await,
            Step::End => {
                self.end().await;
                None
            }
            Step::EndAndSay(text) => {
                self.end().await;
                Some(text)
            }
        }
    }

    async fn offer(&mut self) -> String {
        self.end().await;
        let offered = async {
            let publisher = self.publisher.insert(Publisher::new(self.media.clone())?);
            publisher.offer().await
        };
        match offered.await {
            Ok(sdp) => Dialogue::offer(&sdp),
            Err(error) => self.give_up(&error.to_string()).await,
        }
    }

    async fn answer(&mut self, sdp: &str) -> Option<String> {
        let result = match &self.publisher {
            Some(publisher) => publisher.set_answer(sdp).await,
            None => Ok(()),
        };
        match result {
            Ok(()) => None,
            Err(error) => Some(self.give_up(&error.to_string()).await),
        }
    }

    /// Out of the room, and available again.
    async fn give_up(&mut self, error: &str) -> String {
        tracing::warn!(error, "the demo device cannot publish");
        self.end().await;
        self.dialogue.leave()
    }

    async fn end(&mut self) {
        if let Some(publisher) = self.publisher.take() {
            publisher.stop().await;
        }
    }
}

#[cfg(test)]
mod tests;
