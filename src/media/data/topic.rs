//! A producer's messages and who takes them. Nobody who takes them slowly holds up the producer or another.

use super::{BUDGET, Message, Work, dropped};
use crate::model::{EndReason, PeerId};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use tokio::sync::mpsc::UnboundedSender;

/// A producer's messages.
#[derive(Debug)]
pub struct Topic(Mutex<Option<Vec<Inbox>>>);

/// A consumer's way in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Inbox {
    peer: PeerId,
    work: UnboundedSender<Work>,
    /// What its transport's task has not looked at yet, in bytes.
    waiting: Arc<AtomicUsize>,
    overflown: Arc<AtomicBool>,
}

impl Topic {
    /// One that nobody takes yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(Vec::new()))))
    }

    /// From now on it takes them too; `false`: the producer has ended.
    pub fn join(&self, inbox: Inbox) -> bool {
        self.0.lock().as_mut().map(|takers| takers.push(inbox)).is_some()
    }

    /// No longer.
    pub fn leave(&self, peer: PeerId) {
        self.0.lock().iter_mut().for_each(|takers| takers.retain(|taker| taker.peer != peer));
    }

    /// To all.
    pub fn publish(&self, message: &Message) {
        metrics::counter!("media_data_messages_total").increment(1);
        self.0.lock().iter().flatten().for_each(|taker| taker.offer(message));
    }

    /// The producer has ended, and so have its consumers.
    pub fn end(&self) {
        for taker in self.0.lock().take().unwrap_or_default() {
            let _ = taker.work.send(Work::Over(taker.peer, EndReason::FeedEnded));
        }
    }
}

impl Inbox {
    /// Into the work of a transport.
    pub fn new(peer: PeerId, work: UnboundedSender<Work>) -> Self {
        Self { peer, work, waiting: Arc::default(), overflown: Arc::default() }
    }

    /// Its transport's task has taken this message.
    pub fn took(&self, message: &Message) {
        self.waiting.fetch_sub(message.cost(), AcqRel);
        self.overflown.store(false, Release);
    }

    fn offer(&self, message: &Message) {
        // One producer's task alone adds.
        if self.waiting.load(Acquire) + message.cost() > BUDGET {
            dropped("not_reading");
            if !self.overflown.swap(true, AcqRel) {
                let _ = self.work.send(Work::Overflown(self.peer));
            }
            return;
        }
        self.waiting.fetch_add(message.cost(), AcqRel);
        let _ = self.work.send(Work::Deliver(self.peer, message.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use tokio::sync::mpsc::unbounded_channel;

    #[test]
    fn one_that_does_not_read_holds_up_nobody() {
        let topic = Topic::new();
        let ((slow, mut left), (quick, mut read)) = (unbounded_channel(), unbounded_channel());
        let quick = Inbox::new(PeerId(2), quick);
        assert!(topic.join(Inbox::new(PeerId(1), slow)) && topic.join(quick.clone()));
        let message = Message { text: false, data: Bytes::from(vec![1; 60_000]) };
        for _ in 0..200 {
            topic.publish(&message);
            let Ok(Work::Deliver(PeerId(2), got)) = read.try_recv() else { panic!("it was delivered") };
            quick.took(&got);
        }
        let waits: Vec<Work> = std::iter::from_fn(|| left.try_recv().ok()).collect();
        let delivered = waits.iter().filter(|work| matches!(work, Work::Deliver(..))).count();
        assert_eq!(delivered, BUDGET / message.cost());
        assert_eq!(waits.len() - delivered, 1, "and one word of it");
        topic.leave(PeerId(1));
        topic.end();
        assert!(matches!(read.try_recv(), Ok(Work::Over(PeerId(2), EndReason::FeedEnded))) && left.try_recv().is_err());
        assert!(!topic.join(quick));
    }
}
