//! The recorder's thread: takes packets, decides when the file begins, what is dropped, and why it ends.
//!
//! A file begins at a keyframe; sound before it is dropped. A feed with a picture that never comes begins without it
//! after a while. After a loss the picture stands still until the next keyframe, which is asked for, as in any viewer.

use super::finish::{self, Facts};
use super::mux::{Mux, Outcome, Sample};
use super::timeline::{Epoch, Report};
use super::track::Track;
use super::{Control, RecorderEvent, RecorderSpec};
use crate::media::MediaError;
use crate::media::feed::{SourceTrack, TapItem};
use crate::media::rtp::Packet;
use crate::media::template::Template;
use crate::model::{Codec, EndReason, Kind};
use gst::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(50);
const KEYFRAME_RETRY: Duration = Duration::from_millis(500);
const DISK_CHECK: Duration = Duration::from_secs(1);
/// Sound waits for the first picture packet this long, then the file is begun without pictures.
const PICTURE_WAIT: Duration = Duration::from_secs(3);
/// After a loss, pictures that may refer to it are left out, at most this long.
const FREEZE: Duration = Duration::from_secs(3);
/// Sound that lags behind the picture by more is filled with silence…
const SILENCE_AFTER: i64 = 1_000_000_000;
/// …up to this distance, so that what is merely late still finds its place.
const SILENCE_UNTIL: i64 = 600_000_000;
/// Longer pauses stay holes.
const SILENCE_MOST: i64 = 60_000_000_000;
/// 20 ms of stereo silence (RFC 6716).
const SILENCE: [u8; 3] = [0xfc, 0xff, 0xfe];
const SILENCE_STEP: i64 = 20_000_000;

/// More than a tap ever holds.
const MOST_WAITING: usize = 20_000;

/// Why the loop ends, in words when there is more to say.
pub(super) type End = (EndReason, Option<String>);

pub(super) struct Worker {
    spec: RecorderSpec,
    control: Arc<Control>,
    template: Template,
    path: PathBuf,
    tracks: Vec<Track>,
    writing: Option<Writing>,
    facts: Facts,
    first_sound: Option<Instant>,
    /// Set while a keyframe is needed before pictures may be written.
    frozen: Option<Instant>,
    asked: Option<Instant>,
    checked: Instant,
    video_lost: u64,
    dropped: u64,
}

/// The file has begun.
struct Writing {
    mux: Mux,
    epoch: Epoch,
    /// Sound is complete, or filled, up to here.
    sound_until: i64,
    /// Sound up to here is silence of ours: what comes for it later is too late.
    filled_until: i64,
    announced: bool,
}

impl Worker {
    /// Checks all that can be: templates, tracks, folder.
    pub(super) fn new(spec: RecorderSpec, control: Arc<Control>) -> Result<Self, MediaError> {
        let template = template_for(&spec.tracks)?;
        drop(Mux::build(&template, &spec.tracks.iter().collect::<Vec<_>>())?);
        let path = spec.stem.with_extension(&template.extension);
        std::fs::File::create(&path)
            .map_err(|error| MediaError::Fatal(format!("cannot write {}: {error}", path.display())))?;
        let tracks = spec.tracks.iter().cloned().map(Track::new).collect();
        Ok(Self {
            facts: Facts::new(&path),
            frozen: Some(Instant::now()),
            checked: Instant::now(),
            spec,
            control,
            template,
            path,
            tracks,
            writing: None,
            first_sound: None,
            asked: None,
            video_lost: 0,
            dropped: 0,
        })
    }

    /// The thread.
    pub(super) fn run(mut self) {
        let end = loop {
            match self.step() {
                Ok(()) => {}
                Err(end) => break end,
            }
        };
        self.finish(end);
    }

    fn step(&mut self) -> Result<(), End> {
        match self.spec.packets.recv_timeout(TICK) {
            Ok(item) => self.on_item(item)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err((EndReason::FeedEnded, None)),
        }
        let now = Instant::now();
        self.write_ready(now)?;
        self.ask_for_keyframe(now);
        self.watch(now)
    }

    fn on_item(&mut self, item: TapItem) -> Result<(), End> {
        match item {
            TapItem::Packet(packet) => self.on_packet(packet),
            TapItem::SenderReport { codec, ntp, rtp } => {
                self.track(codec).into_iter().for_each(|track| track.on_report(Report { ntp, rtp }));
                Ok(())
            }
            TapItem::TracksChanged(tracks) => self.on_tracks(&tracks),
            TapItem::Ended => Err((EndReason::FeedEnded, None)),
        }
    }

    fn on_packet(&mut self, packet: Arc<Packet>) -> Result<(), End> {
        let kind = packet.codec.kind();
        if self.writing.as_ref().is_some_and(|w| !w.mux.has(kind)) {
            return Err((
                EndReason::CodecChanged,
                Some(format!("{} came after the file began without", kind.as_str())),
            ));
        }
        if kind == Kind::Audio {
            self.first_sound.get_or_insert(packet.at);
        }
        self.track(packet.codec).into_iter().for_each(|track| track.push(packet.clone()));
        Ok(())
    }

    /// A track that went away may come back; a new one, or another codec, does not fit into the file.
    fn on_tracks(&self, tracks: &[SourceTrack]) -> Result<(), End> {
        match tracks.iter().find(|new| !self.tracks.iter().any(|t| t.info.codec == new.codec)) {
            None => Ok(()),
            Some(new) => {
                Err((EndReason::CodecChanged, Some(format!("the publisher now sends {}", new.codec.as_str()))))
            }
        }
    }

    fn write_ready(&mut self, now: Instant) -> Result<(), End> {
        for index in 0..self.tracks.len() {
            while let Some(packet) = self.tracks[index].pop(now) {
                self.write(index, &packet)?;
            }
        }
        Ok(())
    }

    /// One packet in order: begins the file, goes into it, or is dropped.
    fn write(&mut self, index: usize, packet: &Packet) -> Result<(), End> {
        let kind = packet.codec.kind();
        let after_gap = kind == Kind::Video && self.gap(index, packet);
        if kind == Kind::Video && self.is_frozen(packet) {
            return Ok(());
        }
        if self.writing.is_none() && !self.begin(index, packet)? {
            return Ok(());
        }
        let Some(writing) = &mut self.writing else { return Ok(()) };
        let pts = self.tracks[index].pts(&writing.epoch, packet);
        let late = kind == Kind::Audio && pts < writing.filled_until;
        let (Ok(time), false) = (u64::try_from(pts), late) else { return Ok(()) };
        if !writing.mux.has_room(kind) {
            self.dropped += 1;
            self.frozen = self.frozen.or((kind == Kind::Video).then(Instant::now));
            return Ok(());
        }
        let Some(payload) = packet.data.get(packet.payload.clone()) else { return Ok(()) };
        let pts_time = gst::ClockTime::from_nseconds(time);
        writing.mux.push(&Sample {
            kind,
            pts: pts_time,
            rtp: packet.timestamp,
            marker: packet.marker,
            after_gap,
            payload,
        });
        self.facts.wrote(kind, pts);
        match kind {
            Kind::Audio => writing.sound_until = writing.sound_until.max(pts + SILENCE_STEP),
            Kind::Video => writing.fill_silence(pts),
        }
        Ok(())
    }

    /// Whether video packets were lost before this one; from there the picture stands still.
    fn gap(&mut self, index: usize, packet: &Packet) -> bool {
        let lost = self.tracks[index].lost();
        let gap = lost != self.video_lost;
        self.video_lost = lost;
        if gap && !packet.keyframe {
            self.frozen.get_or_insert(packet.at);
        }
        gap
    }

    fn is_frozen(&mut self, packet: &Packet) -> bool {
        let over = |since: Instant| packet.at.saturating_duration_since(since) > FREEZE;
        if packet.keyframe || (self.writing.is_some() && self.frozen.is_some_and(over)) {
            self.frozen = None;
        }
        self.frozen.is_some()
    }

    /// Begins the file with this packet if it may: a keyframe, or sound when there are no pictures.
    fn begin(&mut self, index: usize, packet: &Packet) -> Result<bool, End> {
        let video = self.tracks.iter().find(|t| t.info.codec.kind() == Kind::Video);
        let without = video.is_none_or(|t| !t.seen() && self.waited_for_picture(packet.at));
        if packet.codec.kind() == Kind::Audio && !without {
            return Ok(false);
        }
        let wanted = |track: &&Track| !without || track.info.codec.kind() == Kind::Audio;
        let tracks: Vec<_> = self.tracks.iter().filter(wanted).map(|t| &t.info).collect();
        let mux = Mux::start(&self.template, &tracks, &self.path)
            .map_err(|error| (EndReason::StorageFailed, Some(error.to_string())))?;
        let _ = self.control.pipeline.set(mux.pipeline().downgrade());
        self.facts.began(packet, tracks.iter().map(|t| t.codec).collect());
        let epoch = self.tracks[index].epoch(packet);
        self.writing = Some(Writing { mux, epoch, sound_until: 0, filled_until: 0, announced: false });
        Ok(true)
    }

    fn waited_for_picture(&self, now: Instant) -> bool {
        self.first_sound.is_some_and(|first| now.saturating_duration_since(first) > PICTURE_WAIT)
    }

    fn ask_for_keyframe(&mut self, now: Instant) {
        let wanted = self.frozen.is_some() && self.tracks.iter().any(|t| t.info.codec.kind() == Kind::Video);
        let due = self.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= KEYFRAME_RETRY);
        if wanted && due {
            self.asked = Some(now);
            (self.spec.request_keyframe)();
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
                (self.spec.events)(RecorderEvent::Started(self.facts.report(None)));
            }
        }
        if now.saturating_duration_since(self.checked) >= DISK_CHECK {
            self.checked = now;
            self.check_disk()?;
        }
        self.control.stop.get().map_or(Ok(()), |reason| Err((*reason, None)))
    }

    fn check_disk(&self) -> Result<(), End> {
        let folder = self.path.parent().unwrap_or(&self.path);
        match fs4::available_space(folder) {
            Ok(free) if free < self.spec.min_free_bytes => {
                let words = format!("only {free} bytes are free, {} are to stay free", self.spec.min_free_bytes);
                Err((EndReason::DiskFull, Some(words)))
            }
            Ok(_) => Ok(()),
            Err(error) => Err((EndReason::StorageFailed, Some(format!("the recording's folder is gone: {error}")))),
        }
    }

    fn finish(mut self, end: End) {
        for item in self.waiting_items() {
            let _ = self.on_item(item);
        }
        for index in 0..self.tracks.len() {
            while self.writing.is_some()
                && let Some(packet) = self.tracks[index].flush()
            {
                let _ = self.write(index, &packet);
            }
        }
        let lost: u64 = self.tracks.iter().map(Track::lost).sum();
        let (reason, report) = finish::finish(self.writing.map(|w| w.mux), self.facts, end);
        let (recording, branch) = (&self.spec.recording, self.spec.feed);
        tracing::info!(recording.id = %recording, branch.id = %branch, %reason, duration_ms = report.duration_ms,
            report.bytes, lost, dropped = self.dropped, detail = report.detail, "recorder ended");
        let _ = self.control.ended.set(());
        (self.spec.events)(RecorderEvent::Ended(reason, report));
    }

    /// What came before the end was asked for belongs into the file; what keeps coming does not.
    fn waiting_items(&self) -> Vec<TapItem> {
        self.spec.packets.try_iter().take(MOST_WAITING).collect()
    }

    fn track(&mut self, codec: Codec) -> Option<&mut Track> {
        self.tracks.iter_mut().find(|t| t.info.codec == codec)
    }
}

impl Writing {
    /// The muxer waits for sound: give it some where none came.
    fn fill_silence(&mut self, picture: i64) {
        if !self.mux.has(Kind::Audio) || picture - self.sound_until < SILENCE_AFTER {
            return;
        }
        self.sound_until = self.sound_until.max(picture - SILENCE_MOST);
        while self.sound_until < picture - SILENCE_UNTIL {
            let Ok(time) = u64::try_from(self.sound_until) else { return };
            let rtp = u32::try_from((u128::from(time) * 48 / 1_000_000) & 0xffff_ffff).unwrap_or(0);
            let pts = gst::ClockTime::from_nseconds(time);
            let (kind, payload) = (Kind::Audio, &SILENCE[..]);
            self.mux.push(&Sample { kind, pts, rtp, marker: false, after_gap: false, payload });
            self.sound_until += SILENCE_STEP;
        }
        self.filled_until = self.sound_until;
    }
}

/// The first template that has an input for each codec.
fn template_for(tracks: &[SourceTrack]) -> Result<Template, MediaError> {
    for name in ["recording/webm", "recording/mp4"] {
        let template = Template::load(name, None)?;
        if !tracks.is_empty() && tracks.iter().all(|t| template.inputs.contains_key(t.codec.as_str())) {
            return Ok(template);
        }
    }
    Err(MediaError::NotReady("the feed has no track that can be recorded".into()))
}
