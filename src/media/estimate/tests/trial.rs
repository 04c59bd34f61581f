//! The link of the trial: enough, then 400 kbit/s with a queue of 200 ms, then enough again; two renditions.

use super::network::{Link, Source, World};

const HIGH: f64 = 510_000.0;
const LOW: f64 = 180_000.0;

/// Limited from 20 s on, for so long.
fn trial(limited: f64, after: f64) -> World {
    let rates = vec![(0.0, 100e6), (20.0, 400e3), (20.0 + limited, 100e6)];
    let mut world = World::new(Link { rates, ..Link::of(0.0) }, Source::Ladder(vec![HIGH, LOW]));
    world.run(20.0 + limited + after);
    world
}

#[test]
fn down_within_a_second_without_loss_and_up_again() {
    let world = trial(20.0, 20.0);
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
    println!("start {start} below {below} low {low} back {back}\n{story}");
}

#[test]
fn up_in_time_however_long_it_lasted() {
    let backs: Vec<f64> = (5..45u32)
        .map(|limited| {
            let limited = f64::from(limited) * 1.3;
            let world = trial(limited, 20.0);
            let dropped = world.samples.last().unwrap().dropped;
            assert!(dropped == 0 && world.switches.len() <= 4, "{limited} s: {}", world.story());
            world.until(20.0 + limited, |sample| sample.source == HIGH).unwrap()
        })
        .collect();
    println!("{backs:?}");
    assert!(backs.iter().all(|back| *back <= 15.0), "{backs:?}");
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
    println!("{}", world.story());
}
