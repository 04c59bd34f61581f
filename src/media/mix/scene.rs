//! What the picture of a mix looks like at an instant: who stands where, names, title, placeholders.
//!
//! Decides what is drawn in which order; leaves the boxes to `layout` and the copying to `canvas`. Texts are drawn once
//! and kept.

use super::canvas::{Canvas, Color, Picture, Rect};
use super::layout::Plan;
use super::text;
use std::collections::HashMap;
use std::sync::Arc;

/// A box without a picture.
const DARK: Color = Color([36, 130, 126]);
/// Texts kept; more than a room has names and sizes.
const MOST_LABELS: usize = 500;

/// Somebody who is shown.
pub struct Person<'a> {
    /// Told apart by this.
    pub id: u64,
    /// Shown in the picture.
    pub name: &'a str,
}

/// The picture's arrangement.
pub struct Scene {
    plan: Plan,
    size: (usize, usize),
    title: String,
    placed: Vec<Spot>,
    labels: HashMap<(String, usize, usize), Option<Arc<Canvas>>>,
    banner: Option<(Rect, Arc<Canvas>)>,
}

struct Spot {
    id: u64,
    area: Rect,
    /// In the corner, over a picture.
    name: Option<Arc<Canvas>>,
    /// In the middle, when there is no picture.
    placeholder: Option<Arc<Canvas>>,
}

impl Scene {
    /// An empty one.
    pub fn new(plan: Plan, size: (usize, usize), title: &str) -> Self {
        let (placed, labels) = (Vec::new(), HashMap::new());
        let mut scene = Self { plan, size, title: title.to_owned(), placed, labels, banner: None };
        scene.place_title();
        scene
    }

    /// Another plan; arrange again.
    pub fn set_plan(&mut self, plan: Plan) {
        self.plan = plan;
        self.place_title();
    }

    /// Whether who speaks makes a difference.
    pub fn follows_speaker(&self) -> bool {
        self.plan.speaker
    }

    /// Gives everybody a box.
    pub fn arrange(&mut self, people: &[Person], speaker: Option<u64>) {
        let names: Vec<&str> = people.iter().map(|person| person.name).collect();
        let first = people.iter().position(|person| Some(person.id) == speaker);
        let placed = self.plan.arrange(&names, first, self.size);
        let shown = placed.into_iter().filter(|(_, area)| area.width > 0 && area.height > 0);
        self.placed = shown.map(|(index, area)| self.spot(&people[index], area)).collect();
    }

    fn spot(&mut self, person: &Person, area: Rect) -> Spot {
        let (small, large) = ((area.height / 12).clamp(16, 40), (area.height / 8).clamp(18, 72));
        let name = if self.plan.names { self.label(person.name, small, area) } else { None };
        Spot { id: person.id, area, name, placeholder: self.label(person.name, large, area) }
    }

    fn label(&mut self, text: &str, height: usize, area: Rect) -> Option<Arc<Canvas>> {
        if text.trim().is_empty() || height > area.height {
            return None;
        }
        if self.labels.len() > MOST_LABELS {
            self.labels.clear();
        }
        let key = (text.to_owned(), height, area.width);
        let made = self.labels.entry(key).or_insert_with(|| {
            let drawn = text::render(text, height, area.width);
            drawn.inspect_err(|error| tracing::warn!(%error, "a name is not shown")).ok().map(Arc::new)
        });
        made.clone()
    }

    fn place_title(&mut self) {
        let (width, height) = self.size;
        let even = |part: f64, whole: usize| ((part * whole as f64 / 2.0).max(0.0) as usize * 2).min(whole);
        self.banner = self.plan.title.and_then(|place| {
            let (x, y) = (even(place.x, width), even(place.y, height));
            let area = Rect { x, y, width: width - x, height: height - y };
            let label = self.label(&self.title.clone(), even(place.height, height).max(16), area)?;
            Some((Rect { width: label.width(), height: label.height(), ..area }, label))
        });
    }

    /// The box of somebody.
    pub fn area(&self, id: u64) -> Option<Rect> {
        self.placed.iter().find(|spot| spot.id == id).map(|spot| spot.area)
    }

    /// Draws it, with everybody's picture as it is now; later boxes lie over earlier ones.
    pub fn draw<'a>(&self, picture_of: impl Fn(u64) -> Option<Picture<'a>>) -> Canvas {
        let mut canvas = Canvas::new(self.size.0, self.size.1, self.plan.background);
        for spot in &self.placed {
            match picture_of(spot.id) {
                Some(picture) => {
                    canvas.draw(&picture, spot.area);
                    spot.name.iter().for_each(|name| in_corner(&mut canvas, name, spot.area));
                }
                None => {
                    canvas.fill(spot.area, DARK);
                    spot.placeholder.iter().for_each(|name| in_middle(&mut canvas, name, spot.area));
                }
            }
        }
        self.banner.iter().for_each(|(area, title)| canvas.draw(&title.picture(), *area));
        canvas
    }
}

fn in_corner(canvas: &mut Canvas, label: &Canvas, area: Rect) {
    let margin = (area.height / 40) & !1;
    let x = (area.x + margin).min(area.x + area.width.saturating_sub(label.width()));
    let y = area.y + area.height.saturating_sub(label.height() + margin);
    canvas.draw(&label.picture(), Rect { x, y, width: label.width(), height: label.height() });
}

fn in_middle(canvas: &mut Canvas, label: &Canvas, area: Rect) {
    let x = area.x + (area.width.saturating_sub(label.width()) / 4 * 2);
    let y = area.y + (area.height.saturating_sub(label.height()) / 4 * 2);
    canvas.draw(&label.picture(), Rect { x, y, width: label.width(), height: label.height() });
}

#[cfg(test)]
mod tests {
    use super::super::layout;
    use super::*;
    use crate::model::Layout;

    #[test]
    fn pictures_placeholders_and_texts_have_their_places() {
        gst::init().unwrap();
        let plan = layout::load(&Layout::Named("grid".into()), None).unwrap();
        let (behind, bright) = (plan.background.0[0], Canvas::new(160, 180, Color::of(0xffffff)));
        let mut scene = Scene::new(plan, (320, 180), "");
        let luma = |canvas: &Canvas, x: usize, y: usize| canvas.picture().planes[0].data[y * 320 + x];
        assert_eq!(luma(&scene.draw(|_| None), 10, 90), behind, "nobody: the background");
        scene.arrange(&[Person { id: 7, name: "" }, Person { id: 8, name: "Bob" }], None);
        let canvas = scene.draw(|id| (id == 7).then(|| bright.picture()));
        assert_eq!((luma(&canvas, 80, 90), luma(&canvas, 162, 4)), (235, DARK.0[0]));
        let middle = (180..300).flat_map(|x| (80..100).map(move |y| (x, y)));
        assert!(middle.clone().any(|(x, y)| luma(&canvas, x, y) > 150), "the placeholder tells the name");
        let mut titled = Scene::new(layout::load(&Layout::default(), None).unwrap(), (320, 180), "Title");
        titled.arrange(&[], None);
        let canvas = titled.draw(|_| None);
        let corner = (4..60).flat_map(|x| (4..24).map(move |y| (x, y)));
        assert!(corner.clone().any(|(x, y)| luma(&canvas, x, y) > 120), "the title is there");
    }
}
