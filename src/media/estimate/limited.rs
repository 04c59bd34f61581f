//! Whether the sender uses less than the line is believed to carry. Pure.
//!
//! Then nothing that arrives tells whether there is more: the estimate does not grow, and only a probe
//! (`probing`) looks further. Two thresholds, so that a rate near the estimate does not flap.

const BELOW: f64 = 0.90;
const AGAIN: f64 = 0.95;

/// The verdict.
#[derive(Debug)]
pub struct Limited(bool);

impl Default for Limited {
    fn default() -> Self {
        Self(true)
    }
}

impl Limited {
    /// What is sent and what might be, bits per second.
    pub fn update(&mut self, sent: Option<f64>, estimate: f64) {
        let sent = sent.unwrap_or_default();
        self.0 = sent < estimate * if self.0 { AGAIN } else { BELOW };
    }

    /// Whether less is sent.
    pub fn is_limited(&self) -> bool {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_near_the_estimate_does_not_flap() {
        let mut limited = Limited::default();
        let verdicts = [0.92, 0.96, 0.92, 0.89, 0.92].map(|share| {
            limited.update(Some(share * 1e6), 1e6);
            limited.is_limited()
        });
        assert_eq!(verdicts, [true, false, false, true, true]);
        limited.update(None, 1e6);
        assert!(limited.is_limited());
    }
}
