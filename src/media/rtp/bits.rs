//! Fields of bits, as the headers of H.264, VP9 and AV1 have them. Never reads past the end.

/// A reader of big-endian fields.
pub struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// Begins at bit `at` of the data.
    pub fn new(data: &'a [u8], at: usize) -> Self {
        Self { data, at }
    }

    /// The next `count` (at most 32) bits; `None` when the data is cut short.
    pub fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let bit = self.data.get(self.at / 8)? >> (7 - self.at % 8) & 1;
            value = value << 1 | u32::from(bit);
            self.at += 1;
        }
        Some(value)
    }

    /// One bit.
    pub fn flag(&mut self) -> Option<bool> {
        Some(self.take(1)? == 1)
    }

    /// An Exp-Golomb number: H.264's ue(v), AV1's uvlc().
    pub fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.take(1)? == 0 {
            zeros += 1;
        }
        if zeros > 31 {
            return None;
        }
        Some((1u32 << zeros) - 1 + self.take(zeros)?)
    }
}
