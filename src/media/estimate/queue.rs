//! How long packets wait on the way just now: the least delay of the last groups above the least of some seconds. Pure.
//!
//! The trend tells that a queue grows, this how long it is. It keeps a trend that is only noise from being believed, and
//! a probe from being sent into a queue.

use super::Micros;
use super::group::Group;

/// Even the fastest of so many last groups counts: jitter is not a queue.
const RECENT: usize = 4;
/// The least delay is that of one to two of these: routes change, clocks drift.
const ERA: Micros = 8_000_000;

/// A wait that may be chance, where nothing jitters.
const DOUBT: Micros = 15_000;
/// A wait this long is a queue that stands, after this time.
const STANDING: Micros = 70_000;
const LASTING: Micros = 700_000;
/// A queue that so many steps down did not empty is not ours.
const STEPS: u8 = 3;

/// Follows delays.
#[derive(Debug, Default)]
pub struct Queue {
    standing_since: Option<Micros>,
    steps: u8,
    recent: [Micros; RECENT],
    count: usize,
    /// Mean difference of neighbours, as in RFC 3550 6.4.1.
    jitter: f64,
    era_began: Micros,
    least: Option<Micros>,
    least_before: Option<Micros>,
}

impl Queue {
    /// The next group.
    pub fn add(&mut self, group: Group) {
        if group.sent - self.era_began > ERA {
            self.era_began = group.sent;
            self.least_before = self.least.take();
        }
        self.least = Some(self.least.map_or(group.delay, |least| least.min(group.delay)));
        let before = self.recent[(self.count + RECENT - 1) % RECENT];
        if self.count > 0 {
            self.jitter += ((group.delay - before).abs() as f64 - self.jitter) / 16.0;
        }
        self.recent[self.count % RECENT] = group.delay;
        self.count += 1;
        self.stand(group.sent);
    }

    fn stand(&mut self, sent: Micros) {
        let wait = self.wait();
        if wait < STANDING {
            self.standing_since = None;
            self.steps = if wait < STANDING / 2 { 0 } else { self.steps };
        } else {
            self.standing_since.get_or_insert(sent);
        }
    }

    /// Whether a queue stands, neither growing nor emptying by itself; then less is to be sent. One that stays although
    /// less was sent, again and again, belongs to others: it becomes part of the way.
    pub fn stands(&mut self, now: Micros) -> bool {
        if self.standing_since.is_none_or(|since| now - since < LASTING) {
            return false;
        }
        (self.standing_since, self.steps) = (Some(now), self.steps + 1);
        if self.steps > STEPS {
            self.restart();
        }
        true
    }

    /// The clocks no longer go together.
    pub fn restart(&mut self) {
        *self = Self { era_began: self.era_began, ..Self::default() };
    }

    /// A wait longer than this is a queue and no chance.
    pub fn doubt(&self) -> Micros {
        DOUBT + self.jitter as Micros
    }

    /// The wait; zero while too little is known.
    pub fn wait(&self) -> Micros {
        let least = self.least.into_iter().chain(self.least_before).min();
        match (self.recent.iter().min(), least) {
            (Some(recent), Some(least)) if self.count >= RECENT => recent - least,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A group each 20 ms with these delays, ms; the last wait, ms.
    fn wait(delays: impl IntoIterator<Item = Micros>) -> (Queue, Micros) {
        let mut queue = Queue::default();
        for (n, delay) in (0..).zip(delays) {
            queue.add(Group { sent: n * 20_000, delay: delay * 1000 });
        }
        let wait = queue.wait() / 1000;
        (queue, wait)
    }

    #[test]
    fn it_is_the_least_of_the_last_above_the_least_of_all() {
        assert_eq!(wait([5, 9, 7]).1, 0, "too little is known");
        assert_eq!(wait([5, 5, 5, 5, 80, 90, 60, 100]).1, 55);
        assert_eq!(wait([5, 5, 5, 5, 80, 90, 5, 100]).1, 0);
        assert_eq!(wait(std::iter::repeat_n(5, 10).chain(std::iter::repeat_n(50, 1000))).1, 0, "the way became longer");
    }

    #[test]
    fn what_jitters_is_doubted_longer() {
        let (still, jitters) = (wait([5; 100]).0, wait((0..100).map(|n| n % 2 * 30)).0);
        assert_eq!(still.doubt(), DOUBT);
        assert!((DOUBT + 25_000..=DOUBT + 30_000).contains(&jitters.doubt()), "{}", jitters.doubt());
    }

    #[test]
    fn a_queue_that_stays_is_at_last_not_ours() {
        let (mut queue, _) = wait([5; 20]);
        let mut steps = 0;
        for n in 20..400 {
            queue.add(Group { sent: n * 20_000, delay: 105_000 });
            steps += u8::from(queue.stands(n * 20_000));
        }
        assert_eq!((steps, queue.wait()), (STEPS + 1, 0));
    }
}
