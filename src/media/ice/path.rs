//! A way to a client: its address behind our UDP socket, or a TCP connection; and which of them a peer uses.

use super::socket::Socket;
use super::tcp::Pipe;
use parking_lot::{Mutex, RwLock};
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

/// Paths remembered per peer: a client's interfaces, before and after roaming.
const MAX_PATHS: usize = 8;
/// Checks remembered per peer: ten minutes of a steady client.
const MAX_CHECKS: usize = 256;

/// One way.
#[derive(Clone)]
pub enum Path {
    /// A datagram to this address.
    Udp(SocketAddr),
    /// A frame on this connection.
    Tcp(Arc<Pipe>),
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Udp(one), Self::Udp(other)) => one == other,
            (Self::Tcp(one), Self::Tcp(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Path {
    /// The client's address.
    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Udp(address) => *address,
            Self::Tcp(pipe) => pipe.peer(),
        }
    }

    /// Sends datagrams that lie one after another; returns how many of the last found no room.
    pub fn send_all(&self, socket: &Socket, data: &[u8], lengths: &[usize]) -> usize {
        match self {
            Self::Udp(to) => socket.send_all(data, lengths, *to),
            Self::Tcp(pipe) => pipe.send_all(data, lengths),
        }
    }

    /// Sends one; `false` when it was not taken.
    pub fn send(&self, socket: &Socket, datagram: &[u8]) -> bool {
        self.send_all(socket, datagram, &[datagram.len()]) == 0
    }

    fn hash(&self) -> u64 {
        static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        KEYS.hash_one((self.address(), matches!(self, Self::Tcp(_))))
    }
}

/// The ways to one peer.
#[derive(Default)]
pub struct Paths {
    known: Mutex<VecDeque<Path>>,
    selected: RwLock<Selected>,
    /// Transactions of authentic checks and where they came from.
    checks: Mutex<VecDeque<([u8; 12], u64)>>,
}

#[derive(Default)]
struct Selected {
    path: Option<Path>,
    /// There was one before.
    ever: bool,
}

impl Paths {
    /// The one in use.
    pub fn selected(&self) -> Option<Path> {
        self.selected.read().path.clone()
    }

    /// Whether an authentic check is new, or the repetition of one from the same place. A copy of it from elsewhere is
    /// no proof of anything: somebody on the way could draw the media to himself.
    pub fn is_fresh(&self, transaction: [u8; 12], from: &Path) -> bool {
        let (mut checks, from) = (self.checks.lock(), from.hash());
        if let Some((_, known)) = checks.iter().rev().find(|(id, _)| *id == transaction) {
            return *known == from;
        }
        if checks.len() >= MAX_CHECKS {
            checks.pop_front();
        }
        checks.push_back((transaction, from));
        true
    }

    /// Adds a path. `admit` is called with it and the one that had to go, if any, while no other can come or go.
    pub fn remember(&self, path: &Path, admit: impl FnOnce(Option<Path>) -> bool) {
        let mut known = self.known.lock();
        if known.contains(path) {
            return;
        }
        let selected = self.selected();
        let spare = known.iter().position(|known| Some(known) != selected.as_ref());
        let evicted = if known.len() >= MAX_PATHS { spare.and_then(|at| known.remove(at)) } else { None };
        if admit(evicted) {
            known.push_back(path.clone());
        }
    }

    /// A check came by this path: it is used if nominated, or if there is none. `true`: the client has moved.
    pub fn select(&self, path: &Path, nominated: bool) -> bool {
        let mut selected = self.selected.write();
        if selected.path.as_ref() == Some(path) || (selected.path.is_some() && !nominated) {
            return false;
        }
        selected.path = Some(path.clone());
        std::mem::replace(&mut selected.ever, true)
    }

    /// This path is no more.
    pub fn forget(&self, path: &Path) {
        self.known.lock().retain(|known| known != path);
        let mut selected = self.selected.write();
        selected.path.take_if(|used| used == path);
    }

    /// Gives up all; `each` is called for every one while no other can come.
    pub fn clear(&self, each: impl FnMut(Path)) {
        let mut known = self.known.lock();
        known.drain(..).for_each(each);
        self.selected.write().path = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path::Udp(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    #[test]
    fn a_check_copied_from_elsewhere_is_not_fresh() {
        let paths = Paths::default();
        assert!(paths.is_fresh([1; 12], &path(1)) && paths.is_fresh([1; 12], &path(1)), "a repetition");
        assert!(!paths.is_fresh([1; 12], &path(2)));
        for number in 0..10_000u32 {
            let mut id = [9; 12];
            id[..4].copy_from_slice(&number.to_be_bytes());
            assert!(paths.is_fresh(id, &path(1)));
        }
        assert_eq!(paths.checks.lock().len(), MAX_CHECKS);
    }

    #[test]
    fn the_path_in_use_is_never_the_one_to_go() {
        let (paths, mut gone) = (Paths::default(), Vec::new());
        paths.select(&path(1), true);
        for port in 1..=20 {
            paths.remember(&path(port), |evicted| {
                gone.extend(evicted.map(|path| path.address().port()));
                true
            });
        }
        assert_eq!(paths.known.lock().len(), MAX_PATHS);
        assert_eq!(gone, (2..=13).collect::<Vec<u16>>());
    }

    #[test]
    fn a_lost_path_makes_way_for_any_other_and_that_is_a_move() {
        let paths = Paths::default();
        assert!(!paths.select(&path(1), false), "the first is no move");
        assert!(!paths.select(&path(2), false), "not nominated");
        paths.forget(&path(1));
        assert!(paths.selected().is_none());
        assert!(paths.select(&path(2), false));
    }
}
