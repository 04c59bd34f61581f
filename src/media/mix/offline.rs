//! A mix of a finished recording's files, as fast as the machine allows: the layout may be another one every time.
//!
//! Decides when which file is open; leaves who was there when to `story`, and mixing to `mixer`. The file is written
//! beside its name as `.part` and renamed when it is complete.

use super::decoder::Decoder;
use super::encoder::{Encoder, End, Look};
use super::input::{PATIENCE, Pictures, Voice};
use super::layout::{self, Plan};
use super::mixer::{Input, Mixer};
use super::story::{Piece, Story};
use crate::media::BranchReport;
use crate::model::{EndReason, Kind, Layout, Recording};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Pictures that may wait for the encoder.
const MOST_WAITING: u64 = 8;
const FINISH_LIMIT: Duration = Duration::from_secs(60);

/// What is to be composed.
pub struct ComposeSpec {
    /// Its manifest.
    pub recording: Recording,
    /// Where its files are.
    pub folder: PathBuf,
    /// What is written.
    pub out: PathBuf,
    /// In this layout; without one as it was while recording.
    pub layout: Option<Layout>,
    /// Picture size in pixels; the layout's without one.
    pub size: Option<(usize, usize)>,
    /// Pictures per second; the layout's without one.
    pub fps: Option<u32>,
    /// Folder whose templates and layouts override the embedded ones.
    pub templates: Option<PathBuf>,
}

/// A file that was composed.
#[derive(Clone, Debug)]
pub struct Composed {
    /// Its facts.
    pub report: BranchReport,
    /// Files that could not be read, in words.
    pub notes: Vec<String>,
}

/// Composes; `progress` is told what is done and how much there is. An error is in words for the one who asked.
pub fn compose(spec: &ComposeSpec, mut progress: impl FnMut(Duration, Duration)) -> Result<Composed, String> {
    gst::init().map_err(|error| format!("GStreamer does not start: {error}"))?;
    let mut work = Work::begin(spec)?;
    let written = work.run(&mut progress);
    let Work { mixer, notes, part, .. } = work;
    let end = written.err().unwrap_or((EndReason::Requested, None));
    let ((reason, words), mut report) = mixer.finish(FINISH_LIMIT, end);
    let complete = if reason.is_failure() { Err(words.unwrap_or_else(|| reason.to_string())) } else { Ok(()) };
    let renamed = complete.and_then(|()| {
        std::fs::rename(&part, &spec.out).map_err(|error| format!("cannot write {}: {error}", spec.out.display()))
    });
    if let Err(why) = renamed {
        let _ = std::fs::remove_file(part);
        return Err(why);
    }
    report.file = spec.out.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Composed { report, notes })
}

struct Work<'a> {
    spec: &'a ComposeSpec,
    story: Story,
    mixer: Mixer,
    layout: Layout,
    notes: Vec<String>,
    part: PathBuf,
    /// Who is in the mix, and which of the files is open.
    present: Vec<(usize, Option<usize>)>,
}

impl<'a> Work<'a> {
    fn begin(spec: &'a ComposeSpec) -> Result<Self, String> {
        let story = Story::of(&spec.recording)?;
        let layout = spec.layout.clone().or(story.layout_at(0).cloned()).unwrap_or_default();
        let plan = Plan::load(&layout, spec.templates.as_deref())?;
        let (width, height) = spec.size.unwrap_or((plan.width, plan.height));
        let look = Look { width, height, fps: spec.fps.unwrap_or(plan.fps) };
        layout::check_size(look.width, look.height, look.fps)?;
        let part = part_of(&spec.out);
        let encoder = Encoder::start_at(&part, Some(look), spec.templates.as_deref());
        let encoder = encoder.map_err(|error| error.to_string())?;
        encoder.set_threads(0);
        let mut mixer = Mixer::new(Some((plan, look)), spec.recording.room.as_str(), encoder, None);
        mixer.started_at = Some(story.started_at);
        Ok(Self { spec, story, mixer, layout, notes: Vec::new(), part, present: Vec::new() })
    }

    fn run(&mut self, progress: &mut impl FnMut(Duration, Duration)) -> Result<(), End> {
        let total = Duration::from_nanos(u64::try_from(self.story.length).unwrap_or(0));
        loop {
            let at = i64::try_from(self.mixer.written()).unwrap_or(i64::MAX);
            if at >= self.story.length {
                return Ok(());
            }
            self.follow(at);
            self.mixer.tick(at, PATIENCE)?;
            self.note_failures();
            progress(Duration::from_nanos(self.mixer.written()).min(total), total);
            while self.mixer.encoder().waiting() > MOST_WAITING {
                self.mixer.encoder().wait(Duration::from_millis(5))?;
            }
        }
    }

    /// Who comes, goes or goes on in another file at this instant; another layout.
    fn follow(&mut self, at: i64) {
        for person in 0..self.story.people.len() {
            let there = (self.story.people[person].from..self.story.people[person].to).contains(&at);
            let known = self.present.iter().position(|(known, _)| *known == person);
            match (there, known) {
                (true, None) => self.come(person),
                (false, Some(place)) => {
                    self.present.remove(place);
                    self.mixer.leave(person as u64);
                }
                _ => {}
            }
        }
        self.open_files(at);
        let layout = self.story.layout_at(at).filter(|layout| self.spec.layout.is_none() && **layout != self.layout);
        if let Some(layout) = layout.cloned() {
            match Plan::load(&layout, self.spec.templates.as_deref()) {
                Ok(plan) => self.mixer.set_plan(plan),
                Err(why) => self.notes.push(why),
            }
            self.layout = layout;
        }
    }

    fn come(&mut self, person: usize) {
        let name = self.story.people[person].name.clone();
        self.present.push((person, None));
        self.mixer.join(Input { id: person as u64, name, pictures: None, voice: None });
    }

    /// Files that turn out to be unreadable; a placeholder stands for them.
    fn note_failures(&mut self) {
        for input in self.mixer.inputs() {
            let pictures = input.pictures.as_ref().map(Pictures::decoder);
            let failed =
                pictures.into_iter().chain(input.voice.as_ref().map(Voice::decoder)).filter_map(Decoder::failure);
            for why in failed {
                let note = format!("{}: {why}", input.name);
                if !self.notes.contains(&note) {
                    self.notes.push(note);
                }
            }
        }
    }

    /// The newest file that has begun is the one that is open.
    fn open_files(&mut self, at: i64) {
        for place in 0..self.present.len() {
            let (person, open) = self.present[place];
            let current = self.story.people[person].files.iter().rposition(|file| file.from <= at);
            if current != open
                && let Some(piece) = current.and_then(|index| self.story.people[person].files.get(index)).cloned()
            {
                self.present[place].1 = current;
                self.open(person as u64, &piece);
            }
        }
    }

    fn open(&mut self, id: u64, piece: &Piece) {
        let file = &self.spec.recording.files[piece.index];
        let path = self.spec.folder.join(&file.name);
        let (templates, mut tracks) = (self.spec.templates.as_deref(), (None, None));
        for codec in &file.codecs {
            let placement = piece.placement.clone();
            match (Decoder::of_file(*codec, &path, templates), codec.kind()) {
                (Ok(decoder), Kind::Video) => tracks.0 = Some(Pictures::new(decoder, placement)),
                (Ok(decoder), Kind::Audio) => tracks.1 = Some(Voice::new(decoder, placement)),
                (Err(error), kind) => self.notes.push(format!("{} of {}: {error}", kind.as_str(), file.name)),
            }
        }
        if let Some(input) = self.mixer.inputs().iter_mut().find(|input| input.id == id) {
            (input.pictures, input.voice) = tracks;
        }
        self.mixer.arrange();
    }
}

fn part_of(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    out.with_file_name(name)
}

#[cfg(test)]
#[path = "offline/tests.rs"]
mod tests;
