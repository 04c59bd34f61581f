//! What a client's datagrams cost on the average. Some that are right by the letter (thousands of pieces, none of which can be
//! delivered) make each further one dearer: who sends such is no page.

use std::time::Duration;

/// So many are looked at together: one or the other may cost more.
const DATAGRAMS: u32 = 256;
/// What one of them may cost; a piece of a large message costs a hundredth of it.
const MOST: Duration = Duration::from_millis(2);

/// Of one association.
#[derive(Debug, Default)]
pub struct Effort {
    datagrams: u32,
    spent: Duration,
}

impl Effort {
    /// So many have cost so much time; `true`: it is too much.
    pub fn is_too_much(&mut self, datagrams: u32, spent: Duration) -> bool {
        self.datagrams += datagrams;
        self.spent += spent;
        if self.datagrams < DATAGRAMS {
            return false;
        }
        let mean = self.spent / self.datagrams;
        *self = Self::default();
        mean > MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_one_may_take_long() {
        let mut effort = Effort::default();
        assert!(!effort.is_too_much(1, MOST * 100));
        assert!((0..1000).all(|_| !effort.is_too_much(3, MOST)));
        let found = (0..DATAGRAMS * 2).any(|_| effort.is_too_much(1, MOST * 2));
        assert!(found, "each of them may not");
    }
}
