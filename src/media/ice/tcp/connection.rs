//! One TCP connection as the thread of all connections sees it.

use super::frame::Deframer;
use super::pipe::Pipe;
use crate::media::ice::link::Link;
use crate::media::ice::mux::Port;
use crate::media::ice::path::Path;
use crate::media::ice::worker::Jobs;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A newcomer has so long for its first authentic check; browsers send it at once.
const PROOF: Duration = Duration::from_secs(5);
/// A client checks every few seconds.
const SILENCE: Duration = Duration::from_secs(30);

/// One connection.
pub struct Connection {
    pipe: Arc<Pipe>,
    deframer: Deframer,
    link: Option<Arc<Link>>,
    heard: Instant,
}

/// Why it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client or the network closed it, or its peer is gone.
    Closed,
    /// It is no client of ours.
    Garbage,
    /// It said nothing in time.
    Silent,
    /// It did not read.
    Stalled,
    /// There were too many.
    Crowded,
}

/// What a call to `read` leaves behind.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// There may be more.
    More,
    /// All is read.
    Drained,
    /// It is over.
    Over(Ending),
}

impl Connection {
    /// Just accepted.
    pub fn new(pipe: Pipe) -> Self {
        Self { pipe: Arc::new(pipe), deframer: Deframer::default(), link: None, heard: Instant::now() }
    }

    /// Its sending side.
    pub fn pipe(&self) -> &Arc<Pipe> {
        &self.pipe
    }
    /// It has shown an authentic check.
    pub fn is_proven(&self) -> bool {
        self.link.is_some()
    }

    /// Reads once: others want their turn.
    pub fn read(&mut self, port: &Port, buffer: &mut [u8], jobs: &mut Jobs) -> Read {
        match self.pipe.read(buffer) {
            Ok(0) => Read::Over(Ending::Closed),
            Ok(length) => self.take(port, buffer.get(..length).unwrap_or_default(), jobs),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Read::Drained,
            Err(error) if error.kind() == ErrorKind::Interrupted => Read::More,
            Err(_) => Read::Over(Ending::Closed),
        }
    }

    fn take(&mut self, port: &Port, bytes: &[u8], jobs: &mut Jobs) -> Read {
        let (link, pipe, mut complete) = (&mut self.link, &self.pipe, false);
        let taken = self.deframer.take(bytes, |frame| {
            complete = true;
            frame_of(port, frame, pipe, link, jobs)
        });
        if complete {
            self.heard = Instant::now();
        }
        match taken {
            Ok(ControlFlow::Continue(())) => Read::More,
            Ok(ControlFlow::Break(())) | Err(_) => Read::Over(Ending::Garbage),
        }
    }

    /// Whether its time is over.
    pub fn overdue(&self, now: Instant) -> Option<Ending> {
        let limit = if self.is_proven() { SILENCE } else { PROOF };
        if now.saturating_duration_since(self.heard) > limit {
            return Some(Ending::Silent);
        }
        self.pipe.is_stalled(now).then_some(Ending::Stalled)
    }

    /// Ends it and tells its peer's link.
    pub fn close(self) {
        self.pipe.close();
        if let Some(link) = self.link {
            link.lost(&Path::Tcp(self.pipe));
        }
    }
}

/// One frame. Before the first authentic check anything else breaks off.
fn frame_of(
    port: &Port,
    frame: &[u8],
    pipe: &Arc<Pipe>,
    link: &mut Option<Arc<Link>>,
    jobs: &mut Jobs,
) -> ControlFlow<()> {
    let path = Path::Tcp(pipe.clone());
    let before = link.clone();
    if let Some(proven) = port.datagram(frame, &path, before.as_ref(), Instant::now(), jobs) {
        *link = Some(proven);
    }
    if link.is_some() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}
