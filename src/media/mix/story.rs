//! What happened in a recording, on one time line: who is seen from when to when, which file has it, which layout. Pure.
//!
//! Decides how wall clocks become the mix's time: zero is the first sample of any file, and pauses take no time. Leaves
//! reading the files to `offline`.

use super::input::Placement;
use crate::model::{FeedId, Happening, Layout, Recording, RecordingFile};
use jiff::Timestamp;

const MS: i64 = 1_000_000;

/// A recording as one time line; all times in nanoseconds of the mix.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// Wall clock of time zero.
    pub started_at: Timestamp,
    /// Where it ends.
    pub length: i64,
    /// Who is there, in the order of coming.
    pub people: Vec<Person>,
    /// Layouts, each from its instant on; the first from zero.
    pub layouts: Vec<(i64, Layout)>,
}

/// Somebody's feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// Shown over the picture.
    pub name: String,
    /// There from here…
    pub from: i64,
    /// …to here.
    pub to: i64,
    /// Its files, in order.
    pub files: Vec<Piece>,
}

/// A file of somebody's.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// Which of the recording's files.
    pub index: usize,
    /// Its first sample.
    pub from: i64,
    /// Its end.
    pub to: i64,
    /// Where its times belong.
    pub placement: Placement,
}

/// Wall clock to the mix's time.
struct Clock {
    zero: Timestamp,
    /// From and to, in nanoseconds since zero; they do not overlap.
    pauses: Vec<(i64, i64)>,
}

impl Story {
    /// Of a recording; an error when it has nothing to be mixed.
    pub fn of(recording: &Recording) -> Result<Self, String> {
        let files: Vec<_> =
            recording.files.iter().enumerate().filter_map(|(at, f)| usable(f).map(|s| (at, f, s))).collect();
        let zero = files.iter().map(|(_, _, start)| *start).min();
        let zero =
            zero.ok_or("the recording has no individual files with media in them: there is nothing to compose")?;
        let clock = Clock { zero, pauses: pauses(recording, zero, &files) };
        let mut people: Vec<(FeedId, Person)> = Vec::new();
        for (index, file, start) in files {
            let Some(feed) = file.feed else { continue };
            let piece = clock.piece(index, file, start);
            match people.iter_mut().find(|(known, _)| *known == feed) {
                Some((_, person)) => {
                    (person.from, person.to) = (person.from.min(piece.from), person.to.max(piece.to));
                    person.files.push(piece);
                }
                None => people.push((feed, clock.person(recording, feed, file, piece))),
            }
        }
        let mut people: Vec<Person> = people.into_iter().map(|(_, person)| person).collect();
        people.iter_mut().for_each(|person| person.files.sort_by_key(|piece| piece.from));
        people.sort_by_key(|person| person.from);
        let length = people.iter().map(|person| person.to).max().unwrap_or(0);
        Ok(Self { started_at: zero, length, people, layouts: clock.layouts(recording) })
    }

    /// The layout at an instant.
    pub fn layout_at(&self, at: i64) -> Option<&Layout> {
        self.layouts.iter().rev().find(|(from, _)| *from <= at).map(|(_, layout)| layout)
    }
}

/// When a file began, if it is one of a feed and has something in it.
fn usable(file: &RecordingFile) -> Option<Timestamp> {
    file.started_at.filter(|_| file.feed.is_some() && file.duration_ms > 0 && !file.codecs.is_empty())
}

/// Pauses by the recording's events; where there are none, by the gaps that its files tell of.
fn pauses(recording: &Recording, zero: Timestamp, files: &[(usize, &RecordingFile, Timestamp)]) -> Vec<(i64, i64)> {
    let (mut found, mut open) = (Vec::new(), None);
    for event in &recording.events {
        match (&event.what, open) {
            (Happening::Paused, None) => open = Some(nanoseconds(zero, event.at)),
            (Happening::Resumed, Some(from)) => {
                found.push((from, nanoseconds(zero, event.at)));
                open = None;
            }
            _ => {}
        }
    }
    if found.is_empty() {
        for (_, file, start) in files {
            let mut wall = nanoseconds(zero, *start);
            for (at, length) in paused(file) {
                found.push((wall + at, wall + at + length));
                wall += length;
            }
        }
    }
    merged(found)
}

fn merged(mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.retain(|(from, to)| to > from);
    spans.sort_unstable();
    let mut all: Vec<(i64, i64)> = Vec::new();
    for (from, to) in spans {
        match all.last_mut().filter(|last| from <= last.1) {
            Some(last) => last.1 = last.1.max(to),
            None => all.push((from, to)),
        }
    }
    all
}

/// A file's own pauses: place in it and length, in nanoseconds.
fn paused(file: &RecordingFile) -> impl Iterator<Item = (i64, i64)> + '_ {
    let pauses = file.facts.gaps.iter().filter(|gap| gap.why == "paused");
    pauses.map(|gap| (milliseconds(gap.at_ms), milliseconds(gap.length_ms)))
}

fn milliseconds(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX / MS / 4).saturating_mul(MS)
}

fn nanoseconds(from: Timestamp, to: Timestamp) -> i64 {
    i64::try_from(to.as_nanosecond() - from.as_nanosecond()).unwrap_or(i64::MAX / 4)
}

impl Clock {
    /// The mix's time of a wall clock's, in nanoseconds since zero. An instant in a pause is where the pause began.
    fn at(&self, wall: i64) -> i64 {
        let before = |(from, to): &(i64, i64)| (wall.min(*to) - from).max(0);
        wall - self.pauses.iter().map(before).sum::<i64>()
    }

    fn instant(&self, at: Timestamp) -> i64 {
        self.at(nanoseconds(self.zero, at))
    }

    fn piece(&self, index: usize, file: &RecordingFile, start: Timestamp) -> Piece {
        let mut wall = nanoseconds(self.zero, start);
        let from = self.at(wall);
        let mut pieces = vec![(i64::MIN, from)];
        for (at, length) in paused(file) {
            wall += length;
            pieces.push((at, self.at(wall + at) - at));
        }
        let to = self.at(wall + milliseconds(file.duration_ms));
        Piece { index, from, to, placement: Placement::pieces(pieces) }
    }

    /// Shown from the moment of publishing, if it is known, though its first picture came later.
    fn person(&self, recording: &Recording, feed: FeedId, file: &RecordingFile, piece: Piece) -> Person {
        let published = recording.events.iter().find_map(|event| match &event.what {
            Happening::Published { feed: known, name, .. } if *known == feed => Some((self.instant(event.at), name)),
            _ => None,
        });
        let name = published.map_or(&file.publisher, |(_, name)| name).clone();
        let from = published.map_or(piece.from, |(at, _)| at.clamp(0, piece.from.max(0)));
        Person { name, from, to: piece.to, files: vec![piece] }
    }

    fn layouts(&self, recording: &Recording) -> Vec<(i64, Layout)> {
        let changes = recording.events.iter().filter_map(|event| match &event.what {
            Happening::LayoutChanged { layout } => Some((self.instant(event.at), layout.clone())),
            _ => None,
        });
        std::iter::once((i64::MIN, recording.wish.layout.clone())).chain(changes).collect()
    }
}

#[cfg(test)]
#[path = "story/tests.rs"]
mod tests;
