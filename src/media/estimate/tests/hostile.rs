//! Feedback that nobody honest would send.

use super::super::{Estimator, Received};
use super::network::Random;
use std::time::{Duration, Instant};

/// Sends a stream and answers it with what `lie` makes of each number.
fn answered(seconds: u64, mut lie: impl FnMut(&mut Random, u16, u64) -> Vec<Received>) -> Estimator {
    let began = Instant::now();
    let (mut estimator, mut random) = (Estimator::new(began), Random(0x0123_4567_89ab_cdef));
    estimator.set_desired(50_000_000);
    for n in 0..seconds * 100 {
        let (now, sequence) = (began + Duration::from_millis(n * 10), (n as u16).wrapping_mul(2));
        let probe = estimator.tick(now).map(|probe| probe.id);
        estimator.on_sent(sequence, 1000, now, None);
        estimator.on_sent(sequence.wrapping_add(1), 1000, now, probe);
        let lies = lie(&mut random, sequence, n);
        estimator.on_feedback(now, &lies);
        let estimate = estimator.estimate().unwrap();
        assert!((30_000..=100_000_000).contains(&estimate), "{estimate}");
    }
    estimator
}

#[test]
fn nonsense_never_panics_and_stays_in_bounds() {
    for seed in 0..20 {
        answered(50, |random, sequence, _| {
            (0..random.next() % 40)
                .map(|_| {
                    let choice = random.next() % 8 + seed % 3;
                    let arrival = match choice {
                        0 => None,
                        1 => Some(i64::MAX),
                        2 => Some(i64::MIN),
                        3 => Some((random.next() << 11) as i64),
                        4 => Some(0),
                        _ => Some(i64::from(sequence) * 5_000 + (random.next() % 1_000_000) as i64),
                    };
                    let near = sequence.wrapping_sub((random.next() % 200) as u16);
                    Received { sequence: if choice == 5 { random.next() as u16 } else { near }, arrival }
                })
                .collect()
        });
    }
}

#[test]
fn whoever_claims_that_all_came_at_once_gets_no_more_than_was_sent() {
    // 1.6 Mbit/s are sent
    let claims = |_: &mut Random, sequence: u16, n: u64| {
        let at = |sequence| Received { sequence, arrival: Some((n / 100) as i64 * 1_000_000) };
        vec![at(sequence), at(sequence.wrapping_add(1))]
    };
    let estimate = answered(120, claims).estimate().unwrap();
    assert!(estimate < 3_000_000, "{estimate}");
}

#[test]
fn duplicates_and_late_packets_count_once() {
    let twice = |_: &mut Random, sequence: u16, n: u64| {
        let at = |back: i16, arrived: bool| {
            let arrival = arrived.then_some(1_000_000 + (n as i64 - i64::from((back + 1) / 2)) * 10_000);
            Received { sequence: sequence.wrapping_add_signed(-back), arrival }
        };
        vec![at(0, false), at(-1, false), at(6, true), at(5, true), at(6, true), at(4, false), at(0, false)]
    };
    let estimate = answered(60, twice).estimate().unwrap();
    assert!((1_000_000..3_000_000).contains(&estimate), "{estimate}");
}

#[test]
fn nothing_sent_nothing_known() {
    let began = Instant::now();
    let mut estimator = Estimator::new(began);
    estimator.on_feedback(began, &[]);
    estimator
        .on_feedback(began, &[Received { sequence: 9, arrival: Some(1) }, Received { sequence: 9, arrival: None }]);
    assert_eq!(estimator.estimate(), Some(300_000));
    assert!(estimator.is_limited_by_application());
}
