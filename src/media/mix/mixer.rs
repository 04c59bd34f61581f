//! The core of a mix: at each tick the newest picture of everybody in one, the sound of everybody in one, into a file.
//!
//! Knows no clock: `live` and `offline` say which instant comes next. Decides that each tick makes exactly one picture
//! and its share of sound, with exact time stamps: nothing can be dropped, sound and picture cannot part.

use super::canvas::Picture;
use super::encoder::{Encoder, End, Look};
use super::input::{Pictures, Voice, frames_at};
use super::layout::Plan;
use super::others::Others;
use super::scene::{Person, Scene};
use super::sound::{self, RATE, clamp, loudness};
use super::speaker::Speaker;
use crate::media::BranchReport;
use crate::model::{FeedId, FileFacts};
use std::sync::Arc;
use std::time::Duration;

/// An encoder that is this many seconds behind gets the same picture again, which is nearly free.
const BEHIND: u64 = 1;
/// Sound alone is mixed in blocks of this many a second.
const BLOCKS: u32 = 25;

/// Somebody in a mix.
pub struct Input {
    /// Told apart by this.
    pub id: u64,
    /// Shown over the picture.
    pub name: String,
    /// Pictures, if there are any.
    pub pictures: Option<Pictures>,
    /// Sound, if there is any.
    pub voice: Option<Voice>,
}

/// The sound of a tick.
struct Sum {
    /// Of all.
    all: Vec<[i32; 2]>,
    /// Of those whose voice is left out somewhere.
    apart: Vec<(FeedId, Vec<[i32; 2]>)>,
}

/// A mix on its way into a file.
pub struct Mixer {
    inputs: Vec<Input>,
    scene: Option<Scene>,
    look: Option<Look>,
    speaker: Speaker,
    encoder: Encoder,
    others: Option<Arc<Others>>,
    ticks: u64,
    last: Option<gst::Buffer>,
    repeating: bool,
    facts: FileFacts,
    /// Wall clock of the first picture or sound.
    pub started_at: Option<jiff::Timestamp>,
}

impl Mixer {
    /// An empty mix. Without a plan: sound alone. `others`: get the sound without one member's.
    pub fn new(plan: Option<(Plan, Look)>, title: &str, encoder: Encoder, others: Option<Arc<Others>>) -> Self {
        let look = plan.as_ref().map(|(_, look)| *look);
        Self {
            inputs: Vec::new(),
            scene: plan.map(|(plan, look)| Scene::new(plan, (look.width, look.height), title)),
            look,
            speaker: Speaker::default(),
            encoder,
            others,
            ticks: 0,
            last: None,
            repeating: false,
            facts: FileFacts::default(),
            started_at: None,
        }
    }

    /// Ticks per second.
    pub fn rate(&self) -> u32 {
        self.look.map_or(BLOCKS, |look| look.fps)
    }

    /// Length of what was written in nanoseconds.
    pub fn written(&self) -> u64 {
        self.instant(self.ticks)
    }

    /// What writes the file.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// Who is in it.
    pub fn inputs(&mut self) -> &mut [Input] {
        &mut self.inputs
    }

    /// Somebody comes.
    pub fn join(&mut self, input: Input) {
        self.inputs.push(input);
        self.arrange();
    }

    /// Somebody leaves.
    pub fn leave(&mut self, id: u64) {
        self.inputs.retain(|input| input.id != id);
        self.arrange();
    }

    /// Another layout from now on; the picture's size stays.
    pub fn set_plan(&mut self, plan: Plan) {
        self.scene.iter_mut().for_each(|scene| scene.set_plan(plan.clone()));
        self.arrange();
    }

    /// Gives everybody a box; after somebody's tracks have changed, too.
    pub fn arrange(&mut self) {
        let Some(scene) = &mut self.scene else { return };
        let people: Vec<_> = self.inputs.iter().map(|i| Person { id: i.id, name: &i.name }).collect();
        scene.arrange(&people, self.speaker.current());
        for input in &mut self.inputs {
            if let (Some(pictures), Some(area)) = (&mut input.pictures, scene.area(input.id)) {
                pictures.resize(area);
            }
        }
    }

    /// Something is missing at this place of the file.
    pub fn missing(&mut self, milliseconds: u64, why: &str) {
        self.facts.missing(self.written() / 1_000_000, milliseconds, why);
    }

    /// Follows the inputs to an instant without writing: a pause.
    pub fn skip(&mut self, at: i64) {
        self.advance(at, Duration::ZERO);
        let span = i64::from(1_000_000_000 / self.rate());
        self.sum(frames_at(at), frames_at(at + span));
    }

    /// Writes the picture of the instant `at` (nanoseconds of the inputs' time) and the sound from there to the next
    /// tick. Waits for each input up to `patience`.
    pub fn tick(&mut self, at: i64, patience: Duration) -> Result<(), End> {
        self.encoder.poll()?;
        self.advance(at, patience);
        let (from, next) = (self.instant(self.ticks), self.instant(self.ticks + 1));
        let first = frames_at(at);
        let count = next * RATE as u64 / 1_000_000_000 - from * RATE as u64 / 1_000_000_000;
        let sound = self.sum(first, first + count as i64);
        if let Some(look) = self.look {
            let buffer = self.picture(at, look);
            self.encoder.push_picture(buffer, from, next - from);
            self.facts.pictures += 1;
        }
        self.push_sound(&sound, from, next - from);
        self.ticks += 1;
        Ok(())
    }

    fn push_sound(&self, sum: &Sum, at: u64, length: u64) {
        self.encoder.push_sound(clamp(&sum.all), at, length);
        let Some(others) = &self.others else { return };
        for (id, own) in &sum.apart {
            others.push(*id, sound::without(&sum.all, own), at, length);
        }
    }

    fn advance(&mut self, at: i64, patience: Duration) {
        let length = i64::from(1_000_000_000 / self.rate());
        let until = frames_at(at + length);
        for input in &mut self.inputs {
            // The nearest picture, rather than the newest before: half as much out of step with the sound.
            input.pictures.iter_mut().for_each(|pictures| pictures.advance(at + length / 2, patience));
            input.voice.iter_mut().for_each(|voice| voice.advance(until, patience));
        }
    }

    /// The sum of all voices; notes who speaks.
    fn sum(&mut self, from: i64, to: i64) -> Sum {
        let count = usize::try_from(to - from).unwrap_or(0);
        let (mut mix, mut levels) = (vec![[0; 2]; count], Vec::with_capacity(self.inputs.len()));
        let mut own = vec![[0; 2]; count];
        let wanted = self.others.as_ref().map(|others| others.wanted()).unwrap_or_default();
        // Who is away for now has a silent voice.
        let mut apart: Vec<_> = wanted.into_iter().map(|id| (id, own.clone())).collect();
        for input in &mut self.inputs {
            own.fill([0; 2]);
            input.voice.iter_mut().for_each(|voice| voice.add_to(from, &mut own));
            levels.push((input.id, loudness(&own)));
            for (sum, one) in mix.iter_mut().zip(&own) {
                *sum = [sum[0] + one[0], sum[1] + one[1]];
            }
            let known = apart.iter_mut().find(|(id, _)| id.0 == input.id);
            known.into_iter().for_each(|(_, voice)| voice.clone_from(&own));
        }
        let now = i64::try_from(self.written()).unwrap_or(i64::MAX);
        if self.speaker.hear(now, &levels) && self.scene.as_ref().is_some_and(Scene::follows_speaker) {
            self.arrange();
        }
        Sum { all: mix, apart }
    }

    /// A new picture, or the last one again when the encoder is behind.
    fn picture(&mut self, at: i64, look: Look) -> gst::Buffer {
        let behind = self.encoder.waiting() > BEHIND * u64::from(look.fps);
        if let Some(last) = self.last.as_ref().filter(|_| behind) {
            let last = last.clone();
            self.overloaded(1000 / u64::from(look.fps));
            return last;
        }
        self.repeating = false;
        let inputs = &self.inputs;
        let picture_of = |id| -> Option<Picture<'_>> {
            inputs.iter().find(|input| input.id == id)?.pictures.as_ref()?.picture(at)?.picture()
        };
        let canvas = self.scene.as_ref().map(|scene| scene.draw(picture_of));
        let buffer = gst::Buffer::from_slice(canvas.map(|canvas| canvas.into_data()).unwrap_or_default());
        self.last = Some(buffer.clone());
        buffer
    }

    fn overloaded(&mut self, milliseconds: u64) {
        match self.facts.gaps.last_mut().filter(|gap| self.repeating && gap.why == "overload") {
            Some(gap) => gap.length_ms += milliseconds,
            None => self.missing(milliseconds, "overload"),
        }
        self.repeating = true;
    }

    /// Place of a tick in the file in nanoseconds.
    fn instant(&self, tick: u64) -> u64 {
        u64::try_from(u128::from(tick) * 1_000_000_000 / u128::from(self.rate())).unwrap_or(u64::MAX)
    }

    /// Facts so far.
    pub fn report(&self, detail: Option<String>) -> BranchReport {
        let duration_ms = self.written() / 1_000_000;
        let bytes = self.encoder.bytes();
        let name = self.encoder.path().and_then(std::path::Path::file_name);
        let file = name.map(|name| name.to_string_lossy().into_owned());
        let mut facts = self.facts.clone();
        facts.bitrate = (bytes * 8 * 1000).checked_div(duration_ms).unwrap_or(0);
        facts.framerate = self.look.map_or(0.0, |look| f64::from(look.fps));
        BranchReport {
            file: file.unwrap_or_default(),
            codecs: self.encoder.codecs(),
            started_at: self.started_at,
            duration_ms,
            bytes,
            size: self.look.map(|look| (look.width as u32, look.height as u32)),
            detail,
            facts,
        }
    }

    /// Stops without completing anything: a feed.
    pub fn stop(self) -> BranchReport {
        let report = self.report(None);
        self.encoder.stop();
        report
    }

    /// Completes the file.
    pub fn finish(self, limit: Duration, (reason, detail): End) -> (End, BranchReport) {
        let mut report = self.report(None);
        let path = self.encoder.path().map(std::path::Path::to_owned);
        let end = match (reason.is_failure(), self.encoder.finish(limit)) {
            (false, Err(end)) => end,
            _ => (reason, detail),
        };
        report.bytes = path.and_then(|path| std::fs::metadata(path).ok()).map_or(0, |metadata| metadata.len());
        report.facts.bitrate = (report.bytes * 8 * 1000).checked_div(report.duration_ms).unwrap_or(0);
        report.detail = end.1.clone();
        (end, report)
    }
}
