//! Datagrams of one subscriber that the socket had no room for: they wait, bounded, and go before newer ones.

/// Bytes that may wait: a third of a second of 1.5 Mbit/s. More is a line that cannot carry the stream.
const MOST: usize = 64 * 1024;

/// Datagrams lying one after another.
#[derive(Default)]
pub struct Datagrams {
    /// Their bytes.
    pub data: Vec<u8>,
    /// Their lengths.
    pub lengths: Vec<usize>,
}

impl Datagrams {
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    pub fn clear(&mut self) {
        self.data.clear();
        self.lengths.clear();
    }

    /// Adds these at the end.
    fn append(&mut self, more: &Self) {
        self.data.extend_from_slice(&more.data);
        self.lengths.extend_from_slice(&more.lengths);
    }

    /// Keeps only the last `count`.
    pub fn keep_last(&mut self, count: usize) {
        let gone = self.lengths.len() - count.min(self.lengths.len());
        let bytes: usize = self.lengths.drain(..gone).sum();
        self.data.drain(..bytes);
    }
}

/// What waits.
#[derive(Default)]
pub struct Backlog(Datagrams);

impl Backlog {
    /// Sends what waits and then `new`, as far as the socket takes it; the rest waits. `send` returns how many of the last
    /// ones were refused. Returns how many were given up, all or none: pictures with holes help nobody.
    pub fn send(&mut self, new: &mut Datagrams, send: impl FnOnce(&Datagrams) -> usize) -> usize {
        if self.0.is_empty() {
            new.keep_last(send(new));
            self.0.append(new);
        } else {
            self.0.append(new);
            self.0.keep_last(send(&self.0));
        }
        new.clear();
        if self.0.is_empty() && self.0.data.capacity() > 0 {
            self.0 = Datagrams::default();
        }
        if self.0.data.len() <= MOST {
            return 0;
        }
        std::mem::take(&mut self.0).lengths.len()
    }

    /// Whether something waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagrams(bytes: &[u8]) -> Datagrams {
        Datagrams { data: bytes.to_vec(), lengths: vec![1; bytes.len()] }
    }

    #[test]
    fn what_was_refused_goes_first_and_in_order() {
        let (mut backlog, mut sent) = (Backlog::default(), Vec::new());
        let mut push = |new: &[u8], room: usize| {
            backlog.send(&mut datagrams(new), |all| {
                sent.extend_from_slice(&all.data[..room.min(all.data.len())]);
                all.lengths.len().saturating_sub(room)
            })
        };
        assert_eq!([push(&[1, 2, 3], 1), push(&[4], 0), push(&[5], 2), push(&[], 9), push(&[6], 9)], [0; 5]);
        assert_eq!(sent, [1, 2, 3, 4, 5, 6]);
        assert!(backlog.is_empty());
    }

    #[test]
    fn too_much_is_given_up_as_a_whole() {
        let mut backlog = Backlog::default();
        let packet = || Datagrams { data: vec![0; 1000], lengths: vec![1000] };
        let given_up: Vec<usize> = (0..100).map(|_| backlog.send(&mut packet(), |all| all.lengths.len())).collect();
        assert_eq!(given_up.iter().position(|n| *n > 0), Some(65), "after 64 KiB");
        assert_eq!(given_up[65], 66);
        assert!(!backlog.is_empty(), "newer ones wait again");
    }
}
