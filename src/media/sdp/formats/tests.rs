//! What we offer for tracks of all codecs, and answers of Chromium 156 and others to it.

use super::super::offered::read;
use super::super::testing::track;
use super::super::text::value;
use super::*;

const VP8: &str = include_str!("../fixtures/chromium_answer_vp8.sdp");
const H264_ONLY: &str = include_str!("../fixtures/chromium_answer_h264_only.sdp");
const HIGH: &str = include_str!("../fixtures/chromium_answer_high.sdp");
const HIGH_FMTP: &str = "packetization-mode=1;profile-level-id=640029";

fn offered(codec: Codec, fmtp: &str) -> Offered {
    Offered::of(&track(codec, fmtp))
}

/// Codecs and payload types that the pictures' section of an answer takes, and whether the feed's own is among them.
fn taken(offered: &Offered, answer: &str) -> (Vec<(Codec, u8)>, bool) {
    let session = read(answer).unwrap();
    let video = session.medias.iter().find(|media| media.media == "video").unwrap();
    assert!(value(video, "mid").is_some());
    let (taken, own) = offered.taken(video);
    (taken.iter().map(|out| (out.codec, out.payload_type)).collect(), own)
}

#[test]
fn pictures_are_offered_in_their_own_codec_and_in_those_of_renditions() {
    for (codec, fmtp, list) in [
        (Codec::Vp8, "", "96 97 102 103"),
        (Codec::H264, "profile-level-id=42c01f", "102 103 96 97"),
        (Codec::H264, "", "102 103 96 97"),
        (Codec::H264, HIGH_FMTP, "102 103 106 107 96 97 104 105"),
        (Codec::Vp9, "", "98 99 96 97 102 103"),
        (Codec::Av1, "", "100 101 96 97 102 103"),
        (Codec::Opus, "", "111"),
    ] {
        assert_eq!(listed(offered(codec, fmtp).codecs()), list, "{codec:?} {fmtp}");
    }
}

#[test]
fn no_payload_type_is_used_twice_in_a_bundle() {
    let sound = [Codec::Opus, Codec::Pcmu, Codec::Pcma].map(|codec| listed(offered(codec, "").codecs()));
    for codec in [Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1] {
        let numbers = format!("{} {}", listed(offered(codec, HIGH_FMTP).codecs()), sound.join(" "));
        let mut numbers: Vec<&str> = numbers.split(' ').collect();
        let all = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), all, "{numbers:?}");
    }
}

#[test]
fn each_payload_type_is_described() {
    let mut text = String::new();
    offered(Codec::H264, HIGH_FMTP).write(&mut text);
    for line in [
        "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640029",
        "a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=f4001f",
        "a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        "a=rtpmap:96 VP8/90000",
        "a=rtcp-fb:104 nack pli",
        "a=rtcp-fb:96 transport-cc",
        "a=fmtp:103 apt=102",
        "a=fmtp:97 apt=96",
        "a=fmtp:105 apt=104",
    ] {
        assert!(text.contains(&format!("{line}\r\n")), "{line} in\n{text}");
    }
}

#[test]
fn chromium_takes_all_of_a_vp8_feed() {
    let (codecs, own) = taken(&offered(Codec::Vp8, ""), VP8);
    assert_eq!((codecs, own), (vec![(Codec::Vp8, 96), (Codec::H264, 102)], true));
}

#[test]
fn a_decoder_without_the_feeds_codec_is_told_apart() {
    let (codecs, own) = taken(&offered(Codec::Vp8, ""), H264_ONLY);
    assert_eq!((codecs, own), (vec![(Codec::H264, 102)], false));
}

#[test]
fn chromiums_software_decoder_takes_high_profile_as_the_one_above() {
    let high = offered(Codec::H264, HIGH_FMTP);
    let (codecs, own) = taken(&high, HIGH);
    assert_eq!((codecs, own), (vec![(Codec::H264, 106), (Codec::Vp8, 96)], true));
    let baseline_alone = HIGH.replace("96 97 106 107 104 105", "104 105");
    assert_eq!(taken(&high, &baseline_alone), (vec![(Codec::H264, 104)], false));
}

#[test]
fn an_answer_may_say_another_profile_that_covers_ours() {
    let answer = |id: &str| H264_ONLY.replace("42e01f", id);
    let baseline = offered(Codec::H264, "profile-level-id=42e01f");
    for id in ["42E034", "42c00d", "4d001f", "640c1f", "f4001f"] {
        assert_eq!(taken(&baseline, &answer(id)), (vec![(Codec::H264, 102)], true), "{id}");
    }
    let high = offered(Codec::H264, HIGH_FMTP);
    assert_eq!(taken(&high, &answer("640c1f")), (vec![(Codec::H264, 102)], true));
    assert_eq!(
        taken(&high, &answer("42e01f")),
        (vec![(Codec::H264, 102)], false),
        "it takes baseline under our number"
    );
    assert_eq!(taken(&high, &answer("58e01f")), (vec![], false));
}

#[test]
fn an_answer_that_does_not_say_takes_what_was_offered() {
    let bare = H264_ONLY.replace("a=fmtp:102", "a=x:102");
    assert_eq!(taken(&offered(Codec::H264, HIGH_FMTP), &bare), (vec![(Codec::H264, 102)], true));
    let unnamed = H264_ONLY.replace("a=rtpmap:102", "a=x:102");
    assert_eq!(taken(&offered(Codec::Vp8, ""), &unnamed), (vec![(Codec::H264, 102)], false));
    let no_fragments = H264_ONLY.replace("packetization-mode=1", "packetization-mode=0");
    assert_eq!(taken(&offered(Codec::Vp8, ""), &no_fragments), (vec![], false));
    let renamed = H264_ONLY.replace("H264/90000", "H265/90000");
    assert_eq!(taken(&offered(Codec::Vp8, ""), &renamed), (vec![], false), "our number for something else");
}

#[test]
fn a_client_that_keeps_one_payload_type_gets_the_feeds_own() {
    let one = VP8.replace("96 97 102 103", "96");
    assert_eq!(taken(&offered(Codec::Vp8, ""), &one), (vec![(Codec::Vp8, 96)], true));
}
