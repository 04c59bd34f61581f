//! The playlist of a track (RFC 8216bis, with the low-latency tags). Pure.

use super::names;
use super::shelf::{Segment, Shelf, Wanted};
use crate::model::Kind;
use jiff::{SignedDuration, Timestamp};
use std::fmt::Write;

/// What never changes while a presentation runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// No segment is longer, rounded, in seconds.
    pub target: u64,
    /// No part is longer, in nanoseconds.
    pub part: u64,
    /// The wall clock at time zero.
    pub origin: Timestamp,
}

/// Parts are named so many target durations back from the newest.
const PARTS_BACK: u64 = 3;
/// Live players stay so many part targets behind.
const HOLD_BACK: f64 = 3.0;

/// The playlist of this track; `others` are the tracks beside it.
pub fn media(kind: Kind, shelf: &Shelf, terms: &Terms, others: &[(Kind, &Shelf)]) -> String {
    let mut text = head(shelf, terms);
    let mut init = None;
    let newest = shelf.open().or_else(|| shelf.listed().last()).and_then(Segment::start).unwrap_or(0);
    for segment in shelf.listed().chain(shelf.open()) {
        begin(&mut text, kind, segment, terms, &mut init);
        let recent =
            segment.start().is_some_and(|at| newest - at.min(newest) < PARTS_BACK * terms.target * 1_000_000_000);
        if recent && !shelf.is_ended() {
            parts(&mut text, kind, segment);
        }
        if segment.whole.is_some() {
            let name = names::media(kind, Wanted::Segment(segment.msn));
            let _ = writeln!(text, "#EXTINF:{:.5},\n{name}", seconds(segment.length()));
        }
    }
    text + &tail(kind, shelf, others)
}

fn head(shelf: &Shelf, terms: &Terms) -> String {
    let part = seconds(terms.part);
    let first = shelf.listed().next().map_or_else(|| shelf.coming().0, |segment| segment.msn);
    let mut text = format!("#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{}\n", terms.target);
    let _ = writeln!(text, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={:.3}", part * HOLD_BACK);
    let _ = writeln!(text, "#EXT-X-PART-INF:PART-TARGET={part:.3}");
    let _ = writeln!(text, "#EXT-X-MEDIA-SEQUENCE:{first}");
    if shelf.discontinuities() > 0 {
        let _ = writeln!(text, "#EXT-X-DISCONTINUITY-SEQUENCE:{}", shelf.discontinuities());
    }
    text
}

/// What stands before a segment's parts.
fn begin(text: &mut String, kind: Kind, segment: &Segment, terms: &Terms, init: &mut Option<u32>) {
    if segment.opening.discontinuity {
        text.push_str("#EXT-X-DISCONTINUITY\n");
    }
    if *init != Some(segment.opening.init) {
        *init = Some(segment.opening.init);
        let name = names::media(kind, Wanted::Init(segment.opening.init));
        let _ = writeln!(text, "#EXT-X-MAP:URI=\"{name}\"");
    }
    if let Some(at) = segment.start() {
        let at = SignedDuration::from_nanos(i64::try_from(at).unwrap_or(i64::MAX));
        let time = terms.origin.saturating_add(at).unwrap_or(terms.origin);
        let _ = writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{time:.3}");
    }
}

fn parts(text: &mut String, kind: Kind, segment: &Segment) {
    for (index, part) in segment.parts.iter().enumerate() {
        let name = names::media(kind, Wanted::Part(segment.msn, index));
        let length = seconds(part.end.saturating_sub(part.start));
        let independent = if part.independent { ",INDEPENDENT=YES" } else { "" };
        let _ = writeln!(text, "#EXT-X-PART:DURATION={length:.5},URI=\"{name}\"{independent}");
    }
}

/// What comes next, or that nothing does.
fn tail(kind: Kind, shelf: &Shelf, others: &[(Kind, &Shelf)]) -> String {
    if shelf.is_ended() {
        return "#EXT-X-ENDLIST\n".into();
    }
    let (msn, part) = shelf.coming();
    let name = names::media(kind, Wanted::Part(msn, part));
    let mut text = format!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{name}\"\n");
    for (other, shelf) in others {
        let name = names::playlist(*other);
        let (msn, part) = last(shelf);
        let _ = writeln!(text, "#EXT-X-RENDITION-REPORT:URI=\"{name}\",LAST-MSN={msn},LAST-PART={part}");
    }
    text
}

/// The newest part that is there.
fn last(shelf: &Shelf) -> (u64, usize) {
    match shelf.coming() {
        (msn, 0) => {
            let parts = shelf.listed().last().map_or(1, |segment| segment.parts.len());
            (msn.saturating_sub(1), parts.saturating_sub(1))
        }
        (msn, part) => (msn, part - 1),
    }
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
#[path = "playlist_test.rs"]
mod tests;
