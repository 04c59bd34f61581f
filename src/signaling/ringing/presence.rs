//! Who is online and who rings whom: pure, with a given `now`.
//!
//! Decides what a page may do and who is to be told. Its invariant: a user is here as long as one of his connections
//! is; a ring is here as long as both its users are and it is younger than [`RING_LIMIT`]. Leaves sockets and words to
//! its siblings.

mod rings;
#[cfg(test)]
mod tests;

use rings::Rings;
use socketioxide::socket::Sid;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A call that is neither accepted nor declined lapses after this.
pub const RING_LIMIT: Duration = Duration::from_secs(60);
/// Users at once.
pub const MAX_USERS: usize = 10_000;
/// Longest login, in characters.
pub const MAX_LOGIN: usize = 128;

/// What a user is to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Online, and may be called.
    Free,
    /// In a call.
    Busy,
    /// No page of his is connected.
    Offline,
}

/// Why a page's wish is refused, in words for people. They hold no names: pages write them into their HTML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The `sid` is nobody's.
    #[error("your page is not connected: reload it")]
    NotConnected,
    /// Connected, but nobody yet.
    #[error("your page has not said who you are: log in first")]
    NotLoggedIn,
    /// A login that cannot be one.
    #[error("a login has 1 to 128 characters")]
    BadLogin,
    /// No more users fit.
    #[error("too many users are online: try again later")]
    Full,
    /// The callee has no page.
    #[error("this user is offline")]
    Offline,
    /// The callee is in a call.
    #[error("this user is busy")]
    Busy,
    /// Caller and callee are one.
    #[error("you cannot call yourself")]
    Yourself,
    /// Too many ring the callee, or each other, already.
    #[error("this user is being called by others: try again in a minute")]
    TooManyRings,
    /// There is no such ring.
    #[error("this user is not calling (any more)")]
    NotCalling,
}

/// A user's name, shared by all that hold it.
pub type Name = Arc<str>;

/// Somebody is told something: `who` to the sockets of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tell {
    /// Whose login the message carries.
    pub who: Name,
    /// The sockets that hear it.
    pub to: Vec<Sid>,
}

#[derive(Default)]
struct Connection {
    sid: Option<Sid>,
    login: Option<Name>,
}

#[derive(Default)]
struct User {
    connections: HashSet<u64>,
    busy: bool,
    /// His own ring was accepted: the next `busy` is for that call.
    answered: bool,
}

/// All of it.
#[derive(Default)]
pub struct Presence {
    last: u64,
    connections: HashMap<u64, Connection>,
    sids: HashMap<Sid, u64>,
    users: BTreeMap<Name, User>,
    rings: Rings,
    /// Whose status is to be told to the others, oldest first, each once.
    changed: VecDeque<Name>,
    listed: HashSet<Name>,
}

impl Presence {
    /// A connection was made; its number, which counts until [`Self::gone`].
    pub fn came(&mut self) -> u64 {
        self.last += 1;
        self.connections.insert(self.last, Connection::default());
        self.last
    }

    /// It speaks Socket.IO now, under this id. Of a connection that is gone nothing is kept.
    pub fn joined(&mut self, connection: u64, sid: Sid) {
        if let Some(known) = self.connections.get_mut(&connection) {
            known.sid = Some(sid);
            self.sids.insert(sid, connection);
        }
    }

    /// It has left the namespace: its user may go with it.
    pub fn left(&mut self, connection: u64) {
        self.log_out(connection);
        let sid = self.connections.get_mut(&connection).and_then(|known| known.sid.take());
        if let Some(sid) = sid {
            self.sids.remove(&sid);
        }
    }

    /// It is no more.
    pub fn gone(&mut self, connection: u64) {
        self.left(connection);
        self.connections.remove(&connection);
    }

    /// The connection is this user's from now on.
    pub fn log_in(&mut self, connection: u64, login: &str) -> Result<(), Refusal> {
        let known = self.connections.get(&connection).filter(|known| known.sid.is_some());
        let known = known.ok_or(Refusal::NotConnected)?;
        if login.is_empty() || login.chars().count() > MAX_LOGIN {
            return Err(Refusal::BadLogin);
        }
        if known.login.as_deref() == Some(login) {
            return Ok(());
        }
        if self.users.len() >= MAX_USERS && !self.users.contains_key(login) {
            return Err(Refusal::Full);
        }
        self.log_out(connection);
        self.enter(connection, login);
        Ok(())
    }

    /// Whether a login of this connection would make it another user's.
    pub fn is_logged_in(&self, connection: u64) -> bool {
        self.connections.get(&connection).is_some_and(|known| known.login.is_some())
    }

    /// Rings the callee: who is told of it.
    pub fn ring(&mut self, sid: Sid, callee: &str, now: Instant) -> Result<Tell, Refusal> {
        let caller = self.user_of(sid)?;
        let (callee, user) = self.users.get_key_value(callee).ok_or(Refusal::Offline)?;
        if *caller == **callee {
            return Err(Refusal::Yourself);
        }
        if user.busy {
            return Err(Refusal::Busy);
        }
        let callee = callee.clone();
        self.rings.add(&caller, &callee, now)?;
        Ok(Tell { to: self.sids_of(&callee), who: caller })
    }

    /// Ends a ring from the other, or to him: who is told of it.
    pub fn decline(&mut self, sid: Sid, other: &str, now: Instant) -> Result<Tell, Refusal> {
        let who = self.user_of(sid)?;
        let was = self.rings.remove(other, &who, now) | self.rings.remove(&who, other, now);
        if was { Ok(Tell { to: self.sids_of(other), who }) } else { Err(Refusal::NotCalling) }
    }

    /// Sets a user's status. Busy accepts the newest ring to him, unless he is busy by a ring of his own that was
    /// accepted; all others who ring him are declined: who is told of it.
    pub fn set_busy(&mut self, sid: Sid, busy: bool, now: Instant) -> Result<Vec<Tell>, Refusal> {
        let who = self.user_of(sid)?;
        let Some(user) = self.users.get_mut(&who) else { return Err(Refusal::NotLoggedIn) };
        let answered = std::mem::take(&mut user.answered);
        if std::mem::replace(&mut user.busy, busy) != busy {
            self.mark(&who);
        }
        if !busy {
            return Ok(Vec::new());
        }
        let mut callers = self.rings.take(&who, now);
        if !answered && let Some(accepted) = callers.pop().and_then(|name| self.users.get_mut(&name)) {
            accepted.answered = true;
        }
        Ok(callers.iter().map(|caller| Tell { to: self.sids_of(caller), who: who.clone() }).collect())
    }

    /// Rings whose time is over are dropped.
    pub fn prune(&mut self, now: Instant) {
        self.rings.prune(now);
    }

    /// Everybody who is online, with who is busy.
    pub fn online(&self) -> impl Iterator<Item = (&str, bool)> {
        self.users.iter().map(|(name, user)| (&**name, user.busy))
    }

    /// The next status to tell: of whom, what it is now, and the sockets of all others.
    pub fn next_change(&mut self) -> Option<(Status, Tell)> {
        let who = self.changed.pop_front()?;
        self.listed.remove(&who);
        let status = match self.users.get(&who) {
            None => Status::Offline,
            Some(user) if user.busy => Status::Busy,
            Some(_) => Status::Free,
        };
        let others = self.connections.values().filter(|known| known.login.as_ref() != Some(&who));
        Some((status, Tell { to: others.filter_map(|known| known.sid).collect(), who }))
    }

    /// Whose page it is.
    fn user_of(&self, sid: Sid) -> Result<Name, Refusal> {
        let connection = self.sids.get(&sid).ok_or(Refusal::NotConnected)?;
        let known = self.connections.get(connection).ok_or(Refusal::NotConnected)?;
        known.login.clone().ok_or(Refusal::NotLoggedIn)
    }

    fn sids_of(&self, login: &str) -> Vec<Sid> {
        let connections = self.users.get(login).into_iter().flat_map(|user| &user.connections);
        connections.filter_map(|number| self.connections.get(number)?.sid).collect()
    }

    fn enter(&mut self, connection: u64, login: &str) {
        let name = self.users.get_key_value(login).map_or_else(|| Name::from(login), |(name, _)| name.clone());
        let user = self.users.entry(name.clone()).or_default();
        user.connections.insert(connection);
        if user.connections.len() == 1 {
            self.mark(&name);
        }
        if let Some(known) = self.connections.get_mut(&connection) {
            known.login = Some(name);
        }
    }

    fn log_out(&mut self, connection: u64) {
        let Some(name) = self.connections.get_mut(&connection).and_then(|known| known.login.take()) else { return };
        let Some(user) = self.users.get_mut(&name) else { return };
        user.connections.remove(&connection);
        if user.connections.is_empty() {
            self.users.remove(&name);
            self.rings.forget(&name);
            self.mark(&name);
        }
    }

    /// When more wait than there may be users, the others are left to ask by `GET /online`.
    fn mark(&mut self, name: &Name) {
        if self.changed.len() < 2 * MAX_USERS && self.listed.insert(name.clone()) {
            self.changed.push_back(name.clone());
        }
    }
}
