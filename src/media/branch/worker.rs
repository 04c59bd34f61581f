//! The recorder's thread: takes packets, decides when the file begins, what is dropped, and why it ends.
//!
//! A file begins at a keyframe, once the sender's reports tell how its tracks belong together (`gate`); sound before it is
//! dropped. A feed with a picture that never comes begins without it after a while. After a loss the picture stands still
//! until the next keyframe, which is asked for, as in any viewer. Packets are taken some at a time: a wake-up for each
//! would cost more than writing it.

use super::align::Align;
use super::disk;
use super::facts::Facts;
use super::finish;
use super::gate::{Gate, Held, Situation};
use super::mux::{Mux, Outcome};
use super::timeline::Report;
use super::track::Track;
use super::writing::{Put, Writing};
use super::{Control, RecorderEvent, RecorderSpec, is_wanted};
use crate::media::MediaError;
use crate::media::feed::{SourceTrack, TapItem};
use crate::media::rtp::Packet;
use crate::media::template::Template;
use crate::model::{Codec, EndReason, Kind};
use gst::prelude::*;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc::TryRecvError;
use std::time::{Duration, Instant};

/// How often packets are fetched.
const BEAT: Duration = Duration::from_millis(100);
const KEYFRAME_RETRY: Duration = Duration::from_millis(500);
const DISK_CHECK: Duration = Duration::from_secs(1);
/// After a loss, pictures that may refer to it are left out, at most this long.
const FREEZE: Duration = Duration::from_secs(3);
/// More than a tap ever holds.
const MOST_WAITING: usize = 20_000;
/// Fetched at a time.
const MOST_AT_ONCE: usize = 2048;

/// Why the loop ends, in words when there is more to say.
pub(super) type End = (EndReason, Option<String>);

pub(super) struct Worker {
    spec: RecorderSpec,
    control: Arc<Control>,
    template: Template,
    tracks: Vec<Track>,
    align: Align,
    /// Closed (`Some`) until the file begins, and after a pause until it goes on.
    gate: Option<Gate>,
    paused: bool,
    writing: Option<Writing>,
    facts: Facts,
    /// Set while a keyframe is needed before pictures may be written.
    frozen: Option<Instant>,
    /// Why the next packet of a track may come after a gap.
    why: Vec<Option<&'static str>>,
    asked: Option<Instant>,
    checked: Instant,
    video_lost: u64,
    dropped: u64,
}

impl Worker {
    /// Checks all that can be: templates, tracks, folder.
    pub(super) fn new(mut spec: RecorderSpec, control: Arc<Control>) -> Result<Self, MediaError> {
        let only = spec.only;
        spec.tracks.retain(|track| is_wanted(only, track.codec));
        let template = template_for(&spec)?;
        drop(Mux::build(&template, &spec.tracks.iter().collect::<Vec<_>>())?);
        let path = spec.stem.with_extension(&template.extension);
        std::fs::File::create(&path)
            .map_err(|error| MediaError::Fatal(format!("cannot write {}: {error}", path.display())))?;
        let tracks: Vec<_> = spec.tracks.iter().cloned().map(Track::new).collect();
        Ok(Self {
            facts: Facts::new(&path),
            frozen: Some(Instant::now()),
            checked: Instant::now(),
            why: vec![None; tracks.len()],
            spec,
            control,
            template,
            tracks,
            align: Align::default(),
            gate: Some(Gate::default()),
            paused: false,
            writing: None,
            asked: None,
            video_lost: 0,
            dropped: 0,
        })
    }

    /// The thread.
    pub(super) fn run(mut self) {
        let end = loop {
            match self.step() {
                Ok(true) => {}
                Ok(false) => std::thread::park_timeout(BEAT),
                Err(end) => break end,
            }
        };
        self.finish(end);
    }

    /// Whether more waits.
    fn step(&mut self) -> Result<bool, End> {
        let more = self.fetch()?;
        let now = Instant::now();
        self.follow_pause(now)?;
        self.write_ready(Some(now))?;
        self.open(now, false)?;
        self.push_on();
        self.ask_for_keyframe(now);
        self.watch(now)?;
        Ok(more)
    }

    fn fetch(&mut self) -> Result<bool, End> {
        for _ in 0..MOST_AT_ONCE {
            match self.spec.packets.try_recv() {
                Ok(item) => self.on_item(item)?,
                Err(TryRecvError::Empty) => return Ok(false),
                Err(TryRecvError::Disconnected) => return Err((EndReason::FeedEnded, None)),
            }
        }
        Ok(true)
    }

    fn on_item(&mut self, item: TapItem) -> Result<(), End> {
        match item {
            TapItem::Packet(packet) => self.on_packet(packet),
            TapItem::SenderReport { codec, ntp, rtp } => {
                self.on_report(codec, Report { ntp, rtp });
                Ok(())
            }
            TapItem::TracksChanged(tracks) => self.on_tracks(&tracks),
            TapItem::Ended => Err((EndReason::FeedEnded, None)),
        }
    }

    fn on_packet(&mut self, packet: Arc<Packet>) -> Result<(), End> {
        let (codec, kind) = (packet.codec, packet.codec.kind());
        if !is_wanted(self.spec.only, codec) {
            return Ok(());
        }
        if self.writing.as_ref().is_some_and(|w| !w.mux.has(kind)) {
            let words = format!("{} came after the file began without", kind.as_str());
            return Err((EndReason::CodecChanged, Some(words)));
        }
        let Some(index) = self.tracks.iter().position(|t| t.info.codec == codec) else { return Ok(()) };
        if self.tracks[index].push(packet) {
            self.align.forget(kind == Kind::Audio);
        }
        Ok(())
    }

    fn on_report(&mut self, codec: Codec, report: Report) {
        if self.tracks.iter().any(|t| t.info.codec == codec) {
            self.align.report(codec.kind() == Kind::Audio, report, codec.clock_rate());
            self.measure();
        }
    }

    fn measure(&mut self) {
        let line = |kind| self.tracks.iter().find(|t| t.kind() == kind).map(|t| &t.timeline);
        if let Some((sound, picture)) = line(Kind::Audio).zip(line(Kind::Video)) {
            self.align.measure(sound, picture);
        }
    }

    /// A track that went away may come back; a new one, or another codec, does not fit into the file.
    fn on_tracks(&self, tracks: &[SourceTrack]) -> Result<(), End> {
        let mut wanted = tracks.iter().filter(|track| is_wanted(self.spec.only, track.codec));
        match wanted.find(|new| !self.tracks.iter().any(|t| t.info.codec == new.codec)) {
            None => Ok(()),
            Some(new) => {
                Err((EndReason::CodecChanged, Some(format!("the publisher now sends {}", new.codec.as_str()))))
            }
        }
    }

    /// Writes what is in order, of both tracks as it came in; without a `now` whatever is missing.
    fn write_ready(&mut self, now: Option<Instant>) -> Result<(), End> {
        loop {
            let next = self.tracks.iter_mut().enumerate().filter_map(|(n, track)| Some((track.next_at(now)?, n))).min();
            let Some((_, index)) = next else { return Ok(()) };
            if let Some(packet) = self.tracks[index].take() {
                self.write(index, packet)?;
            }
        }
    }

    /// One packet in order: waits for the beginning, goes into the file, or is dropped.
    fn write(&mut self, index: usize, packet: Arc<Packet>) -> Result<(), End> {
        let video = self.tracks[index].kind() == Kind::Video;
        let after_gap = video && self.gap(index, &packet);
        let frozen = video && self.is_frozen(&packet);
        if frozen || self.paused {
            // The line goes on, whatever is written.
            self.time(index, &packet);
            return Ok(());
        }
        let at = packet.at;
        let held = Held { index, packet, after_gap };
        if let Some(gate) = &mut self.gate {
            gate.hold(held);
            return self.open(at, false);
        }
        self.put(&held)
    }

    fn put(&mut self, held: &Held) -> Result<(), End> {
        let time = self.time(held.index, &held.packet);
        let Some((writing, time)) = self.writing.as_mut().zip(time) else { return Ok(()) };
        let track = &self.tracks[held.index];
        match writing.put(track, held, time, self.why[held.index], &mut self.facts) {
            Put::Written => self.why[held.index] = None,
            Put::TooEarly => {}
            Put::NoReturn => {
                let words = "the pictures came back, which takes another file in this container";
                return Err((EndReason::CodecChanged, Some(words.into())));
            }
            Put::NoRoom => {
                self.dropped += 1;
                self.why[held.index] = Some("disk");
                self.frozen = self.frozen.or((track.kind() == Kind::Video).then(Instant::now));
            }
        }
        if !self.align.is_measured() && self.align.is_known() {
            self.measure();
        }
        Ok(())
    }

    /// A packet's time, which goes on whether it is written or not.
    fn time(&mut self, index: usize, packet: &Packet) -> Option<i64> {
        let track = &mut self.tracks[index];
        let breaks = track.timeline.breaks();
        let time = self.writing.as_ref()?.time(track, packet, &mut self.align);
        if breaks != track.timeline.breaks() {
            self.why[index] = Some("reconnect");
        }
        Some(time)
    }

    /// Whether video packets were lost before this one; from there the picture stands still.
    fn gap(&mut self, index: usize, packet: &Packet) -> bool {
        let lost = self.tracks[index].lost();
        let gap = lost != self.video_lost;
        self.video_lost = lost;
        if gap && self.writing.is_some() {
            self.why[index].get_or_insert("lost");
        }
        if gap && !packet.keyframe {
            self.frozen.get_or_insert(packet.at);
        }
        gap
    }

    fn is_frozen(&mut self, packet: &Packet) -> bool {
        let over = |since: Instant| packet.at.saturating_duration_since(since) > FREEZE;
        let running = self.writing.is_some() && self.gate.is_none();
        if packet.keyframe || (running && self.frozen.is_some_and(over)) {
            self.frozen = None;
        }
        self.frozen.is_some()
    }

    /// The file begins, or goes on after a pause, if it may.
    fn open(&mut self, now: Instant, at_any_rate: bool) -> Result<(), End> {
        let situation = self.situation();
        let may = |gate: &Gate| gate.may_open(now, situation) || (at_any_rate && gate.is_usable(situation));
        let Some(mut gate) = self.gate.take_if(|gate| may(gate)) else { return Ok(()) };
        let Some(first) = gate.first() else { return Ok(()) };
        let (index, packet) = (first.index, first.packet.clone());
        match &mut self.writing {
            None => self.begin(index, &packet)?,
            Some(writing) => {
                let report = self.align.believed(self.tracks[index].kind() == Kind::Audio);
                let time = self.tracks[index].pts(&writing.epoch, &packet, report);
                writing.resume(time, &mut self.facts);
            }
        }
        gate.take().iter().try_for_each(|held| self.put(held))
    }

    fn situation(&self) -> Situation {
        let video = self.tracks.iter().find(|t| t.kind() == Kind::Video);
        let in_file = |w: &Writing| w.mux.has(Kind::Video);
        Situation {
            video: video.is_some() && self.writing.as_ref().is_none_or(in_file),
            must_have_video: self.writing.is_none() && video.is_some_and(Track::seen),
            aligned: self.writing.is_some() || self.tracks.len() < 2 || self.align.is_known(),
        }
    }

    /// Begins the file with this packet: a keyframe, or sound when there are no pictures.
    fn begin(&mut self, index: usize, packet: &Packet) -> Result<(), End> {
        let without = packet.codec.kind() == Kind::Audio;
        let wanted = |track: &&Track| !without || track.kind() == Kind::Audio;
        let tracks: Vec<_> = self.tracks.iter().filter(wanted).map(|t| &t.info).collect();
        let mux = Mux::start(&self.template, &tracks, self.facts.path())
            .map_err(|error| (EndReason::StorageFailed, Some(error.to_string())))?;
        let _ = self.control.pipeline.set(mux.pipeline().downgrade());
        self.facts.began(packet, tracks.iter().map(|t| t.codec).collect());
        let epoch = self.tracks[index].epoch(packet, self.align.believed(without));
        let synced = self.spec.disk.keep(self.facts.path());
        self.writing = Some(Writing::new(mux, epoch, synced));
        Ok(())
    }

    /// Paused: what comes is dropped. Resumed: the file goes on at the next keyframe.
    fn follow_pause(&mut self, now: Instant) -> Result<(), End> {
        let wanted = self.control.paused.load(SeqCst);
        if wanted == self.paused {
            return Ok(());
        }
        if wanted {
            // What still waited to begin belongs into the file.
            self.open(now, true)?;
        }
        self.paused = wanted;
        self.gate = Some(Gate::default());
        self.frozen = Some(now);
        self.asked = None;
        Ok(())
    }

    fn ask_for_keyframe(&mut self, now: Instant) {
        let wanted = self.frozen.is_some() && !self.paused && self.tracks.iter().any(|t| t.kind() == Kind::Video);
        let due = self.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= KEYFRAME_RETRY);
        if wanted && due {
            self.asked = Some(now);
            (self.spec.request_keyframe)();
        }
    }

    fn push_on(&mut self) {
        if let Some(writing) = &mut self.writing {
            writing.mux.push_on();
        }
    }

    /// The bus, the disk and the wish to stop.
    fn watch(&mut self, now: Instant) -> Result<(), End> {
        if let Some(writing) = &mut self.writing {
            match writing.mux.poll(gst::ClockTime::ZERO) {
                Some(Outcome::Failed(reason, words)) => return Err((reason, Some(words))),
                Some(Outcome::Complete) => {
                    return Err((EndReason::EngineError, Some("the file ended by itself".into())));
                }
                None => {}
            }
            if !writing.announced && self.facts.on_disk() > 0 {
                writing.announced = true;
                self.facts.size = self.facts.size.or_else(|| writing.mux.size());
                (self.spec.events)(RecorderEvent::Started(self.facts.report(&self.align, None)));
            }
        }
        if now.saturating_duration_since(self.checked) >= DISK_CHECK {
            self.checked = now;
            disk::check(self.facts.path(), self.spec.min_free_bytes)?;
        }
        self.control.stop.get().map_or(Ok(()), |reason| Err((*reason, None)))
    }

    fn finish(mut self, end: End) {
        let waiting: Vec<_> = self.spec.packets.try_iter().take(MOST_WAITING).collect();
        for item in waiting {
            let _ = self.on_item(item);
        }
        // What came before the end was asked for belongs into the file; what keeps coming does not.
        let _ = self.write_ready(None);
        let _ = self.open(Instant::now(), true);
        self.push_on();
        self.facts.lost = self.tracks.iter().map(Track::lost).sum();
        let (reason, report) = finish::finish(self.writing.map(|w| w.mux), self.facts, &self.align, end);
        let (recording, branch) = (&self.spec.recording, self.spec.feed);
        tracing::info!(recording.id = %recording, branch.id = %branch, %reason, duration_ms = report.duration_ms,
            report.bytes, lost = report.facts.packets_lost, dropped = self.dropped, detail = report.detail, "recorder ended");
        let _ = self.control.ended.set(());
        (self.spec.events)(RecorderEvent::Ended(reason, report));
    }
}

/// The first template that has an input for each codec.
fn template_for(spec: &RecorderSpec) -> Result<Template, MediaError> {
    let codecs = || spec.tracks.iter().map(|t| t.codec.as_str());
    for name in ["recording/webm", "recording/mp4"] {
        let template = Template::load(name, spec.templates.as_deref())?;
        if !spec.tracks.is_empty() && codecs().all(|codec| template.inputs.contains_key(codec)) {
            return Ok(template);
        }
    }
    Err(MediaError::NotReady("the feed has no track that can be recorded".into()))
}
