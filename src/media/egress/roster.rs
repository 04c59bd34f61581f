//! The subscribers of one sending thread, and which of them want the packets of a feed: an index, so that a batch costs
//! nothing for those who do not.

use super::Batch;
use super::subscriber::Subscriber;
use super::worker::Job;
use super::writer::Outgoing;
use crate::model::{FeedId, PeerId};
use std::collections::HashMap;

/// The subscribers.
#[derive(Default)]
pub struct Roster {
    seats: Vec<Option<Seat>>,
    by_peer: HashMap<PeerId, usize>,
    by_feed: HashMap<FeedId, Vec<usize>>,
    /// Those who changed their feeds during a batch.
    moved: Vec<usize>,
    /// Those with something that waits for its time.
    busy: Vec<usize>,
}

struct Seat {
    subscriber: Subscriber,
    /// Where it stands in the index.
    feeds: Vec<FeedId>,
    /// Whether it is among the busy.
    busy: bool,
}

impl Roster {
    /// Does it.
    pub fn work(&mut self, job: Job, out: &mut Outgoing) {
        match job {
            Job::Batch(batch) => self.send(&batch, out),
            Job::Attach(subscriber) => self.attach(*subscriber),
            Job::Detach(peer, done) => {
                self.detach(peer);
                drop(done);
            }
            Job::Show { peer, kind, shown } => self.with(peer, |subscriber| subscriber.show(kind, shown, out)),
            Job::Nack { peer, ssrc, sequences } => self.with(peer, |s| s.on_nack(ssrc, &sequences, out)),
            Job::ReceiverTime { peer, ssrc, ntp, came } => {
                self.with(peer, |subscriber| subscriber.answer_receiver_time(ssrc, ntp, came.elapsed()));
            }
            Job::Tick(now) => {
                for (index, seat) in self.seats.iter_mut().enumerate() {
                    let Some(seat) = seat else { continue };
                    seat.subscriber.tick(now, out);
                    note(seat, index, &mut self.busy);
                }
            }
        }
    }

    /// Whether something waits for its time: `pump` is to be called soon.
    pub fn is_busy(&self) -> bool {
        !self.busy.is_empty()
    }

    /// Sends what may leave now.
    pub fn pump(&mut self, out: &mut Outgoing) {
        let seats = &mut self.seats;
        self.busy.retain(|index| {
            let Some(Some(seat)) = seats.get_mut(*index) else { return false };
            seat.subscriber.pump(out);
            seat.busy = seat.subscriber.is_busy();
            seat.busy
        });
    }

    fn send(&mut self, batch: &Batch, out: &mut Outgoing) {
        let Some(wanted) = self.by_feed.get(&batch.feed) else { return };
        for index in wanted {
            let Some(Some(seat)) = self.seats.get_mut(*index) else { continue };
            seat.subscriber.send_batch(batch.feed, &batch.items, out);
            if seat.subscriber.moved {
                self.moved.push(*index);
            }
            note(seat, *index, &mut self.busy);
        }
        while let Some(index) = self.moved.pop() {
            self.enter(index);
        }
    }

    fn with(&mut self, peer: PeerId, act: impl FnOnce(&mut Subscriber)) {
        let Some(index) = self.by_peer.get(&peer).copied() else { return };
        let Some(Some(seat)) = self.seats.get_mut(index) else { return };
        act(&mut seat.subscriber);
        note(seat, index, &mut self.busy);
        if seat.subscriber.moved {
            self.enter(index);
        }
    }

    fn attach(&mut self, subscriber: Subscriber) {
        let index = self.seats.iter().position(Option::is_none).unwrap_or(self.seats.len());
        self.by_peer.insert(subscriber.peer, index);
        let seat = Some(Seat { subscriber, feeds: Vec::new(), busy: false });
        match self.seats.get_mut(index) {
            Some(free) => *free = seat,
            None => self.seats.push(seat),
        }
    }

    fn detach(&mut self, peer: PeerId) {
        let Some(index) = self.by_peer.remove(&peer) else { return };
        if let Some(seat) = self.seats.get_mut(index).and_then(Option::take) {
            seat.feeds.iter().for_each(|feed| self.forget(*feed, index));
        }
    }

    /// Writes anew into the index which feeds it wants.
    fn enter(&mut self, index: usize) {
        let Some(Some(seat)) = self.seats.get_mut(index) else { return };
        seat.subscriber.moved = false;
        let mut feeds: Vec<FeedId> = seat.subscriber.feeds().collect();
        feeds.sort_unstable();
        feeds.dedup();
        let before = std::mem::replace(&mut seat.feeds, feeds.clone());
        before.iter().filter(|feed| !feeds.contains(feed)).for_each(|feed| self.forget(*feed, index));
        for feed in feeds.iter().filter(|feed| !before.contains(feed)) {
            self.by_feed.entry(*feed).or_default().push(index);
        }
    }

    fn forget(&mut self, feed: FeedId, index: usize) {
        let Some(wanted) = self.by_feed.get_mut(&feed) else { return };
        wanted.retain(|known| *known != index);
        if wanted.is_empty() {
            self.by_feed.remove(&feed);
        }
    }
}

/// Puts it among the busy, once.
fn note(seat: &mut Seat, index: usize, busy: &mut Vec<usize>) {
    if seat.subscriber.is_busy() && !seat.busy {
        seat.busy = true;
        busy.push(index);
    }
}
