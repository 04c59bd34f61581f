//! One peer's offer/answer machine (RFC 3264), as plain data.
//!
//! ```text
//!                    the client offers                 we offer
//!   HaveRemoteOffer <------------------+  Stable  +----------------> HaveLocalOffer
//!          |                              ^    ^                        |      ^
//!          |  answered, refused           |    |    connected           |      | answer refused:
//!          +------------------------------+    +------------------------+------+ the offer stays open
//!
//!   any state -- closed --> Closed
//! ```
//!
//! Decides when an offer may go to the engine and which candidates wait; leaves what an ending entails to `state`.
//! Offers that come while one is unanswered queue until `Stable`. Candidates that come before the remote description
//! are kept, a bounded number of them. Waiting states have a deadline, a backstop behind the engine's own.

use crate::model::{Candidate, Sdp};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Offers that may wait behind an unanswered one; a client that sends more is not negotiating.
const MAX_QUEUED_OFFERS: usize = 4;
/// Candidates kept for one peer until its remote description is there.
pub const MAX_EARLY_CANDIDATES: usize = 64;
/// The engine answers within its gathering bound (500 ms); this is the backstop.
pub const ENGINE_LIMIT: Duration = Duration::from_secs(10);
/// The engine ends an unanswered offer itself (`media.negotiation_limit`, 30 s); this is the backstop.
const ANSWER_LIMIT: Duration = Duration::from_secs(90);

/// Where the machine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing is open.
    Stable,
    /// We offered and wait for the client's answer (or for the engine to make the offer).
    HaveLocalOffer,
    /// The client offered and the engine is making the answer.
    HaveRemoteOffer,
    /// Over.
    Closed,
}

/// The machine.
#[derive(Clone, Debug)]
pub struct Negotiation {
    phase: Phase,
    queued: VecDeque<Sdp>,
    early: Early,
    remote_known: bool,
    deadline: Option<Instant>,
}

/// A bounded store of candidates that came too early; the oldest give way.
#[derive(Clone, Debug, Default)]
pub struct Early(VecDeque<Option<Candidate>>);

impl Early {
    /// Keeps one.
    pub fn keep(&mut self, candidate: Option<Candidate>) {
        if self.0.len() == MAX_EARLY_CANDIDATES {
            self.0.pop_front();
        }
        self.0.push_back(candidate);
    }
    /// Takes all.
    pub fn take(&mut self) -> Vec<Option<Candidate>> {
        self.0.drain(..).collect()
    }
    /// Takes those with one of these user name fragments, or with none.
    pub fn take_for(&mut self, ufrags: &[String]) -> Vec<Option<Candidate>> {
        let belongs = |kept: &Option<Candidate>| match kept.as_ref().and_then(|c| c.ufrag.as_ref()) {
            Some(ufrag) => ufrags.contains(ufrag),
            None => true,
        };
        let (ours, others) = self.0.drain(..).partition(belongs);
        self.0 = others;
        Vec::from(ours)
    }
}

/// Too many offers wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueFull;

impl Negotiation {
    /// Where the client will offer; `early` came before its first offer.
    pub fn answering(early: Early) -> Self {
        Self { phase: Phase::Stable, queued: VecDeque::new(), early, remote_known: false, deadline: None }
    }
    /// Where we offer: the engine has been asked to make the offer.
    pub fn offering(now: Instant) -> Self {
        Self { phase: Phase::HaveLocalOffer, deadline: Some(now + ENGINE_LIMIT), ..Self::answering(Early::default()) }
    }
    /// The engine is asked to make an offer where the client could have made the first. Candidates that came stay.
    pub fn offers(&mut self, now: Instant) {
        self.phase = Phase::HaveLocalOffer;
        self.deadline = Some(now + ENGINE_LIMIT);
    }
    /// Where it stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The client offers. `Some`: give it to the engine now; `None`: it waits its turn.
    pub fn remote_offer(&mut self, now: Instant, offer: Sdp) -> Result<Option<Sdp>, QueueFull> {
        match self.phase {
            Phase::Stable => {
                self.phase = Phase::HaveRemoteOffer;
                self.deadline = Some(now + ENGINE_LIMIT);
                Ok(Some(offer))
            }
            _ if self.queued.len() < MAX_QUEUED_OFFERS => {
                self.queued.push_back(offer);
                Ok(None)
            }
            _ => Err(QueueFull),
        }
    }

    /// The engine answered (or, with `accepted` false, refused) the client's offer. The next one to give it, if any.
    pub fn remote_offer_done(&mut self, now: Instant, accepted: bool) -> Option<Sdp> {
        if self.phase != Phase::HaveRemoteOffer {
            return None;
        }
        self.phase = Phase::Stable;
        self.deadline = None;
        self.remote_known |= accepted;
        let next = self.queued.pop_front()?;
        self.remote_offer(now, next).ok().flatten()
    }

    /// The engine's offer is on its way to the client.
    pub fn local_offer_sent(&mut self, now: Instant) {
        self.deadline = Some(now + ANSWER_LIMIT);
    }
    /// The client's answer goes to the engine.
    pub fn answer_given(&mut self) {
        self.remote_known = true;
    }
    /// The engine did not take the answer; the offer is open again.
    pub fn answer_refused(&mut self) {
        self.remote_known = false;
    }
    /// The peer is connected: whatever we offered is settled.
    pub fn connected(&mut self) {
        if self.phase == Phase::HaveLocalOffer {
            self.phase = Phase::Stable;
            self.deadline = None;
        }
    }
    /// Over: nothing is let through any more.
    pub fn close(&mut self) {
        self.phase = Phase::Closed;
        self.deadline = None;
        self.queued.clear();
    }

    /// A candidate: `Some` may go to the engine now, `None` is kept.
    pub fn candidate(&mut self, candidate: Option<Candidate>) -> Option<Option<Candidate>> {
        if self.remote_known {
            return Some(candidate);
        }
        self.early.keep(candidate);
        None
    }
    /// The kept candidates, once the remote description is known.
    pub fn take_early(&mut self) -> Vec<Option<Candidate>> {
        if self.remote_known { self.early.take() } else { Vec::new() }
    }
    /// When the present state has lasted too long.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

/// The `a=ice-ufrag` values of a description (RFC 8839 5.4), session level and media level.
pub fn ufrags(sdp: &Sdp) -> Vec<String> {
    let values = sdp.as_str().lines().filter_map(|line| line.trim_end().strip_prefix("a=ice-ufrag:"));
    values.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(ufrag: Option<&str>) -> Option<Candidate> {
        let ufrag = ufrag.map(str::to_owned);
        Some(Candidate { candidate: "candidate:1".into(), mid: None, mline: None, ufrag })
    }

    #[test]
    fn offers_queue_until_stable() {
        let now = Instant::now();
        let mut peer = Negotiation::answering(Early::default());
        assert_eq!(peer.remote_offer(now, Sdp::new("1")), Ok(Some(Sdp::new("1"))));
        assert_eq!(peer.remote_offer(now, Sdp::new("2")), Ok(None));
        assert_eq!(peer.phase(), Phase::HaveRemoteOffer);
        assert_eq!(peer.remote_offer_done(now, true), Some(Sdp::new("2")));
        assert_eq!(peer.phase(), Phase::HaveRemoteOffer);
        assert_eq!(peer.remote_offer_done(now, true), None);
        assert_eq!((peer.phase(), peer.deadline()), (Phase::Stable, None));
    }

    #[test]
    fn the_queue_is_bounded() {
        let now = Instant::now();
        let mut peer = Negotiation::answering(Early::default());
        for _ in 0..=MAX_QUEUED_OFFERS {
            assert!(peer.remote_offer(now, Sdp::new("x")).is_ok());
        }
        assert_eq!(peer.remote_offer(now, Sdp::new("x")), Err(QueueFull));
    }

    #[test]
    fn candidates_wait_for_the_remote_description() {
        let now = Instant::now();
        let mut early = Early::default();
        early.keep(candidate(Some("a")));
        let mut peer = Negotiation::answering(early);
        assert_eq!(peer.remote_offer(now, Sdp::new("1")), Ok(Some(Sdp::new("1"))));
        assert_eq!(peer.candidate(candidate(Some("b"))), None);
        assert!(peer.take_early().is_empty(), "the engine has not taken the offer yet");
        peer.remote_offer_done(now, true);
        assert_eq!(peer.take_early(), [candidate(Some("a")), candidate(Some("b"))]);
        assert_eq!(peer.candidate(None), Some(None));
    }

    #[test]
    fn a_refused_first_offer_keeps_the_candidates_waiting() {
        let now = Instant::now();
        let mut peer = Negotiation::answering(Early::default());
        assert!(peer.remote_offer(now, Sdp::new("1")).is_ok());
        peer.remote_offer_done(now, false);
        assert_eq!(peer.candidate(candidate(None)), None);
    }

    #[test]
    fn early_candidates_are_bounded_and_sorted_by_ufrag() {
        let mut early = Early::default();
        for n in 0..MAX_EARLY_CANDIDATES + 10 {
            early.keep(candidate(Some(if n % 2 == 0 { "even" } else { "odd" })));
        }
        assert_eq!(early.take_for(&["even".into()]).len(), MAX_EARLY_CANDIDATES / 2);
        assert_eq!(early.take().len(), MAX_EARLY_CANDIDATES / 2);
    }

    #[test]
    fn an_offer_of_ours_is_settled_by_the_connection() {
        let now = Instant::now();
        let mut peer = Negotiation::offering(now);
        assert_eq!(peer.deadline(), Some(now + ENGINE_LIMIT));
        peer.local_offer_sent(now);
        peer.answer_given();
        peer.answer_refused();
        assert_eq!(peer.candidate(None), None, "a refused answer is no remote description");
        peer.answer_given();
        peer.connected();
        assert_eq!((peer.phase(), peer.deadline()), (Phase::Stable, None));
    }

    #[test]
    fn ufrags_are_read_at_both_levels() {
        let sdp = Sdp::new("v=0\r\na=ice-ufrag:one\r\nm=audio 9\r\na=ice-ufrag:two\r\n");
        assert_eq!(ufrags(&sdp), ["one", "two"]);
    }
}
