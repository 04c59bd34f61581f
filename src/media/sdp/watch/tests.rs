//! A viewer's offers, as Chromium writes them, and the answers for feeds of all codecs.

use super::super::testing::track;
use super::*;
use sdp_types::Session;

const OFFER: &str = include_str!("../fixtures/chromium_recvonly.sdp");
/// Of Chromium 156 with software decoders, whose page prefers H264 alone.
const H264_ONLY: &str = include_str!("../fixtures/chromium_recvonly_h264.sdp");

fn read(offer: &str, tracks: &[SourceTrack]) -> Result<Viewing, MediaError> {
    let mut next = 100;
    Viewing::read(&Sdp::new(offer), FeedId(5), tracks, || {
        next += 1;
        next
    })
}

fn answer(viewing: &Viewing) -> String {
    let made = Local {
        name: "our-name".into(),
        password: "our-password".into(),
        fingerprint: "sha-256 AB".into(),
        setup: "actpass".into(),
        mid: "audio0".into(),
    };
    let candidate = HostCandidate { address: "192.0.2.1:8443".parse().unwrap(), tcp: false };
    viewing.answer(&viewing.local(&made), &[candidate], 7, 1).as_str().to_owned()
}

fn both() -> Vec<SourceTrack> {
    vec![track(Codec::Vp8, ""), track(Codec::Opus, "minptime=10")]
}

#[test]
fn each_section_gets_the_feeds_codec_and_pictures_those_of_renditions() {
    let viewing = read(OFFER, &both()).unwrap();
    let [audio, video] = &viewing.accepted.streams[..] else { panic!("two streams") };
    assert_eq!(
        (audio.first.codec, audio.first.payload_type, audio.mid.as_str(), audio.rtx_ssrc),
        (Codec::Opus, 111, "0", None)
    );
    assert_eq!((video.first.codec, video.first.payload_type, video.mid.as_str()), (Codec::Vp8, 96, "1"));
    assert_eq!(video.first.rtx, Some(97));
    assert_eq!(video.others, [OutCodec { codec: Codec::H264, payload_type: 103, rtx: Some(104) }]);
    assert!(audio.others.is_empty() && viewing.accepted.own_pictures);
    let ids = OutExtensions { mid: 4, abs_send_time: 2, transport_cc: 3, audio_level: 1 };
    assert_eq!(viewing.accepted.extensions, ids);
    let text = answer(&viewing);
    for line in [
        "a=group:BUNDLE 0 1",
        "a=ice-lite",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104",
        "a=setup:passive",
        "a=sendonly",
        "a=rtcp-fb:96 nack pli",
        "a=rtcp-fb:96 transport-cc",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=fmtp:97 apt=96",
        "a=rtcp-fb:103 nack pli",
        "a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f",
        "a=fmtp:104 apt=103",
        "a=msid:feed-5 video",
        "a=candidate:1 1 udp 2130706431 192.0.2.1 8443 typ host",
    ] {
        assert!(text.contains(&format!("{line}\r\n")), "{line} in\n{text}");
    }
    assert!(!text.contains("goog-remb") && !text.contains("rrtr") && !text.contains("a=rtcp-fb:96 ack"));
    assert_eq!(text.matches("typ host").count(), 1);
    assert!(Session::parse(text.as_bytes()).is_ok());
}

#[test]
fn webrtcbin_is_told_that_the_client_begins_the_handshake() {
    let viewing = read(OFFER, &both()).unwrap();
    let inner = viewing.subscription.inner_answer(&viewing.accepted.remote, "audio0").unwrap();
    assert!(inner.contains("a=setup:active") && inner.contains("a=recvonly") && inner.contains("a=ice-ufrag:Vw3n"));
    let waiting = read(&OFFER.replace("a=setup:actpass", "a=setup:passive"), &both()).unwrap();
    assert!(answer(&waiting).contains("a=setup:active"), "somebody must begin");
    assert_eq!(waiting.accepted.remote.setup, "passive");
}

#[test]
fn h264_takes_the_nearest_profile_that_covers_it() {
    let chosen = |fmtp: &str| read(OFFER, &[track(Codec::H264, fmtp)]).unwrap().accepted.streams[0].first.payload_type;
    assert_eq!(chosen("packetization-mode=1;profile-level-id=640029"), 39);
    assert_eq!(chosen("packetization-mode=1;profile-level-id=4d401f"), 117);
    assert_eq!(chosen("packetization-mode=1;profile-level-id=42e01f"), 103);
    assert_eq!(chosen(""), 103);
    let without_baseline = OFFER.replace("42001f", "58001f").replace("42e01f", "58e01f");
    let viewing = read(&without_baseline, &[track(Codec::H264, "")]).unwrap();
    assert_eq!(viewing.accepted.streams[0].first.payload_type, 117, "a decoder of main decodes baseline");
    assert!(
        answer(&viewing).contains("a=fmtp:117 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f")
    );
}

#[test]
fn h264_without_parameters_is_the_last_resort() {
    let bare = OFFER.replace("a=fmtp:39 ", "a=x:39 ");
    let chosen = |offer: &str| {
        let tracks = [track(Codec::H264, "packetization-mode=1;profile-level-id=640029")];
        read(offer, &tracks).map(|viewing| viewing.accepted.streams[0].first.payload_type)
    };
    assert_eq!(chosen(&bare).unwrap(), 39);
    let without_vp8 = OFFER.replace("VP8/90000", "VP7/90000");
    assert!(chosen(&without_vp8.replace("packetization-mode=1", "packetization-mode=0")).is_err());
}

#[test]
fn vp9_and_av1_are_found_by_their_profile() {
    let chosen = |codec| read(OFFER, &[track(codec, "")]).unwrap().accepted.streams[0].first;
    assert_eq!((chosen(Codec::Vp9).payload_type, chosen(Codec::Vp9).rtx.unwrap()), (98, 99));
    assert_eq!((chosen(Codec::Av1).payload_type, chosen(Codec::Av1).rtx.unwrap()), (45, 46));
}

#[test]
fn a_codec_that_is_not_offered_is_transcoded() {
    let high = [track(Codec::H264, "profile-level-id=640029")];
    let only_baseline = OFFER.replace("64001f", "42c01f");
    for (offer, tracks, codecs) in [
        (OFFER.replace("VP8/90000", "VP7/90000"), vec![track(Codec::Vp8, "")], vec![(Codec::H264, 103)]),
        (H264_ONLY.to_owned(), both(), vec![(Codec::H264, 102)]),
        (only_baseline.clone(), high.to_vec(), vec![(Codec::Vp8, 96), (Codec::H264, 103)]),
        (
            OFFER.replace("AV1/90000", "AV2/90000"),
            vec![track(Codec::Av1, "")],
            vec![(Codec::Vp8, 96), (Codec::H264, 103)],
        ),
    ] {
        let viewing = read(&offer, &tracks).unwrap();
        let video = viewing.accepted.streams.last().unwrap();
        assert_eq!(video.codecs().map(|out| (out.codec, out.payload_type)).collect::<Vec<_>>(), codecs);
        assert!(!viewing.accepted.own_pictures && answer(&viewing).contains(&formats::listed(video.codecs())));
    }
}

#[test]
fn a_codec_that_is_not_offered_is_named() {
    let high = [track(Codec::H264, "profile-level-id=640029")];
    let none = OFFER.replace("VP8/90000", "VP7/90000").replace("H264/90000", "H265/90000");
    let cases = [
        (none.clone(), vec![track(Codec::Vp8, "")], "video is VP8/90000"),
        (none, high.to_vec(), "high profile"),
        (OFFER.replace("opus", "popus"), both(), "audio is opus"),
    ];
    for (offer, tracks, words) in cases {
        let error = read(&offer, &tracks).expect_err(words);
        assert!(matches!(&error, MediaError::NoCommonCodec(why) if why.contains(words)), "{error}");
    }
}

#[test]
fn chromiums_software_decoder_takes_high_profile_as_the_one_above() {
    let viewing = read(H264_ONLY, &[track(Codec::H264, "packetization-mode=1;profile-level-id=640029")]).unwrap();
    let video = &viewing.accepted.streams[0];
    assert_eq!((video.first.payload_type, video.others.len(), viewing.accepted.own_pictures), (41, 0, true));
}

/// Firefox counts its payload types from above, and gives the numbers that we would take to others.
#[test]
fn other_numbers_are_as_good() {
    let firefox = OFFER
        .replace("SAVPF 111 63 9 0 8 13 110 126", "SAVPF 109 9 0 8 101")
        .replace(":111 ", ":109 ")
        .replace("SAVPF 96 97 103 104 107 108 109 114 ", "SAVPF 120 124 126 127 97 98 ")
        .replace("a=rtpmap:96 ", "a=rtpmap:120 ")
        .replace("a=rtcp-fb:96 ", "a=rtcp-fb:120 ")
        .replace("a=rtpmap:97 rtx/90000\na=fmtp:97 apt=96", "a=rtpmap:124 rtx/90000\na=fmtp:124 apt=120")
        .replace(":103 ", ":126 ")
        .replace("a=rtpmap:104 rtx/90000\na=fmtp:104 apt=103", "a=rtpmap:127 rtx/90000\na=fmtp:127 apt=126")
        .replace(":107 ", ":97 ")
        .replace("a=rtpmap:108 rtx/90000\na=fmtp:108 apt=107", "a=rtpmap:98 rtx/90000\na=fmtp:98 apt=97");
    let viewing = read(&firefox, &both()).unwrap();
    let [audio, video] = &viewing.accepted.streams[..] else { panic!("two streams") };
    assert_eq!((audio.first.payload_type, video.first.payload_type, video.first.rtx), (109, 120, Some(124)));
    assert_eq!(video.others, [OutCodec { codec: Codec::H264, payload_type: 126, rtx: Some(127) }]);
    assert!(answer(&viewing).contains("m=video 9 UDP/TLS/RTP/SAVPF 120 124 126 127\r\n"));
}

#[test]
fn what_the_feed_has_not_is_inactive_or_rejected_in_place() {
    let data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=ice-ufrag:Vw3n\r\n\
                a=ice-pwd:CnTpKt0Xn7rvE2e2rGyWnwTK\r\na=sctp-port:5000\r\n";
    let offer = OFFER.replace("BUNDLE 0 1", "BUNDLE 0 1 2") + data;
    let viewing = read(&offer, &[track(Codec::Vp8, "")]).unwrap();
    assert_eq!(viewing.accepted.streams.len(), 1);
    let text = answer(&viewing);
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(lines[0], "m=audio 9 UDP/TLS/RTP/SAVPF 111");
    assert_eq!(lines[2], "m=application 0 UDP/DTLS/SCTP webrtc-datachannel");
    assert!(text.contains("a=group:BUNDLE 0 1\r\n"));
    let audio = &text[text.find("m=audio").unwrap()..text.find("m=video").unwrap()];
    assert!(audio.contains("a=inactive") && audio.contains("typ host"), "{audio}");
}

#[test]
fn a_second_section_of_a_kind_stays_silent() {
    let video = OFFER[OFFER.find("m=video").unwrap()..].replace("a=mid:1", "a=mid:2");
    let offer = OFFER.replace("BUNDLE 0 1", "BUNDLE 0 1 2") + &video;
    let viewing = read(&offer, &both()).unwrap();
    assert_eq!(viewing.accepted.streams.len(), 2);
    assert_eq!(answer(&viewing).matches("a=inactive").count(), 1);
}

#[test]
fn opus_without_its_channels_is_answered_in_the_clients_words() {
    let viewing = read(&OFFER.replace("opus/48000/2", "OPUS/48000"), &both()).unwrap();
    assert!(answer(&viewing).contains("a=rtpmap:111 OPUS/48000\r\n"));
}

#[test]
fn extensions_keep_the_offers_ids() {
    let offer = OFFER.replace("a=extmap:3 ", "a=extmap:9 ").replacen("a=extmap:4 ", "a=extmap:7 ", 1);
    let extensions = read(&offer, &both()).unwrap().accepted.extensions;
    assert_eq!((extensions.transport_cc, extensions.mid), (9, 0), "one id for all, or none");
}

#[test]
fn unusable_offers_are_refused_in_words() {
    for (offer, words) in [
        ("hello".to_owned(), "cannot be used"),
        (OFFER.replace("a=recvonly", "a=sendonly"), "offer recvonly sections"),
        (OFFER.replace("a=fingerprint:sha-256", "a=fingerprint:md5"), "fingerprint"),
        (OFFER.replace("a=ice-ufrag", "a=ice-frag"), "ice-ufrag"),
    ] {
        let error = read(&offer, &both()).expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn any_damaged_offer_is_read_or_refused_without_panic() {
    let mut state = 1u64;
    for _ in 0..1_000 {
        let mut bytes = OFFER.as_bytes().to_vec();
        for _ in 0..20 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (state >> 33) as usize % bytes.len();
            bytes[at] = b" 0a=:\r\n;,-"[(state >> 20) as usize % 10];
        }
        if let Ok(viewing) = read(&String::from_utf8_lossy(&bytes), &both()) {
            answer(&viewing);
        }
    }
}
