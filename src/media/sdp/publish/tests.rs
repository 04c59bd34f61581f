//! Real offers of Chromium 156, and what clients may send instead.

use super::*;
use crate::model::{Codec, Kind};
use sdp_types::Session;

const AUDIO_VIDEO: &str = include_str!("../fixtures/chromium_av.sdp");
/// Video as H264, a data channel, and a second video.
const H264_DATA: &str = include_str!("../fixtures/chromium_h264_data.sdp");
const SIMULCAST: &str = include_str!("../fixtures/chromium_simulcast.sdp");

fn read(text: &str) -> Result<Publication, MediaError> {
    Publication::read(&Sdp::new(text))
}

fn local() -> Local {
    Local {
        name: "our-name".into(),
        password: "our-password".into(),
        fingerprint: "sha-256 AB".into(),
        setup: "active".into(),
        mid: "0".into(),
    }
}

fn answer(publication: &Publication) -> String {
    let candidates = ["192.0.2.1:8443", "[2001:db8::1]:8443"]
        .map(|address| HostCandidate { address: address.parse().unwrap(), tcp: false });
    publication.answer(&local(), &candidates, 7, 3).as_str().to_owned()
}

/// The m-lines' first three words.
fn sections(sdp: &str) -> Vec<String> {
    let lines = sdp.lines().filter(|line| line.starts_with("m="));
    lines.map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn chromium_publishes_opus_and_vp8() {
    let tracks = read(AUDIO_VIDEO).unwrap().tracks();
    let [audio, video] = &tracks[..] else { panic!("two tracks") };
    assert_eq!((audio.codec, audio.payload_type, audio.rtx_payload_type), (Codec::Opus, 111, None));
    assert_eq!((audio.audio_level_id, audio.nack), (1, false));
    assert_eq!((video.codec, video.payload_type, video.rtx_payload_type), (Codec::Vp8, 96, Some(97)));
    assert!(video.nack && video.ssrc.is_some() && video.rtx_ssrc.is_some() && video.ssrc != video.rtx_ssrc);
    assert!(audio.ssrc.is_some() && audio.fmtp.contains("useinbandfec=1"));
}

#[test]
fn the_answer_negotiates_all_that_full_quality_needs() {
    let publication = read(AUDIO_VIDEO).unwrap();
    let text = answer(&publication);
    for line in [
        "o=- 7 3 IN IP4 127.0.0.1",
        "a=group:BUNDLE 0 1",
        "a=ice-lite",
        "a=ice-ufrag:our-name",
        "a=setup:active",
        "a=recvonly",
        "a=rtcp-fb:96 nack",
        "a=rtcp-fb:96 nack pli",
        "a=rtcp-fb:96 transport-cc",
        "a=rtpmap:97 rtx/90000",
        "a=fmtp:97 apt=96",
        "a=rtcp-rsize",
        "a=candidate:1 1 udp 2130706431 192.0.2.1 8443 typ host",
        "a=candidate:2 1 udp 2130706175 2001:db8::1 8443 typ host",
    ] {
        assert!(text.contains(&format!("{line}\r\n")), "{line} in\n{text}");
    }
    assert!(text.contains(extension::TRANSPORT_CC) && text.contains(extension::MID));
    assert!(!text.contains("goog-remb"));
    assert_eq!(text.matches("typ host").count(), 2, "candidates stand once");
    assert!(Session::parse(text.as_bytes()).is_ok());
}

#[test]
fn data_channels_and_surplus_video_are_rejected_in_place() {
    let publication = read(H264_DATA).unwrap();
    let offered: Vec<String> = sections(H264_DATA).iter().map(|m| m.split(' ').next().unwrap().to_owned()).collect();
    let answered = sections(&answer(&publication));
    let kinds: Vec<&str> = answered.iter().map(|m| m.split(' ').next().unwrap()).collect();
    assert_eq!(kinds, offered, "as many sections, in the same order");
    assert_eq!(answered.iter().filter(|m| m.ends_with(" 0")).count(), 2);
    let tracks = publication.tracks();
    assert_eq!(tracks.iter().map(|t| t.codec).collect::<Vec<_>>(), [Codec::H264, Codec::Opus]);
    assert!(tracks[0].fmtp.contains("packetization-mode=1"));
}

#[test]
fn simulcast_is_one_track_with_layers_and_answered() {
    let publication = read(SIMULCAST).unwrap();
    let [video] = &publication.tracks()[..] else { panic!("one track") };
    assert_eq!((video.ssrc, video.rtx_ssrc, video.rtx_payload_type), (None, None, Some(97)));
    assert_eq!(publication.simulcast().unwrap().layers.len(), 2);
    let text = answer(&publication);
    for line in [
        "a=rid:a recv",
        "a=rid:b recv",
        "a=simulcast:recv a;b",
        "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        "a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    ] {
        assert!(text.contains(&format!("{line}\r\n")), "{line} in\n{text}");
    }
    let inner = publication.inner_offer().unwrap();
    assert!(!inner.contains("rid") && !inner.contains("simulcast") && !inner.contains("a=ssrc"), "{inner}");
    let inactive = read(&SIMULCAST.replace("a=sendonly", "a=inactive"));
    assert!(inactive.is_err(), "nothing is sent");
}

#[test]
fn an_offer_of_one_layer_is_answered_without() {
    for text in [AUDIO_VIDEO, H264_DATA] {
        let publication = read(text).unwrap();
        assert_eq!(publication.simulcast(), None);
        let answer = answer(&publication);
        assert!(!answer.contains("rid") && !answer.contains("simulcast") && !answer.contains("stream-id"), "{answer}");
    }
}

#[test]
fn slides_are_a_screen() {
    let text = AUDIO_VIDEO.to_owned();
    assert_eq!(read(&text).unwrap().content(), Content::Camera);
    assert_eq!(read(&(text.clone() + "a=content:main,slides\r\n")).unwrap().content(), Content::Screen);
    assert_eq!(read(&(text + "a=content:speaker\r\n")).unwrap().content(), Content::Camera);
}

#[test]
fn webrtcbin_sees_one_codec_per_section_and_nothing_else() {
    let inner = read(H264_DATA).unwrap().inner_offer().unwrap();
    assert_eq!(sections(&inner), ["m=video 9", "m=audio 9"]);
    assert_eq!(inner.matches("a=rtpmap").count(), 2);
    assert_eq!(inner.matches("transport-cc\r\n").count(), 2);
    assert!(!inner.contains("candidate") && !inner.contains("a=fmtp"));
    assert_eq!(inner.matches("a=ssrc:").count(), 3, "video, its retransmissions, audio");
    assert_eq!(inner.matches("a=setup:actpass").count(), 2);
}

#[test]
fn the_clients_order_of_codecs_is_followed() {
    let h264_first = AUDIO_VIDEO.replace("SAVPF 96 97 102 103", "SAVPF 102 103 96 97");
    assert_ne!(h264_first, AUDIO_VIDEO);
    assert_eq!(read(&h264_first).unwrap().tracks()[1].codec, Codec::H264);
}

#[test]
fn vp9_and_av1_are_taken_when_the_client_prefers_them() {
    const ORDER: &str = "SAVPF 96 97 102 103 104 107 108 109 114 115 116 117 39 40 45 46 98 99 100 101";
    let preferring = |first: &str| {
        let text = AUDIO_VIDEO.replace(ORDER, &format!("SAVPF {first} 96 97"));
        assert_ne!(text, AUDIO_VIDEO);
        let publication = read(&text).unwrap();
        let video = publication.tracks().swap_remove(1);
        (video.codec, video.payload_type, video.rtx_payload_type, answer(&publication))
    };
    let (codec, pt, rtx, text) = preferring("98 99");
    assert_eq!((codec, pt, rtx), (Codec::Vp9, 98, Some(99)));
    for line in ["a=rtpmap:98 VP9/90000", "a=fmtp:98 profile-id=0;", "a=rtcp-fb:98 nack pli", "a=fmtp:99 apt=98"] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    let (codec, pt, rtx, text) = preferring("45 46");
    assert_eq!((codec, pt, rtx), (Codec::Av1, 45, Some(46)));
    assert!(
        text.contains("a=rtpmap:45 AV1/90000") && text.contains("a=fmtp:45 level-idx=5;profile=0;tier=0;"),
        "{text}"
    );
    let (codec, ..) = preferring("100 101");
    assert_eq!(codec, Codec::Vp8, "VP9 of profile 2 is passed over");
}

#[test]
fn h264_of_another_packetization_mode_or_profile_is_passed_over() {
    let text = H264_DATA.replace("packetization-mode=1", "packetization-mode=0");
    assert_eq!(read(&text).unwrap().tracks()[0].codec, Codec::Opus, "only audio is left of the first two");
}

#[test]
fn what_stands_at_session_level_holds_for_each_section() {
    let taken = ["a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=setup"];
    let mut moved: Vec<&str> = AUDIO_VIDEO.lines().filter(|l| taken.iter().any(|t| l.starts_with(t))).take(4).collect();
    assert_eq!(moved.len(), 4);
    let rest: Vec<&str> = AUDIO_VIDEO.lines().filter(|l| !taken.iter().any(|t| l.starts_with(t))).collect();
    let at = rest.iter().position(|line| line.starts_with("m=")).unwrap();
    let mut text: Vec<&str> = rest[..at].to_vec();
    text.append(&mut moved);
    text.extend(&rest[at..]);
    let publication = read(&text.join("\r\n")).unwrap();
    assert_eq!(publication.remote, read(AUDIO_VIDEO).unwrap().remote);
}

#[test]
fn sections_without_mids_and_bundle_leave_the_first_alone() {
    let text: Vec<&str> =
        AUDIO_VIDEO.lines().filter(|l| !l.starts_with("a=mid") && !l.starts_with("a=group")).collect();
    let publication = read(&text.join("\r\n")).unwrap();
    assert_eq!(publication.tracks().len(), 1, "without a bundle there is one transport");
    assert!(answer(&publication).contains("a=group:BUNDLE 0\r\n"));
}

#[test]
fn a_section_that_stopped_sending_stays_but_is_no_track() {
    let (head, video) = AUDIO_VIDEO.split_at(AUDIO_VIDEO.find("m=video").unwrap());
    let publication = read(&(head.to_owned() + &video.replace("a=sendonly", "a=inactive"))).unwrap();
    assert_eq!(publication.tracks().len(), 1);
    let text = answer(&publication);
    assert!(text.contains("a=inactive") && text.contains("a=group:BUNDLE 0 1"));
}

#[test]
fn a_bundle_only_section_with_port_0_is_offered() {
    let (head, video) = AUDIO_VIDEO.split_at(AUDIO_VIDEO.find("m=video").unwrap());
    let port = video.split(' ').nth(1).unwrap();
    let video = video.replacen(port, "0", 1).replacen("a=sendonly", "a=bundle-only\r\na=sendonly", 1);
    assert_eq!(read(&(head.to_owned() + &video)).unwrap().tracks().len(), 2);
    assert_eq!(read(&(head.to_owned() + &video.replace("a=bundle-only\r\n", ""))).unwrap().tracks().len(), 1);
}

#[test]
fn g711_is_taken_from_who_has_nothing_better() {
    let text = AUDIO_VIDEO.replace("opus/48000/2", "g722/8000");
    let publication = read(&text).unwrap();
    let audio = publication.tracks().into_iter().find(|t| t.codec.kind() == Kind::Audio).unwrap();
    assert!(matches!(audio.codec, Codec::Pcmu | Codec::Pcma), "{audio:?}");
}

#[test]
fn unusable_offers_are_refused_in_words() {
    let cases = [
        (AUDIO_VIDEO.replace("opus/48000/2", "g722/8000").replace("PCM", "G72").replace("/90000", "/8000"), "no codec"),
        (AUDIO_VIDEO.replace("a=sendonly", "a=recvonly"), "no audio and no video"),
        (AUDIO_VIDEO.replace("a=ice-pwd:", "a=ice-pwd:{}"), "ice-pwd"),
        (AUDIO_VIDEO.replace("a=fingerprint:sha-256", "a=fingerprint:sha-1"), "fingerprint"),
        (AUDIO_VIDEO.replace("a=setup:actpass", "a=setup:holdconn"), "setup"),
        (AUDIO_VIDEO.replace("a=mid:1", "a=mid:0"), "mids"),
        ("v=0\r\no=- 1 1 IN IP4 0\r\ns=-\r\nt=0 0\r\n".into(), "1 to 32"),
        ("hello".into(), "cannot be used"),
    ];
    for (text, words) in cases {
        let error = read(&text).expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn any_damaged_offer_is_read_or_refused_without_panic() {
    let mut state = 1u64;
    for _ in 0..2_000 {
        let mut bytes = AUDIO_VIDEO.as_bytes().to_vec();
        for _ in 0..20 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (state >> 33) as usize % bytes.len();
            bytes[at] = b" 0a=:\r\n;,-"[(state >> 20) as usize % 10];
        }
        if let Ok(publication) = read(&String::from_utf8_lossy(&bytes)) {
            answer(&publication);
            let _ = publication.inner_offer();
        }
    }
}

#[test]
fn a_later_offer_is_told_from_another_peer_connection() {
    let remote = |text: &str| read(text).unwrap().remote;
    let first = remote(AUDIO_VIDEO);
    let name = format!("a=ice-ufrag:{}", first.name);
    assert!(remote(&AUDIO_VIDEO.replace(&name, "a=ice-ufrag:restarted")).continues(&first), "ICE restart");
    assert!(remote(&AUDIO_VIDEO.replace(&first.session, "1234")).continues(&first), "the same transport");
    let other = AUDIO_VIDEO.replace(&first.session, "1234").replace(&name, "a=ice-ufrag:other");
    assert!(!remote(&other).continues(&first), "another connection with a shared certificate");
    assert!(!remote(SIMULCAST).continues(&first));
}

/// OBS writes ICE, certificate and role once for the whole session.
#[test]
fn what_obs_sends_by_whip_is_taken() {
    let publication = read(include_str!("../fixtures/obs_whip.sdp")).unwrap();
    let tracks = publication.tracks();
    assert_eq!(
        tracks.iter().map(|t| (t.codec, t.payload_type)).collect::<Vec<_>>(),
        [(Codec::Opus, 111), (Codec::H264, 96)]
    );
    assert!(tracks[1].nack && tracks[1].ssrc == Some(2_655_508_256) && tracks[1].rtx_payload_type.is_none());
    assert_eq!((publication.remote.name.as_str(), publication.remote.setup.as_str()), ("dB8V", "actpass"));
    assert_eq!(answer(&publication).matches("a=recvonly").count(), 2);
}
