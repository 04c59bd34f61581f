//! Offers of Chromium 156 and one as Firefox writes it, and answers to ours.

use super::super::testing::track;
use super::*;
use sdp_types::Session;

const CHROMIUM: &str = include_str!("../fixtures/chromium_av.sdp");
/// Video as H264, sound, a data channel, and a second video.
const DATA: &str = include_str!("../fixtures/chromium_h264_data.sdp");
const FIREFOX: &str = include_str!("../fixtures/firefox_av_data.sdp");

fn counter() -> impl FnMut() -> u32 {
    let mut next = 100;
    move || {
        next += 1;
        next
    }
}

fn read_after(text: &str, before: Option<&Receiving>) -> Result<Conversation, MediaError> {
    Conversation::read(&Sdp::new(text), "peer-9", before, counter())
}

fn both(text: &str) -> Conversation {
    read_after(&text.replace("a=sendonly", "a=sendrecv"), None).unwrap()
}

fn local(setup: &str) -> Local {
    Local {
        name: "our-name".into(),
        password: "our-password".into(),
        fingerprint: "sha-256 AB".into(),
        setup: setup.into(),
        mid: "0".into(),
    }
}

fn answer(conversation: &Conversation) -> String {
    let candidate = HostCandidate { address: "192.0.2.1:8443".parse().unwrap(), tcp: false };
    let text = conversation.answer(&local("active"), &[candidate], 7, 3).as_str().to_owned();
    assert!(Session::parse(text.as_bytes()).is_ok(), "{text}");
    text
}

/// The lines of a section, by its place.
fn section(sdp: &str, at: usize) -> String {
    sdp.split("m=").nth(at + 1).unwrap_or_default().to_owned()
}

#[test]
fn chromium_sends_vp8_and_may_get_all_that_it_takes() {
    let conversation = both(CHROMIUM);
    let tracks = conversation.publication.tracks();
    assert_eq!(tracks.iter().map(|track| track.codec).collect::<Vec<_>>(), [Codec::Opus, Codec::Vp8]);
    let [sound, pictures] = &conversation.receiving.streams[..] else { panic!("two streams") };
    assert_eq!(sound.codecs().map(|out| out.payload_type).collect::<Vec<_>>(), [111, 0, 8]);
    // H264 under the number of the profile that decodes most.
    let expected = [(Codec::Vp8, 96, 97), (Codec::H264, 116, 117), (Codec::Av1, 45, 46), (Codec::Vp9, 98, 99)];
    let found: Vec<_> = pictures.codecs().map(|out| (out.codec, out.payload_type, out.rtx.unwrap())).collect();
    assert_eq!(found, expected);
    assert!(pictures.rtx_ssrc.is_some() && pictures.rtx_ssrc != Some(pictures.ssrc) && sound.rtx_ssrc.is_none());
    assert_eq!((conversation.receiving.extensions.transport_cc, conversation.publication.transport_cc()), (3, 3));
}

#[test]
fn the_answer_is_for_both_directions() {
    let conversation = both(CHROMIUM);
    let text = answer(&conversation);
    for line in [
        "a=group:BUNDLE 0 1",
        "a=ice-lite",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97 116 117 45 46 98 99",
        "a=msid:peer-9 audio",
        "a=msid:peer-9 video",
        "a=ssrc-group:FID 103 102",
        "a=ssrc:103 cname:peer-9",
        "a=ssrc:101 msid:peer-9 audio",
        "a=fmtp:96 x-google-start-bitrate=2000",
        "a=rtcp-fb:96 nack pli",
        "a=rtcp-fb:96 transport-cc",
        "a=fmtp:117 apt=116",
        "a=rtcp-rsize",
        "a=candidate:1 1 udp 2130706431 192.0.2.1 8443 typ host",
    ] {
        assert!(text.contains(&format!("{line}\r\n")), "{line} in\n{text}");
    }
    assert_eq!(text.matches("a=sendrecv\r\n").count(), 2);
    assert_eq!(text.matches("typ host").count(), 1);
    assert!(text.contains(extension::ABS_SEND_TIME) && text.contains(extension::AUDIO_LEVEL));
    assert!(!text.contains("goog-remb"));
}

#[test]
fn each_section_goes_the_ways_that_the_client_wants() {
    let sections = |audio: &str, video: &str| {
        let (head, tail) = CHROMIUM.split_once("m=video").unwrap();
        let text = [head.replace("a=sendonly", audio), tail.replace("a=sendonly", video)].join("m=video");
        read_after(&text, None).map(|conversation| (answer(&conversation), conversation))
    };
    for (audio, video, answers, sent, received) in [
        ("a=sendonly", "a=recvonly", ["a=recvonly", "a=sendonly"], 1, 1),
        ("a=inactive", "a=sendrecv", ["a=inactive", "a=sendrecv"], 1, 1),
        ("a=recvonly", "a=recvonly", ["a=sendonly", "a=sendonly"], 0, 2),
        ("a=sendonly", "a=sendonly", ["a=recvonly", "a=recvonly"], 2, 0),
    ] {
        let (text, conversation) = sections(audio, video).unwrap();
        assert!(section(&text, 0).contains(answers[0]) && section(&text, 1).contains(answers[1]), "{text}");
        assert_eq!(conversation.publication.tracks().len(), sent);
        assert_eq!(conversation.receiving.streams.len(), received);
        assert!(conversation.publication.inner_offer().unwrap().contains("m="));
        assert_eq!(text.contains("a=ssrc:"), received > 0, "{text}");
    }
    let error = sections("a=inactive", "a=inactive").unwrap_err().to_string();
    assert!(error.contains("no audio and no video"), "{error}");
}

#[test]
fn sound_alone_is_a_conversation() {
    let (sound, _) = CHROMIUM.split_once("m=video").unwrap();
    let conversation = both(&sound.replace("BUNDLE 0 1", "BUNDLE 0"));
    assert_eq!((conversation.publication.tracks().len(), conversation.receiving.streams.len()), (1, 1));
    assert!(conversation.receiving.takes_pictures(&[track(Codec::Opus, "")]));
    assert!(!conversation.receiving.takes_pictures(&[track(Codec::Vp8, "")]), "there is no stream for them");
}

#[test]
fn data_channels_and_surplus_video_are_rejected_in_place() {
    let text = answer(&both(DATA));
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("m=")).collect();
    let ports: Vec<(&str, &str)> = lines.iter().filter_map(|m| m.split_once(' ').map(|(k, r)| (k, &r[..1]))).collect();
    assert_eq!(ports, [("m=video", "9"), ("m=audio", "9"), ("m=video", "0"), ("m=application", "0")]);
    assert!(text.contains("a=group:BUNDLE 0 1\r\n"), "{text}");
    assert!(lines[3].ends_with("webrtc-datachannel"), "{text}");
    assert_eq!(text.matches("a=sendrecv").count(), 2);
}

#[test]
fn firefox_is_answered_under_its_numbers() {
    let conversation = both(FIREFOX);
    let tracks = conversation.publication.tracks();
    assert_eq!(
        tracks.iter().map(|t| (t.codec, t.ssrc)).collect::<Vec<_>>(),
        [(Codec::Opus, Some(2_655_508_255)), (Codec::Vp8, Some(3_111_264_498))]
    );
    let text = answer(&conversation);
    assert!(text.contains("m=audio 9 UDP/TLS/RTP/SAVPF 109 0 8\r\n"), "{text}");
    assert!(text.contains("m=video 9 UDP/TLS/RTP/SAVPF 120 124 121 125 126 127\r\n"), "{text}");
    assert!(text.contains("a=group:BUNDLE 0 1\r\n") && text.contains("m=application 0 "), "{text}");
    assert!(text.contains(&format!("a=extmap:7 {}", extension::TRANSPORT_CC)));
    assert_eq!((conversation.receiving.extensions.mid, conversation.receiving.extensions.abs_send_time), (3, 0));
}

#[test]
fn a_feed_fits_by_codec_and_profile() {
    let takes = |text: &str, codec: Codec, fmtp: &str| {
        both(text).receiving.takes_pictures(&[track(codec, fmtp), track(Codec::Opus, "")])
    };
    let h264 = |profile: &str| format!("packetization-mode=1;profile-level-id={profile}");
    for (profile, chromium, firefox) in [("42e01f", true, true), ("4d001f", true, false), ("640028", false, false)] {
        assert_eq!(takes(CHROMIUM, Codec::H264, &h264(profile)), chromium, "{profile}");
        assert_eq!(takes(FIREFOX, Codec::H264, &h264(profile)), firefox, "{profile}");
    }
    assert!(takes(CHROMIUM, Codec::Av1, "") && !takes(FIREFOX, Codec::Av1, ""));
}

#[test]
fn what_comes_under_another_agreed_number_is_taken() {
    let mut conversation = both(FIREFOX);
    assert_eq!(conversation.others(), [0, 8, 121, 126]);
    assert!(conversation.prefer(126) && !conversation.prefer(97) && !conversation.prefer(126));
    let h264 = conversation.publication.tracks()[1].clone();
    assert_eq!((h264.codec, h264.rtx_payload_type, h264.ssrc), (Codec::H264, Some(127), Some(3_111_264_498)));
    assert_eq!(conversation.others(), [0, 8, 121, 120]);
}

#[test]
fn a_further_offer_keeps_what_it_can() {
    let text = CHROMIUM.replace("a=sendonly", "a=sendrecv");
    let first = both(CHROMIUM);
    let mut receiving = first.receiving.clone();
    receiving.streams.iter_mut().for_each(|stream| stream.ssrc += 1000);
    let same = read_after(&text.replace("a=ice-ufrag:", "a=ice-ufrag:new"), Some(&receiving)).unwrap();
    assert_eq!(same.receiving, receiving, "SSRCs too");
    let fewer = read_after(&text.replace("VP9/90000", "VP7/90000"), Some(&receiving)).unwrap();
    assert!(fewer.receiving != receiving && fewer.receiving.streams[1].ssrc < 1000);
}

fn ours() -> Subscription {
    Subscription::both_ways("peer-9".into(), counter())
}

fn offer() -> String {
    let candidate = HostCandidate { address: "192.0.2.1:8443".parse().unwrap(), tcp: false };
    ours().offer(&local("actpass"), &[candidate], 9).as_str().to_owned()
}

/// An answer that takes all: the offer with the client's transport and sources.
fn theirs() -> String {
    let fingerprint = format!("a=fingerprint:sha-256 {}", ["0A"; 32].join(":"));
    let text = offer().replace("a=setup:actpass", "a=setup:active").replace("a=fingerprint:sha-256 AB", &fingerprint);
    text.replace("our-", "their")
        .replace("a=ice-lite\r\n", "")
        .replace("a=ssrc:10", "a=ssrc:20")
        .replace("FID 102 103", "FID 202 203")
}

fn accept(text: &str) -> Result<Conversation, MediaError> {
    Conversation::accept(&ours(), &Sdp::new(text))
}

#[test]
fn we_offer_both_ways() {
    let text = offer();
    for line in [
        "a=group:BUNDLE 0 1",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103",
        "a=rtcp-mux",
        "a=rtcp-fb:96 transport-cc",
        "a=rtcp-fb:102 nack",
        "a=ssrc:101 cname:peer-9",
    ] {
        assert!(text.contains(&format!("{line}\r\n")), "{line} in\n{text}");
    }
    assert_eq!((text.matches("a=sendrecv").count(), text.matches("typ host").count()), (2, 1));
}

#[test]
fn an_answer_says_what_comes_and_what_goes() {
    let conversation = accept(&theirs()).unwrap();
    let sent: Vec<_> = conversation.publication.tracks().iter().map(|t| (t.codec, t.ssrc, t.rtx_ssrc)).collect();
    assert_eq!(sent, [(Codec::Opus, Some(201), None), (Codec::Vp8, Some(202), Some(203))]);
    assert_eq!(conversation.others(), [102]);
    let received: Vec<u32> = conversation.receiving.streams.iter().map(|stream| stream.ssrc).collect();
    assert_eq!(received, [101, 102]);
    assert_eq!((conversation.receiving.extensions.transport_cc, conversation.publication.transport_cc()), (3, 3));
    assert_eq!(conversation.publication.tracks()[0].audio_level_id, 1);
    let h264 = accept(&theirs().replace("SAVPF 96 97 102 103", "SAVPF 102 103")).unwrap();
    assert_eq!(h264.publication.tracks()[1].codec, Codec::H264);
    assert!(!h264.receiving.takes_pictures(&[track(Codec::Vp8, "")]));
}

#[test]
fn an_answer_may_send_or_receive_nothing() {
    let silent = accept(&theirs().replace("a=sendrecv", "a=recvonly")).unwrap();
    assert_eq!((silent.publication.tracks().len(), silent.receiving.streams.len()), (0, 2));
    assert_eq!(silent.publication.transport_cc(), 3);
    let deaf = accept(&theirs().replace("a=sendrecv", "a=sendonly")).unwrap();
    assert_eq!((deaf.publication.tracks().len(), deaf.receiving.streams.len()), (2, 0));
    let sound = accept(&theirs().replace("m=video 9", "m=video 0").replace("BUNDLE 0 1", "BUNDLE 0")).unwrap();
    assert_eq!((sound.publication.tracks().len(), sound.receiving.streams.len()), (1, 1));
    let unbundled = accept(&theirs().replace("BUNDLE 0 1", "BUNDLE 0")).unwrap();
    assert_eq!(unbundled.publication.tracks().len(), 1, "a transport of its own is none");
}

#[test]
fn bad_answers_are_refused_in_words() {
    let good = theirs();
    for (bad, words) in [
        ("nonsense".to_owned(), "session description"),
        (good.split_once("m=video").unwrap().0.to_owned(), "m-sections of the offer"),
        (good.replace("a=setup:active", "a=setup:actpass"), "setup"),
        (good.replace("m=audio 9", "m=audio 0").replace("m=video 9", "m=video 0"), "none of the offered"),
        (good.replace("SAVPF 111", "SAVPF 12").replace("SAVPF 96 97 102 103", "SAVPF 34"), "none of the offered"),
        (good.replace("a=fingerprint", "a=x"), "fingerprint"),
    ] {
        let error = accept(&bad).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}
