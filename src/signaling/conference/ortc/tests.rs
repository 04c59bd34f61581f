//! What Chromium's `mediasoup-client` says, and what it takes.

use super::consumed::{offer, parameters};
use super::produced::{Section, content};
use super::router::capabilities;
use super::*;
use crate::model::{Content, Sdp, Secret};

fn camera() -> Value {
    json!({
        "mid": "1",
        "codecs": [
            { "mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000, "parameters": {},
              "rtcpFeedback": [{ "type": "nack", "parameter": "" }, { "type": "nack", "parameter": "pli" }] },
            { "mimeType": "video/rtx", "payloadType": 97, "clockRate": 90000, "parameters": { "apt": 96 }, "rtcpFeedback": [] },
        ],
        "headerExtensions": [{ "uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 9, "encrypt": false, "parameters": {} }],
        "encodings": [{ "ssrc": 11, "rtx": { "ssrc": 12 }, "dtx": false }],
        "rtcp": { "cname": "abc", "reducedSize": true },
    })
}

fn written(kind: Kind, sent: Value) -> Result<String, Refusal> {
    let sent: RtpParameters = serde_json::from_value(sent).expect("parameters");
    let section = Section::of(kind, &sent, "x")?;
    Ok(produced::offer([section].iter()).as_str().to_owned())
}

#[test]
fn a_camera_becomes_a_section_that_sends() {
    let offer = written(Kind::Video, camera()).unwrap();
    for line in [
        "a=group:BUNDLE 1",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
        "a=mid:1",
        "a=sendonly",
        "a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=rtpmap:96 VP8/90000",
        "a=rtcp-fb:96 nack pli",
        "a=fmtp:97 apt=96",
        "a=ssrc-group:FID 11 12",
        "a=ssrc:11 cname:abc",
    ] {
        assert!(offer.lines().any(|known| known == line), "{line} in\n{offer}");
    }
}

#[test]
fn layers_are_named_best_first() {
    let mut sent = camera();
    sent["encodings"] = json!([{ "rid": "r0", "scaleResolutionDownBy": 4 }, { "rid": "r1" }, { "rid": "r2" }]);
    sent["rtcp"]["cname"] = json!("");
    let offer = written(Kind::Video, sent).unwrap();
    assert!(offer.contains("a=simulcast:send r2;r1;r0\r\n") && offer.contains("a=rid:r0 send\r\n"), "{offer}");
    assert!(!offer.contains("a=ssrc"));
}

#[test]
fn nothing_of_a_clients_ends_a_line() {
    let evil = "x\r\na=candidate:1";
    for (path, value) in [
        ("/mid", json!(evil)),
        ("/codecs/0/mimeType", json!(format!("video/{evil}"))),
        ("/codecs/0/parameters", json!({ "a": evil })),
        ("/codecs/0/parameters", json!({ evil: "a" })),
        ("/codecs/0/rtcpFeedback/0/type", json!(evil)),
        ("/headerExtensions/0/uri", json!(evil)),
        ("/rtcp/cname", json!(evil)),
        ("/codecs/0/payloadType", json!(200)),
        ("/codecs", json!([])),
    ] {
        let mut sent = camera();
        *sent.pointer_mut(path).expect(path) = value;
        assert_eq!(written(Kind::Video, sent).unwrap_err().code, "bad_request", "{path}");
    }
    assert_eq!(written(Kind::Audio, camera()).unwrap_err().code, "bad_request", "another kind");
    let mut sent = camera();
    sent["encodings"] = json!([{ "rid": evil }, { "rid": "b" }]);
    assert!(written(Kind::Video, sent).is_err());
}

#[test]
fn a_device_with_all_we_have_is_offered_all_under_our_numbers() {
    let can: RtpCapabilities = serde_json::from_value(capabilities()).unwrap();
    let video = offer(Kind::Video, "4", &can).unwrap();
    assert!(
        video.as_str().contains("m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 98 99 100 101\r\n"),
        "{}",
        video.as_str()
    );
    assert!(video.as_str().contains("a=mid:4\r\n") && video.as_str().contains("a=recvonly\r\n"));
    assert!(!video.as_str().contains("rtp-stream-id"), "layers are a publisher's");
    let audio = offer(Kind::Audio, "0", &can).unwrap();
    assert!(audio.as_str().contains("a=rtpmap:111 opus/48000/2\r\n"));
}

#[test]
fn what_a_device_lacks_is_not_offered() {
    let only = |codecs: Value| serde_json::from_value::<RtpCapabilities>(json!({ "codecs": codecs })).unwrap();
    let h264 = |profile: &str, mode: u8| {
        let parameters = json!({ "profile-level-id": profile, "packetization-mode": mode });
        only(json!([{ "mimeType": "video/h264", "clockRate": 90000, "parameters": parameters }]))
    };
    let taken = offer(Kind::Video, "0", &h264("42e034", 1)).unwrap();
    assert!(taken.as_str().contains("SAVPF 102\r\n"), "another level; no retransmissions");
    for can in [h264("640c1f", 1), h264("42e01f", 0), only(json!([]))] {
        assert_eq!(offer(Kind::Video, "0", &can).unwrap_err().code, "cannot_consume");
    }
}

#[test]
fn an_answer_is_read_as_parameters() {
    let answer = Sdp::new(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\n\
         a=mid:3\r\na=extmap:3 http://x/tcc\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\n\
         a=fmtp:97 apt=96\r\na=ssrc-group:FID 5 6\r\na=ssrc:5 cname:feed\r\na=ssrc:6 cname:feed\r\n",
    );
    let expected = json!({
        "mid": "3",
        "codecs": [
            { "mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000, "parameters": {},
              "rtcpFeedback": [{ "type": "nack", "parameter": "pli" }] },
            { "mimeType": "video/rtx", "payloadType": 97, "clockRate": 90000, "parameters": { "apt": 96 }, "rtcpFeedback": [] },
        ],
        "headerExtensions": [{ "uri": "http://x/tcc", "id": 3, "encrypt": false, "parameters": {} }],
        "encodings": [{ "ssrc": 5, "rtx": { "ssrc": 6 } }],
        "rtcp": { "cname": "feed", "reducedSize": true },
    });
    assert_eq!(parameters(&answer), Some(expected));
    assert_eq!(parameters(&Sdp::new("nonsense")), None);
}

#[test]
fn a_transport_is_told_as_mediasoup_does() {
    let local = TransportLocal {
        name: "u".into(),
        password: Secret::new("p"),
        addresses: vec![(([10, 0, 0, 1], 7).into(), false), (([10, 0, 0, 1], 7).into(), true)],
        fingerprint: "sha-256 AB:CD".into(),
        data: None,
    };
    let told = transport("transport-1", "recv", &local);
    assert_eq!(told["iceParameters"], json!({ "usernameFragment": "u", "password": "p", "iceLite": true }));
    assert_eq!(told["dtlsParameters"]["fingerprints"], json!([{ "algorithm": "sha-256", "value": "AB:CD" }]));
    let candidates = told["iceCandidates"].as_array().unwrap();
    assert!(candidates[0]["priority"].as_u64() > candidates[1]["priority"].as_u64());
    assert_eq!((&candidates[0]["protocol"], &candidates[1]["tcpType"]), (&json!("udp"), &json!("passive")));
}

#[test]
fn certificates_are_named_by_strong_hashes() {
    let read = |value: Value| serde_json::from_value::<DtlsParameters>(value).unwrap().remote();
    let value = ["AB"; 32].join(":");
    let both = json!([{ "algorithm": "md5", "value": "AB" }, { "algorithm": "sha-256", "value": value }]);
    let remote = read(json!({ "role": "server", "fingerprints": both })).unwrap();
    assert_eq!((remote.waits, remote.fingerprints), (true, vec![format!("sha-256 {value}")]));
    assert!(read(json!({ "fingerprints": [{ "algorithm": "sha-1", "value": "AB" }] })).is_err());
    assert!(read(json!({ "fingerprints": [{ "algorithm": "sha-256", "value": "AB\r\n" }] })).is_err());
    assert!(read(json!({ "role": "boss", "fingerprints": both })).is_err());
}

#[test]
fn a_screen_is_known_by_what_pages_call_it() {
    for screen in [json!({ "source": "screen" }), json!({ "share": true }), json!({ "mediaTag": "screen-video" })] {
        assert_eq!(content(&screen), Content::Screen, "{screen}");
    }
    for camera in [json!({}), json!(null), json!({ "source": "webcam" }), json!({ "share": false }), json!(7)] {
        assert_eq!(content(&camera), Content::Camera, "{camera}");
    }
}
