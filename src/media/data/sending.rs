//! What waits for one consumer: a bounded amount. SCTP is given a little at a time, so that what it keeps is bounded too, also
//! of one who sends a million messages of one byte.

use super::{BUDGET, Message, dropped};
use crate::model::DataStream;
use std::collections::VecDeque;

/// Bytes that SCTP may hold of a stream before it is given more.
const HELD: usize = 64 * 1024;
/// Messages of them.
const MESSAGES: usize = 256;

/// A consumer's queue.
#[derive(Debug)]
pub struct Sending {
    stream: DataStream,
    queue: VecDeque<Message>,
    cost: usize,
    /// Lengths of what SCTP holds, oldest first, and their sum.
    held: (VecDeque<usize>, usize),
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It waits.
    Waits,
    /// There is no room, and the stream promises that none is lost.
    TooMuch,
}

impl Sending {
    /// Of a stream.
    pub fn new(stream: DataStream) -> Self {
        Self { stream, queue: VecDeque::new(), cost: 0, held: (VecDeque::new(), 0) }
    }

    /// How its messages travel.
    pub fn stream(&self) -> &DataStream {
        &self.stream
    }

    /// One more. Where messages may be lost, the oldest go for it.
    pub fn take(&mut self, message: Message) -> Taken {
        while self.cost + message.cost() > BUDGET {
            if self.stream.is_reliable() {
                return Taken::TooMuch;
            }
            match self.queue.pop_front() {
                Some(oldest) => self.cost -= oldest.cost(),
                None => break,
            }
            dropped("not_reading");
        }
        self.cost += message.cost();
        self.queue.push_back(message);
        Taken::Waits
    }

    /// The next for SCTP, which holds so many bytes of the stream still; `None`: nothing waits, or it has enough.
    pub fn next(&mut self, held: usize) -> Option<Message> {
        let (lengths, sum) = &mut self.held;
        while let Some(first) = lengths.front().filter(|_| *sum > held) {
            *sum -= first;
            lengths.pop_front();
        }
        if held >= HELD || lengths.len() >= MESSAGES {
            return None;
        }
        let message = self.queue.pop_front()?;
        self.cost -= message.cost();
        let length = message.data.len().max(1);
        lengths.push_back(length);
        *sum += length;
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn stream(max_retransmits: Option<u16>) -> DataStream {
        DataStream { id: 1, ordered: true, max_packet_life_time: None, max_retransmits }
    }
    fn message(length: usize) -> Message {
        Message { text: false, data: Bytes::from(vec![7; length]) }
    }

    #[test]
    fn who_must_get_all_is_told_of_when_it_is_too_much() {
        let mut sending = Sending::new(stream(None));
        let fits = BUDGET / message(60_000).cost();
        assert!((0..fits).all(|_| sending.take(message(60_000)) == Taken::Waits));
        assert_eq!(sending.take(message(60_000)), Taken::TooMuch);
        assert_eq!(sending.take(message(0)), Taken::Waits, "a little fits still");
    }

    #[test]
    fn who_may_lose_some_gets_the_newest() {
        let mut sending = Sending::new(stream(Some(0)));
        let count = BUDGET / message(1).cost() * 3;
        (0..count).for_each(|n| assert_eq!(sending.take(message(n % 5)), Taken::Waits));
        assert!(sending.cost <= BUDGET && sending.queue.len() < count / 2);
        assert_eq!(sending.queue.back().map(|last| last.data.len()), Some((count - 1) % 5));
    }

    #[test]
    fn sctp_gets_a_little_at_a_time() {
        let mut sending = Sending::new(stream(None));
        (0..1000).for_each(|_| assert_eq!(sending.take(message(1)), Taken::Waits));
        let first = std::iter::from_fn(|| sending.next(0)).count();
        assert_eq!(first, 1000, "all has gone out each time");
        let (mut sending, mut held) = (Sending::new(stream(None)), 0);
        (0..1000).for_each(|_| assert_eq!(sending.take(message(1)), Taken::Waits));
        while sending.next(held).is_some() {
            held += 1;
        }
        assert_eq!(held, MESSAGES);
        assert!(sending.next(held).is_none() && sending.next(held - 1).is_some());
        let mut large = Sending::new(stream(None));
        (0..3).for_each(|_| assert_eq!(large.take(message(60_000)), Taken::Waits));
        assert!(large.next(0).is_some() && large.next(60_000).is_some() && large.next(120_000).is_none());
    }
}
