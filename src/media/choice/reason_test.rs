use super::*;
use crate::media::choice::candidates::{Bar, Taste, Way, candidates};
use crate::media::choice::facts::{Facts, Picture, Step};
use crate::model::{Codec, ViewLimits};

fn all() -> Vec<Candidate> {
    let step = |name: &str, height, bits| Step {
        name: name.into(),
        height: Some(height),
        framerate: None,
        bits,
        runs: Vec::new(),
    };
    let picture = Picture { codec: Some(Codec::Vp8), size: Some((1920, 1080)), framerate: Some(30.0), bits: 3_000_000 };
    let facts = Facts {
        sound: Some(0),
        picture: Some(picture),
        layers: Vec::new(),
        ladder: vec![step("720p", 720, 1_200_000), step("360p", 360, 400_000)],
    };
    candidates(
        &facts,
        &Taste { limits: ViewLimits::default(), decoders: &[Codec::Vp8], own_pictures: true, using: None },
    )
}

fn line(kilo: u64) -> LineFacts {
    LineFacts { budget: Some(kilo * 1000), measured: true, loss: 0.0, feeds: 1 }
}

#[test]
fn the_words_have_the_figures() {
    let all = all();
    let words = |line: LineFacts, given| reason(&line, 0, &all, given);
    assert_eq!(words(line(430), 2), (Why::Line, "The line carries about 430 kbit/s; 720p needs 1380.".to_owned()));
    assert_eq!(words(line(9000), 0), (Why::Best, "It is the best there is: 1920x1080, 3000 kbit/s.".to_owned()));
    assert_eq!(words(line(1500), 2).0, Why::Starting);
    let (why, told) = words(LineFacts { feeds: 2, ..line(1500) }, 2);
    assert_eq!(why, Why::Turn);
    assert!(told.contains("1500 kbit/s for 2 feeds") && told.contains("720p needs 1380"), "{told}");
    let lossy = LineFacts { measured: false, loss: 0.2, ..line(430) };
    assert_eq!(words(lossy, 2).1, "The line loses 20 % of the packets; 720p is too much for it.");
    assert_eq!(words(LineFacts::default(), 2).0, Why::Starting);
}

#[test]
fn each_option_says_why_it_is_not_the_one() {
    let mut all = all();
    all[1].bar = Some(Bar { why: Why::Budget, words: "no".into() });
    let whys: Vec<_> = (0..all.len()).map(|n| why_not(&line(500), 0, &all, n, 2)).collect();
    assert_eq!(whys, [Some(Why::Line), Some(Why::Budget), None, Some(Why::Best)]);
    assert_eq!(reason(&line(500), 0, &all, 2), (Why::Budget, "no".to_owned()));
    assert_eq!(all[3].way, Way::Sound);
}
