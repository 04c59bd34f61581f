//! What a client's line carries, from what its subscriptions' estimators say. Pure.
//!
//! Most subscriptions are connections of their own that estimate for themselves, but share the line. Two that both measured
//! the same free space must not both be believed: the free space counts once, what is missing counts in full. Those that share
//! a connection have one estimate, for what goes to them all.

use super::held::Held;
use crate::media::egress::LineReport;
use std::time::{Duration, Instant};

/// A line that gives no feedback is too weak when it loses more than this for so long…
const LOSSY: (f64, Duration) = (0.10, Duration::from_secs(3));
/// …then it is given this part of what was sent…
const LESS: f64 = 0.7;
/// …and after each time so long without loss this much more.
const CLEAN: (f64, Duration) = (0.02, Duration::from_secs(10));
const MORE: f64 = 1.5;

/// The sum of what is carried, bits per second; `None`: nobody knows.
pub fn carried(reports: &[&LineReport]) -> Option<u64> {
    let connections = connections(reports);
    let known = || connections.iter().filter_map(|(_, estimate, sent)| Some(((*estimate)? as i64, *sent as i64)));
    known().next()?;
    let sent: i64 = reports.iter().map(|report| report.sent as i64).sum();
    let missing: i64 = known().map(|(estimate, sent)| (estimate - sent).min(0)).sum();
    let free = known().map(|(estimate, sent)| estimate - sent).max().unwrap_or(0).max(0);
    // Free space that one sees while another lacks some is space that was not taken from it yet.
    let change = if missing < 0 { missing } else { free };
    u64::try_from(sent + change).ok()
}

/// Each with its estimate and what is sent over it. The number 0 is nobody's.
fn connections(reports: &[&LineReport]) -> Vec<(u64, Option<u64>, u64)> {
    let mut all: Vec<(u64, Option<u64>, u64)> = Vec::with_capacity(reports.len());
    for report in reports {
        let same = all.iter_mut().find(|(number, ..)| *number == report.connection && *number != 0);
        match same {
            Some((_, _, sent)) => *sent += report.sent,
            None => all.push((report.connection, report.estimate, report.sent)),
        }
    }
    all
}

/// A line without transport feedback: judged by loss alone.
#[derive(Debug, Default)]
pub struct Blind {
    most: Option<u64>,
    lossy: Held,
    clean: Held,
}

impl Blind {
    /// What it is given, bits per second, while `uses` go to it; `None`: whatever is wanted.
    pub fn look(&mut self, loss: f64, uses: u64, now: Instant) -> Option<u64> {
        if self.lossy.lasts(loss > LOSSY.0, now, LOSSY.1) {
            self.lossy.reset();
            self.most = Some((uses as f64 * LESS) as u64);
        }
        if self.clean.lasts(loss < CLEAN.0, now, CLEAN.1) {
            self.clean.reset();
            // What is far above all that is sent is no limit any more.
            self.most =
                self.most.map(|most| (most as f64 * MORE) as u64).filter(|most| *most < uses.saturating_mul(20));
        }
        self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(estimate: u64, sent: u64) -> LineReport {
        LineReport { estimate: Some(estimate), sent, ..LineReport::default() }
    }

    #[test]
    fn free_space_counts_once_and_what_is_missing_in_full() {
        assert_eq!(carried(&[]), None);
        assert_eq!(carried(&[&LineReport::default()]), None);
        assert_eq!(carried(&[&report(900, 500)]), Some(900));
        assert_eq!(carried(&[&report(300, 500)]), Some(300));
        // Both see the same 400 above what they send.
        assert_eq!(carried(&[&report(900, 500), &report(600, 200)]), Some(1100));
        assert_eq!(carried(&[&report(200, 500), &report(200, 500)]), Some(400));
        assert_eq!(carried(&[&report(200, 500), &report(600, 500)]), Some(700));
    }

    #[test]
    fn those_that_share_a_connection_share_its_estimate() {
        let of = |connection, estimate, sent| LineReport { connection, ..report(estimate, sent) };
        assert_eq!(carried(&[&of(7, 900, 200), &of(7, 900, 300)]), Some(900));
        assert_eq!(carried(&[&of(7, 400, 200), &of(7, 400, 300)]), Some(400), "what is missing counts once");
        assert_eq!(carried(&[&of(7, 900, 200), &of(7, 900, 300), &of(8, 300, 100)]), Some(1000));
    }

    #[test]
    fn a_line_without_feedback_is_judged_by_its_loss() {
        let (mut blind, start) = (Blind::default(), Instant::now());
        let mut look = |seconds: u64, loss| blind.look(loss, 1000, start + Duration::from_secs(seconds));
        assert_eq!([look(0, 0.2), look(2, 0.2)], [None; 2]);
        assert_eq!(look(3, 0.2), Some(700));
        assert_eq!(look(4, 0.0), Some(700));
        assert_eq!(look(14, 0.0), Some(1050));
    }
}
