//! Keeps a bounded number of things spread evenly over a time whose length is not known before. Pure.

/// Things with their times in nanoseconds, in order.
#[derive(Debug)]
pub(super) struct Thin<T> {
    kept: Vec<(u64, T)>,
    most: usize,
    apart: u64,
}

impl<T> Thin<T> {
    /// Keeps at most `most` of them, at first those that are `apart` nanoseconds from each other.
    pub(super) fn new(most: usize, apart: u64) -> Self {
        Self { kept: Vec::new(), most: most.max(2), apart: apart.max(1) }
    }

    /// One that comes after the others; made only if it is kept.
    pub(super) fn push(&mut self, at: u64, thing: impl FnOnce() -> T) {
        if self.kept.last().is_some_and(|(last, _)| at.saturating_sub(*last) < self.apart) {
            return;
        }
        self.kept.push((at, thing()));
        while self.kept.len() > self.most {
            self.apart = self.apart.saturating_mul(2);
            self.drop_near();
            if self.apart == u64::MAX {
                self.kept.truncate(self.most);
            }
        }
    }

    fn drop_near(&mut self) {
        let (apart, mut last) = (self.apart, None::<u64>);
        self.kept.retain(|(at, _)| {
            let far = last.is_none_or(|last| at.saturating_sub(last) >= apart);
            if far {
                last = Some(*at);
            }
            far
        });
    }

    /// What was kept.
    pub(super) fn into_kept(self) -> Vec<(u64, T)> {
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_all_kept_and_many_are_spread() {
        let kept = |count: u64| {
            let mut thin = Thin::new(100, 1);
            (0..count).for_each(|at| thin.push(at * 10, || at));
            thin.into_kept()
        };
        assert_eq!(kept(100).len(), 100);
        for count in [101, 1000, 12_345] {
            let kept = kept(count);
            assert!((30..=100).contains(&kept.len()), "{} of {count}", kept.len());
            let gaps = kept.windows(2).map(|pair| pair[1].0 - pair[0].0);
            assert!(gaps.clone().max().unwrap() <= 2 * gaps.min().unwrap());
            assert!(kept[0].0 == 0 && kept.last().unwrap().0 > count * 10 * 9 / 10);
        }
    }

    #[test]
    fn times_without_end_do_not_hang() {
        let mut thin = Thin::new(2, u64::MAX);
        [0, 0, u64::MAX, u64::MAX].into_iter().for_each(|at| thin.push(at, || ()));
        assert!(thin.into_kept().len() <= 2);
    }
}
