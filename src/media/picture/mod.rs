//! Still pictures out of encoded video, and JPEG of them: for thumbnails and snapshots.
//!
//! Decides how a few pictures are decoded, scaled and encoded, on one thread each and under a deadline. Leaves to `files`
//! and `snapshot` which ones.

mod decode;
mod jpeg;

pub(in crate::media) use decode::{Encoded, Fit, peaks, stills};
pub(in crate::media) use jpeg::jpeg;

use super::MediaError;
use super::files::fatal;
use gst_video::prelude::*;

/// A raw picture, I420 in GStreamer's own layout.
#[derive(Clone, Debug)]
pub(in crate::media) struct Picture {
    info: gst_video::VideoInfo,
    data: Vec<u8>,
}

impl Picture {
    /// A picture of one gray, 0 to 255. `Fatal`: a side is 0 or beyond reason.
    pub(in crate::media) fn gray(width: u32, height: u32, luma: u8) -> Result<Self, MediaError> {
        let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, width, height).build();
        let info = info.map_err(|error| fatal("picture", error))?;
        let mut picture = Self { data: vec![128; info.size()], info };
        if let Some(plane) = picture.data.get_mut(..picture.info.offset().get(1).copied().unwrap_or(0)) {
            plane.fill(luma);
        }
        Ok(picture)
    }

    /// A copy of a decoder's buffer.
    fn read(sample: &gst::Sample) -> Option<Self> {
        let info = gst_video::VideoInfo::from_caps(sample.caps()?).ok()?;
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(sample.buffer()?, &info).ok()?;
        let mut picture = Self::gray(info.width(), info.height(), 0).ok()?;
        for plane in 0..3 {
            let stride = usize::try_from(*frame.plane_stride().get(plane as usize)?).ok()?;
            picture.copy_plane(
                plane as usize,
                frame.plane_data(plane).ok()?,
                stride,
                (0, 0),
                (info.width(), info.height()),
            );
        }
        Some(picture)
    }

    /// For an `appsrc`.
    pub(in crate::media) fn buffer(&self) -> Result<(gst::Caps, gst::Buffer), MediaError> {
        let caps = self.info.to_caps().map_err(|error| fatal("picture", error))?;
        Ok((caps, gst::Buffer::from_slice(self.data.clone())))
    }

    /// Width in pixels.
    pub(in crate::media) fn width(&self) -> u32 {
        self.info.width()
    }

    /// Height in pixels.
    pub(in crate::media) fn height(&self) -> u32 {
        self.info.height()
    }

    /// Puts another picture into this one; `x` and `y` are even. What does not fit is left out.
    pub(in crate::media) fn put(&mut self, other: &Self, x: u32, y: u32) {
        for plane in 0..3 {
            let (Some(from), Some(stride)) = (other.info.offset().get(plane), other.stride(plane)) else { return };
            if let Some(data) = other.data.get(*from..) {
                self.copy_plane(plane, data, stride, (x, y), (other.width(), other.height()));
            }
        }
    }

    /// Makes a column of a waveform: lighter pixels from row `top` to row `bottom`, `bottom` excluded.
    pub(in crate::media) fn column(&mut self, x: u32, top: u32, bottom: u32, luma: u8) {
        let Some(stride) = self.stride(0) else { return };
        for y in top..bottom.min(self.height()) {
            if let Some(pixel) = self.data.get_mut(y as usize * stride + x as usize) {
                *pixel = luma;
            }
        }
    }

    /// Mean luma, and its mean distance from that: black and one-coloured pictures have little of one or both.
    pub(in crate::media) fn contrast(&self) -> (f64, f64) {
        let stride = self.stride(0).unwrap_or(1);
        let rows =
            (0..self.height() as usize).filter_map(|y| self.data.get(y * stride..y * stride + self.width() as usize));
        let pixels: Vec<f64> = rows.flatten().map(|pixel| f64::from(*pixel)).collect();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let middle = mean(&pixels);
        let distances: Vec<f64> = pixels.iter().map(|pixel| (pixel - middle).abs()).collect();
        (middle, mean(&distances))
    }

    fn stride(&self, plane: usize) -> Option<usize> {
        usize::try_from(*self.info.stride().get(plane)?).ok()
    }

    /// Rows of a plane of a picture of this size, to a place in ours.
    fn copy_plane(
        &mut self,
        plane: usize,
        data: &[u8],
        stride: usize,
        (x, y): (u32, u32),
        (width, height): (u32, u32),
    ) {
        let halved = |side: u32| if plane == 0 { side as usize } else { side.div_ceil(2) as usize };
        let (x, y, width, height) = (halved(x), halved(y), halved(width), halved(height));
        let (Some(offset), Some(own)) = (self.info.offset().get(plane).copied(), self.stride(plane)) else { return };
        let rows = halved(self.height()).saturating_sub(y).min(height);
        let width = halved(self.width()).saturating_sub(x).min(width);
        for row in 0..rows {
            let to = offset + (y + row) * own + x;
            let (from, to) = (data.get(row * stride..row * stride + width), self.data.get_mut(to..to + width));
            if let (Some(from), Some(to)) = (from, to) {
                to.copy_from_slice(from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_put_into_another_and_what_is_outside_is_left_out() {
        gst::init().unwrap();
        let mut canvas = Picture::gray(64, 48, 16).unwrap();
        let white = Picture::gray(32, 24, 200).unwrap();
        canvas.put(&white, 32, 24);
        assert_eq!(canvas.contrast().0, 16.0 + 184.0 / 4.0);
        canvas.put(&white, 48, 36);
        canvas.put(&white, 640, 480);
        assert_eq!(canvas.contrast().0, 16.0 + 184.0 / 4.0);
        assert!(Picture::gray(0, 7, 0).is_err());
    }

    #[test]
    fn a_jpeg_is_as_large_as_its_picture() {
        let gray = |w, h| {
            gst::init().unwrap();
            jpeg(&Picture::gray(w, h, 100).unwrap()).unwrap()
        };
        for (width, height) in [(16, 16), (161, 91), (1600, 900)] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("x.jpg");
            std::fs::write(&path, gray(width, height)).unwrap();
            let probe = crate::media::files::testing::probe(&path);
            assert_eq!(
                (probe["streams"][0]["width"].as_u64(), probe["streams"][0]["height"].as_u64()),
                (Some(width.into()), Some(height.into()))
            );
        }
    }
}
