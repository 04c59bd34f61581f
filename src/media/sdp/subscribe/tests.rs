//! Offers to subscribers and their answers, as Chromium 156 writes them.

use super::super::testing::track;
use super::*;

fn subscription(tracks: &[SourceTrack]) -> Subscription {
    let mut next = 100;
    Subscription::of(FeedId(5), tracks, || {
        next += 1;
        next
    })
}

fn local() -> Local {
    Local {
        name: "our-name".into(),
        password: "our-password".into(),
        fingerprint: "sha-256 AB".into(),
        setup: "actpass".into(),
        mid: "audio0".into(),
    }
}

fn offer(subscription: &Subscription) -> String {
    let candidate = HostCandidate { address: "192.0.2.1:8443".parse().unwrap(), tcp: false };
    subscription.offer(&local(), &[candidate], 9).as_str().to_owned()
}

/// An answer that accepts all: the offer with the client's transport and direction.
fn answer(subscription: &Subscription) -> String {
    let fingerprint = format!("a=fingerprint:sha-256 {}", ["0A"; 32].join(":"));
    offer(subscription)
        .replace("a=sendonly", "a=recvonly")
        .replace("a=setup:actpass", "a=setup:active")
        .replace("a=fingerprint:sha-256 AB", &fingerprint)
        .replace("our-", "their")
        .replace("a=ice-lite\r\n", "")
}

fn both() -> Subscription {
    subscription(&[track(Codec::Vp8, ""), track(Codec::Opus, "")])
}

#[test]
fn audio_comes_first_and_both_are_one_stream() {
    let text = offer(&both());
    assert!(text.find("m=audio").unwrap() < text.find("m=video").unwrap());
    assert!(text.contains("a=msid:feed-5 audio") && text.contains("a=msid:feed-5 video"));
    assert!(text.contains("a=rtcp-fb:96 rrtr") && !text.contains("goog-remb"));
    assert!(text.contains("a=ice-lite") && text.contains("192.0.2.1 8443 typ host"));
}

#[test]
fn g711_is_offered_under_its_static_number() {
    let text = offer(&subscription(&[track(Codec::Vp8, ""), track(Codec::Pcma, "")]));
    assert!(text.contains("SAVPF 8\r\n") && text.contains("a=rtpmap:8 PCMA/8000"), "{text}");
}

#[test]
fn the_media_ssrc_stands_before_that_of_retransmissions() {
    let subscription = both();
    let video = &subscription.streams[1];
    let (rtx_pt, rtx_ssrc) = video.rtx(video.first.codec).unwrap();
    let text = offer(&subscription);
    let first = text.find(&format!("a=ssrc:{} cname", video.ssrc)).unwrap();
    assert!(first < text.find(&format!("a=ssrc:{rtx_ssrc} cname")).unwrap());
    assert!(text.contains(&format!("a=ssrc-group:FID {} {rtx_ssrc}", video.ssrc)));
    assert!(text.contains(&format!("a=fmtp:{rtx_pt} apt={}", video.first.payload_type)));
}

#[test]
fn h264_keeps_the_publishers_profile() {
    let offered = |fmtp| offer(&subscription(&[track(Codec::H264, fmtp)]));
    let line = |id| format!("a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={id}\r\n");
    assert!(offered("profile-level-id=640C1F;packetization-mode=1").contains(&line("640c1f")));
    assert!(offered("packetization-mode=1").contains(&line("42e01f")));
    assert!(offered("profile-level-id=a\u{e9}b").contains(&line("42e01f")));
}

#[test]
fn vp9_and_av1_are_offered_with_their_profile_and_retransmission() {
    for (codec, lines) in [
        (
            Codec::Vp9,
            ["m=video 9 UDP/TLS/RTP/SAVPF 98 99 96 97 102 103", "a=fmtp:98 profile-id=0", "a=rtcp-fb:98 nack pli"],
        ),
        (
            Codec::Av1,
            [
                "m=video 9 UDP/TLS/RTP/SAVPF 100 101 96 97 102 103",
                "a=fmtp:100 level-idx=5;profile=0;tier=0",
                "a=fmtp:101 apt=100",
            ],
        ),
    ] {
        let subscription = subscription(&[track(codec, "")]);
        let text = offer(&subscription);
        lines.iter().for_each(|line| assert!(text.contains(&format!("{line}\r\n")), "{line} in\n{text}"));
        let accepted = subscription.accept(&Sdp::new(answer(&subscription))).unwrap();
        assert_eq!(accepted.streams, subscription.streams);
    }
}

#[test]
fn an_answer_that_accepts_all_gives_all() {
    let subscription = both();
    let accepted = subscription.accept(&Sdp::new(answer(&subscription))).unwrap();
    assert_eq!(accepted.streams, subscription.streams);
    assert_eq!(accepted.extensions, EXTENSIONS);
    assert_eq!((accepted.remote.name.as_str(), accepted.remote.setup.as_str()), ("theirname", "active"));
    let inner = subscription.inner_answer(&accepted.remote, "audio0").unwrap();
    assert!(inner.contains("a=mid:audio0") && inner.contains("a=recvonly") && inner.contains("a=ice-ufrag:theirname"));
    assert_eq!(inner.matches("m=").count(), 1);
}

#[test]
fn what_the_answer_leaves_out_is_not_sent() {
    let subscription = both();
    let text = answer(&subscription);
    let accept = |text: String| subscription.accept(&Sdp::new(text));
    let (head, video) = text.split_at(text.find("m=video").unwrap());
    let without_video = accept(head.to_owned() + &video.replace("m=video 9", "m=video 0")).unwrap();
    assert_eq!(without_video.streams, subscription.streams[..1]);
    let without_rtx = accept(text.replace("SAVPF 96 97", "SAVPF 96")).unwrap();
    assert_eq!(without_rtx.streams[1].rtx(Codec::Vp8), None);
    assert!(without_rtx.streams[1].rtx(Codec::H264).is_some());
    let without_any = accept(text.replace("SAVPF 96 97 102 103", "SAVPF 96 102")).unwrap();
    assert_eq!(without_any.streams[1].rtx_ssrc, None);
    let without_mid = accept(text.replace(extension::MID, "urn:other")).unwrap();
    assert_eq!((without_mid.extensions.mid, without_mid.extensions.transport_cc), (0, EXTENSIONS.transport_cc));
    let unwanted = accept(head.to_owned() + &video.replace("a=recvonly", "a=inactive")).unwrap();
    assert_eq!(unwanted.streams.len(), 1);
}

#[test]
fn unusable_answers_are_refused() {
    let subscription = both();
    let text = answer(&subscription);
    for (bad, words) in [
        ("x".to_owned(), "cannot be used"),
        (text[..text.find("m=video").unwrap()].to_owned(), "m-sections of the offer"),
        (text.replace("m=audio 9", "m=audio 0").replace("m=video 9", "m=video 0"), "none of the offered"),
        (text.replace("a=setup:active", "a=setup:actpass"), "setup"),
        (text.replace("a=mid:", "a=mid:x"), "none of the offered"),
    ] {
        let error = subscription.accept(&Sdp::new(bad)).expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    }
}
#[test]
fn a_decoder_of_h264_alone_gets_a_vp8_feed_transcoded() {
    let answer = include_str!("../fixtures/chromium_answer_h264_only.sdp");
    let accepted = both().accept(&Sdp::new(answer)).unwrap();
    let [audio, video] = &accepted.streams[..] else { panic!("two streams") };
    assert_eq!((audio.first.codec, video.first.codec, video.others.len()), (Codec::Opus, Codec::H264, 0));
    assert_eq!(video.rtx(Codec::H264), Some((103, both().streams[1].rtx_ssrc.unwrap())));
    assert!(!accepted.own_pictures && accepted.extensions == EXTENSIONS);
    let sound_alone = subscription(&[track(Codec::Opus, "")]);
    assert!(sound_alone.accept(&Sdp::new(self::answer(&sound_alone))).unwrap().own_pictures);
}

#[test]
fn a_client_that_keeps_one_payload_type_is_sent_the_feed_alone() {
    let subscription = both();
    let accepted = subscription.accept(&Sdp::new(answer(&subscription).replace("96 97 102 103", "96"))).unwrap();
    let codecs: Vec<Codec> = accepted.streams[1].codecs().map(|out| out.codec).collect();
    assert!(codecs == [Codec::Vp8] && accepted.own_pictures);
}
