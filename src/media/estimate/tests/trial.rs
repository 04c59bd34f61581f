//! The link of the trial: enough, then 400 kbit/s with a queue of 200 ms, then enough again; two renditions.

use super::network::{Link, Random, Sample, Source, World};

const HIGH: f64 = 510_000.0;
const LOW: f64 = 180_000.0;

/// Limited from 20 s on, for so long.
fn trial(limited: f64) -> World {
    let rates = vec![(0.0, 100e6), (20.0, 400e3), (20.0 + limited, 100e6)];
    World::new(Link { rates, ..Link::of(0.0) }, Source::Ladder(vec![HIGH, LOW]))
}

#[test]
fn down_within_a_second_without_loss_and_up_again() {
    let mut world = trial(20.0);
    world.run(60.0);
    let story = world.story();
    let start = world.until(0.0, |sample| sample.source == HIGH).unwrap();
    assert!(start < 1.0, "{start}\n{story}");
    let below = world.until(20.0, |sample| sample.estimate < 400e3).unwrap();
    let low = world.until(20.0, |sample| sample.source == LOW).unwrap();
    assert!(below < 1.0 && low < 1.0, "below {below}, low {low}\n{story}");
    assert_eq!(world.samples.last().unwrap().dropped, 0, "{story}");
    let switches = world.switches.iter().filter(|(ms, _)| *ms > 20_000).count();
    assert_eq!(switches, 2, "{story}");
    let back = world.until(40.0, |sample| sample.source == HIGH).unwrap();
    assert!(back <= 10.0, "{back}\n{story}");
}

#[test]
fn up_in_time_however_long_it_lasted() {
    for limited in (0..14).map(|step| 5.0 + f64::from(step) * 3.7) {
        let mut world = trial(limited);
        world.run(20.0 + limited + 20.0);
        let (end, back) = (20.0 + limited, |sample: &Sample| sample.source == HIGH);
        assert!(world.until(end, back).is_some_and(|back| back <= 15.0), "{limited} s: {}", world.story());
        assert!(world.samples.last().unwrap().dropped == 0 && world.switches.len() <= 4, "{}", world.story());
    }
}

#[test]
fn the_same_whatever_chance_frame_rate_and_jitter() {
    for (seed, (fps, jitter)) in (1..4).flat_map(|seed| [(20, 0.0), (30, 5.0), (20, 15.0)].map(|line| (seed, line))) {
        let mut world = trial(20.0);
        (world.random, world.fps, world.link.jitter, world.spread) = (Random(seed * 77_777), fps, jitter, 0.5);
        world.run(60.0);
        let down = world.until(20.0, |sample| sample.estimate < 400e3 && sample.source == LOW);
        let back = world.until(40.0, |sample| sample.source == HIGH);
        assert!(down.is_some_and(|down| down < 1.0) && back.is_some_and(|back| back <= 10.0), "{}", world.story());
        assert!(world.samples.last().unwrap().dropped == 0 && world.switches.len() <= 4, "{}", world.story());
    }
}

#[test]
fn whoever_disobeys_is_still_told() {
    let rates = vec![(0.0, 100e6), (20.0, 400e3), (40.0, 100e6)];
    let mut world = World::new(Link { rates, ..Link::of(0.0) }, Source::Fixed(HIGH));
    world.desired = 1e6;
    world.run(60.0);
    assert!(world.until(20.0, |sample| sample.estimate < 400e3).unwrap() < 1.0, "{}", world.story());
    assert!(world.between(22.0, 40.0).iter().all(|sample| sample.estimate < 400e3), "{}", world.story());
    let up = world.until(40.0, |sample| sample.estimate > HIGH);
    assert!(up.is_some_and(|up| up < 15.0), "{up:?}\n{}", world.story());
}
