//! Extended sequence numbers (RFC 3550 A.1): 16 bits of the packet, roll-overs above them.

/// A jump beyond this is a sender that began anew, not loss or reordering.
const RESTART: i64 = 3000;

/// Follows the sequence numbers of one track, over changes of SSRC too: numbers never repeat.
#[derive(Debug, Default)]
pub struct Extender {
    highest: Option<u64>,
}

impl Extender {
    /// The highest number seen.
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// The extended number nearest to the highest; `None` when it is too far away for the same sender. Does not
    /// count as seen.
    pub fn peek(&self, sequence: u16) -> Option<u64> {
        let Some(highest) = self.highest else { return Some(0x1_0000 + u64::from(sequence)) };
        let step = i64::from(sequence.wrapping_sub(highest as u16) as i16);
        (step.abs() <= RESTART).then(|| highest.saturating_add_signed(step))
    }

    /// A packet with this extended number came.
    pub fn seen(&mut self, extended: u64) {
        self.highest = Some(self.highest.map_or(extended, |highest| highest.max(extended)));
    }

    /// The sender changed: its numbers go on above all former ones. Returns the first.
    pub fn restart(&mut self, sequence: u16) -> u64 {
        // two roll-overs up: so late numbers below the new first one never meet the former ones
        let base = self.highest.map_or(0x1_0000, |highest| (highest & !0xffff) + 0x2_0000);
        let first = base + u64::from(sequence);
        self.highest = Some(first);
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rolls_over_and_takes_late_packets() {
        let mut extender = Extender::default();
        extender.seen(extender.peek(65534).unwrap());
        let wrapped = extender.peek(1).unwrap();
        extender.seen(wrapped);
        assert_eq!(wrapped, 0x2_0001);
        assert_eq!(extender.peek(65535), Some(0x1_ffff), "late");
        assert_eq!(extender.highest(), Some(wrapped));
    }

    #[test]
    fn a_restart_goes_on_above() {
        let mut extender = Extender::default();
        extender.seen(extender.peek(100).unwrap());
        assert_eq!(extender.peek(40_000), None);
        let first = extender.restart(5);
        assert!(first > 0x1_0064 && first as u16 == 5);
        assert!(extender.peek(65_535).unwrap() > 0x1_0064, "late ones of the new sender do not meet old ones");
    }
}
