//! The way from a demuxer's threads to who reads the file: frames wait for room, the end never waits. Pure.
//!
//! GStreamer tells the end of a small file in the thread that starts the pipeline, before anybody reads: were the end to
//! wait for room behind the frames, it would wait for ever.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What comes out.
#[derive(Debug, PartialEq)]
pub(super) enum Next<T> {
    /// The next frame.
    Frame(T),
    /// All frames have come out; the reason, if it is not the end of the file.
    End(Option<String>),
    /// Nothing came in time.
    Stalled,
}

/// Where frames go in; cheap to clone.
#[derive(Debug)]
pub(super) struct Outlet<T> {
    frames: SyncSender<Option<T>>,
    end: Arc<OnceLock<Option<String>>>,
}

/// Where they come out. Dropping it lets everybody go who waits for room.
#[derive(Debug)]
pub(super) struct Inlet<T> {
    frames: Receiver<Option<T>>,
    end: Arc<OnceLock<Option<String>>>,
}

/// A way on which `ahead` frames may wait.
pub(super) fn queue<T>(ahead: usize) -> (Outlet<T>, Inlet<T>) {
    let (sender, receiver) = sync_channel(ahead.max(1));
    let end = Arc::new(OnceLock::new());
    (Outlet { frames: sender, end: end.clone() }, Inlet { frames: receiver, end })
}

impl<T> Clone for Outlet<T> {
    fn clone(&self) -> Self {
        Self { frames: self.frames.clone(), end: self.end.clone() }
    }
}

impl<T> Outlet<T> {
    /// Waits for room; `false` when nobody reads any more, or the end was told: a demuxer that goes on after an error would
    /// have the same file read in different ways.
    pub(super) fn frame(&self, frame: T) -> bool {
        self.end.get().is_none() && self.frames.send(Some(frame)).is_ok()
    }

    /// No more will come, and why; never waits. The first word counts.
    pub(super) fn end(&self, why: Option<String>) {
        let _ = self.end.set(why);
        // Wakes who waits. When there is no room for this nobody waits, and it is found when the frames are gone.
        let _ = self.frames.try_send(None);
    }
}

impl<T> Inlet<T> {
    /// The next frame, within this time; the end after the last one.
    pub(super) fn next(&self, limit: Duration) -> Next<T> {
        loop {
            // Looked at first: a frame that comes in between is not overlooked.
            let ended = self.ended();
            match self.frames.try_recv() {
                Ok(Some(frame)) => return Next::Frame(frame),
                Ok(None) => continue,
                Err(TryRecvError::Disconnected) => return self.ended().unwrap_or(Next::End(None)),
                Err(TryRecvError::Empty) => {}
            }
            if let Some(end) = ended {
                return end;
            }
            match self.frames.recv_timeout(limit) {
                Ok(Some(frame)) => return Next::Frame(frame),
                Err(RecvTimeoutError::Timeout) => return Next::Stalled,
                // The end was told, or all who could tell it are gone: looked at above.
                Ok(None) | Err(RecvTimeoutError::Disconnected) => {}
            }
        }
    }

    fn ended(&self) -> Option<Next<T>> {
        self.end.get().map(|why| Next::End(why.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    #[test]
    fn the_end_does_not_wait_for_room_and_comes_after_all_frames() {
        let (outlet, inlet) = queue(3);
        assert!((0..3).all(|frame| outlet.frame(frame)));
        outlet.end(Some("broken".into()));
        outlet.end(None);
        assert!(!outlet.frame(3), "nothing comes after the end");
        assert!((0..3).all(|frame| inlet.next(SOON) == Next::Frame(frame)));
        assert_eq!(inlet.next(SOON), Next::End(Some("broken".into())));
        assert_eq!(inlet.next(SOON), Next::End(Some("broken".into())), "and stays");
    }

    #[test]
    fn who_waits_is_woken_and_who_waits_in_vain_is_told() {
        let (outlet, inlet) = queue::<()>(3);
        assert_eq!(inlet.next(Duration::from_millis(1)), Next::Stalled);
        let ending = std::thread::spawn(move || outlet.end(None));
        assert_eq!(inlet.next(SOON), Next::End(None));
        ending.join().unwrap();
        drop(inlet);
        let (outlet, inlet) = queue(1);
        drop(inlet);
        assert!(!outlet.frame(()));
    }
}
