//! Which renditions of a feed a viewer could get, best first, and what keeps it from some. Pure.
//!
//! Decides what its decoder and its own limits allow and which rungs of the ladder make sense beside what the publisher
//! sends anyway. Leaves what the line carries to `line`.

use super::facts::{Facts, Picture, Step, usual_bits};
use super::words;
use crate::model::{Codec, FeedId, Rendition, RenditionKind, ViewLimits, Why};
use std::sync::Arc;

/// A rung is worth making when it needs this part of the source's rate at most…
const CLEARLY_BELOW: f64 = 0.8;
/// …and no layer needs about as much: this much less or more of the rung's rate.
const SIMILAR: (f64, f64) = (0.6, 1.25);
/// A viewer's own limit in bits is taken so much less strictly for what it gets already: rates vary.
const LENIENT: f64 = 1.1;

/// How a rendition comes about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// The feed's own pictures.
    Source,
    /// A layer, by the feed of its pictures.
    Layer(FeedId),
    /// A rung, made here for so many bits per second: with another rate it is another one.
    Made(Codec, Arc<str>, u64),
    /// No pictures.
    Sound,
    /// Nothing at all.
    Nothing,
}

impl Way {
    /// Whether there is anything to see.
    pub fn has_pictures(&self) -> bool {
        !matches!(self, Self::Sound | Self::Nothing)
    }
}

/// What keeps a viewer from a rendition, whatever its line.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Kind of reason.
    pub why: Why,
    /// In words.
    pub words: String,
}

/// One of the renditions.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// How it comes about.
    pub way: Way,
    /// What it is.
    pub rendition: Rendition,
    /// Bits per second of its pictures.
    pub bits: u64,
    /// `None`: it may be had.
    pub bar: Option<Bar>,
}

/// What a viewer is able and willing to take.
#[derive(Clone, Copy, Debug)]
pub struct Taste<'a> {
    /// Its own limits.
    pub limits: ViewLimits,
    /// Codecs of pictures that it takes.
    pub decoders: &'a [Codec],
    /// It takes the feed's own pictures: not only their codec, but its profile as well.
    pub own_pictures: bool,
    /// What it gets.
    pub using: Option<&'a Way>,
}

/// Name of the rung that is as the source, in another codec.
pub fn whole_name(codec: Codec) -> Arc<str> {
    format!("source in {}", codec.encoding_name().to_ascii_lowercase()).into()
}

/// All renditions of the feed for this viewer, best first. The last one costs nothing and may always be had.
pub fn candidates(facts: &Facts, taste: &Taste) -> Vec<Candidate> {
    let mut all = Vec::new();
    if let Some(picture) = &facts.picture {
        pictures(facts, picture, taste, &mut all);
    }
    let sound = !taste.limits.paused;
    all.push(plain(if sound { Way::Sound } else { Way::Nothing }));
    let sound = facts.sound.unwrap_or(0);
    for candidate in all.iter_mut().filter(|candidate| candidate.bar.is_none()) {
        candidate.bar = own_limit(candidate, sound, taste);
    }
    all
}

fn pictures(facts: &Facts, picture: &Picture, taste: &Taste, all: &mut Vec<Candidate>) {
    let source = shown(Way::Source, "source".into(), RenditionKind::Source, picture, taste);
    let shut = source.bar.is_some() || own_limit(&source, facts.sound.unwrap_or(0), taste).is_some();
    let undecodable = source.bar.is_some();
    let layers = facts.layers.iter().map(|layer| {
        let name = format!("layer {}", layer.rid);
        shown(Way::Layer(layer.feed), name, RenditionKind::Layer, &layer.picture, taste)
    });
    let mut smaller: Vec<Candidate> = layers.collect();
    let source_bits = match picture.bits {
        0 => usual_bits(short(picture)),
        bits => bits,
    };
    let fits = |step: &Step, way: &Way| {
        let slack = if taste.using == Some(way) { 1.0 } else { CLEARLY_BELOW };
        let lower = step.height.zip(short(picture)).is_none_or(|(step, source)| step <= source);
        lower && (shut || step.bits as f64 <= source_bits as f64 * slack)
    };
    let rungs = facts.ladder.iter().filter_map(|step| {
        let codec = codec_for(step, picture, taste)?;
        let way = Way::Made(codec, step.name.clone(), step.bits);
        let similar = smaller.iter().any(|layer| layer.bar.is_none() && is_similar(layer.bits, step.bits));
        (fits(step, &way) && !similar).then(|| made(way, codec, step, picture))
    });
    let rungs: Vec<Candidate> = rungs.collect();
    smaller.extend(rungs);
    // Stable: of two with the same rate, a layer comes before a rung.
    smaller.sort_by_key(|candidate| std::cmp::Reverse(candidate.bits));
    all.push(source);
    if undecodable {
        all.extend(whole(picture, taste));
    }
    all.extend(smaller);
}

/// Pixels of the shorter side: a portrait picture is as detailed as a landscape one.
fn short(picture: &Picture) -> Option<u32> {
    picture.size.map(|(width, height)| width.min(height))
}

fn is_similar(layer: u64, rung: u64) -> bool {
    let part = layer as f64 / rung.max(1) as f64;
    (SIMILAR.0..=SIMILAR.1).contains(&part)
}

/// In which codec a rung is made for this viewer: one in which it runs, else the source's own, else what all take.
fn codec_for(step: &Step, picture: &Picture, taste: &Taste) -> Option<Codec> {
    let own = picture.codec.into_iter().filter(|codec| matches!(codec, Codec::Vp8 | Codec::H264));
    let able: Vec<Codec> =
        own.chain([Codec::Vp8, Codec::H264]).filter(|codec| taste.decoders.contains(codec)).collect();
    let used = able.iter().find(|codec| taste.using == Some(&Way::Made(**codec, step.name.clone(), step.bits)));
    used.or_else(|| able.iter().find(|codec| step.runs.contains(codec))).or(able.first()).copied()
}

/// The source's pictures in a codec that the viewer takes. The rate goes by the size alone, so that all share one.
fn whole(picture: &Picture, taste: &Taste) -> Option<Candidate> {
    let codec = [Codec::H264, Codec::Vp8].into_iter().find(|codec| taste.decoders.contains(codec))?;
    let (name, bits) = (whole_name(codec), usual_bits(short(picture)));
    let step = Step { name: name.clone(), height: None, framerate: None, bits, runs: Vec::new() };
    Some(made(Way::Made(codec, name, bits), codec, &step, picture))
}

fn made(way: Way, codec: Codec, step: &Step, source: &Picture) -> Candidate {
    let size = source.size.map(|(width, height)| {
        let short = width.min(height).max(1);
        let rows = step.height.map_or(short, |rows| rows.min(short));
        // Encoders take even sizes.
        let scaled = |pixels: u32| (u64::from(pixels) * u64::from(rows) / u64::from(short)) as u32 & !1;
        (scaled(width), scaled(height))
    });
    let framerate = match (step.framerate, source.framerate) {
        (Some(rung), Some(source)) => Some(source.min(rung as f32)),
        (rung, source) => source.or(rung.map(|rate| rate as f32)),
    };
    let rendition = Rendition {
        name: step.name.to_string(),
        kind: RenditionKind::Transcode,
        codec: Some(codec),
        width: size.map(|size| size.0),
        height: size.map(|size| size.1).or(step.height),
        framerate,
        kbps: kilo(step.bits),
    };
    Candidate { way, rendition, bits: step.bits, bar: None }
}

/// What the publisher sends.
fn shown(way: Way, name: String, kind: RenditionKind, picture: &Picture, taste: &Taste) -> Candidate {
    let rendition = Rendition {
        name,
        kind,
        codec: picture.codec,
        width: picture.size.map(|size| size.0),
        height: picture.size.map(|size| size.1),
        framerate: picture.framerate,
        kbps: kilo(picture.bits),
    };
    let foreign = picture.codec.filter(|codec| !taste.decoders.contains(codec) || !taste.own_pictures);
    let bar = foreign.map(|codec| Bar { why: Why::Decoder, words: words::decoder(codec, taste.decoders) });
    Candidate { way, rendition, bits: picture.bits, bar }
}

fn plain(way: Way) -> Candidate {
    let (name, kind) = match way {
        Way::Nothing => ("nothing", RenditionKind::Nothing),
        _ => ("sound", RenditionKind::Sound),
    };
    let (codec, width, height, framerate) = (None, None, None, None);
    let rendition = Rendition { name: name.into(), kind, codec, width, height, framerate, kbps: 0 };
    Candidate { way, rendition, bits: 0, bar: None }
}

/// Kilobits, rounded.
pub fn kilo(bits: u64) -> u32 {
    u32::try_from((bits + 500) / 1000).unwrap_or(u32::MAX)
}

fn own_limit(candidate: &Candidate, sound: u64, taste: &Taste) -> Option<Bar> {
    if !candidate.way.has_pictures() {
        return None;
    }
    let limits = taste.limits;
    let slack = if taste.using == Some(&candidate.way) { LENIENT } else { 1.0 };
    let wide = limits.max_width.filter(|most| candidate.rendition.width.is_some_and(|width| width > *most));
    let bits = match candidate.bits {
        // Not measured yet: what such pictures need as a rule.
        0 => usual_bits(
            candidate.rendition.width.zip(candidate.rendition.height).map(|(width, height)| width.min(height)),
        ),
        bits => bits,
    };
    let over = |most: &u32| (bits + sound) as f64 > f64::from(*most) * 1000.0 * slack;
    let words = match limits {
        ViewLimits { paused: true, .. } => words::PAUSED.to_owned(),
        ViewLimits { audio_only: true, .. } => words::AUDIO_ONLY.to_owned(),
        _ => wide.map(words::max_width).or_else(|| limits.max_kbps.filter(over).map(words::max_kbps))?,
    };
    Some(Bar { why: Why::OwnLimit, words })
}

#[cfg(test)]
#[path = "candidates_test.rs"]
mod tests;
