//! The tracks of a presentation as requests see them.
//!
//! Decides when a presentation is ready to be shown, what never changes from then on, and whether a request is answered
//! now, later or never; leaves waiting to `presentation`.

use super::multivariant::{Facts, multivariant};
use super::names::File;
use super::playlist::{self, Terms};
use super::shelf::{Chunk, Found, Shelf, Wanted};
use crate::config::Hls;
use crate::model::Kind;
use bytes::Bytes;
use jiff::Timestamp;
use parking_lot::Mutex;
use std::time::Duration;
use tokio::sync::watch;

/// What a request gets now.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Its file.
    Here(Bytes),
    /// Nothing yet.
    Later,
    /// Nothing, ever, and why.
    Never(&'static str),
}

/// Both tracks, and news of them.
pub struct Shelves {
    state: Mutex<State>,
    news: watch::Sender<u64>,
}

struct State {
    settings: Hls,
    origin: Timestamp,
    /// Until they are known, nothing is shown.
    terms: Option<Terms>,
    tracks: Vec<(Kind, Facts, Shelf)>,
    ended: bool,
}

impl Shelves {
    /// Empty.
    pub fn new(settings: Hls) -> Self {
        let origin = Timestamp::now();
        let state = State { settings, origin, terms: None, tracks: Vec::new(), ended: false };
        Self { state: Mutex::new(state), news: watch::Sender::new(0) }
    }

    /// Time zero is now, less this many nanoseconds.
    pub fn begins(&self, ago: u64) {
        self.state.lock().origin = Timestamp::now().saturating_sub(Duration::from_nanos(ago)).unwrap_or_default();
    }

    /// A track begins, or is another one from now on.
    pub fn track(&self, kind: Kind, facts: Facts) {
        let mut state = self.state.lock();
        match state.tracks.iter_mut().find(|(known, ..)| *known == kind) {
            Some((_, known, _)) => *known = facts,
            None => {
                let shelf = Shelf::new(state.settings.segments, state.tracks.first().map(|(.., shelf)| shelf));
                state.tracks.push((kind, facts, shelf));
            }
        }
    }

    /// Changes a track's shelf and wakes who waits for that.
    pub fn change(&self, kind: Kind, change: impl FnOnce(&mut Shelf)) {
        let mut state = self.state.lock();
        if let Some((.., shelf)) = state.tracks.iter_mut().find(|(known, ..)| *known == kind) {
            change(shelf);
        }
        state.settle();
        drop(state);
        self.tell();
    }

    /// Takes a part.
    pub fn put(&self, kind: Kind, chunk: Chunk) {
        self.change(kind, |shelf| shelf.put(chunk));
    }

    /// Nothing more comes.
    pub fn end(&self) {
        let mut state = self.state.lock();
        state.ended = true;
        state.tracks.iter_mut().for_each(|(.., shelf)| shelf.end());
        state.settle();
        drop(state);
        self.tell();
    }

    /// Whether nothing more comes.
    pub fn is_ended(&self) -> bool {
        self.state.lock().ended
    }

    fn tell(&self) {
        self.news.send_modify(|version| *version += 1);
    }

    /// Changes with each part.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// What never changes, once it is known.
    pub fn terms(&self) -> Option<Terms> {
        self.state.lock().terms
    }

    /// A file, as it is now. `after`: not before the playlist has this segment (and part).
    pub fn answer(&self, file: File, after: Option<(u64, Option<u64>)>) -> Answer {
        self.state.lock().answer(file, after)
    }
}

impl State {
    fn shelf(&self, kind: Kind) -> Option<&Shelf> {
        self.tracks.iter().find(|(known, ..)| *known == kind).map(|(.., shelf)| shelf)
    }

    /// The track that decides where segments end.
    fn lead(&self) -> Option<&Shelf> {
        self.shelf(Kind::Video).or_else(|| self.shelf(Kind::Audio))
    }

    fn is_ready(&self) -> bool {
        let Some(lead) = self.lead() else { return false };
        let all = self.tracks.iter().all(|(.., shelf)| shelf.whole() > 0);
        // Sound that does not come is not waited for.
        lead.whole() > 0 && (all || lead.whole() > 1 || self.ended)
    }

    fn settle(&mut self) {
        if self.terms.is_some() || !self.is_ready() {
            return;
        }
        let segments = || self.tracks.iter().flat_map(|(.., shelf)| shelf.listed());
        let longest = segments().map(|segment| segment.length().div_ceil(1_000_000_000)).max().unwrap_or(0);
        let part = segments().flat_map(|s| &s.parts).map(|part| part.end - part.start.min(part.end)).max().unwrap_or(0);
        // A little more than the setting: pictures come as they come, and a part of ten may take a moment longer.
        let usual = u64::try_from(self.settings.part.as_nanos()).unwrap_or(u64::MAX);
        let target = self.settings.segment.as_secs() + 1;
        self.terms =
            Some(Terms { target: target.max(longest), part: part.max(usual + usual / 20), origin: self.origin });
    }

    fn answer(&self, file: File, after: Option<(u64, Option<u64>)>) -> Answer {
        let Some(terms) = self.terms else {
            return if self.ended {
                Answer::Never("the feed ended before anything could be shown")
            } else {
                Answer::Later
            };
        };
        match file {
            File::Index => Answer::Here(self.index().into()),
            File::Playlist(kind) => self.playlist(kind, after, &terms),
            File::Media(kind, wanted) => self.media(kind, wanted),
        }
    }

    fn index(&self) -> String {
        let facts = |kind| {
            let track = self.tracks.iter().find(|(known, _, shelf)| *known == kind && shelf.whole() > 0);
            track.map(|(_, facts, shelf)| Facts { bits: shelf.bits(), ..facts.clone() })
        };
        multivariant(facts(Kind::Video).as_ref(), facts(Kind::Audio).as_ref())
    }

    fn playlist(&self, kind: Kind, after: Option<(u64, Option<u64>)>, terms: &Terms) -> Answer {
        let Some(shelf) = self.shelf(kind) else { return Answer::Never("the feed has no such track") };
        match after {
            _ if shelf.is_ended() => {}
            Some((msn, _)) if msn > shelf.coming().0 + 1 => {
                return Answer::Never("_HLS_msn is too far ahead of the playlist");
            }
            Some((msn, part)) if !shelf.has(msn, part) => return Answer::Later,
            None if shelf.whole() == 0 => return Answer::Later,
            _ => {}
        }
        let others: Vec<_> =
            self.tracks.iter().filter(|(other, ..)| *other != kind).map(|(other, _, shelf)| (*other, shelf)).collect();
        Answer::Here(playlist::media(kind, shelf, terms, &others).into())
    }

    fn media(&self, kind: Kind, wanted: Wanted) -> Answer {
        match self.shelf(kind).map_or(Found::Nowhere, |shelf| shelf.find(wanted)) {
            Found::Here(bytes) => Answer::Here(bytes),
            Found::Soon => Answer::Later,
            Found::Nowhere => Answer::Never("no such file, or not any more: read the playlist again"),
        }
    }
}
