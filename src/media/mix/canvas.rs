//! A picture in I420 (4:2:0) and what may be drawn on it: pictures, filled boxes. Pure.
//!
//! Decides how rows are copied; leaves where to `layout`. Its memory is laid out as GStreamer lays out I420 by default,
//! so that it goes into an encoder as it is.

use serde::Deserialize;

/// A box in pixels; even numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rect {
    /// Left edge.
    pub x: usize,
    /// Upper edge.
    pub y: usize,
    /// Width.
    pub width: usize,
    /// Height.
    pub height: usize,
}

/// Y, U and V, BT.601 limited range; in files `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Color(pub [u8; 3]);

impl TryFrom<String> for Color {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        let rgb = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        rgb.map(Self::of).ok_or_else(|| format!("{text:?} is no color: #rrggbb is expected"))
    }
}

impl Color {
    /// From `0xrrggbb`.
    pub fn of(rgb: u32) -> Self {
        let [_, r, g, b] = rgb.to_be_bytes().map(f64::from);
        let y = 16.0 + 0.257 * r + 0.504 * g + 0.098 * b;
        let u = 128.0 - 0.148 * r - 0.291 * g + 0.439 * b;
        let v = 128.0 + 0.439 * r - 0.368 * g - 0.071 * b;
        Self([y, u, v].map(|value| value.round() as u8))
    }
}

/// One plane of a picture: rows of bytes, `stride` bytes from one to the next.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    /// Its bytes.
    pub data: &'a [u8],
    /// Bytes from row to row.
    pub stride: usize,
}

/// Somebody's picture in I420.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Y, U, V.
    pub planes: [Plane<'a>; 3],
}

/// A picture of our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canvas {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

impl Canvas {
    /// All of one color. Odd sizes are made even.
    pub fn new(width: usize, height: usize, color: Color) -> Self {
        let (width, height) = (width.next_multiple_of(2), height.next_multiple_of(2));
        let size = width.next_multiple_of(4) * height + (width / 2).next_multiple_of(4) * height;
        let mut canvas = Self { width, height, data: vec![0; size] };
        canvas.fill(Rect { x: 0, y: 0, width, height }, color);
        canvas
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The bytes, as an encoder takes them.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// Itself, to be drawn elsewhere.
    pub fn picture(&self) -> Picture<'_> {
        let plane = |index| {
            let (offset, stride, _) = self.plane(index);
            Plane { data: self.data.get(offset..).unwrap_or_default(), stride }
        };
        Picture { width: self.width, height: self.height, planes: [plane(0), plane(1), plane(2)] }
    }

    /// Fills a box.
    pub fn fill(&mut self, area: Rect, color: Color) {
        for (index, value) in color.0.into_iter().enumerate() {
            let part = self.part(index, area);
            for row in 0..part.height {
                self.row(index, part, row).fill(value);
            }
        }
    }

    /// Draws a picture into a box: row by row when it has the box's size, else stretched to it (nearest pixel), which is
    /// seen for some frames after a box has changed.
    pub fn draw(&mut self, picture: &Picture, area: Rect) {
        for (index, plane) in picture.planes.iter().enumerate() {
            let part = self.part(index, area);
            let half = usize::from(index > 0);
            let (width, height) = ((picture.width + half) >> half, (picture.height + half) >> half);
            let whole = Rect { width: area.width >> half, height: area.height >> half, ..part };
            for row in 0..part.height {
                let from = if whole.height == height { row } else { row * height / whole.height };
                let Some(source) = plane.data.get(from * plane.stride..).and_then(|rest| rest.get(..width)) else {
                    continue;
                };
                copy_row(source, self.row(index, part, row), whole.width);
            }
        }
    }

    /// A box in a plane, cut off at the edges.
    fn part(&self, index: usize, area: Rect) -> Rect {
        let half = usize::from(index > 0);
        let cut = |from: usize, length: usize, limit: usize| {
            let from = from.min(limit);
            (from >> half, length.min(limit - from) >> half)
        };
        let (x, width) = cut(area.x, area.width, self.width);
        let (y, height) = cut(area.y, area.height, self.height);
        Rect { x, y, width, height }
    }

    fn row(&mut self, index: usize, part: Rect, row: usize) -> &mut [u8] {
        let (offset, stride, _) = self.plane(index);
        let start = offset + (part.y + row) * stride + part.x;
        self.data.get_mut(start..start + part.width).unwrap_or_default()
    }

    /// Offset, stride and rows of a plane.
    fn plane(&self, index: usize) -> (usize, usize, usize) {
        let (luma, chroma) = (self.width.next_multiple_of(4), (self.width / 2).next_multiple_of(4));
        let (rows, half) = (self.height, self.height / 2);
        match index {
            0 => (0, luma, rows),
            1 => (luma * rows, chroma, half),
            _ => (luma * rows + chroma * half, chroma, half),
        }
    }
}

/// `whole` is the width of the box, of which `to` is what is not cut off.
fn copy_row(from: &[u8], to: &mut [u8], whole: usize) {
    if from.len() == whole {
        let seen = to.len();
        to.copy_from_slice(&from[..seen]);
        return;
    }
    for (x, value) in to.iter_mut().enumerate() {
        *value = from.get(x * from.len() / whole).copied().unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLACK: Color = Color([16, 128, 128]);
    const RED: Color = Color([81, 90, 240]);

    fn at(canvas: &Canvas, x: usize, y: usize) -> [u8; 3] {
        let picture = canvas.picture();
        let sample = |plane: &Plane, half: usize| plane.data[(y >> half) * plane.stride + (x >> half)];
        [sample(&picture.planes[0], 0), sample(&picture.planes[1], 1), sample(&picture.planes[2], 1)]
    }

    #[test]
    fn colors_are_read() {
        assert_eq!(Color::try_from("#000000".to_owned()), Ok(BLACK));
        assert_eq!(Color::of(0xff_ff_ff), Color([235, 128, 128]));
        assert!(Color::try_from("#12345".to_owned()).is_err() && Color::try_from("red".to_owned()).is_err());
    }

    #[test]
    fn a_picture_lies_in_its_box_and_nowhere_else() {
        let (mut canvas, red) = (Canvas::new(16, 8, BLACK), Canvas::new(6, 4, RED));
        canvas.draw(&red.picture(), Rect { x: 4, y: 2, width: 6, height: 4 });
        for y in 0..8 {
            for x in 0..16 {
                let inside = (4..10).contains(&x) && (2..6).contains(&y);
                assert_eq!(at(&canvas, x, y), if inside { RED.0 } else { BLACK.0 }, "{x},{y}");
            }
        }
    }

    #[test]
    fn another_size_is_stretched() {
        let (mut canvas, red) = (Canvas::new(16, 8, BLACK), Canvas::new(2, 2, RED));
        canvas.draw(&red.picture(), Rect { x: 0, y: 0, width: 16, height: 8 });
        assert_eq!(canvas, Canvas::new(16, 8, RED));
    }

    #[test]
    fn what_hangs_over_the_edge_is_cut_off() {
        let (mut canvas, red) = (Canvas::new(8, 8, BLACK), Canvas::new(8, 8, RED));
        canvas.draw(&red.picture(), Rect { x: 4, y: 6, width: 8, height: 8 });
        canvas.fill(Rect { x: 20, y: 20, width: 4, height: 4 }, RED);
        assert_eq!((at(&canvas, 7, 7), at(&canvas, 3, 7), at(&canvas, 7, 5)), (RED.0, BLACK.0, BLACK.0));
    }

    #[test]
    fn its_memory_is_gstreamers() {
        gst::init().unwrap();
        for (width, height) in [(1280, 720), (854, 480), (66, 66)] {
            let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, width, height).build().unwrap();
            let canvas = Canvas::new(width as usize, height as usize, BLACK);
            assert_eq!(canvas.data.len(), info.size(), "{width}x{height}");
            for index in 0..3 {
                let (offset, stride, _) = canvas.plane(index);
                assert_eq!((offset, stride as i32), (info.offset()[index], info.stride()[index]));
            }
        }
    }
}
