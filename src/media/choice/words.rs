//! Reasons in plain words, with figures. Pure.

use super::candidates::{Candidate, kilo};
use crate::model::Codec;

/// The viewer paused it.
pub const PAUSED: &str = "The viewer has paused it.";
/// The viewer wants no pictures.
pub const AUDIO_ONLY: &str = "The viewer asked for sound alone.";
/// It wants something else than before.
pub const OTHER_LIMITS: &str = "The viewer has changed its limits.";
/// No pictures come.
pub const NO_PICTURES: &str = "The publisher sends no pictures.";

/// A limit in pixels.
pub fn max_width(pixels: u32) -> String {
    format!("The viewer asked for pictures at most {pixels} pixels wide.")
}

/// A limit in bits.
pub fn max_kbps(kbps: u32) -> String {
    format!("The viewer asked for at most {kbps} kbit/s.")
}

/// The source's codec is not taken.
pub fn decoder(codec: Codec, decoders: &[Codec]) -> String {
    let name = |codec: &Codec| codec.encoding_name().to_owned();
    match decoders {
        [] => "The viewer takes no pictures.".into(),
        all if all.contains(&codec) => {
            format!("The viewer's decoder takes {}, but not the publisher's profile of it.", codec.encoding_name())
        }
        all => {
            let all: Vec<String> = all.iter().map(name).collect();
            format!("The viewer's decoder takes {}, not {}.", all.join(" and "), codec.encoding_name())
        }
    }
}

/// Nothing better there is.
pub fn best(candidate: &Candidate) -> String {
    let rendition = &candidate.rendition;
    let size = rendition.width.zip(rendition.height).map(|(width, height)| format!("{width}x{height}"));
    let rate = (rendition.kbps > 0).then(|| format!("{} kbit/s", rendition.kbps));
    let facts: Vec<String> = size.into_iter().chain(rate).collect();
    match facts.is_empty() {
        true => "It is the best there is.".into(),
        false => format!("It is the best there is: {}.", facts.join(", ")),
    }
}

/// The line does not carry the better one, which needs so many bits, sound included.
pub fn line(budget: u64, better: &Candidate, needs: u64) -> String {
    let name = &better.rendition.name;
    format!("The line carries about {} kbit/s; {name} needs {}.", kilo(budget), kilo(needs))
}

/// What a line that told nothing loses.
pub fn loss(loss: f64, better: &Candidate) -> String {
    format!("The line loses {:.0} % of the packets; {} is too much for it.", loss * 100.0, better.rendition.name)
}

/// The line would, but it is shared.
pub fn turn(budget: u64, feeds: usize, better: &Candidate, needs: u64) -> String {
    let name = &better.rendition.name;
    format!(
        "The line carries about {} kbit/s for {feeds} feeds, and others come first; {name} needs {}.",
        kilo(budget),
        kilo(needs)
    )
}

/// The line seems to carry more.
pub fn soon(budget: u64, better: &Candidate, needs: u64) -> String {
    let name = &better.rendition.name;
    format!(
        "The line carries about {} kbit/s and {name} needs {}: it comes when the line has held for a while.",
        kilo(budget),
        kilo(needs)
    )
}

/// It may be more than what we know.
pub fn unmeasured(better: &Candidate) -> String {
    format!("The line has not been measured well enough for {} yet.", better.rendition.name)
}

/// No computing power.
pub fn budget(name: &str, needs: f64, free: f64) -> String {
    format!("{name} would take {needs:.2} cores, and {free:.2} are left for renditions.")
}

/// It was begun and did not come.
pub fn failed(name: &str, detail: &str) -> String {
    format!("{name} could not be made: {detail}.")
}

/// More comes than before, or less: why a switch was made.
pub fn carried(budget: Option<u64>, to: &Candidate, needs: u64) -> String {
    match budget {
        Some(budget) => line(budget, to, needs),
        None => format!("The line has not been measured yet; {} needs {} kbit/s.", to.rendition.name, kilo(needs)),
    }
}
