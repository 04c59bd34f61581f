//! Peers that publish and receive on one connection.

use crate::engine::{Room, config, resources, somebody, until};
use crate::talker::Talker;
use gst::prelude::*;
use millrace::media::{Engine, MediaEvent, MediaRequest, Viewer};
use millrace::model::{EndReason, FeedId, PeerId, RenditionKind, Sdp};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// A conversing peer as the room knows it.
#[derive(Clone, Copy)]
struct Party {
    peer: PeerId,
    feed: FeedId,
}

fn party(room: &Room, offer: Option<String>) -> Party {
    let party = Party { peer: PeerId::next(), feed: FeedId::next() };
    let viewer = Viewer { own: Some(party.feed), ..somebody() };
    let offer = offer.map(Sdp::new);
    room.ask(MediaRequest::Converse { peer: party.peer, feed: party.feed, offer, viewer });
    party
}

fn answered(room: &mut Room) -> String {
    room.expect("the answer", |event| match event {
        MediaEvent::PublishAnswered { answer, .. } => Some(answer.as_str().to_owned()),
        MediaEvent::PublishRefused { error, .. } => panic!("refused: {error}"),
        _ => None,
    })
}

/// By the client's offer.
fn calls(room: &mut Room, talker: &Talker) -> Party {
    let party = party(room, Some(talker.client.offer()));
    let answer = answered(room);
    assert_eq!(answer.matches("a=sendrecv").count(), 2, "{answer}");
    talker.client.take_answer(&answer);
    room.connected(party.peer);
    room.live(party.feed);
    party
}

/// By ours.
fn is_called(room: &mut Room, talker: &Talker) -> Party {
    let party = party(room, None);
    let offer = room.expect("the offer", |event| match event {
        MediaEvent::PublishOffered { offer, .. } => Some(offer.as_str().to_owned()),
        MediaEvent::PublishRefused { error, .. } => panic!("refused: {error}"),
        _ => None,
    });
    let answer = Sdp::new(talker.client.answer(&offer));
    room.ask(MediaRequest::Answer { peer: party.peer, answer });
    room.connected(party.peer);
    room.live(party.feed);
    party
}

fn face(room: &Room, who: Party, whom: Option<Party>) {
    room.ask(MediaRequest::Face { peer: who.peer, feed: whom.map(|whom| whom.feed) });
}

fn white(brightness: u8) -> bool {
    brightness > 200
}

fn black(brightness: u8) -> bool {
    brightness < 50
}

fn loud(loudness: u8) -> bool {
    loudness > 150
}

fn soft(loudness: u8) -> bool {
    (20..100).contains(&loudness)
}

#[test]
fn two_see_and_hear_each_other_by_an_offer_of_theirs_and_one_of_ours() {
    let mut room = Room::new();
    let (ann, bob) = (Talker::new("VP8", "white", 0.8), Talker::new("VP8", "black", 0.2));
    let a = calls(&mut room, &ann);
    let b = is_called(&mut room, &bob);
    face(&room, a, Some(b));
    face(&room, b, Some(a));
    ann.sees("bob", black);
    bob.sees("ann", white);
    ann.hears("bob", soft);
    bob.hears("ann", loud);
    // The picture moves: it is no still.
    ann.client.paint("black");
    bob.client.paint("white");
    bob.sees("ann's other picture", black);
    ann.sees("bob's other picture", white);
    for party in [a, b] {
        let stats = room.engine.peer_stats(party.peer).expect("figures");
        assert_eq!(stats.state, "connected");
        assert!(stats.packets > 20 && stats.packets_received > 20 && stats.pictures > 10, "{stats:?}");
        until("it gets what is sent", || room.engine.explain(party.peer).is_some_and(|e| e.gets.name == "source"));
    }
    let graph = room.engine.graph(&[a.peer, b.peer], &[a.feed, b.feed]);
    assert!(graph.contains(&format!("\"{}\" -> \"conversation-{}\"", b.feed, a.peer.0)), "{graph}");
    room.close(a.peer);
    bob.gets_nothing();
    assert!(room.engine.feed_stats(a.feed).is_none() && room.engine.feed_stats(b.feed).is_some());
    assert_eq!(room.engine.peer_stats(b.peer).expect("it goes on").state, "connected");
    room.close(b.peer);
}

#[test]
fn whom_one_faces_may_come_later_change_and_go() {
    let mut room = Room::new();
    let (ann, bob, eve) =
        (Talker::new("VP8", "white", 0.8), Talker::new("VP8", "black", 0.2), Talker::new("VP8", "green", 0.8));
    // Before it is connected, a feed that is not there yet.
    let a = party(&room, Some(ann.client.offer()));
    let answer = answered(&mut room);
    let b = Party { peer: PeerId::next(), feed: FeedId::next() };
    face(&room, a, Some(b));
    ann.client.take_answer(&answer);
    room.connected(a.peer);
    room.live(a.feed);
    let offer = Some(Sdp::new(bob.client.offer()));
    room.ask(MediaRequest::Converse { peer: b.peer, feed: b.feed, offer, viewer: somebody() });
    let answer = answered(&mut room);
    bob.client.take_answer(&answer);
    room.live(b.feed);
    ann.sees("bob", black);
    ann.hears("bob", soft);
    bob.gets_nothing();

    let e = calls(&mut room, &eve);
    face(&room, a, Some(e));
    ann.sees("eve", |brightness| (60..190).contains(&brightness));
    ann.hears("eve", loud);
    until("eve's renditions are chosen", || room.engine.explain(a.peer).is_some_and(|of| of.feed == e.feed));

    face(&room, a, None);
    ann.gets_nothing();
    assert!(room.engine.explain(a.peer).is_none());
    face(&room, a, Some(b));
    ann.sees("bob again", black);
    room.close(b.peer);
    ann.gets_nothing();
    face(&room, a, Some(e));
    ann.hears("eve again", loud);
}

#[test]
fn a_keyframe_is_asked_of_whom_one_faces() {
    let mut room = Room::new();
    let (ann, bob) = (Talker::new("VP8", "white", 0.8), Talker::new("VP8", "black", 0.2));
    let (a, b) = (calls(&mut room, &ann), is_called(&mut room, &bob));
    face(&room, a, Some(b));
    face(&room, b, Some(a));
    ann.sees("bob", black);
    bob.sees("ann", white);
    for (asker, asked, feed) in [(&ann, &bob, b.feed), (&bob, &ann, a.feed)] {
        let before = (asked.asked.load(Relaxed), room.engine.feed_stats(feed).expect("figures").keyframe_requests);
        let event = gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build();
        let pads = asker.client.webrtcbin.src_pads();
        let video = pads.iter().find(|pad| pad.current_caps().is_some_and(|caps| caps.to_string().contains("video")));
        assert!(video.expect("a pad with pictures").send_event(event), "webrtcbin takes it");
        until("the encoder is asked", || asked.asked.load(Relaxed) > before.0);
        assert!(room.engine.feed_stats(feed).expect("figures").keyframe_requests > before.1);
    }
}

#[test]
fn what_does_not_fit_is_refused_in_words_and_the_conversation_goes_on() {
    let mut room = Room::new();
    let ann = Talker::new("VP8", "white", 0.8);
    let bad = party(&room, Some("no SDP at all".into()));
    let error = room.expect("the refusal", |event| match event {
        MediaEvent::PublishRefused { error, .. } => Some(error.to_string()),
        _ => None,
    });
    assert!(error.contains("session description"), "{error}");
    until("nothing is left", || {
        room.engine.peer_stats(bad.peer).is_none() && room.engine.feed_stats(bad.feed).is_none()
    });

    let a = party(&room, None);
    room.expect("the offer", |event| matches!(event, MediaEvent::PublishOffered { .. }).then_some(()));
    for answer in ["nonsense", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 0 UDP/TLS/RTP/SAVPF 0\r\n"] {
        room.ask(MediaRequest::Answer { peer: a.peer, answer: Sdp::new(answer) });
        room.expect("the refusal", |event| matches!(event, MediaEvent::AnswerRefused { .. }).then_some(()));
    }
    room.close(a.peer);
    let a = calls(&mut room, &ann);
    room.ask(MediaRequest::Republish { peer: a.peer, offer: Sdp::new("nonsense") });
    room.expect("the refusal", |event| matches!(event, MediaEvent::PublishRefused { .. }).then_some(()));
    room.ask(MediaRequest::Answer { peer: a.peer, answer: Sdp::new("nonsense") });
    room.expect("the refusal", |event| matches!(event, MediaEvent::AnswerRefused { .. }).then_some(()));
    face(&room, a, Some(a));
    ann.sees("itself", white);
}

#[test]
fn a_conversation_that_is_never_answered_ends() {
    let limit = Duration::from_millis(300);
    let mut room = Room::with(millrace::config::Media { negotiation_limit: limit, ..config() });
    let a = party(&room, None);
    assert_eq!(room.ended(a.peer), EndReason::NegotiationTimeout);
    until("the feed is gone", || room.engine.feed_stats(a.feed).is_none());
}

#[test]
fn a_conversation_whose_client_vanished_ends_and_the_other_goes_on() {
    let mut room = Room::with(millrace::config::Media { liveness: Duration::from_secs(2), ..config() });
    let (ann, bob) = (Talker::new("VP8", "white", 0.8), Talker::new("VP8", "black", 0.2));
    let (a, b) = (calls(&mut room, &ann), is_called(&mut room, &bob));
    face(&room, b, Some(a));
    bob.sees("ann", white);
    drop(ann);
    assert_eq!(room.ended(a.peer), EndReason::MediaTimeout);
    bob.gets_nothing();
    assert!(room.engine.peer_stats(b.peer).is_some());
}

#[test]
fn codecs_are_bridged() {
    let mut room = Room::new();
    let (ann, bob) = (Talker::new("VP8", "white", 0.8), Talker::new("H264", "black", 0.2));
    let (a, b) = (calls(&mut room, &ann), calls(&mut room, &bob));
    face(&room, a, Some(b));
    face(&room, b, Some(a));
    ann.sees("bob, transcoded", black);
    bob.sees("ann, transcoded", white);
    ann.hears("bob", soft);
    for party in [a, b] {
        let kind = RenditionKind::Transcode;
        until("it gets a transcode", || room.engine.explain(party.peer).is_some_and(|e| e.gets.kind == kind));
    }
}

#[test]
fn what_is_lost_either_way_is_sent_again() {
    let mut room = Room::new();
    let (ann, bob) = (Talker::new("VP8", "white", 0.8), Talker::new("VP8", "black", 0.2));
    ann.repeat();
    let (a, b) = (calls(&mut room, &ann), is_called(&mut room, &bob));
    face(&room, a, Some(b));
    face(&room, b, Some(a));
    ann.sees("bob", black);
    bob.sees("ann", white);
    let asked = |who: &Talker| who.asked.load(Relaxed);
    let before = (asked(&ann), asked(&bob));
    ann.lose(10, true);
    ann.lose(10, false);
    until("losses on the way to her are repaired", || {
        room.engine.peer_stats(a.peer).expect("figures").retransmitted > 3
    });
    (0..3).for_each(|_| bob.sees("ann without a gap", white));
    assert_eq!((asked(&ann), asked(&bob)), before, "nobody needs a keyframe");
}

#[test]
fn a_recording_of_a_conversation_decodes() {
    let mut room = Room::new();
    let (ann, bob) = (Talker::new("VP8", "white", 0.8), Talker::new("VP8", "black", 0.2));
    let (a, b) = (calls(&mut room, &ann), is_called(&mut room, &bob));
    face(&room, a, Some(b));
    face(&room, b, Some(a));
    let dir = tempfile::tempdir().expect("a folder");
    let recording = millrace::model::RecordingId::new("call");
    let (stem, preroll) = (dir.path().join("ann"), Duration::ZERO);
    room.ask(MediaRequest::Record { recording: recording.clone(), feed: a.feed, stem, preroll, only: None });
    room.expect("the beginning", |event| matches!(event, MediaEvent::RecordingStarted { .. }).then_some(()));
    (0..3).for_each(|_| bob.sees("ann", white));
    room.ask(MediaRequest::StopRecording { recording, feed: None, reason: EndReason::Requested });
    let report = room.expect("the file", |event| match event {
        MediaEvent::RecordingEnded { report, .. } => Some(report.clone()),
        _ => None,
    });
    assert!(report.duration_ms > 1500 && report.codecs.len() == 2, "{report:?}");
    let mut decode = std::process::Command::new("ffmpeg");
    decode.args(["-v", "error", "-i"]).arg(dir.path().join(&report.file));
    let pictures = decode.args(["-f", "rawvideo", "-pix_fmt", "gray", "-"]).output().expect("ffmpeg");
    assert!(pictures.stderr.is_empty(), "{}", String::from_utf8_lossy(&pictures.stderr));
    let frames = pictures.stdout.chunks_exact(320 * 180);
    assert!(frames.len() > 20 && frames.clone().all(|frame| white(frame[320 * 90])), "{} frames", frames.len());
}

#[test]
fn conversations_leave_nothing_behind() {
    let mut room = Room::new();
    let mut base = None;
    for round in 0..8 {
        let (ann, bob) = (Talker::new("VP8", "white", 0.8), Talker::new("VP8", "black", 0.2));
        let (a, b) = (calls(&mut room, &ann), is_called(&mut room, &bob));
        face(&room, a, Some(b));
        face(&room, b, Some(a));
        ann.sees("bob", black);
        room.close(a.peer);
        room.close(b.peer);
        drop((ann, bob));
        // The first rounds start what stays: thread pools of GLib, GStreamer and the runtime.
        if round == 2 {
            std::thread::sleep(Duration::from_secs(2));
            base = Some(resources());
        }
    }
    let (threads, descriptors) = base.expect("a base");
    until("threads and descriptors are back", || {
        let (now_threads, now_descriptors) = resources();
        now_threads <= threads && now_descriptors <= descriptors
    });
}

#[test]
fn a_reloaded_page_takes_over_the_conversation() {
    let mut room = Room::new();
    let (ann, bob) = (Talker::new("VP8", "white", 0.8), Talker::new("VP8", "black", 0.2));
    let (a, b) = (calls(&mut room, &ann), is_called(&mut room, &bob));
    face(&room, a, Some(b));
    face(&room, b, Some(a));
    bob.sees("ann", white);
    let anew = Talker::new("VP8", "green", 0.8);
    room.ask(MediaRequest::Republish { peer: a.peer, offer: Sdp::new(anew.client.offer()) });
    let answer = answered(&mut room);
    anew.client.take_answer(&answer);
    room.connected(a.peer);
    bob.sees("ann's new page", |brightness| (60..190).contains(&brightness));
    anew.sees("bob", black);
    anew.hears("bob", soft);
}

#[test]
fn who_sends_nothing_sees_and_hears_all_the_same() {
    let mut room = Room::new();
    let (ann, bob) = (Talker::new("VP8", "white", 0.8), Talker::new("VP8", "black", 0.2));
    let b = is_called(&mut room, &bob);
    let a = party(&room, Some(ann.client.offer().replace("a=sendrecv", "a=recvonly")));
    face(&room, a, Some(b));
    let answer = answered(&mut room);
    assert_eq!(answer.matches("a=sendonly").count(), 2, "{answer}");
    ann.client.take_answer(&answer);
    room.connected(a.peer);
    ann.sees("bob", black);
    ann.hears("bob", soft);
    assert_eq!(room.engine.peer_stats(a.peer).expect("figures").packets_received, 0);
}
