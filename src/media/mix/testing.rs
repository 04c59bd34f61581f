//! Feeds for the tests: RTP made of a file, handed over at the time at which a live source would have sent it.

use super::live::{Mix, MixEvent, MixSpec, Target};
use super::member::Joining;
use crate::media::BranchReport;
use crate::media::feed::{SourceTrack, TapItem};
use crate::media::rtp::{Header, Item, Packet};
use crate::model::{Codec, EndReason, FeedId, Film, Kind, Layout, RecordingId};
use gst::prelude::*;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

/// Packets with the time at which each is sent.
pub type Rtp = Vec<(Duration, Arc<Packet>)>;

pub fn track(codec: Codec) -> SourceTrack {
    SourceTrack {
        codec,
        fmtp: String::new(),
        payload_type: 96,
        ssrc: None,
        rtx_payload_type: None,
        rtx_ssrc: None,
        nack: true,
        audio_level_id: 0,
    }
}

/// A file's tracks as RTP, in the order of sending.
pub fn rtp(path: &Path, codecs: &[Codec]) -> Rtp {
    let mut all: Rtp = codecs.iter().flat_map(|codec| payload(path, *codec)).collect();
    all.sort_by_key(|(due, _)| *due);
    all
}

fn payload(path: &Path, codec: Codec) -> Rtp {
    gst::init().unwrap();
    let demux = if path.extension().unwrap() == "mp4" { "qtdemux" } else { "matroskademux" };
    let rest = match codec {
        Codec::Opus => "demux.audio_0 ! opusparse ! rtpopuspay",
        Codec::Vp8 => "demux.video_0 ! rtpvp8pay mtu=1000 picture-id-mode=15-bit",
        Codec::H264 => "demux.video_0 ! h264parse ! rtph264pay mtu=1000 config-interval=-1 aggregate-mode=zero-latency",
        #[allow(unreachable_patterns)]
        _ => unimplemented!("{codec:?}"),
    };
    let ssrc = if codec == Codec::Opus { 1 } else { 2 };
    let launch = format!(
        "filesrc name=file ! {demux} name=demux {rest} pt=96 ssrc={ssrc} seqnum-offset=65500 ! appsink name=out sync=false"
    );
    let pipeline = gst::parse::launch(&launch).unwrap().downcast::<gst::Pipeline>().unwrap();
    pipeline.by_name("file").unwrap().set_property("location", path.to_str().unwrap());
    pipeline.set_state(gst::State::Playing).unwrap();
    let sink = pipeline.by_name("out").unwrap().downcast::<gst_app::AppSink>().unwrap();
    let mut packets: Rtp = Vec::new();
    while let Ok(sample) = sink.pull_sample() {
        let buffers: Vec<_> = match sample.buffer_list_owned() {
            Some(list) => list.iter_owned().collect(),
            None => vec![sample.buffer_owned().unwrap()],
        };
        for buffer in buffers {
            let due = Duration::from_nanos(buffer.pts().map_or(0, |pts| pts.nseconds()));
            let data = buffer.map_readable().unwrap().to_vec();
            let header = Header::read(&data).unwrap();
            let item = Item::read(codec, &header, 65_500 + packets.len() as u64, 0, data, Instant::now());
            packets.push((due, item.packet));
        }
    }
    pipeline.set_state(gst::State::Null).unwrap();
    assert!(packets.len() > 20, "{codec:?} of {path:?}: {} packets", packets.len());
    packets
}

/// A mix under test and its feeds.
pub struct Stage {
    pub mix: Option<Mix>,
    pub events: Receiver<MixEvent>,
    pub dir: tempfile::TempDir,
    pub begun: Instant,
    feeds: Vec<(u64, SyncSender<TapItem>)>,
}

impl Stage {
    pub fn new(layout: Option<Layout>) -> Self {
        Self::with(layout, 0)
    }

    pub fn with(layout: Option<Layout>, min_free_bytes: u64) -> Self {
        Self::of_film(layout, Film::default(), min_free_bytes)
    }

    pub fn of_film(layout: Option<Layout>, film: Film, min_free_bytes: u64) -> Self {
        gst::init().unwrap();
        let (dir, (sender, events)) = (tempfile::tempdir().unwrap(), channel());
        let begun = Instant::now();
        let mix = Mix::start(MixSpec {
            recording: RecordingId::new("test"),
            target: Target::File { stem: dir.path().join("mix"), min_free_bytes, disk: Default::default() },
            layout,
            film,
            title: "A test".into(),
            templates: None,
            events: Box::new(move |event| drop(sender.send(event))),
        });
        Self { mix: Some(mix.unwrap()), events, dir, begun, feeds: Vec::new() }
    }

    pub fn join(&mut self, feed: u64, name: &str, codecs: &[Codec]) {
        let (tap, packets) = sync_channel(100_000);
        let joining = Joining {
            feed: FeedId(feed),
            name: name.into(),
            tracks: codecs.iter().map(|codec| track(*codec)).collect(),
            packets,
            request_keyframe: Box::new(|| {}),
        };
        self.mix.as_ref().unwrap().join(joining);
        self.feeds.push((feed, tap));
    }

    pub fn leave(&mut self, feed: u64) {
        self.feeds.retain(|(id, _)| *id != feed);
        self.mix.as_ref().unwrap().leave(FeedId(feed));
    }

    /// Sends to all feeds in real time, from `from` to `to` of the packets' time; a live source's pace is the test's.
    pub fn play(&self, packets: &Rtp, from: Duration, to: Duration) {
        let begin = Instant::now();
        for (due, packet) in packets.iter().filter(|(due, _)| (from..to).contains(due)) {
            std::thread::sleep((begin + *due - from).saturating_duration_since(Instant::now()));
            for (_, tap) in &self.feeds {
                let copy = Packet {
                    codec: packet.codec,
                    sequence: packet.sequence,
                    timestamp: packet.timestamp,
                    marker: packet.marker,
                    keyframe: packet.keyframe,
                    size: packet.size,
                    data: packet.data.clone(),
                    payload: packet.payload.clone(),
                    at: Instant::now(),
                };
                tap.send(TapItem::Packet(Arc::new(copy))).unwrap();
            }
        }
        std::thread::sleep((begin + to - from).saturating_duration_since(Instant::now()));
    }

    /// Stops, and waits for the file: within 5 s.
    pub fn stop(&mut self) -> (EndReason, BranchReport) {
        self.mix.take().unwrap().stop(EndReason::Requested);
        self.ended()
    }

    pub fn ended(&self) -> (EndReason, BranchReport) {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left).expect("the mix told no end within 5 s") {
                MixEvent::Ended(reason, report) => return (reason, report),
                MixEvent::Started(report) => assert!(report.started_at.is_some()),
            }
        }
    }
}

/// What `ffprobe` says, with the packets.
pub fn probe(path: &Path) -> serde_json::Value {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-of", "json", "-show_format", "-show_streams", "-show_packets"]).arg(path);
    serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
}

/// Number of packets of a kind.
pub fn packets(probe: &serde_json::Value, kind: Kind) -> usize {
    probe["packets"].as_array().unwrap().iter().filter(|p| p["codec_type"] == kind.as_str()).count()
}

/// Decodes all of it without a complaint.
pub fn assert_decodes(path: &Path) {
    let out = Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(path).args(["-f", "null", "-"]).output().unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{path:?}: {}", String::from_utf8_lossy(&out.stderr));
}

/// A file with pictures: every one of them is there, it decodes, and the report is true.
pub fn assert_good(dir: &Path, report: &BranchReport, fps: u64) {
    let path = dir.join(&report.file);
    let probe = probe(&path);
    let pictures = packets(&probe, Kind::Video) as u64;
    assert_eq!(pictures, report.duration_ms * fps / 1000, "{report:?}");
    assert_eq!(pictures, report.facts.pictures);
    let length: f64 = probe["format"]["duration"].as_str().unwrap().parse().unwrap();
    assert!((length - report.duration_ms as f64 / 1000.0).abs() < 0.1, "{length} s but {report:?}");
    assert_eq!(report.bytes, path.metadata().unwrap().len());
    assert_decodes(&path);
}
