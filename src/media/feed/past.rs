//! The last seconds of a feed, so that a recording or a clip can begin in the past.
//!
//! Pure: time comes in with what is kept. Decides what is kept (whole groups of pictures, bounded by a span and by bytes)
//! and where a beginning so far back lies; leaves who gets it, and the lock that keeps it in step with live packets, to
//! `feed`. A kept packet costs one reference.

use super::TapItem;
use crate::media::rtp::Packet;
use crate::model::Kind;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// More is not kept, whatever the span: a minute at 2 Mbit/s.
const MOST_BYTES: usize = 16 << 20;
/// Sound may arrive so much before the picture it belongs to.
const SOUND_BEFORE: Duration = Duration::from_millis(500);
/// A group of pictures may last as long as what is kept, within these: browsers send keyframes only when asked, and
/// without one nothing can begin; each costs the publisher's bandwidth.
const GROUP: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(5));

/// What is kept of a feed.
#[derive(Debug)]
pub struct Past {
    span: Duration,
    most_bytes: usize,
    kept: VecDeque<(Instant, TapItem)>,
    bytes: usize,
    /// Whether pictures are among it: then it begins with one.
    video: bool,
    /// When the newest picture that a file may begin with came.
    keyframe: Option<Instant>,
    /// Whether a next one was asked for.
    asked: bool,
}

impl Past {
    /// Keeps at least `span`, as far as the bytes allow: back to the keyframe at or before it.
    pub fn new(span: Duration) -> Self {
        let kept = VecDeque::new();
        Self { span, most_bytes: MOST_BYTES, kept, bytes: 0, video: false, keyframe: None, asked: false }
    }

    /// Another span from now on; what lies beyond goes with the next packet.
    pub fn set_span(&mut self, span: Duration) {
        self.span = span;
    }

    /// Something came in. With other tracks the past is of no use any more.
    pub fn push(&mut self, item: TapItem, at: Instant) {
        match &item {
            TapItem::Packet(packet) => {
                self.bytes += packet.data.len();
                self.video |= packet.codec.kind() == Kind::Video;
                if packet.codec.kind() == Kind::Video && packet.keyframe {
                    (self.keyframe, self.asked) = (Some(at), false);
                }
            }
            TapItem::SenderReport { .. } => {}
            TapItem::TracksChanged(_) | TapItem::Ended => return self.clear(),
        }
        let may_trim = item_packet(&item).is_some_and(|packet| self.is_start(packet));
        self.kept.push_back((at, item));
        if may_trim || self.bytes > self.most_bytes {
            self.trim(at);
        }
    }

    /// Whether the publisher is to be asked for a keyframe, said once for each: there is none yet, or the last is old.
    pub fn wants_keyframe(&mut self, now: Instant) -> bool {
        let longest = self.span.clamp(GROUP.0, GROUP.1);
        let old = self.keyframe.is_none_or(|at| now.saturating_duration_since(at) >= longest);
        let wants = self.video && old && !self.asked;
        self.asked |= wants;
        wants
    }

    /// All since the keyframe at or before `from` ago, or since the oldest one kept; of sound alone, since `from` ago.
    /// Empty when there is no keyframe.
    pub fn since(&self, from: Duration, now: Instant) -> Vec<TapItem> {
        let wanted = now.checked_sub(from).unwrap_or(now);
        let Some((first, sequence)) = self.beginning(wanted) else { return Vec::new() };
        let sound_from = first.checked_sub(SOUND_BEFORE).unwrap_or(first);
        let belongs = |(at, item): &&(Instant, TapItem)| match item_packet(item) {
            Some(packet) if packet.codec.kind() == Kind::Video => packet.sequence >= sequence,
            _ if sequence == 0 => *at >= first,
            _ => *at >= sound_from,
        };
        self.kept.iter().filter(belongs).map(|(_, item)| item.clone()).collect()
    }

    /// When a beginning at or before `wanted` arrived, and its picture's sequence number (0: there are no pictures).
    fn beginning(&self, wanted: Instant) -> Option<(Instant, u64)> {
        if !self.video {
            let before = self.packets().take_while(|(at, _)| *at <= wanted).last();
            return before.or(self.packets().next()).map(|(at, _)| (at, 0));
        }
        let keyframes = || self.packets().filter(|(_, p)| p.codec.kind() == Kind::Video && p.keyframe);
        let (at, first) = keyframes().take_while(|(at, _)| *at <= wanted).last().or_else(|| keyframes().next())?;
        // Parameter sets before the picture are keyframe packets of the same time.
        let same = keyframes().filter(|(_, p)| p.timestamp == first.timestamp).map(|(_, p)| p.sequence).min();
        Some((at, same.unwrap_or(first.sequence)))
    }

    fn packets(&self) -> impl Iterator<Item = (Instant, &Packet)> {
        self.kept.iter().filter_map(|(at, item)| item_packet(item).map(|packet| (*at, packet)))
    }

    /// Groups of pictures that end before the span, or that are too many bytes, go.
    fn trim(&mut self, now: Instant) {
        let enough = now.checked_sub(self.span);
        while let Some((at, next)) = self.second_start() {
            if enough.is_none_or(|enough| at > enough) && self.bytes <= self.most_bytes {
                return;
            }
            self.drop_front(next);
        }
        if self.bytes > self.most_bytes {
            // One group of pictures is more than may be kept: of no use without its beginning.
            self.clear();
        }
    }

    /// Where the second beginning among what is kept lies, and when it came.
    fn second_start(&self) -> Option<(Instant, usize)> {
        let start = |item| item_packet(item).filter(|packet| self.is_start(packet));
        let all = self.kept.iter().enumerate();
        let mut starts = all.filter_map(|(index, (at, item))| start(item).map(|p| (*at, index, p.timestamp)));
        let (_, _, time) = starts.next()?;
        starts.find(|(_, _, other)| *other != time).map(|(at, index, _)| (at, index))
    }

    fn drop_front(&mut self, count: usize) {
        for (_, item) in self.kept.drain(..count) {
            self.bytes -= item_packet(&item).map_or(0, |packet| packet.data.len());
        }
    }

    /// Whether a file may begin with it.
    fn is_start(&self, packet: &Packet) -> bool {
        packet.keyframe && (!self.video || packet.codec.kind() == Kind::Video)
    }

    fn clear(&mut self) {
        self.kept.clear();
        self.bytes = 0;
        self.video = false;
        (self.keyframe, self.asked) = (None, false);
    }
}

fn item_packet(item: &TapItem) -> Option<&Packet> {
    if let TapItem::Packet(packet) = item { Some(packet) } else { None }
}

#[cfg(test)]
mod tests;
