//! Why a viewer gets nothing better than what it gets. Pure.

use super::candidates::Candidate;
use super::seat::needs;
use super::words;
use crate::model::Why;

/// What is known of the line it is on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LineFacts {
    /// Bits per second that it carries; `None`: nobody knows.
    pub budget: Option<u64>,
    /// Whether that is measured by feedback, not guessed from loss.
    pub measured: bool,
    /// Fraction lost, 0 to 1.
    pub loss: f64,
    /// Subscriptions on it.
    pub feeds: usize,
}

/// Why a candidate that may be had is not given, in a word.
fn by_line(line: &LineFacts, sound: u64, better: &Candidate) -> Why {
    match line.budget {
        None => Why::Starting,
        Some(budget) if budget < needs(sound, better.bits) => Why::Line,
        Some(_) if line.feeds > 1 => Why::Turn,
        Some(_) => Why::Starting,
    }
}

/// Why this candidate is not the one that is given; `None`: it is.
pub fn why_not(line: &LineFacts, sound: u64, candidates: &[Candidate], n: usize, given: usize) -> Option<Why> {
    let candidate = candidates.get(n)?;
    match &candidate.bar {
        _ if n == given => None,
        Some(bar) => Some(bar.why),
        // What is given is better.
        None if n > given => Some(Why::Best),
        None => Some(by_line(line, sound, candidate)),
    }
}

/// Why nothing better is given than this: what keeps it from the next better one.
pub fn reason(line: &LineFacts, sound: u64, candidates: &[Candidate], given: usize) -> (Why, String) {
    let better = given.checked_sub(1).and_then(|n| candidates.get(n));
    let Some(better) = better else {
        return match candidates.get(given) {
            Some(candidate) if candidate.way.has_pictures() => (Why::Best, words::best(candidate)),
            Some(candidate) if candidate.way == super::candidates::Way::Nothing => {
                (Why::OwnLimit, words::PAUSED.into())
            }
            _ => (Why::Source, words::NO_PICTURES.into()),
        };
    };
    if let Some(bar) = &better.bar {
        return (bar.why, bar.words.clone());
    }
    let (why, needs) = (by_line(line, sound, better), needs(sound, better.bits));
    let words = match (why, line.budget) {
        (Why::Line, Some(_)) if !line.measured => words::loss(line.loss, better),
        (Why::Line, Some(budget)) => words::line(budget, better, needs),
        (Why::Turn, Some(budget)) => words::turn(budget, line.feeds, better, needs),
        (_, Some(budget)) => words::soon(budget, better, needs),
        (_, None) => words::unmeasured(better),
    };
    (why, words)
}

#[cfg(test)]
#[path = "reason_test.rs"]
mod tests;
