//! The lines as plain data: two who dialled the same code, how far they are, and what waits for each. No clock, no room.
//!
//! `waiting → need_init → offered → answered → connected`; where the server is between, it needs a moment for its own
//! descriptions: `offering` before `offered`, `answering` before `answered`. Decides who may say what when, and when a
//! line is over. Leaves to `task` what is said to a room, which knows who is in the call and what media runs: a line
//! knows nothing of it, and is gone ten seconds after its pages stop asking while the call goes on.

use super::post::{MAX_HELD, Post};
use super::wire::{Description, Relayed, Status};
use crate::model::Opaque;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A side that says nothing for this long drops the line.
pub const SILENCE: Duration = Duration::from_secs(10);

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LineId(u64);

/// Who of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Dialled first.
    Initiator,
    /// Dialled second.
    Subscriber,
}

impl Side {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Initiator, Self::Subscriber];

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Initiator => Self::Subscriber,
            Self::Subscriber => Self::Initiator,
        }
    }
}

/// What a dialler wants beside being put through. Of two, either's counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Media runs through the server.
    pub relay: bool,
    /// It is recorded, and runs through the server.
    pub record: bool,
}

impl Wish {
    /// Both wishes.
    pub fn or(self, other: Self) -> Self {
        let record = self.record || other.record;
        Self { record, relay: record || self.relay || other.relay }
    }
}

/// Why a line refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Never given out, or its line is over.
    #[error("there is no such user_id, or its line is over: dial again")]
    UnknownUser,
    /// Not as things stand.
    #[error("{0}")]
    NotNow(&'static str),
    /// More than a line keeps.
    #[error("too much at once: a side keeps {MAX_HELD} candidates for the other")]
    TooMuch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    NeedInit,
    Offering,
    Offered,
    Answering,
    Answered,
    Connected,
}

#[derive(Debug)]
struct Party {
    user: String,
    heard: Instant,
    /// Candidates given to the server.
    given: usize,
}

impl Party {
    fn new(user: String, heard: Instant) -> Self {
        Self { user, heard, given: 0 }
    }
}

#[derive(Debug)]
struct Line<W> {
    code: String,
    stage: Stage,
    wish: Wish,
    way: W,
    initiator: Party,
    subscriber: Option<Party>,
    for_initiator: Post,
    for_subscriber: Post,
    offer: Option<Opaque>,
    answer: Option<Opaque>,
}

/// All lines. `W` is the way to a line's call, cheap to clone.
#[derive(Debug)]
pub struct Lines<W> {
    last: u64,
    lines: HashMap<LineId, Line<W>>,
    users: HashMap<String, (LineId, Side)>,
    /// Those that wait for a second dialler, by their codes.
    waiting: HashMap<String, LineId>,
}

impl<W> Default for Lines<W> {
    fn default() -> Self {
        Self { last: 0, lines: HashMap::new(), users: HashMap::new(), waiting: HashMap::new() }
    }
}

impl<W: Clone> Lines<W> {
    /// The second dialler of a code completes its line. `None`: nobody waits there.
    pub fn pair(&mut self, code: &str, wish: Wish, user: &str, now: Instant) -> Option<(LineId, W)> {
        let id = *self.waiting.get(code)?;
        if self.deadline(id).is_none_or(|at| at <= now) {
            self.remove(id);
            return None;
        }
        self.waiting.remove(code);
        let line = self.lines.get_mut(&id)?;
        line.subscriber = Some(Party::new(user.to_owned(), now));
        line.wish = line.wish.or(wish);
        line.stage = Stage::NeedInit;
        self.users.insert(user.to_owned(), (id, Side::Subscriber));
        Some((id, line.way.clone()))
    }

    /// A new line, whose first dialler waits.
    pub fn open(&mut self, code: &str, wish: Wish, user: &str, now: Instant, way: impl FnOnce(LineId) -> W) -> LineId {
        self.last += 1;
        let id = LineId(self.last);
        let line = Line {
            code: code.to_owned(),
            stage: Stage::Waiting,
            wish: Wish::default().or(wish),
            way: way(id),
            initiator: Party::new(user.to_owned(), now),
            subscriber: None,
            for_initiator: Post::default(),
            for_subscriber: Post::default(),
            offer: None,
            answer: None,
        };
        self.lines.insert(id, line);
        self.users.insert(user.to_owned(), (id, Side::Initiator));
        self.waiting.insert(code.to_owned(), id);
        id
    }

    /// How the line stands for this side; its turn may pass to the other by that.
    pub fn status(&mut self, user: &str, now: Instant) -> Result<Status, Refusal> {
        let (line, side) = self.hear(user, now)?;
        let ours = line.ours();
        Ok(match (line.stage, side) {
            (Stage::NeedInit, Side::Initiator) => Status::NeedInit(ours),
            (Stage::Offered, Side::Subscriber) => line.offer.clone().map_or(Status::Wait, |o| Status::Offered(o, ours)),
            (Stage::Answered, Side::Initiator) => {
                line.stage = Stage::Connected;
                line.answer.take().map_or(Status::Wait, |answer| Status::Answered(answer, ours))
            }
            (Stage::Connected, _) => {
                let (routes, said) = line.post_for(side).take();
                Status::Connected(routes, ours.map(|ours| (ours, said)))
            }
            _ => Status::Wait,
        })
    }

    /// The initiator's description. `Some`: the line's call is to be told.
    pub fn offer(&mut self, user: &str, offer: &Description, now: Instant) -> Result<Option<W>, Refusal> {
        let (line, side) = self.hear(user, now)?;
        if side != Side::Initiator {
            return Err(Refusal::NotNow("the subscriber does not offer: it answers"));
        }
        if line.stage != Stage::NeedInit {
            return Err(Refusal::NotNow("an offer is for a line in need_init"));
        }
        if line.wish.relay {
            line.stage = Stage::Offering;
            return Ok(Some(line.way.clone()));
        }
        line.stage = Stage::Offered;
        line.offer = Some(offer.written.clone());
        Ok(None)
    }

    /// The subscriber's. `Some`: the line's call is to be told.
    pub fn answer(&mut self, user: &str, answer: &Description, now: Instant) -> Result<Option<W>, Refusal> {
        let (line, side) = self.hear(user, now)?;
        if side != Side::Subscriber {
            return Err(Refusal::NotNow("the initiator does not answer: it offers"));
        }
        if line.stage != Stage::Offered {
            return Err(Refusal::NotNow("an answer is for a line in offered"));
        }
        line.offer = None;
        if line.wish.relay {
            line.stage = if line.answer.is_some() { Stage::Answered } else { Stage::Answering };
            return Ok(Some(line.way.clone()));
        }
        line.stage = Stage::Answered;
        line.answer = Some(answer.written.clone());
        Ok(None)
    }

    /// A candidate, in any state. `Some`: the line's call is to be told, and by whom it is.
    pub fn ice(&mut self, user: &str, ice: Opaque, now: Instant) -> Result<Option<(W, Side)>, Refusal> {
        let (line, side) = self.hear(user, now)?;
        if !line.wish.relay {
            let fits = line.post_for(side.other()).route(ice);
            return if fits { Ok(None) } else { Err(Refusal::TooMuch) };
        }
        let way = line.way.clone();
        let party = line.party(side).ok_or(Refusal::UnknownUser)?;
        party.given += 1;
        if party.given <= MAX_HELD { Ok(Some((way, side))) } else { Err(Refusal::TooMuch) }
    }

    /// A word for the other side, where the server is between.
    pub fn say(&mut self, user: &str, message: Opaque, now: Instant) -> Result<(), Refusal> {
        let (line, side) = self.hear(user, now)?;
        if !line.wish.relay {
            return Err(Refusal::NotNow("the two have a data channel of their own: say it there"));
        }
        let fits = line.post_for(side.other()).say(message);
        if fits { Ok(()) } else { Err(Refusal::TooMuch) }
    }

    /// The line is over for both; the way to its call.
    pub fn disconnect(&mut self, user: &str, now: Instant) -> Result<W, Refusal> {
        let way = self.hear(user, now)?.0.way.clone();
        if let Some((id, _)) = self.users.get(user).copied() {
            self.remove(id);
        }
        Ok(way)
    }

    /// The server's offer to the subscriber, as a page would write it.
    pub fn server_offered(&mut self, id: LineId, offer: Opaque) {
        if let Some(line) = self.lines.get_mut(&id).filter(|line| line.stage == Stage::Offering) {
            line.offer = Some(offer);
            line.stage = Stage::Offered;
        }
    }

    /// The server's answer to the initiator, which waits until the subscriber has answered too.
    pub fn server_answered(&mut self, id: LineId, answer: Opaque) {
        if let Some(line) = self.lines.get_mut(&id) {
            line.answer = Some(answer);
            if line.stage == Stage::Answering {
                line.stage = Stage::Answered;
            }
        }
    }

    /// What the diallers want, both taken together.
    pub fn wish(&self, id: LineId) -> Wish {
        self.lines.get(&id).map(|line| line.wish).unwrap_or_default()
    }

    /// It cannot be recorded after all.
    pub fn unrecorded(&mut self, id: LineId) {
        if let Some(line) = self.lines.get_mut(&id) {
            line.wish.record = false;
        }
    }

    /// When it is over unless somebody asks; `None`: it is.
    pub fn deadline(&self, id: LineId) -> Option<Instant> {
        self.lines.get(&id).map(|line| line.heard() + SILENCE)
    }

    /// Ends a line; whether its pages had got all they needed.
    pub fn remove(&mut self, id: LineId) -> bool {
        let Some(line) = self.lines.remove(&id) else { return false };
        for user in [Some(&line.initiator), line.subscriber.as_ref()].into_iter().flatten() {
            self.users.remove(&user.user);
        }
        if self.waiting.get(&line.code) == Some(&id) {
            self.waiting.remove(&line.code);
        }
        line.stage == Stage::Connected
    }

    /// The line of a user, who is alive by that; one that is over is gone at last now.
    fn hear(&mut self, user: &str, now: Instant) -> Result<(&mut Line<W>, Side), Refusal> {
        let (id, side) = *self.users.get(user).ok_or(Refusal::UnknownUser)?;
        if self.deadline(id).is_none_or(|at| at <= now) {
            self.remove(id);
            return Err(Refusal::UnknownUser);
        }
        let line = self.lines.get_mut(&id).ok_or(Refusal::UnknownUser)?;
        if let Some(party) = line.party(side) {
            party.heard = now;
        }
        Ok((line, side))
    }
}

impl<W> Line<W> {
    /// When the more silent side was heard last.
    fn heard(&self) -> Instant {
        let subscriber = self.subscriber.as_ref().map_or(self.initiator.heard, |party| party.heard);
        self.initiator.heard.min(subscriber)
    }

    fn party(&mut self, side: Side) -> Option<&mut Party> {
        match side {
            Side::Initiator => Some(&mut self.initiator),
            Side::Subscriber => self.subscriber.as_mut(),
        }
    }

    fn post_for(&mut self, side: Side) -> &mut Post {
        match side {
            Side::Initiator => &mut self.for_initiator,
            Side::Subscriber => &mut self.for_subscriber,
        }
    }

    fn ours(&self) -> Option<Relayed> {
        self.wish.relay.then_some(Relayed { recorded: self.wish.record })
    }
}

#[cfg(test)]
mod tests;
