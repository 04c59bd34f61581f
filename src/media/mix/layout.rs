//! Layouts are data: which box each picture gets, by how many there are. Pure.
//!
//! Decides what a layout file may say, and whether a custom one is sound; leaves drawing to `canvas`, and who comes
//! first to `mixer`. Coordinates come out whole and even, as 4:2:0 pictures need them, and neighbours share edges.

use super::canvas::{Color, Rect};
use crate::media::MediaError;
use crate::media::template;
use crate::model::{Layout, LayoutBox};
use serde::Deserialize;
use std::path::Path;

/// More pictures than this are heard, not seen.
pub const MOST_BOXES: usize = 25;
/// Cells of a strip are as wide as pictures usually are.
const ASPECT: f64 = 16.0 / 9.0;
/// Rounding of decimal fractions is forgiven.
const SLACK: f64 = 1e-6;

/// A layout, checked.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// One sentence for the operator.
    pub purpose: String,
    /// Width of the picture in pixels.
    pub width: usize,
    /// Height of the picture in pixels.
    pub height: usize,
    /// Pictures per second.
    pub fps: u32,
    /// What is seen where no picture is.
    pub background: Color,
    /// Whether names are shown.
    #[serde(default)]
    pub names: bool,
    /// Where the title stands.
    pub title: Option<TitlePlace>,
    /// Whether who speaks comes first.
    #[serde(default)]
    pub speaker: bool,
    rules: Vec<Rule>,
}

/// Where a title begins and how high it is, in parts of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TitlePlace {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Height.
    pub height: f64,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    /// For so many pictures, from and to.
    inputs: [usize; 2],
    #[serde(default)]
    boxes: Vec<LayoutBox>,
    grid: Option<Area>,
    strip: Option<Area>,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Area {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    #[serde(default)]
    align: Align,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Align {
    Start,
    #[default]
    Center,
    End,
}

/// Whether a mix can be arranged so; the error is for the one who asked.
pub fn check(layout: &Layout, folder: Option<&Path>) -> Result<(), String> {
    Plan::load(layout, folder).map(drop)
}

impl Plan {
    /// The plan of a layout: a file of `recording/layouts` (the folder's, else the embedded one), or boxes on the canvas
    /// of `grid`.
    pub fn load(layout: &Layout, folder: Option<&Path>) -> Result<Self, String> {
        match layout {
            Layout::Named(name) => Self::named(name, folder),
            Layout::Custom(boxes) => {
                check_boxes(boxes)?;
                let rule = Rule { inputs: [1, usize::MAX], boxes: boxes.clone(), grid: None, strip: None };
                Ok(Self { rules: vec![rule], speaker: false, ..Self::named("grid", folder)? })
            }
        }
    }

    fn named(name: &str, folder: Option<&Path>) -> Result<Self, String> {
        let clean = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let text = clean.then(|| template::text(&format!("recording/layouts/{name}.toml"), folder));
        let text = text.transpose().map_err(|error| format!("layout {name}: {error}"))?.flatten();
        let text = text.ok_or_else(|| format!("there is no layout {name:?}; there are {}", names().join(", ")))?;
        let plan: Self = toml::from_str(&text).map_err(|error| format!("layout {name}: {error}"))?;
        plan.checked().map_err(|why| format!("layout {name}: {why}"))
    }

    fn checked(self) -> Result<Self, String> {
        check_size(self.width, self.height, self.fps)?;
        for rule in &self.rules {
            if !rule.boxes.is_empty() {
                check_boxes(&rule.boxes)?;
            }
            rule.grid.iter().chain(&rule.strip).try_for_each(Area::check)?;
        }
        if self.rules.is_empty() { Err("it has no rules".into()) } else { Ok(self) }
    }

    /// For each picture, by the names and with who comes first: its box in a canvas of this size, in the order of drawing.
    pub fn arrange(&self, names: &[&str], first: Option<usize>, (width, height): (usize, usize)) -> Vec<(usize, Rect)> {
        let mut waiting: Vec<usize> = (0..names.len()).collect();
        if let Some(first) = first.filter(|first| self.speaker && *first < names.len()) {
            waiting.remove(first);
            waiting.insert(0, first);
        }
        waiting.truncate(MOST_BOXES);
        let count = waiting.len();
        let Some(rule) = self.rules.iter().find(|r| (r.inputs[0]..=r.inputs[1]).contains(&count)) else {
            return Vec::new();
        };
        let mut placed = rule.place_boxes(&mut waiting, names);
        let cells = match (rule.grid, rule.strip) {
            (Some(area), _) => area.grid(waiting.len()),
            (None, Some(area)) => area.strip(waiting.len(), width as f64 / height as f64),
            (None, None) => Vec::new(),
        };
        placed.extend(waiting.into_iter().zip(cells));
        placed.into_iter().map(|(index, area)| (index, area.pixels(width, height))).collect()
    }
}

impl Rule {
    /// Boxes that ask for somebody, then those that take whoever is next; in the order of the boxes.
    fn place_boxes(&self, waiting: &mut Vec<usize>, names: &[&str]) -> Vec<(usize, Area)> {
        let mut taken: Vec<Option<usize>> = vec![None; self.boxes.len()];
        for (spot, place) in taken.iter_mut().zip(&self.boxes) {
            let Some(wanted) = &place.participant else { continue };
            let found = waiting.iter().position(|index| names[*index] == wanted);
            *spot = found.map(|at| waiting.remove(at));
        }
        for (spot, place) in taken.iter_mut().zip(&self.boxes) {
            if place.participant.is_none() && !waiting.is_empty() {
                *spot = Some(waiting.remove(0));
            }
        }
        taken.into_iter().zip(&self.boxes).filter_map(|(spot, place)| Some((spot?, Area::from(place)))).collect()
    }
}

impl From<&LayoutBox> for Area {
    fn from(b: &LayoutBox) -> Self {
        Self { x: b.x, y: b.y, width: b.width, height: b.height, align: Align::Start }
    }
}

impl Area {
    fn check(&self) -> Result<(), String> {
        let inside = |from: f64, length: f64| from >= 0.0 && length > 0.0 && from + length <= 1.0 + SLACK;
        if inside(self.x, self.width) && inside(self.y, self.height) {
            return Ok(());
        }
        let Self { x, y, width, height, .. } = self;
        Err(format!("the box x {x}, y {y}, width {width}, height {height} is not inside the picture (0 to 1)"))
    }

    /// Rows and columns of the same size; a last row that is not full stands in the middle.
    fn grid(&self, count: usize) -> Vec<Self> {
        let columns = (1..=count).find(|columns| columns * columns >= count).unwrap_or(1);
        let rows = count.div_ceil(columns);
        let (width, height) = (self.width / columns as f64, self.height / rows.max(1) as f64);
        let cell = |index: usize| {
            let (row, column) = (index / columns, index % columns);
            let in_row = columns.min(count - row * columns);
            let indent = (columns - in_row) as f64 * width / 2.0;
            Self { x: self.x + indent + column as f64 * width, y: self.y + row as f64 * height, width, height, ..*self }
        };
        (0..count).map(cell).collect()
    }

    /// One row; cells are 16:9 on a canvas of this aspect, narrower when they are too many.
    fn strip(&self, count: usize, canvas: f64) -> Vec<Self> {
        let width = (self.height * ASPECT / canvas).min(self.width / count.max(1) as f64);
        let free = self.width - width * count as f64;
        let start = match self.align {
            Align::Start => 0.0,
            Align::Center => free / 2.0,
            Align::End => free,
        };
        (0..count).map(|index| Self { x: self.x + start + index as f64 * width, width, ..*self }).collect()
    }

    fn pixels(&self, width: usize, height: usize) -> Rect {
        let edge = |at: f64, length: usize| ((at * length as f64 / 2.0).round().max(0.0) as usize * 2).min(length);
        let (left, right) = (edge(self.x, width), edge(self.x + self.width, width));
        let (top, bottom) = (edge(self.y, height), edge(self.y + self.height, height));
        Rect { x: left, y: top, width: right - left, height: bottom - top }
    }
}

/// Whether a picture can be written in this size and rate.
pub fn check_size(width: usize, height: usize, fps: u32) -> Result<(), String> {
    if width % 2 + height % 2 != 0 || !(64..=3840).contains(&width) || !(64..=2160).contains(&height) {
        return Err(format!("{width}x{height} is no size: even numbers from 64x64 to 3840x2160"));
    }
    if (1..=60).contains(&fps) { Ok(()) } else { Err(format!("{fps} pictures per second are not 1 to 60")) }
}

fn check_boxes(boxes: &[LayoutBox]) -> Result<(), String> {
    if boxes.is_empty() || boxes.len() > MOST_BOXES {
        return Err(format!("a layout has 1 to {MOST_BOXES} boxes, not {}", boxes.len()));
    }
    boxes.iter().try_for_each(|place| Area::from(place).check())
}

/// The embedded layouts.
pub fn names() -> Vec<String> {
    let all = template::paths("recording/layouts/");
    all.iter().filter_map(|path| Some(path.rsplit('/').next()?.strip_suffix(".toml")?.to_owned())).collect()
}

/// The embedded layouts with their purposes.
pub fn all() -> Vec<(String, String)> {
    let purpose = |name: &String| Plan::named(name, None).map(|plan| plan.purpose).unwrap_or_default();
    names().into_iter().map(|name| (name.clone(), purpose(&name))).collect()
}

/// The plan, or what the engine says of it.
pub fn load(layout: &Layout, folder: Option<&Path>) -> Result<Plan, MediaError> {
    Plan::load(layout, folder).map_err(MediaError::Fatal)
}

#[cfg(test)]
#[path = "layout/tests.rs"]
mod tests;
