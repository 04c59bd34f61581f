//! The segments and parts of one track, in memory. Pure.
//!
//! Decides what is kept and by which name it is found; leaves what is written about them to `playlist`.

use bytes::{Bytes, BytesMut};
use std::collections::{BTreeMap, VecDeque};

/// Segments kept beyond those a playlist names: somebody has just read the one before.
const EXTRA: usize = 2;

/// What was made between two cuts. Times in nanoseconds on the presentation's line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// `moof` and `mdat`.
    pub bytes: Bytes,
    /// When it begins.
    pub start: u64,
    /// When the next begins.
    pub end: u64,
    /// Whether a decoder can begin with it.
    pub independent: bool,
    /// Whether a segment begins with it, and how.
    pub opens: Option<Opening>,
    /// Whether its segment ends with it.
    pub closes: bool,
}

/// How a segment begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// What was before does not go on in it.
    pub discontinuity: bool,
    /// The number of its header.
    pub init: u32,
}

/// A part of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub bytes: Bytes,
    pub start: u64,
    pub end: u64,
    pub independent: bool,
}

/// A segment, whole or growing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Media sequence number.
    pub msn: u64,
    pub opening: Opening,
    pub parts: Vec<Part>,
    /// All of it, once it is whole.
    pub whole: Option<Bytes>,
}

impl Segment {
    /// Nanoseconds from its first part to the end of its last.
    pub fn length(&self) -> u64 {
        self.start().zip(self.parts.last()).map_or(0, |(start, last)| last.end.saturating_sub(start))
    }

    /// When it begins, once it has.
    pub fn start(&self) -> Option<u64> {
        self.parts.first().map(|part| part.start)
    }

    /// Puts the parts together; they become pieces of the whole, so that nothing is kept twice.
    fn close(&mut self) {
        let mut whole = BytesMut::with_capacity(self.parts.iter().map(|part| part.bytes.len()).sum());
        self.parts.iter().for_each(|part| whole.extend_from_slice(&part.bytes));
        let whole = whole.freeze();
        let mut at = 0;
        for part in &mut self.parts {
            let end = at + part.bytes.len();
            part.bytes = whole.slice(at..end);
            at = end;
        }
        self.whole = Some(whole);
    }
}

/// What is asked of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A header.
    Init(u32),
    /// A segment.
    Segment(u64),
    /// A part of a segment.
    Part(u64, usize),
}

/// What a look-up finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Here it is.
    Here(Bytes),
    /// It is the next that will be made.
    Soon,
    /// It is gone, or never was.
    Nowhere,
}

/// One track.
#[derive(Debug)]
pub struct Shelf {
    /// Segments that a playlist names.
    named: usize,
    segments: VecDeque<Segment>,
    next: u64,
    /// Discontinuities in segments that are not kept any more.
    gone: u64,
    inits: BTreeMap<u32, Bytes>,
    ended: bool,
}

impl Shelf {
    /// Empty, with so many segments in its playlist. Begins as a shelf that runs already stands: with its segment number
    /// and count of discontinuities.
    pub fn new(named: usize, beside: Option<&Self>) -> Self {
        let next =
            beside.map_or(0, |other| other.segments.back().filter(|s| s.whole.is_none()).map_or(other.next, |s| s.msn));
        let gone = beside.map_or(0, |other| other.gone + other.marks(other.segments.len()));
        Self { named, segments: VecDeque::new(), next, gone, inits: BTreeMap::new(), ended: false }
    }

    /// A header for the segments that will name it.
    pub fn init(&mut self, number: u32, bytes: Bytes) {
        self.inits.insert(number, bytes);
    }

    /// Takes a part.
    pub fn put(&mut self, chunk: Chunk) {
        let Chunk { bytes, start, end, independent, opens, closes } = chunk;
        if opens.is_some() || self.open().is_none() {
            self.begin(opens.unwrap_or_default());
        }
        let Some(segment) = self.segments.back_mut() else { return };
        segment.parts.push(Part { bytes, start, end, independent });
        if closes {
            segment.close();
        }
    }

    fn begin(&mut self, opening: Opening) {
        self.close();
        self.segments.push_back(Segment { msn: self.next, opening, parts: Vec::new(), whole: None });
        self.next += 1;
        while self.segments.len() > self.named + EXTRA + 1 {
            if let Some(old) = self.segments.pop_front() {
                self.gone += u64::from(old.opening.discontinuity);
            }
        }
        let oldest = self.segments.front().map_or(0, |segment| segment.opening.init);
        self.inits.retain(|number, _| *number >= oldest);
    }

    fn close(&mut self) {
        if let Some(open) = self.segments.back_mut().filter(|segment| segment.whole.is_none()) {
            open.close();
        }
    }

    /// Nothing more comes.
    pub fn end(&mut self) {
        self.close();
        self.ended = true;
    }

    /// Whether nothing more comes.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// The segment that grows.
    pub fn open(&self) -> Option<&Segment> {
        self.segments.back().filter(|segment| segment.whole.is_none())
    }

    /// The whole segments that a playlist names, oldest first.
    pub fn listed(&self) -> impl Iterator<Item = &Segment> {
        let whole = self.segments.iter().filter(|segment| segment.whole.is_some());
        let skip = whole.clone().count().saturating_sub(self.named);
        whole.skip(skip)
    }

    /// How many segments are whole.
    pub fn whole(&self) -> usize {
        self.segments.iter().filter(|segment| segment.whole.is_some()).count()
    }

    /// Discontinuities before the first segment that a playlist names (EXT-X-DISCONTINUITY-SEQUENCE).
    pub fn discontinuities(&self) -> u64 {
        self.gone + self.marks(self.whole().saturating_sub(self.named))
    }

    fn marks(&self, of_first: usize) -> u64 {
        self.segments.iter().take(of_first).filter(|segment| segment.opening.discontinuity).count() as u64
    }

    /// The segment and part that come next: those after the last part that is there.
    pub fn coming(&self) -> (u64, usize) {
        self.open().map_or((self.next, 0), |open| (open.msn, open.parts.len()))
    }

    /// Whether segment `msn` is whole, or has this part. A part beyond a whole segment's last is the next one's first.
    pub fn has(&self, msn: u64, part: Option<u64>) -> bool {
        let (next, parts) = self.coming();
        match part {
            _ if msn < next => true,
            None => false,
            Some(part) => msn == next && usize::try_from(part).is_ok_and(|part| part < parts),
        }
    }

    /// Looks for a file.
    pub fn find(&self, wanted: Wanted) -> Found {
        let of = |msn| self.segments.iter().find(|segment| segment.msn == msn);
        let here = match wanted {
            Wanted::Init(number) => self.inits.get(&number).cloned(),
            Wanted::Segment(msn) => of(msn).and_then(|segment| segment.whole.clone()),
            Wanted::Part(msn, part) => of(msn).and_then(|s| s.parts.get(part)).map(|part| part.bytes.clone()),
        };
        let (next, parts) = self.coming();
        let soon = match wanted {
            Wanted::Init(_) => false,
            Wanted::Segment(msn) => msn == next,
            Wanted::Part(msn, part) => (msn, part) == (next, parts),
        };
        match here {
            Some(bytes) => Found::Here(bytes),
            None if soon && !self.ended => Found::Soon,
            None => Found::Nowhere,
        }
    }

    /// The greatest bit rate of a whole segment, and the average of all.
    pub fn bits(&self) -> (u64, u64) {
        let rate = |bytes: usize, ns: u64| (bytes as u64 * 8).saturating_mul(1_000_000_000) / ns.max(1_000_000);
        let each = self.segments.iter().filter_map(|segment| Some((segment.whole.as_ref()?.len(), segment.length())));
        let peak = each.clone().map(|(bytes, length)| rate(bytes, length)).max().unwrap_or(0);
        let (bytes, length) = each.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        (peak, rate(bytes, length))
    }
}
