//! What each fuzz target does with one input: everything that is parsed from the network.
//!
//! Shared by `cargo fuzz` (`fuzz_targets/`) and by the short run of `make test` (`tests/fuzz_smoke.rs`). Beside "no
//! panic" a target asserts what must hold of whatever was accepted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

use millrace::media::egress::OutExtensions;
use millrace::media::estimate::{Estimator, Probe, Received};
use millrace::media::ice::frame::{Deframer, Oversize};
use millrace::media::ice::{Datagram, Gate, Pass, stun};
use millrace::media::rtcp;
use millrace::media::rtp::{Header, Item, OutExtensionValues, OutHeader, av1, find_extension, h264, vp8, vp9};
use millrace::media::sdp::{Conversation, Fingerprint, HostCandidate, Local, Publication, Subscription, Viewing};
use millrace::media::srtp::{Receiver, Sender};
use millrace::model::{Codec, FeedId, Sdp};
use millrace::onvif::soap::{self, Answer};
use millrace::onvif::{http, probe, read};
use millrace::room::Role;
use millrace::signaling::device::{translate, wire};
use millrace::signaling::sender_viewer;
use millrace::signaling::session::fragment;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// A target: one input, no result; it panics when something is wrong.
pub type Target = fn(&[u8]);

/// All of them, by the names of their folders in `corpus/`.
pub const ALL: &[(&str, Target)] = &[
    ("stun", stun),
    ("tcp_frames", tcp_frames),
    ("rtp", rtp),
    ("rtcp", rtcp),
    ("srtp", srtp),
    ("srtcp", srtcp),
    ("sdp_offer", sdp_offer),
    ("sdp_answer", sdp_answer),
    ("sdp_viewer", sdp_viewer),
    ("sdp_fragment", sdp_fragment),
    ("device_json", device_json),
    ("sender_viewer_json", sender_viewer_json),
    ("onvif", onvif),
    ("estimate", estimate),
];

/// Password of RFC 5769's samples.
const STUN_PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
/// Session key of libsrtp's tests.
const SRTP_KEY: [u8; 30] = [
    0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0, 0xd6, 0x4f, 0xa3, 0x2c, 0x06, 0xde, 0x41, 0x39, 0x0e, 0xc6, 0x75,
    0xad, 0x49, 0x8a, 0xfe, 0xeb, 0xb6, 0x96, 0x0b, 0x3a, 0xab, 0xe6,
];
/// The offer whose subscription `sdp_answer` answers.
const OFFER: &str = include_str!("../src/media/sdp/fixtures/chromium_av.sdp");

/// A datagram as the port's reader sees it; a check is answered, a STUN server's answer is read.
pub fn stun(data: &[u8]) {
    let mut gate = Gate::default();
    gate.learn(96);
    gate.learn_rids([1, 2], [Some(98), Some(99)], ["h", "l"]);
    if let Pass::Unproved(lesson) = gate.admits(data) {
        gate.proved(lesson);
        assert_eq!(gate.admits(data), Pass::Known, "a source that was authentic is known");
    }
    let ours = stun::plain_request(stun::transaction(data));
    let mapped = stun::mapped_address(data, &ours);
    assert!(mapped.is_none() || stun::parse(data).is_none(), "a message is a request or an answer");
    let Some(request) = stun::parse(data) else { return };
    assert_eq!(Datagram::of(data), Datagram::Stun);
    let key = stun::key(STUN_PASSWORD);
    let _authentic = request.authentic(data, &key);
    let v4 = stun::success(data, "192.0.2.1:32853".parse().unwrap(), &key);
    let v6 = stun::success(data, "[2001:db8::1]:32853".parse().unwrap(), &key);
    for answer in [v4, v6, stun::role_conflict(data, &key)] {
        assert!(answer.len() <= stun::MAX_ANSWER && answer.len() % 4 == 0);
        assert_eq!(answer[8..20], data[8..20], "the transaction is the request's");
        assert!(stun::parse(&answer).is_none(), "answers never look like requests: no two of us play ping-pong");
    }
}

/// A connection's bytes (RFC 4571): however they are cut into pieces, the frames are the same.
pub fn tcp_frames(data: &[u8]) {
    let Some((size, data)) = data.split_first() else { return };
    let (whole, in_pieces) = (deframed(&[data]), deframed(&data.chunks(usize::from(*size).max(1)).collect::<Vec<_>>()));
    assert_eq!(whole, in_pieces);
    let told: usize = whole.0.iter().map(|frame| frame.len() + 2).sum();
    assert!(told <= data.len());
}

fn deframed(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Option<Oversize>) {
    let (mut deframer, mut frames) = (Deframer::default(), Vec::new());
    let mut keep = |frame: &[u8]| {
        frames.push(frame.to_vec());
        ControlFlow::<()>::Continue(())
    };
    let failed = pieces.iter().find_map(|piece| deframer.take(piece, &mut keep).err());
    (frames, failed)
}

/// A decrypted packet of a publisher, and the header that a subscriber gets for it.
pub fn rtp(data: &[u8]) {
    payload(data);
    let Some(header) = Header::read(data) else { return };
    payload(&data[header.payload.clone()]);
    for id in [0, 1, 2, 5, 14, 15, 16, 255] {
        let found = find_extension(data, id);
        assert!(found.is_none_or(|value| value.len() <= 255));
    }
    for codec in [Codec::Opus, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1] {
        let item = Item::read(codec, &header, 1, 0, data.to_vec(), Instant::now());
        let dropped = codec == Codec::Av1 && !av1::is_sound(&data[header.payload.clone()]);
        assert_eq!(item.packet.payload(), if dropped { &[] } else { &data[header.payload.clone()] });
    }
    rewritten(&header, &data[header.payload.clone()]);
}

fn payload(data: &[u8]) {
    for (keyframe, size) in [h264::keyframe(data), vp9::keyframe(data), av1::keyframe(data)] {
        assert!(keyframe || size.is_none(), "only keyframes tell a size");
    }
    let Some(read) = vp8::Descriptor::read(data) else { return };
    let mut copy = data.to_vec();
    read.rewrite(&vp8::Offsets { picture_id: 0x7abc, tl0: 200, key_index: 30 }, &mut copy);
    let again = vp8::Descriptor::read(&copy).expect("rewritten fields stand where they stood");
    assert_eq!((again.keyframe, again.size), (read.keyframe, read.size));
    let expected = read.picture_id.map(|id| id.value.wrapping_add(0x7abc) & if id.wide { 0x7fff } else { 0x7f });
    assert_eq!(again.picture_id.map(|id| id.value), expected);
}

fn rewritten(header: &Header, payload: &[u8]) {
    let ids = OutExtensions { mid: 4, abs_send_time: 2, transport_cc: 3, audio_level: 1 };
    let values = OutExtensionValues { mid: Some("0"), level: payload.first().copied(), ..Default::default() };
    let &Header { marker, payload_type, sequence, timestamp, ssrc, .. } = header;
    let mut out = Vec::new();
    let length = OutHeader { marker, payload_type, sequence, timestamp, ssrc, values }.write(&ids, &mut out);
    out.extend_from_slice(payload);
    let again = Header::read(&out).expect("our own headers are read");
    let end = length + payload.len();
    assert_eq!(again, Header { marker, payload_type, sequence, timestamp, ssrc, payload: length..end });
}

/// A decrypted compound.
pub fn rtcp(data: &[u8]) {
    let (mut found, mut lost) = (0, Vec::new());
    rtcp::read(data, |feedback| {
        found += 1;
        if let rtcp::Feedback::Nack { ssrc, sequences } = feedback {
            assert!(sequences.len() <= data.len() / 4 * 17, "{} numbers of {} bytes", sequences.len(), data.len());
            lost.push((ssrc, sequences));
        }
    });
    assert!(found <= data.len(), "{found} messages of {} bytes", data.len());
    for (ssrc, sequences) in lost {
        let Some(ours) = rtcp::nack(1, ssrc, &sequences) else { continue };
        assert!(ours.len() <= 1300 && rtcp::read(&ours, |_| {}), "our own NACKs are read");
    }
}

/// An encrypted packet: as it came, then as one we encrypted, whole and damaged.
pub fn srtp(data: &[u8]) {
    let mut wire = data.to_vec();
    let Some(header) = Header::length(&mut wire) else { return };
    assert!(wire == data && (12..=data.len()).contains(&header));
    let mut receiver = Receiver::new(&SRTP_KEY).unwrap();
    if receiver.unprotect(&mut wire, header).is_ok() {
        rtp(&wire);
        assert!(receiver.unprotect(&mut data.to_vec(), header).is_err(), "a replay");
    }
    let mut wire = data.to_vec();
    Sender::new(&SRTP_KEY).unwrap().protect(&mut wire, 0, header, 0).unwrap();
    let mut receiver = Receiver::new(&SRTP_KEY).unwrap();
    let mut damaged = wire.clone();
    let at = usize::from(data[2]) * 7 % wire.len();
    damaged[at] ^= 1 << (data[3] & 7);
    assert!(receiver.unprotect(&mut damaged, header).is_err(), "byte {at} was changed");
    receiver.unprotect(&mut wire, header).unwrap();
    assert_eq!(wire, data);
}

/// An encrypted compound: as it came, then as one we encrypted, whole and damaged.
pub fn srtcp(data: &[u8]) {
    let mut receiver = Receiver::new(&SRTP_KEY).unwrap();
    if let Ok(plain) = receiver.unprotect_rtcp(data) {
        rtcp(&plain);
        assert!(receiver.unprotect_rtcp(data).is_err(), "a replay");
    }
    let mut wire = data.to_vec();
    let sender = Sender::new(&SRTP_KEY);
    if sender.unwrap().protect_rtcp(&mut wire).is_err() {
        return assert!(data.len() < 8, "only what has no SSRC is refused");
    }
    let mut receiver = Receiver::new(&SRTP_KEY).unwrap();
    let at = usize::from(data[0]) * 7 % wire.len();
    wire[at] ^= 1 << (data[1] & 7);
    assert!(receiver.unprotect_rtcp(&wire).is_err(), "byte {at} was changed");
    wire[at] ^= 1 << (data[1] & 7);
    assert_eq!(receiver.unprotect_rtcp(&wire).unwrap(), data);
}

fn local() -> Local {
    let word = |text: &str| text.to_owned();
    Local {
        name: word("us"),
        password: word("pw"),
        fingerprint: word("sha-256 AB"),
        setup: word("active"),
        mid: word("0"),
    }
}

fn sections(sdp: &str) -> usize {
    sdp.lines().filter(|line| line.starts_with("m=")).count()
}

/// What we write: whole lines, our own credentials once a section, nothing smuggled in by the client.
fn well_formed(sdp: &str, ours: &str) {
    assert!(sdp.ends_with("\r\n"));
    for line in sdp.split_terminator("\r\n") {
        let kind = line.as_bytes();
        assert!(kind.len() >= 2 && kind[1] == b'=' && !line.contains(['\r', '\n', '\0']), "{line:?} in {sdp}");
    }
    assert_eq!(sdp.matches("\r\na=ice-ufrag:").count(), sections(sdp), "{sdp}");
    assert_eq!(sdp.matches(&format!("\r\na=ice-ufrag:{ours}\r\n")).count(), sections(sdp), "{sdp}");
}

/// A publisher's offer.
pub fn sdp_offer(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _transport = Local::read(text);
    if let Some(read) = Fingerprint::parse(text) {
        assert_eq!(Fingerprint::parse(&read.to_string()), Some(read));
    }
    conversing_offer(text);
    let Ok(publication) = Publication::read(&Sdp::new(text)) else { return };
    let tracks = publication.tracks();
    assert!((1..=2).contains(&tracks.len()));
    let candidates = [false, true].map(|tcp| HostCandidate { address: "192.0.2.1:8443".parse().unwrap(), tcp });
    let answer = publication.answer(&local(), &candidates, 7, 1);
    well_formed(answer.as_str(), "us");
    assert_eq!(answer.as_str().matches("\r\na=candidate:").count(), 2, "ours alone");
    let inner = publication.inner_offer().expect("what was accepted can be given to webrtcbin");
    well_formed(&inner, &publication.remote.name);
    assert!(inner.is_ascii() && sections(&inner) == tracks.len(), "{inner}");
    let subscription = Subscription::of(FeedId(5), &tracks, || 100);
    let offer = subscription.offer(&local(), &candidates, 9);
    well_formed(offer.as_str(), "us");
    assert!(offer.as_str().is_ascii() && sections(offer.as_str()) == tracks.len());
}

/// Who receives on the same connection.
fn conversing_offer(text: &str) {
    let Ok(mut conversation) = Conversation::read(&Sdp::new(text), "peer-1", None, || 100) else { return };
    let again = Conversation::read(&Sdp::new(text), "peer-1", Some(&conversation.receiving), || 200).unwrap();
    assert_eq!(again.receiving, conversation.receiving, "what was agreed stays");
    assert!(conversation.publication.tracks().len() <= 2 && conversation.receiving.streams.len() <= 2);
    let candidates = [HostCandidate { address: "192.0.2.1:8443".parse().unwrap(), tcp: false }];
    let answer = conversation.answer(&local(), &candidates, 7, 1);
    well_formed(answer.as_str(), "us");
    assert_eq!(answer.as_str().matches("\r\na=candidate:").count(), 1, "ours alone");
    conversation_holds(&mut conversation);
}

fn conversation_holds(conversation: &mut Conversation) {
    let inner = conversation.publication.inner_offer().expect("what was accepted can be given to webrtcbin");
    well_formed(&inner, &conversation.publication.remote.name);
    for other in conversation.others() {
        let before = conversation.publication.tracks().len();
        conversation.prefer(other);
        assert_eq!(conversation.publication.tracks().len(), before);
    }
}

/// A subscriber's answer.
pub fn sdp_answer(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let publication = Publication::read(&Sdp::new(OFFER)).unwrap();
    let mut ssrc = 100;
    let subscription = Subscription::of(FeedId(5), &publication.tracks(), || {
        ssrc += 1;
        ssrc
    });
    if let Ok(mut accepted) = Conversation::accept(&Subscription::both_ways("peer-1".into(), || 100), &Sdp::new(text)) {
        conversation_holds(&mut accepted);
    }
    let Ok(accepted) = subscription.accept(&Sdp::new(text)) else { return };
    assert!(!accepted.streams.is_empty() && accepted.streams.len() <= subscription.streams.len());
    let inner = subscription.inner_answer(&accepted.remote, "audio0").expect("what was accepted has a transport");
    well_formed(&inner, &accepted.remote.name);
    assert!(inner.is_ascii() && sections(&inner) == 1, "{inner}");
}

/// A viewer's own offer (WHEP).
pub fn sdp_viewer(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let publication = Publication::read(&Sdp::new(OFFER)).unwrap();
    let mut ssrc = 100;
    let viewing = Viewing::read(&Sdp::new(text), FeedId(5), &publication.tracks(), || {
        ssrc += 1;
        ssrc
    });
    let Ok(viewing) = viewing else { return };
    assert!((1..=2).contains(&viewing.accepted.streams.len()));
    let candidates = [HostCandidate { address: "192.0.2.1:8443".parse().unwrap(), tcp: false }];
    let answer = viewing.answer(&viewing.local(&local()), &candidates, 7, 1);
    well_formed(answer.as_str(), "us");
    assert_eq!(answer.as_str().matches("\r\na=candidate:").count(), 1, "ours alone");
    let inner = viewing.subscription.inner_answer(&viewing.accepted.remote, "audio0").expect("a transport");
    well_formed(&inner, &viewing.accepted.remote.name);
    assert!(inner.is_ascii() && sections(&inner) == 1, "{inner}");
}

/// The body of a session's `PATCH`; what is accepted may be written into an offer.
pub fn sdp_fragment(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ours = fragment::of_answer(&Sdp::new(text));
    let Ok(read) = fragment::read(text) else { return };
    let Some(offer) = fragment::restarted(&Sdp::new(OFFER), &read) else { return };
    well_formed(offer.as_str(), read.ufrag.as_deref().unwrap());
    assert!(Publication::read(&offer).is_ok());
}

/// A camera's answer, taken for each of those that are asked for; and a demand for HTTP's digest.
pub fn onvif(data: &[u8]) {
    let asked = ["e32e6863-ea5e-4ee4-997e-69539d1ff2cc".to_owned()];
    for found in probe::answers(data, [192, 168, 1, 108].into(), &asked) {
        assert!(found.addresses.contains(&found.address) && !found.endpoint.is_empty());
        assert!(found.name.is_none_or(|name| !name.is_empty() && !name.contains(['\n', '\0'])));
    }
    match soap::read(data) {
        Ok(Answer::Response(node)) => {
            let _each = (read::services(&node), read::capabilities(&node), read::date(&node), read::information(&node));
            let _address = read::uri(&node);
            assert!(read::profiles(&node).iter().all(|profile| !profile.token.is_empty() && profile.width != Some(0)));
            assert!(read::presets(&node).iter().all(|preset| !preset.token.is_empty() && !preset.name.is_empty()));
        }
        Ok(Answer::Fault(fault)) => assert!(fault.reason.chars().count() <= 200),
        Err(why) => assert!(!why.is_empty()),
    }
    let Some(mut prompt) = std::str::from_utf8(data).ok().and_then(http::challenge) else { return };
    let _answer = prompt.respond(&digest_auth::AuthContext::new("user", "password", "/path"));
}

/// What is sent and what feedback says of it, an operation each two bytes: the estimate stays in its bounds.
pub fn estimate(data: &[u8]) {
    let mut now = Instant::now();
    let (mut estimator, mut sequence, mut probe) = (Estimator::new(now), 0u16, None::<Probe>);
    for (at, operation) in data.chunks_exact(2).enumerate() {
        let value = u64::from(operation[1]);
        match operation[0] % 8 {
            0..=2 => {
                sequence = sequence.wrapping_add(1 + u16::from(operation[0] / 250));
                estimator.on_sent(sequence, operation[1] as usize * 8, now, probe.map(|probe| probe.id));
            }
            3 | 4 => estimator.on_feedback(now, &told(&data[at * 2 + 2..], sequence, operation[1])),
            5 => now += Duration::from_micros(value * value * u64::from(operation[0])),
            6 => estimator.set_desired(value << (operation[0] / 8)),
            _ => match operation[0] / 8 % 3 {
                0 => estimator.on_remb(now, value << (operation[0] / 4)),
                1 => estimator.on_loss(value as f64 / 200.0),
                _ => estimator.on_round_trip(Duration::from_micros(value << (operation[0] / 8))),
            },
        }
        probe = estimator.tick(now).or(probe);
        assert!(probe.is_none_or(|probe| (1..=100_000_000).contains(&probe.bits) && probe.bytes <= 64_000));
        assert!(estimator.estimate().is_none_or(|bits| (30_000..=100_000_000).contains(&bits)));
    }
}

/// Feedback of up to 31 packets about the last ones sent, with arrival times of any kind.
fn told(data: &[u8], sequence: u16, kind: u8) -> Vec<Received> {
    let packet = |(n, bytes): (usize, &[u8])| {
        let time = i64::from(i16::from_le_bytes([bytes[0], bytes[1]]));
        let arrival = match kind / 32 {
            0 => None,
            1 => Some(time << 48),
            2 => Some(i64::MIN.wrapping_add(time)),
            _ => Some(i64::from(sequence) * 5_000 + n as i64 * 1_000 + time),
        };
        Received { sequence: sequence.wrapping_sub(u16::from(bytes[2] % 64)), arrival }
    };
    data.chunks_exact(3).take(usize::from(kind % 32)).enumerate().map(packet).collect()
}

/// A text frame of the sender/viewer protocol: what is passed on says what was read, and no more than a line comes back.
pub fn sender_viewer_json(data: &[u8]) {
    use sender_viewer::wire::{ClientMessage, read};
    let Ok(text) = std::str::from_utf8(data) else { return };
    match read(text) {
        Ok(ClientMessage::Join(join)) => {
            assert!(millrace::model::RoomId::is_valid(join.id.as_str()), "{}", join.id);
            assert!(join.room.is_string() || join.room.is_number());
        }
        Ok(ClientMessage::Offer(given) | ClientMessage::Answer(given)) => {
            assert_eq!(given.whole["sdp"], given.sdp.as_str());
        }
        Ok(ClientMessage::IceCandidate(given)) => {
            let line = given.candidate.map(|candidate| candidate.candidate).unwrap_or_default();
            assert_eq!(given.whole["candidate"].as_str().unwrap_or_default(), line);
        }
        Ok(ClientMessage::Ready) => {}
        Err(problem) => assert!(problem.to_string().len() < 1000, "too much comes back: {problem}"),
    }
}

/// A text frame of the device protocol, in both roles; a refusal can be told.
pub fn device_json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for role in [Role::Web, Role::Device] {
        match wire::read(role, text) {
            Ok(wire::ClientMessage::JoinAsPublisher(room) | wire::ClientMessage::InviteDevices(room)) => {
                assert!(millrace::model::RoomId::is_valid(room.as_str()), "{room}");
                let told = wire::room_value(&room);
                assert_eq!(told.as_str().map_or_else(|| told.to_string(), str::to_owned), room.as_str());
            }
            Ok(_) => {}
            Err(problem) => {
                let told = serde_json::to_string(&translate::misunderstood(&problem)).unwrap();
                assert!(told.len() < 1000, "{} bytes come back: {told}", told.len());
            }
        }
    }
}
