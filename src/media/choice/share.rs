//! Who of a line's viewers gets how much of it. Pure.
//!
//! Sound of all comes first. Then the pictures, in order: who comes first by choice or by speaking gets the best that fits, the
//! others their smallest before anybody gets a better one. What is left goes up again in order.

/// What one subscription may get.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Comes before all others, whatever they get.
    pub first: bool,
    /// Bits per second of its sound.
    pub sound: u64,
    /// Bits per second of the pictures of each candidate, best first; `None`: it may not be had. The last is free.
    pub options: Vec<Option<u64>>,
}

impl Claim {
    /// The best that costs no more.
    fn best_within(&self, bits: u64) -> usize {
        let fits = |cost: &Option<u64>| cost.is_some_and(|cost| cost <= bits);
        self.options.iter().position(fits).unwrap_or(self.options.len().saturating_sub(1))
    }

    fn cost(&self, option: usize) -> u64 {
        self.options.get(option).copied().flatten().unwrap_or(0)
    }

    /// The cheapest with pictures; the last one when there is none.
    pub fn smallest(&self) -> usize {
        let pictures = self.options.len().saturating_sub(1);
        let priced = self.options.iter().take(pictures).enumerate().filter_map(|(n, cost)| Some((n, (*cost)?)));
        priced.min_by_key(|(_, cost)| *cost).map_or(pictures, |(n, _)| n)
    }
}

/// Which candidate each claim gets; claims come in order of precedence.
pub fn share(budget: u64, claims: &[Claim]) -> Vec<usize> {
    let mut left = budget.saturating_sub(claims.iter().map(|claim| claim.sound).sum());
    let mut given: Vec<usize> = Vec::with_capacity(claims.len());
    for (n, claim) in claims.iter().enumerate() {
        let later: u64 = claims[n + 1..].iter().map(|later| later.cost(later.smallest())).sum();
        let within = if claim.first { left } else { left.saturating_sub(later) };
        let choice = match claim.best_within(within) {
            sound if sound + 1 == claim.options.len() => claim.best_within(left.min(claim.cost(claim.smallest()))),
            picture => picture,
        };
        left -= claim.cost(choice).min(left);
        given.push(choice);
    }
    for (claim, choice) in claims.iter().zip(&mut given) {
        let within = left + claim.cost(*choice);
        let better = claim.best_within(within);
        if better < *choice {
            left = within - claim.cost(better);
            *choice = better;
        }
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    const K: u64 = 1000;

    fn claim(first: bool) -> Claim {
        let options = [1400, 400, 120, 0].map(|kilo| Some(kilo * K));
        Claim { first, sound: 40 * K, options: options.into() }
    }

    #[test]
    fn one_gets_the_best_that_fits() {
        let gets = |kilo: u64| share(kilo * K, &[claim(false)])[0];
        assert_eq!([2000, 1440, 1439, 440, 300, 159, 0].map(gets), [0, 0, 1, 1, 2, 3, 3]);
    }

    #[test]
    fn equals_get_their_smallest_before_anybody_gets_more() {
        let gets = |kilo: u64| share(kilo * K, &[claim(false), claim(false), claim(false)]);
        assert_eq!(gets(5000), [0, 0, 0]);
        assert_eq!(gets(800), [1, 2, 2]);
        assert_eq!(gets(480), [2, 2, 2]);
        assert_eq!(gets(370), [2, 2, 3], "the last one waits for its turn");
    }

    #[test]
    fn the_first_gets_its_best_and_the_others_what_is_left() {
        let gets = |kilo: u64| share(kilo * K, &[claim(true), claim(false)]);
        assert_eq!(gets(1700), [0, 2]);
        assert_eq!(gets(1500), [0, 3]);
        assert_eq!(gets(620), [1, 2]);
        assert_eq!(gets(500), [1, 3]);
    }

    #[test]
    fn what_may_not_be_had_is_passed_over() {
        let mut barred = claim(false);
        barred.options[0] = None;
        barred.options[2] = None;
        assert_eq!(share(9000 * K, &[barred.clone()]), [1]);
        assert_eq!(share(300 * K, &[barred]), [3]);
    }
}
