//! A decoded picture as it came out of a pipeline, mapped once.

use super::canvas::{Picture, Plane};
use gst_video::VideoFrameExt;

/// A decoded picture in I420 with its running time.
pub struct Frame {
    frame: gst_video::VideoFrame<gst_video::video_frame::Readable>,
    /// Running time in its pipeline in nanoseconds.
    pub at: i64,
}

impl Frame {
    /// The picture of a sample; `None` when it has none, or in another format than I420.
    pub fn of(sample: &gst::Sample) -> Option<Self> {
        let info = gst_video::VideoInfo::from_caps(sample.caps()?).ok()?;
        let buffer = sample.buffer_owned()?;
        let at = running_time(sample, buffer.pts()?)?;
        let frame = gst_video::VideoFrame::from_buffer_readable(buffer, &info).ok()?;
        (frame.format() == gst_video::VideoFormat::I420).then_some(Self { frame, at })
    }

    /// The same at another time.
    pub fn moved(self, place: impl FnOnce(i64) -> i64) -> Self {
        Self { at: place(self.at), ..self }
    }

    /// Its planes.
    pub fn picture(&self) -> Option<Picture<'_>> {
        let strides = self.frame.plane_stride();
        let plane = |index: u32| {
            let stride = usize::try_from(*strides.get(index as usize)?).ok()?;
            Some(Plane { data: self.frame.plane_data(index).ok()?, stride })
        };
        let planes = [plane(0)?, plane(1)?, plane(2)?];
        Some(Picture { width: self.frame.width() as usize, height: self.frame.height() as usize, planes })
    }
}

/// Where a time stamp lies in the running time of its pipeline.
pub fn running_time(sample: &gst::Sample, pts: gst::ClockTime) -> Option<i64> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    i64::try_from(segment.to_running_time(pts)?.nseconds()).ok()
}
