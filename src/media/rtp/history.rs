//! The last packets of a track, shared by all subscribers: answers NACKs, tells duplicates.

use super::Item;
use std::sync::Arc;

/// A ring indexed by extended sequence number.
#[derive(Debug)]
pub struct History {
    slots: Vec<Option<Arc<Item>>>,
}

impl History {
    /// Keeps the last `capacity` sequence numbers.
    pub fn new(capacity: usize) -> Self {
        Self { slots: vec![None; capacity.max(1)] }
    }

    /// How far back it reaches.
    pub fn capacity(&self) -> u64 {
        self.slots.len() as u64
    }

    /// Stores a packet in place of the one `capacity` numbers before it.
    pub fn put(&mut self, item: Arc<Item>) {
        let index = self.index(item.packet.sequence);
        self.slots[index] = Some(item);
    }

    /// The packet of this number, if it came and is young enough.
    pub fn get(&self, sequence: u64) -> Option<&Arc<Item>> {
        self.slots[self.index(sequence)].as_ref().filter(|item| item.packet.sequence == sequence)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.slots.fill(None);
    }

    fn index(&self, sequence: u64) -> usize {
        (sequence % self.capacity()) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::super::Header;
    use super::*;
    use crate::model::Codec;
    use std::time::Instant;

    #[test]
    fn old_packets_give_way() {
        let data = vec![0x80, 111, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2];
        let header = Header::read(&data).unwrap();
        let mut history = History::new(4);
        for sequence in 10..16 {
            history.put(Arc::new(Item::read(Codec::Opus, &header, sequence, 0, data.clone(), Instant::now())));
        }
        assert!(history.get(11).is_none(), "replaced by 15");
        assert_eq!(history.get(12).unwrap().packet.sequence, 12);
        assert!(history.get(16).is_none(), "never came");
    }
}
