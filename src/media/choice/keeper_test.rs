//! The thread around the choice: real feeds, a fake way out, a fake maker of renditions, real time with deadlines.

use super::candidates::Bar;
use super::works::{Watcher, Works};
use super::*;
use crate::media::egress::{LineReport, Pool, Show};
use crate::media::feed::{Source, SourceTrack, Upstream};
use crate::media::rendition::Rung;
use crate::media::{MediaEvent, MediaSink};
use crate::model::{Content, FeedId, Kind, Why};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Instant;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const PATIENCE: Duration = Duration::from_secs(10);
const VP8: u32 = 7;
const WORDS: &str = "small would take 0.35 cores, and 0.10 are left for renditions.";

struct Nowhere;

impl Upstream for Nowhere {
    fn send_rtcp(&self, _: &[u8]) {}
}

fn feed(pool: &Arc<Pool>) -> Arc<Feed> {
    let feed = Feed::new(FeedId::next(), pool.clone(), Duration::from_millis(300), Box::new(|_| {}));
    let track = SourceTrack {
        codec: Codec::Vp8,
        fmtp: String::new(),
        payload_type: 96,
        ssrc: Some(VP8),
        rtx_payload_type: None,
        rtx_ssrc: None,
        nack: false,
        audio_level_id: 0,
    };
    feed.set_source(Source { tracks: vec![track], upstream: Arc::new(Nowhere) });
    feed
}

/// One keyframe of 640x480 in a packet of 1200 bytes.
fn picture(n: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0xe0];
    packet.extend_from_slice(&n.to_be_bytes());
    packet.extend_from_slice(&(u32::from(n) * 3000).to_be_bytes());
    packet.extend_from_slice(&VP8.to_be_bytes());
    packet.extend_from_slice(&[0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01]);
    packet.resize(1200, 0);
    packet
}

/// One rung; it is refused, or made as a feed that shows or does not.
struct Maker {
    pool: Arc<Pool>,
    refuses: bool,
}

impl Works for Maker {
    fn ladder(&self, _: Content) -> Arc<[Rung]> {
        let (height, framerate, keyframe_interval) = (Some(240), None, Duration::from_secs(2));
        Arc::new([Rung { name: "small".into(), height, bitrate: 100_000, framerate, keyframe_interval }])
    }
    fn runs(&self, _: &Arc<Feed>, _: Codec, _: &Rung) -> bool {
        false
    }
    fn make(&self, _: &Arc<Feed>, _: Codec, _: &Rung) -> Result<Show, Bar> {
        match self.refuses {
            true => Err(Bar { why: Why::Budget, words: WORDS.into() }),
            false => Ok(Show { feed: feed(&self.pool), keep: None }),
        }
    }
}

#[derive(Default)]
struct Way {
    estimate: AtomicU64,
    /// What is chosen comes at once.
    comes: AtomicBool,
    shown: Mutex<Vec<(Kind, Option<FeedId>)>>,
    desire: AtomicU64,
}

impl Way {
    fn pictures(&self) -> Option<FeedId> {
        self.shown.lock().iter().rev().find(|(kind, _)| *kind == Kind::Video).and_then(|(_, feed)| *feed)
    }
}

impl Watcher for Way {
    fn report(&self) -> LineReport {
        let estimate = Some(self.estimate.load(SeqCst));
        let (showing, media) = (self.pictures().filter(|_| self.comes.load(SeqCst)), 400_000);
        LineReport { estimate, showing, media, sent: media, ..LineReport::default() }
    }
    fn show(&self, kind: Kind, source: Option<Show>) {
        self.shown.lock().push((kind, source.map(|show| show.feed.id())));
    }
    fn desire(&self, bits: u64) {
        self.desire.store(bits, SeqCst);
    }
}

struct Stage {
    choices: Choices,
    feed: Arc<Feed>,
    way: Arc<Way>,
    peer: PeerId,
    sink: MediaSink,
    events: UnboundedReceiver<MediaEvent>,
    publishing: Arc<AtomicBool>,
}

impl Stage {
    fn new(refuses: bool) -> Self {
        let pool = Pool::start(1).unwrap();
        let (feed, way) = (feed(&pool), Arc::new(Way::default()));
        let choices = Choices::start(Box::new(Maker { pool, refuses }), Box::new(|_, _| None)).unwrap();
        let (sink, events) = unbounded_channel();
        let publishing = Arc::new(AtomicBool::new(true));
        // 480 kbit/s, 50 pictures a second.
        let (published, goes_on) = (feed.clone(), publishing.clone());
        std::thread::spawn(move || {
            for n in 0u16.. {
                if !goes_on.load(SeqCst) {
                    break;
                }
                published.on_rtp(picture(n), Instant::now());
                published.flush();
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        Self { choices, feed, way, peer: PeerId::next(), sink, events, publishing }
    }

    fn join(&self) -> Chosen {
        let watcher: Arc<dyn Watcher> = self.way.clone();
        self.choices.add(Joining {
            peer: self.peer,
            viewer: Viewer { line: LineId::next(), own: None },
            feed: self.feed.clone(),
            begun: true,
            only: None,
            downlink: Arc::downgrade(&watcher),
            decoders: vec![Codec::Vp8],
            own_pictures: true,
            events: self.sink.clone(),
        })
    }

    /// Waits until it is told to get this; why, and the words.
    fn told(&mut self, name: &str) -> (Why, String) {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.events.try_recv() {
                Ok(MediaEvent::Showing { rendition, why, words, .. }) if rendition == name => return (why, words),
                Ok(_) => {}
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
            assert!(Instant::now() < end, "{name} was not told: {:?}", self.choices.explain(self.peer));
        }
    }

    /// Waits until its explanation is so.
    fn explained(&self, so: impl Fn(&Explanation) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !self.choices.explain(self.peer).is_some_and(|explanation| so(&explanation)) {
            assert!(Instant::now() < end, "{:?}", self.choices.explain(self.peer));
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.publishing.store(false, SeqCst);
    }
}

#[test]
fn a_weak_line_gets_a_rendition_and_a_better_one_the_source_again() {
    let mut stage = Stage::new(false);
    stage.way.comes.store(true, SeqCst);
    stage.way.estimate.store(10_000_000, SeqCst);
    let chosen = stage.join();
    assert_eq!(stage.told("source").0, Why::Best);
    stage.explained(|now| now.options.iter().any(|option| option.rendition.name == "small"));
    stage.way.estimate.store(200_000, SeqCst);
    let (why, words) = stage.told("small");
    assert_eq!(why, Why::Line);
    assert!(words.starts_with("The line carries about 200 kbit/s; source needs "), "{words}");
    assert!(stage.way.pictures().is_some_and(|feed| feed != stage.feed.id()));
    stage.explained(|now| now.gets.name == "small" && !now.samples.is_empty() && now.switches.len() == 1);
    stage.way.estimate.store(10_000_000, SeqCst);
    stage.told("source");
    assert_eq!(stage.way.pictures(), Some(stage.feed.id()));
    drop(chosen);
    assert_eq!(stage.choices.explain(stage.peer), None);
}

#[test]
fn limits_that_came_early_count_from_the_start() {
    let mut stage = Stage::new(false);
    stage.way.estimate.store(10_000_000, SeqCst);
    stage.choices.limit(stage.peer, ViewLimits { paused: true, ..ViewLimits::default() });
    let _chosen = stage.join();
    assert_eq!(stage.told("nothing").0, Why::OwnLimit);
    assert_eq!(*stage.way.shown.lock(), [(Kind::Video, None), (Kind::Audio, None)]);
    stage.choices.limit(stage.peer, ViewLimits::default());
    stage.told("source");
    let (all, id) = (stage.way.shown.lock().clone(), Some(stage.feed.id()));
    assert_eq!(all[2..], [(Kind::Video, id), (Kind::Audio, id)]);
}

#[test]
fn what_is_refused_is_said_with_figures() {
    let stage = Stage::new(true);
    stage.way.estimate.store(200_000, SeqCst);
    let _chosen = stage.join();
    stage.explained(|now| {
        let small = now.options.iter().find(|option| option.rendition.name == "small");
        small.is_some_and(|option| option.why_not == Some(Why::Budget))
    });
}

#[test]
fn a_rendition_that_does_not_come_is_given_up() {
    let mut stage = Stage::new(false);
    stage.way.estimate.store(10_000_000, SeqCst);
    let _chosen = stage.join();
    stage.explained(|now| now.options.iter().any(|option| option.rendition.name == "small"));
    stage.way.estimate.store(200_000, SeqCst);
    stage.told("small");
    stage.explained(|now| now.gets.name != "small" && now.switches[0].words.contains("no picture came within 3 s"));
}
