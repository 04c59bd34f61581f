//! What the Socket.IO server gets for a connection: the client's bytes, and an end when it is time.
//!
//! Decides that a client which does not read is dead, and that shutdown ends what has not ended itself. Without it, one
//! blocked write would keep a dead page's user online for as long as its TCP connection lasts: the server lets go of a
//! socket only when its last write returns. Dropping the line is the one sign that a connection is gone.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

/// After shutdown has begun, what the server has not closed by then is cut.
const CLOSING: Duration = Duration::from_secs(1);

/// A connection.
pub struct Line<S, G> {
    io: S,
    /// Ready when the connection is to end.
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Runs while the client takes nothing.
    stuck: Option<Pin<Box<Sleep>>>,
    patience: Duration,
    /// It was given up: from then on nothing is read or written, whatever the client still sends.
    dead: bool,
    reader: Option<Waker>,
    _guard: G,
}

impl<S, G> Line<S, G> {
    /// Ends when the client takes nothing for `patience`, or some time after `closing`; then drops the guard.
    pub fn new(io: S, patience: Duration, closing: CancellationToken, guard: G) -> Self {
        let end = Box::pin(async move {
            closing.cancelled().await;
            tokio::time::sleep(CLOSING).await;
        });
        Self { io, end, stuck: None, patience, dead: false, reader: None, _guard: guard }
    }

    /// What a write came to, or its end if it has waited for too long. The server thinks little of a failed write:
    /// it is the end of what can be read that makes it let go.
    fn limited<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() && !self.dead {
            self.stuck = None;
            return written;
        }
        let patience = self.patience;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        if !self.dead && stuck.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.dead = true;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin, G: Unpin> AsyncRead for Line<S, G> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.dead || self.end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(())); // nothing read: the end of the stream
        }
        self.reader = Some(cx.waker().clone());
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin, G: Unpin> AsyncWrite for Line<S, G> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.limited(cx, written)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.limited(cx, flushed)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.io).poll_shutdown(cx);
        self.limited(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_dead_whatever_it_says() {
        let (near, mut far) = tokio::io::duplex(8);
        let (mut reading, mut writing) = tokio::io::split(Line::new(near, PATIENCE, CancellationToken::new(), ()));
        let waiting = tokio::spawn(async move { reading.read(&mut [0; 8]).await.unwrap() });
        let begun = tokio::time::Instant::now();
        assert_eq!(writing.write_all(&[0; 9]).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed(), PATIENCE);
        assert_eq!(waiting.await.unwrap(), 0, "who waits for it to say something is woken");
        far.read_exact(&mut [0; 8]).await.unwrap();
        assert!(writing.write_all(&[0]).await.is_err(), "too late");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_has_all_the_time_again_for_each_write() {
        let (near, mut far) = tokio::io::duplex(8);
        let mut line = Line::new(near, PATIENCE, CancellationToken::new(), ());
        let slow = tokio::spawn(async move {
            for _ in 0..4 {
                tokio::time::sleep(PATIENCE * 2 / 3).await;
                far.read_exact(&mut [0; 8]).await.unwrap();
            }
        });
        line.write_all(&[0; 32]).await.unwrap();
        slow.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_ends_a_silent_connection_and_drops_its_guard() {
        let (near, _far) = tokio::io::duplex(8);
        let (closing, guard) = (CancellationToken::new(), Arc::new(()));
        let mut line = Line::new(near, PATIENCE, closing.clone(), guard.clone());
        closing.cancel();
        assert_eq!(line.read(&mut [0; 8]).await.unwrap(), 0);
        drop(line);
        assert_eq!(Arc::strong_count(&guard), 1);
    }
}
