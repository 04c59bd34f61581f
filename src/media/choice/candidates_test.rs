use super::*;
use crate::media::choice::facts::LayerFacts;

const ALL: &[Codec] = &[Codec::Vp8, Codec::H264];

fn step(name: &str, height: u32, kilo: u64) -> Step {
    Step { name: name.into(), height: Some(height), framerate: None, bits: kilo * 1000, runs: Vec::new() }
}

fn picture(codec: Codec, size: (u32, u32), kilo: u64) -> Picture {
    Picture { codec: Some(codec), size: Some(size), framerate: Some(30.0), bits: kilo * 1000 }
}

fn facts(codec: Codec, kilo: u64) -> Facts {
    Facts {
        sound: Some(40_000),
        picture: Some(picture(codec, (1280, 720), kilo)),
        layers: Vec::new(),
        ladder: vec![step("720p", 720, 1200), step("360p", 360, 400), step("180p", 180, 120)],
    }
}

fn taste(decoders: &[Codec]) -> Taste<'_> {
    Taste { limits: ViewLimits::default(), decoders, own_pictures: true, using: None }
}

/// Names, those that may not be had in brackets.
fn names(facts: &Facts, taste: &Taste) -> Vec<String> {
    let name = |candidate: &Candidate| match &candidate.bar {
        Some(bar) => format!("({} {})", candidate.rendition.name, bar.why.as_str()),
        None => candidate.rendition.name.clone(),
    };
    candidates(facts, taste).iter().map(name).collect()
}

#[test]
fn the_source_then_rungs_clearly_below_it_then_sound() {
    assert_eq!(names(&facts(Codec::Vp8, 2500), &taste(ALL)), ["source", "720p", "360p", "180p", "sound"]);
    assert_eq!(names(&facts(Codec::Vp8, 1300), &taste(ALL)), ["source", "360p", "180p", "sound"]);
    assert_eq!(names(&facts(Codec::Vp8, 130), &taste(ALL)), ["source", "sound"]);
    assert_eq!(names(&Facts { picture: None, ..facts(Codec::Vp8, 1) }, &taste(ALL)), ["sound"]);
    let all = candidates(&facts(Codec::Vp8, 1300), &taste(ALL));
    assert_eq!(
        (all[1].rendition.width, all[1].rendition.height, all[1].rendition.codec),
        (Some(640), Some(360), Some(Codec::Vp8))
    );
}

#[test]
fn the_one_in_use_stays_when_the_source_comes_near_it() {
    let way = Way::Made(Codec::Vp8, "360p".into(), 400_000);
    let using = Taste { using: Some(&way), ..taste(ALL) };
    assert_eq!(names(&facts(Codec::Vp8, 450), &using), ["source", "360p", "180p", "sound"]);
    assert_eq!(names(&facts(Codec::Vp8, 450), &taste(ALL)), ["source", "180p", "sound"]);
}

#[test]
fn what_the_decoder_does_not_take_is_made_anew_in_full_size() {
    let foreign = facts(Codec::Vp9, 3000);
    let expected = ["(source decoder)", "source in h264", "720p", "360p", "180p", "sound"];
    assert_eq!(names(&foreign, &taste(ALL)), expected);
    let all = candidates(&facts(Codec::Vp8, 3000), &taste(&[Codec::H264]));
    assert!(matches!(&all[1].way, Way::Made(Codec::H264, name, _) if **name == *"source in h264"));
    assert!(all[2..5].iter().all(|candidate| candidate.rendition.codec == Some(Codec::H264)));
    assert_eq!(all[0].bar.as_ref().unwrap().words, "The viewer's decoder takes H264, not VP8.");
    assert_eq!(names(&foreign, &taste(&[])), ["(source decoder)", "sound"]);
}

#[test]
fn layers_make_similar_rungs_superfluous() {
    let mut simulcast = facts(Codec::Vp8, 2000);
    let layer = |id: u64, rid: &str, size, kilo| LayerFacts {
        feed: FeedId(id),
        rid: rid.into(),
        picture: picture(Codec::Vp8, size, kilo),
    };
    simulcast.layers = vec![layer(1, "m", (640, 360), 450), layer(2, "l", (320, 180), 150)];
    assert_eq!(names(&simulcast, &taste(ALL)), ["source", "720p", "layer m", "layer l", "sound"]);
    let way = candidates(&simulcast, &taste(ALL))[2].way.clone();
    assert_eq!(way, Way::Layer(FeedId(1)));
}

#[test]
fn a_rung_that_runs_is_used_in_its_codec() {
    let mut feed = facts(Codec::Vp8, 2000);
    feed.ladder[1].runs = vec![Codec::H264];
    let all = candidates(&feed, &taste(ALL));
    let codecs: Vec<_> = all[1..4].iter().filter_map(|candidate| candidate.rendition.codec).collect();
    assert_eq!(codecs, [Codec::Vp8, Codec::H264, Codec::Vp8]);
}

#[test]
fn own_limits_keep_from_what_is_above_them() {
    let gets = |limits| names(&facts(Codec::Vp8, 2500), &Taste { limits, ..taste(ALL) });
    let limits = ViewLimits { max_width: Some(640), ..ViewLimits::default() };
    assert_eq!(gets(limits), ["(source own_limit)", "(720p own_limit)", "360p", "180p", "sound"]);
    let limits = ViewLimits { max_kbps: Some(300), ..ViewLimits::default() };
    assert_eq!(gets(limits), ["(source own_limit)", "(720p own_limit)", "(360p own_limit)", "180p", "sound"]);
    let limits = ViewLimits { audio_only: true, ..ViewLimits::default() };
    assert_eq!(gets(limits).last().unwrap(), "sound");
    let limits = ViewLimits { paused: true, ..ViewLimits::default() };
    assert_eq!(gets(limits)[3..], ["(180p own_limit)", "nothing"]);
    // A source of few bits is too wide all the same: then rungs that need more bits are made.
    let limits = ViewLimits { max_width: Some(640), ..ViewLimits::default() };
    let poor = names(&facts(Codec::Vp8, 100), &Taste { limits, ..taste(ALL) });
    assert_eq!(poor, ["(source own_limit)", "(720p own_limit)", "360p", "180p", "sound"]);
}

#[test]
fn a_limit_in_bits_is_lenient_with_what_is_given_already() {
    let way = Way::Source;
    let limits = ViewLimits { max_kbps: Some(1000), ..ViewLimits::default() };
    let using = Taste { limits, using: Some(&way), ..taste(ALL) };
    assert!(candidates(&facts(Codec::Vp8, 1000), &using)[0].bar.is_none());
    assert!(candidates(&facts(Codec::Vp8, 1000), &Taste { limits, ..taste(ALL) })[0].bar.is_some());
    assert!(candidates(&facts(Codec::Vp8, 1100), &using)[0].bar.is_some());
}

#[test]
fn a_profile_that_the_decoder_does_not_take_is_transcoded_to_its_own_codec() {
    let facts = facts(Codec::H264, 1300);
    let taste = Taste { own_pictures: false, ..taste(&[Codec::H264]) };
    let all = candidates(&facts, &taste);
    let bar = all[0].bar.as_ref().expect("the source is barred");
    assert!(bar.why == Why::Decoder && bar.words.contains("profile"), "{bar:?}");
    assert_eq!((all[1].rendition.name.as_str(), &all[1].bar), ("source in h264", &None));
}
