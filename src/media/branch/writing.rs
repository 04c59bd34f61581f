//! A file that has begun: where each packet goes in it, and what is put where nothing came.
//!
//! Decides a packet's place (`Track::pts` less the pauses, sound slewed by `align`), when silence fills missing sound and
//! when a missing picture is not waited for. Leaves when to begin, pause and end to `worker`.

use super::align::Align;
use super::disk::Synced;
use super::facts::Facts;
use super::gate::Held;
use super::mux::{Mux, Sample};
use super::timeline::Epoch;
use super::track::Track;
use crate::media::rtp::{Packet, find_extension};
use crate::model::Kind;

/// Sound that lags behind the picture by more is filled with silence…
const SILENCE_AFTER: i64 = 1_000_000_000;
/// …up to this distance, so that what is merely late still finds its place.
const SILENCE_UNTIL: i64 = 600_000_000;
/// Longer pauses stay holes.
const SILENCE_MOST: i64 = 60_000_000_000;
/// Length of `Codec::silence`.
const SILENCE_STEP: i64 = 20_000_000;
/// Sound does not wait longer for a picture in the muxer…
const AWAY_AFTER: i64 = 1_000_000_000;
/// …nor, where the picture's return needs another file, longer than this.
const AWAY_FOR_GOOD_AFTER: i64 = 5_000_000_000;

/// What became of a packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Put {
    Written,
    /// It lies before the beginning, or where silence was written already.
    TooEarly,
    /// The disk is too slow.
    NoRoom,
    /// The container does not take pictures again once it went on without.
    NoReturn,
}

pub(super) struct Writing {
    pub mux: Mux,
    pub announced: bool,
    /// Where the sender's report puts zero.
    pub epoch: Epoch,
    /// What the pauses took, in nanoseconds.
    cut: i64,
    /// Nothing goes before this.
    floor: i64,
    /// Sound is complete, or filled, up to here.
    sound_until: i64,
    /// Sound up to here is silence of ours: what comes for it later is too late.
    filled_until: i64,
    picture: i64,
    away: bool,
    _synced: Synced,
}

impl Writing {
    pub(super) fn new(mux: Mux, epoch: Epoch, synced: Synced) -> Self {
        Self {
            mux,
            announced: false,
            epoch,
            cut: 0,
            floor: 0,
            sound_until: 0,
            filled_until: 0,
            picture: 0,
            away: false,
            _synced: synced,
        }
    }

    /// A packet's time on the file's line, pauses included; time goes on with every packet, written or not.
    pub(super) fn time(&self, track: &mut Track, packet: &Packet, align: &mut Align) -> i64 {
        track.aligned(&self.epoch, packet, align)
    }

    /// Goes on after a pause with what has this time, right behind what was written.
    pub(super) fn resume(&mut self, time: i64, facts: &mut Facts) {
        let end = facts.end();
        facts.paused(time - self.cut - end);
        self.cut = time - end;
        self.floor = end;
        (self.sound_until, self.filled_until) = (self.sound_until.max(end), end);
        self.picture = self.picture.max(end);
    }

    /// Writes a packet that has this time.
    pub(super) fn put(&mut self, track: &Track, held: &Held, time: i64, why: Option<&str>, facts: &mut Facts) -> Put {
        let (packet, kind, pts) = (&*held.packet, track.kind(), time - self.cut);
        let late = kind == Kind::Audio && pts < self.filled_until;
        let (Ok(place), false) = (u64::try_from(pts), late || pts < self.floor) else { return Put::TooEarly };
        if !self.mux.has_room(kind) {
            return Put::NoRoom;
        }
        if kind == Kind::Video && self.away && !self.mux.returns() {
            return Put::NoReturn;
        }
        let pts_time = gst::ClockTime::from_nseconds(place);
        let (rtp, marker, payload) = (packet.timestamp, packet.marker, packet.payload());
        let sample = Sample { kind, pts: pts_time, rtp, marker, after_gap: held.after_gap, payload };
        match kind {
            Kind::Audio => self.put_sound(track, packet, pts, &sample, facts),
            Kind::Video => self.put_picture(pts, &sample, facts),
        }
        facts.wrote(packet, pts, why);
        Put::Written
    }

    fn put_sound(&mut self, track: &Track, packet: &Packet, pts: i64, sample: &Sample, facts: &mut Facts) {
        if track.info.audio_level_id != 0
            && let Some(level) = find_extension(&packet.data, track.info.audio_level_id).and_then(<[u8]>::first)
        {
            facts.heard(pts, *level);
        }
        self.mux.push(sample);
        self.sound_until = self.sound_until.max(pts + SILENCE_STEP);
        let patience = if self.mux.returns() { AWAY_AFTER } else { AWAY_FOR_GOOD_AFTER };
        if !self.away && pts - self.picture > patience && self.mux.has(Kind::Video) {
            self.away = true;
            self.mux.set_away(true);
        }
    }

    fn put_picture(&mut self, pts: i64, sample: &Sample, facts: &mut Facts) {
        if std::mem::take(&mut self.away) {
            self.mux.set_away(false);
        }
        self.picture = self.picture.max(pts);
        self.mux.push(sample);
        self.fill_silence(pts, facts);
    }

    /// The muxer waits for sound: give it some where none came.
    fn fill_silence(&mut self, picture: i64, facts: &mut Facts) {
        let Some(codec) = self.mux.codec(Kind::Audio).filter(|_| picture - self.sound_until >= SILENCE_AFTER) else {
            return;
        };
        let ticks = u128::from(codec.clock_rate());
        facts.filled(self.sound_until);
        self.sound_until = self.sound_until.max(picture - SILENCE_MOST);
        while self.sound_until < picture - SILENCE_UNTIL {
            let Ok(time) = u64::try_from(self.sound_until) else { return };
            let rtp = u32::try_from((u128::from(time) * ticks / 1_000_000_000) & 0xffff_ffff).unwrap_or(0);
            let pts = gst::ClockTime::from_nseconds(time);
            let (kind, payload) = (Kind::Audio, codec.silence());
            self.mux.push(&Sample { kind, pts, rtp, marker: false, after_gap: false, payload });
            self.sound_until += SILENCE_STEP;
        }
        self.filled_until = self.sound_until;
    }
}
