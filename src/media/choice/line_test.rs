use crate::media::choice::candidates::{Bar, Way};
use crate::media::choice::world_test::{World, feed};
use crate::model::{Codec, ViewLimits, Why};

/// A viewer of its own on a line of so many kbit/s.
fn alone(kilo: u64) -> World {
    let mut world = World::new(kilo);
    world.join(feed(1400));
    world
}

#[test]
fn three_viewers_of_one_feed_settle_at_what_their_lines_carry() {
    for (kilo, name, why) in [(300, "180p", Why::Line), (1000, "360p", Why::Line), (100_000, "source", Why::Best)] {
        let mut world = alone(kilo);
        world.run(10.0);
        assert_eq!(world.gets(0), name, "at {kilo}");
        let before = world.viewers[0].switches;
        world.run(60.0);
        assert_eq!((world.gets(0).as_str(), world.viewers[0].switches), (name, before), "at {kilo}");
        assert_eq!(world.explain(0).why, why);
    }
    let mut unlimited = alone(100_000);
    unlimited.run(60.0);
    assert_eq!(unlimited.viewers[0].switches, 0, "full quality throughout");
}

#[test]
fn a_line_goes_bad_and_good_again() {
    let mut world = alone(10_000);
    world.run(20.0);
    assert_eq!(world.gets(0), "source");
    world.capacity = 300;
    let down = world.until(0, "180p", 3.0);
    world.run(30.0);
    assert_eq!(world.gets(0), "180p");
    world.capacity = 10_000;
    let up = world.until(0, "source", 20.0);
    assert!(down <= 1.0, "down after {down} s, up after {up} s");
}

#[test]
fn a_line_goes_good_again_at_once() {
    for seconds in [1.0, 3.0, 6.0, 9.0, 14.0] {
        let mut world = alone(10_000);
        world.run(20.0);
        world.capacity = 300;
        world.run(seconds);
        world.capacity = 10_000;
        world.until(0, "source", 20.0);
    }
}

#[test]
fn a_flapping_line_does_not_flap_what_is_shown() {
    let mut world = alone(1600);
    world.run(20.0);
    // Ten minutes in which the line alternates between too little and enough.
    for _ in 0..120 {
        world.capacity = 700;
        world.run(2.0);
        world.capacity = 2000;
        world.run(3.0);
    }
    assert!(world.viewers[0].switches < 40, "{} switches in 600 s", world.viewers[0].switches);
}

#[test]
fn an_estimate_that_trembles_about_a_need_changes_nothing() {
    let mut world = alone(600);
    world.run(20.0);
    let before = (world.gets(0), world.viewers[0].switches);
    for n in 0..600u64 {
        world.capacity = 520 + (n * 37) % 60;
        world.run(0.3);
    }
    assert_eq!((world.gets(0), world.viewers[0].switches), before);
}

#[test]
fn the_source_grows_and_shrinks_and_the_viewer_follows() {
    let mut world = alone(2000);
    world.run(10.0);
    assert_eq!(world.gets(0), "source");
    world.viewers[0].facts = feed(4000);
    world.run(10.0);
    assert_eq!(world.gets(0), "720p");
    world.viewers[0].facts = feed(1000);
    world.until(0, "source", 15.0);
}

#[test]
fn two_feeds_on_one_weak_line() {
    let mut world = World::new(700);
    world.join(feed(1400));
    world.join(feed(1400));
    world.run(20.0);
    assert_eq!(world.all(), ["360p", "180p"], "in order of subscription");
    world.limit(1, ViewLimits { pinned: true, ..ViewLimits::default() });
    world.run(1.0);
    assert_eq!(world.all(), ["180p", "360p"], "the pinned one first, at once");
    world.limit(1, ViewLimits::default());
    world.viewers[0].speaking = true;
    world.run(1.0);
    assert_eq!(world.all(), ["360p", "180p"], "the speaker first");
    world.capacity = 230;
    world.run(10.0);
    assert_eq!(world.all(), ["180p", "sound"], "the other one is paused");
    let explanation = world.explain(1);
    assert!(matches!(explanation.why, Why::Turn | Why::Line), "{explanation:?}");
    world.capacity = 10_000;
    world.run(30.0);
    assert_eq!(world.all(), ["source", "source"]);
}

#[test]
fn those_who_arrive_together_begin_with_the_best() {
    let mut world = World::new(20_000);
    for n in 0..7 {
        world.join(feed(1400));
        world.run(0.3);
        assert_eq!(world.gets(n), "source", "{:?}", world.explain(n));
    }
    world.run(30.0);
    assert!(world.viewers.iter().all(|viewer| viewer.switches == 0), "{:?}", world.all());
}

#[test]
fn those_who_arrive_together_on_a_weak_line_settle_at_what_it_carries() {
    let mut world = World::new(2000);
    for _ in 0..7 {
        world.join(feed(1400));
        world.run(0.3);
    }
    world.run(2.0);
    assert!(world.all().iter().all(|name| name != "source"), "{:?}", world.all());
    world.run(20.0);
    assert!(world.all().iter().all(|name| name == "180p" || name == "360p"), "{:?}", world.all());
}

#[test]
fn who_joins_a_known_line_begins_with_what_it_carries() {
    let mut world = World::new(800);
    world.join(feed(1400));
    world.run(20.0);
    assert_eq!(world.gets(0), "360p");
    world.join(feed(1400));
    world.run(0.5);
    assert_ne!(world.gets(1), "source", "{:?}", world.all());
    assert_eq!(world.gets(0), "360p");
}

#[test]
fn limits_are_obeyed_at_once_and_lifted_at_once() {
    let mut world = alone(10_000);
    world.run(5.0);
    let limits = ViewLimits { max_width: Some(640), ..ViewLimits::default() };
    world.limit(0, limits);
    world.tick();
    assert_eq!((world.gets(0).as_str(), world.explain(0).why), ("360p", Why::OwnLimit));
    world.limit(0, ViewLimits { audio_only: true, ..ViewLimits::default() });
    world.tick();
    assert_eq!(world.gets(0), "sound");
    world.limit(0, ViewLimits { paused: true, ..ViewLimits::default() });
    world.tick();
    assert_eq!((world.gets(0).as_str(), world.explain(0).why), ("nothing", Why::OwnLimit));
    world.limit(0, ViewLimits::default());
    world.tick();
    assert_eq!(world.gets(0), "source", "the line was seen to carry it");
    let switches = world.explain(0).switches;
    assert!(switches.iter().all(|switch| switch.why == Why::OwnLimit), "{switches:?}");
}

#[test]
fn a_limit_lifted_on_a_weak_line_tries_no_more_than_it_carries() {
    let mut world = alone(300);
    world.run(10.0);
    world.limit(0, ViewLimits { audio_only: true, ..ViewLimits::default() });
    world.run(10.0);
    world.limit(0, ViewLimits::default());
    world.tick();
    assert_eq!(world.gets(0), "180p");
}

#[test]
fn what_cannot_be_made_is_left_for_the_next_lower_with_the_reason() {
    let mut world = alone(1000);
    world.run(10.0);
    assert_eq!(world.gets(0), "360p");
    let words = "360p would take 0.35 cores, and 0.10 are left for renditions.".to_owned();
    world.bar(0, Way::Made(Codec::Vp8, "360p".into(), 400_000), 10, Bar { why: Why::Budget, words: words.clone() });
    world.tick();
    let explanation = world.explain(0);
    assert_eq!((world.gets(0).as_str(), explanation.why, &explanation.words), ("180p", Why::Budget, &words));
    assert_eq!(explanation.switches[0].words, words);
    world.run(9.0);
    assert_eq!(world.gets(0), "180p");
    world.until(0, "360p", 15.0);
}

#[test]
fn a_decoder_that_takes_another_codec_gets_the_source_in_it() {
    let mut world = World::new(10_000);
    world.join_with(feed(1400), vec![Codec::H264]);
    world.run(5.0);
    assert_eq!((world.gets(0).as_str(), world.explain(0).why), ("source in h264", Why::Decoder));
    world.capacity = 300;
    world.until(0, "180p", 3.0);
}

#[test]
fn a_line_without_feedback_gets_the_source_unless_it_loses() {
    let mut world = alone(100_000);
    world.feedback = false;
    world.run(30.0);
    assert_eq!((world.gets(0).as_str(), world.viewers[0].switches), ("source", 0));
    world.loss = 0.2;
    world.run(2.0);
    assert_eq!(world.gets(0), "source");
    world.run(3.0);
    assert_eq!((world.gets(0).as_str(), world.explain(0).why), ("360p", Why::Line));
    world.loss = 0.0;
    world.until(0, "source", 90.0);
}

#[test]
fn too_weak_for_any_picture_is_sound_alone_after_a_while() {
    let mut world = alone(10_000);
    world.run(5.0);
    world.capacity = 100;
    world.until(0, "180p", 2.0);
    world.until(0, "sound", 5.0);
    world.run(20.0);
    assert_eq!(world.explain(0).words, "The line carries about 100 kbit/s; 180p needs 178.");
    world.capacity = 10_000;
    world.until(0, "source", 40.0);
}

#[test]
fn the_history_tells_what_was_and_why() {
    let mut world = alone(10_000);
    world.run(10.0);
    world.capacity = 300;
    world.run(30.0);
    let explanation = world.explain(0);
    assert_eq!(explanation.switches.last().unwrap().from, "source");
    assert!(explanation.switches[0].words.starts_with("The line carries about "), "{:?}", explanation.switches);
    assert_eq!(explanation.switches[0].why, Why::Line);
    assert!((38..=42).contains(&explanation.samples.len()), "{}", explanation.samples.len());
    assert_eq!(explanation.samples[3].rendition, "source");
    assert_eq!(explanation.samples.last().unwrap().rendition, "180p");
    let options: Vec<_> = explanation.options.iter().map(|option| option.rendition.name.as_str()).collect();
    assert_eq!(options, ["source", "360p", "180p", "sound"]);
    assert_eq!(explanation.options[0].why_not, Some(Why::Line));
}
