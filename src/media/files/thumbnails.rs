//! A poster and a sprite of thumbnails of a finished file: JPEG files beside it.
//!
//! Decides which pictures are shown: keyframes alone, found by reading without decoding, each decoded once on one thread,
//! so that an hour takes seconds. Files without pictures get their waveform (`waveform`).

use super::reader::{Frame, Reader};
use super::thin::Thin;
use super::waveform::{self, Waveform};
use super::{MediaError, fatal};
use crate::media::picture::{Encoded, Fit, Picture, jpeg, stills};
use crate::model::Thumbnails;
use std::path::Path;
use std::time::Duration;

/// Keyframes that are looked at, and packets of sound.
const MOST_PICTURES: usize = 240;
const MOST_SOUNDS: usize = 3000;
/// Bytes of a keyframe that is looked at; larger ones are not made by anybody honest.
const LARGEST: usize = 2 << 20;
/// Thumbnails of a sprite at most, and in a row.
const MOST: u64 = 100;
const COLUMNS: u32 = 10;
/// Width of a thumbnail; its height when there is no picture.
const WIDTH: u32 = 160;
const HEIGHT: u32 = 90;
const POSTER: u32 = 1280;
/// Steps from one thumbnail to the next in seconds; beyond, the length divided.
const STEPS: [u64; 13] = [1, 2, 3, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1200];
/// Decoding takes a fraction of this.
const LIMIT: Duration = Duration::from_secs(60);
/// A poster is lighter than this on average, and not of one colour.
const DARK: f64 = 28.0;
const FLAT: f64 = 4.0;

/// Makes `poster-STEM.jpg` and `sprite-STEM.jpg` in the folder, of a file `STEM.webm` or `STEM.mp4`.
///
/// `NotReady`: no file, nothing in it, or no decoder for it. `Fatal`: not readable. `Transient`: the disk, or the machine is
/// too busy. Nothing is left in the folder after an error.
pub fn thumbnails(source: &Path, folder: &Path) -> Result<Thumbnails, MediaError> {
    let file = source.file_name().and_then(|name| name.to_str());
    let stem = source.file_stem().and_then(|name| name.to_str());
    let (Some(file), Some(stem)) = (file, stem) else { return Err(fatal(source.display(), "no file name")) };
    let found = look(source)?;
    let drawn = if found.pictures.is_empty() { wave(found)? } else { pictures(found)? };
    let (poster, sprite) = (format!("poster-{stem}.jpg"), format!("sprite-{stem}.jpg"));
    keep(folder, &poster, &jpeg(&drawn.poster)?)?;
    let sheet = drawn.sprite()?;
    keep(folder, &sprite, &jpeg(&sheet)?).inspect_err(|_| drop(std::fs::remove_file(folder.join(&poster))))?;
    let (width, height) = (drawn.size.0, drawn.size.1);
    let count = u32::try_from(drawn.cells.len()).unwrap_or(0);
    let interval_ms = drawn.interval / 1_000_000;
    Ok(Thumbnails { file: file.into(), poster, sprite, width, height, columns: COLUMNS, count, interval_ms })
}

/// A picture of a file, this wide: JPEG of the keyframe before this place. Errors as of [`thumbnails`].
pub fn still(source: &Path, at: Duration, width: u32) -> Result<Vec<u8>, MediaError> {
    let at = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
    let (mut reader, mut found) = (Reader::open(source, None)?, None::<Frame>);
    while let Some(frame) = reader.next()? {
        let usable = frame.is_picture() && frame.keyframe && frame.buffer.size() < LARGEST;
        if usable && (frame.at <= at || found.is_none()) {
            found = Some(frame);
        } else if found.is_some() && frame.at > at {
            break;
        }
    }
    let frame = found.ok_or_else(|| MediaError::NotReady("there is no picture in it".into()))?;
    let height = scaled_height(&frame.caps, width);
    let drawn = stills(Encoded::Frames(&frame.caps), vec![frame.buffer.copy()], Fit::Exactly(width, height), LIMIT)?;
    let (_, picture) = drawn.into_iter().next().ok_or_else(|| fatal("still", "the picture cannot be decoded"))?;
    jpeg(&picture).map(|data| data.to_vec())
}

/// What is worth looking at.
struct Found {
    pictures: Vec<(u64, Frame)>,
    /// Each with the packets before it.
    sounds: Vec<(u64, Vec<Frame>)>,
    end: u64,
}

/// What goes into the files.
struct Drawn {
    poster: Picture,
    /// One for each thumbnail, in order.
    cells: Vec<Picture>,
    size: (u32, u32),
    interval: u64,
}

fn look(source: &Path) -> Result<Found, MediaError> {
    let mut reader = Reader::open(source, None)?;
    let (mut pictures, mut sounds) = (Thin::new(MOST_PICTURES, 400_000_000), Thin::new(MOST_SOUNDS, 1));
    let (mut end, mut run) = (0, Vec::new());
    while let Some(frame) = reader.next()? {
        end = end.max(frame.at.saturating_add(frame.length()));
        match (frame.is_picture(), frame.keyframe && frame.buffer.size() < LARGEST) {
            (true, true) => pictures.push(frame.at, || frame.clone()),
            (false, true) => {
                waveform::follow(&mut run, frame.clone());
                sounds.push(frame.at, || run.clone());
            }
            _ => {}
        }
    }
    Ok(Found { pictures: pictures.into_kept(), sounds: sounds.into_kept(), end })
}

/// Nanoseconds from one thumbnail to the next.
pub(super) fn interval(end: u64) -> u64 {
    let enough = |step: &&u64| end.div_ceil(**step * 1_000_000_000) <= MOST;
    STEPS.iter().find(enough).map_or_else(|| end.div_ceil(MOST), |step| step * 1_000_000_000)
}

/// The middles of the thumbnails' times.
fn middles(end: u64) -> impl Iterator<Item = u64> {
    let step = interval(end);
    (0..end.div_ceil(step).max(1)).map(move |number| number * step + step / 2)
}

fn pictures(found: Found) -> Result<Drawn, MediaError> {
    let Some((_, first)) = found.pictures.first() else { return Err(fatal("thumbnails", "no picture")) };
    let (caps, size) = (first.caps.clone(), (WIDTH, thumbnail_height(&first.caps)));
    let buffers = |frames: &[(u64, Frame)]| frames.iter().map(|(_, frame)| frame.buffer.copy()).collect::<Vec<_>>();
    let small = stills(Encoded::Frames(&caps), buffers(&found.pictures), Fit::Exactly(size.0, size.1), LIMIT)?;
    let small: Vec<(u64, usize, Picture)> = small
        .into_iter()
        .filter_map(|(number, picture)| {
            let number = usize::try_from(number).ok()?;
            Some((found.pictures.get(number)?.0, number, picture))
        })
        .collect();
    let number = best(&small, found.end / 10).ok_or_else(|| fatal("thumbnails", "not one picture can be decoded"))?;
    let shown = found.pictures.get(number..=number).unwrap_or_default();
    let poster = stills(Encoded::Frames(&caps), buffers(shown), Fit::Within(POSTER), LIMIT)?;
    let poster = poster.into_iter().next().map(|(_, picture)| picture);
    let cells = middles(found.end).filter_map(|at| newest(&small, at).cloned()).collect();
    Ok(Drawn {
        poster: poster.ok_or_else(|| fatal("thumbnails", "the poster cannot be decoded"))?,
        cells,
        size,
        interval: interval(found.end),
    })
}

fn thumbnail_height(caps: &gst::Caps) -> u32 {
    scaled_height(caps, WIDTH)
}

/// Even, and with the aspect of the first picture; bounded, for pictures that are a line.
fn scaled_height(caps: &gst::Caps, wide: u32) -> u32 {
    let side = |name| caps.structure(0).and_then(|s| s.get::<i32>(name).ok()).and_then(|side| u32::try_from(side).ok());
    match (side("width"), side("height")) {
        (Some(width), Some(height)) if width > 0 => {
            let scaled = u64::from(wide) * u64::from(height) / u64::from(width);
            u32::try_from(scaled).unwrap_or(HEIGHT).clamp(16, 2 * wide) & !1
        }
        _ => (wide * HEIGHT / WIDTH) & !1,
    }
}

/// Number of the first picture from `from` on that shows something; else of the first at all, else of the lightest.
fn best(pictures: &[(u64, usize, Picture)], from: u64) -> Option<usize> {
    let shows = |picture: &Picture| {
        let (mean, apart) = picture.contrast();
        mean > DARK && apart > FLAT
    };
    let later = pictures.iter().filter(|(at, ..)| *at >= from);
    let found = later.chain(pictures).find(|(.., picture)| shows(picture));
    let light = |picture: &Picture| picture.contrast().0;
    let lightest = || pictures.iter().max_by(|a, b| light(&a.2).total_cmp(&light(&b.2)));
    found.or_else(lightest).map(|(_, number, _)| *number)
}

fn newest(pictures: &[(u64, usize, Picture)], at: u64) -> Option<&Picture> {
    pictures.iter().rev().find(|(time, ..)| *time <= at).or(pictures.first()).map(|(.., picture)| picture)
}

fn wave(found: Found) -> Result<Drawn, MediaError> {
    let wave = Waveform::of(&found.sounds, found.end, LIMIT)?;
    let step = interval(found.end);
    let cells = middles(found.end).map(|middle| wave.draw(middle - step / 2, middle + step / 2, WIDTH, HEIGHT));
    Ok(Drawn {
        cells: cells.collect::<Result<_, _>>()?,
        poster: wave.draw(0, found.end.max(1), POSTER, POSTER * 9 / 16)?,
        size: (WIDTH, HEIGHT),
        interval: step,
    })
}

impl Drawn {
    /// All thumbnails in rows.
    fn sprite(&self) -> Result<Picture, MediaError> {
        let rows = u32::try_from(self.cells.len()).unwrap_or(0).div_ceil(COLUMNS).max(1);
        let mut sheet = Picture::gray(WIDTH * COLUMNS, rows * self.size.1, 16)?;
        for (cell, number) in self.cells.iter().zip(0..) {
            sheet.put(cell, number % COLUMNS * WIDTH, number / COLUMNS * self.size.1);
        }
        Ok(sheet)
    }
}

/// Whole or not at all.
fn keep(folder: &Path, name: &str, content: &[u8]) -> Result<(), MediaError> {
    let (part, path) = (folder.join(format!("{name}.part")), folder.join(name));
    std::fs::write(&part, content).and_then(|()| std::fs::rename(&part, &path)).map_err(|error| {
        let _ = std::fs::remove_file(&part);
        MediaError::Transient(format!("{}: {error}", path.display()))
    })
}

#[cfg(test)]
#[path = "thumbnails_test.rs"]
mod tests;
