//! Lines that collapse and come back, clocks that drift, feedback that is lost.

use super::super::{Estimator, Received};
use super::network::{Link, Source, World};
use std::time::{Duration, Instant};

#[test]
fn a_collapse_is_followed_down_and_up() {
    let rates = vec![(0.0, 2e6), (30.0, 250e3), (60.0, 2e6)];
    let mut world = World::new(Link { rates, ..Link::of(0.0) }, Source::Ladder(vec![1.2e6, 400e3, 120e3]));
    world.run(90.0);
    let down = world.until(30.0, |sample| sample.source == 120e3).unwrap();
    let below = world.until(30.0, |sample| sample.estimate < 250e3).unwrap();
    let up = world.until(60.0, |sample| sample.source == 1.2e6).unwrap();
    assert!(down < 2.0 && below < 2.0 && up < 20.0, "{down} {below} {up}\n{}", world.story());
    let switches = world.switches.iter().filter(|(ms, _)| *ms > 30_000).count();
    assert!(switches <= 4, "{}", world.story());
}

#[test]
fn lost_feedback_is_no_congestion() {
    let mut world = World::new(Link::of(2e6), Source::Ladder(vec![1.2e6, 400e3, 120e3]));
    world.mute = 30_000..32_000;
    world.run(60.0);
    let switches = world.switches.iter().filter(|(ms, _)| *ms > 10_000).count();
    assert_eq!(switches, 0, "{}", world.story());
}

#[test]
fn who_is_silent_gets_less_until_feedback_comes_again() {
    let mut world = World::new(Link::of(2e6), Source::Ladder(vec![1.2e6, 400e3, 120e3]));
    world.mute = 30_000..60_000;
    world.run(90.0);
    let silent = world.between(55.0, 60.0);
    assert!(silent.iter().all(|sample| sample.source == 120e3), "{}", world.story());
    let up = world.until(60.0, |sample| sample.source == 1.2e6).unwrap();
    assert!(up < 20.0, "{up}\n{}", world.story());
}

#[test]
fn ten_minutes_of_drift_change_nothing() {
    for drift in [200.0, -200.0] {
        let mut world = World::new(Link::of(2e6), Source::Ladder(vec![1.2e6, 400e3, 120e3]));
        world.drift = drift;
        world.run(600.0);
        let switches = world.switches.iter().filter(|(ms, _)| *ms > 10_000).count();
        assert_eq!((switches, world.samples.last().unwrap().source), (0, 1.2e6), "{drift}");
    }
}

#[test]
fn a_client_without_transport_feedback_tells_by_itself() {
    let began = Instant::now();
    let mut estimator = Estimator::new(began);
    assert_eq!(estimator.estimate(), None);
    estimator.on_remb(began, 700_000);
    assert_eq!(estimator.estimate(), Some(700_000));
    estimator.on_loss(0.2);
    assert_eq!(estimator.estimate(), Some(630_000));
    (0..50).for_each(|_| estimator.on_loss(0.0));
    assert_eq!(estimator.estimate(), Some(700_000));
    assert_eq!(estimator.tick(began + Duration::from_secs(1)), None);
    estimator.on_sent(1, 1000, began, None);
    estimator.on_feedback(began, &[Received { sequence: 1, arrival: Some(5) }]);
    assert_eq!(estimator.estimate(), Some(300_000), "feedback about each packet knows better");
}
