//! "no signal since 12:04:31" over the last picture, darkened: a still, encoded at a few pictures per second.

use super::output::{Output, Unit};
use crate::media::MediaError;
use crate::media::files::fatal;
use crate::media::picture::{Encoded, Fit, Picture, stills};
use crate::media::pipeline::Pipeline;
use crate::model::{Codec, Kind};
use gst::prelude::*;
use std::sync::Weak;
use std::time::Duration;

/// Wider pictures are shown smaller.
const WIDEST: u32 = 1920;
/// For decoding the last picture.
const LIMIT: Duration = Duration::from_secs(3);
/// The text is put on once, before the picture is repeated. Keyframes come each two seconds.
const LAUNCH: &str = "appsrc name=in format=time ! videobalance brightness=-0.3 saturation=0.3 ! \
    textoverlay name=text halignment=center valignment=center font-desc=\"Sans 28\" ! videoconvert n-threads=1 ! \
    imagefreeze is-live=true ! video/x-raw,format=I420,framerate=4/1 ! \
    x264enc name=encoder tune=zerolatency speed-preset=ultrafast bitrate=400 key-int-max=8 bframes=0 threads=1 ! \
    video/x-h264,profile=constrained-baseline ! h264parse config-interval=-1 ! appsink name=out sync=false async=false \
    caps=\"video/x-h264,stream-format=byte-stream,alignment=au\"";

/// A running placeholder. Dropping it blocks until its threads are out.
pub struct Placeholder {
    _pipeline: Pipeline,
}

impl Placeholder {
    /// Over the picture that `keyframe` holds; the last one came so long `ago`.
    ///
    /// # Errors
    /// `Fatal`: an element is missing or fails.
    pub fn start(
        name: &str,
        keyframe: &Unit,
        ago: Duration,
        generation: u64,
        output: Weak<Output>,
    ) -> Result<Self, MediaError> {
        let (caps, mut picture) = last_picture(keyframe)?.buffer()?;
        // textoverlay drops what has no time.
        let times = picture.make_mut();
        times.set_pts(gst::ClockTime::ZERO);
        times.set_duration(gst::ClockTime::SECOND);
        let bin = gst::parse::bin_from_description(LAUNCH, false).map_err(|error| fatal("placeholder", error))?;
        let part = |name: &str| bin.by_name(name).ok_or_else(|| fatal("placeholder", name));
        part("text")?.set_property("text", text(ago));
        let source = part("in")?.downcast::<gst_app::AppSrc>().map_err(|_| fatal("placeholder", "in"))?;
        let sink = part("out")?.downcast::<gst_app::AppSink>().map_err(|_| fatal("placeholder", "out"))?;
        source.set_caps(Some(&caps));
        pass_on(&sink, part("encoder")?.downgrade(), generation, output);
        let pipeline = Pipeline::start(name, |_| {})?;
        pipeline.add(bin.upcast_ref())?;
        source.push_buffer(picture).map_err(|error| fatal("placeholder", error))?;
        source.end_of_stream().map_err(|error| fatal("placeholder", error))?;
        Ok(Self { _pipeline: pipeline })
    }
}

fn pass_on(sink: &gst_app::AppSink, encoder: gst::glib::WeakRef<gst::Element>, generation: u64, output: Weak<Output>) {
    let on_sample = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let Some(output) = output.upgrade() else { return Err(gst::FlowError::Eos) };
        if let Some(unit) = Unit::of(&sample, Kind::Video) {
            output.push(Codec::H264, generation, &unit);
        }
        if let (true, Some(encoder)) = (output.wants_keyframe(), encoder.upgrade()) {
            let event = gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build();
            encoder.static_pad("src").map(|pad| pad.send_event(event));
        }
        Ok(gst::FlowSuccess::Ok)
    };
    sink.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(on_sample).build());
}

/// Black when it cannot be decoded.
fn last_picture(keyframe: &Unit) -> Result<Picture, MediaError> {
    let caps =
        gst::Caps::builder("video/x-h264").field("stream-format", "byte-stream").field("alignment", "au").build();
    let decoded = stills(Encoded::Frames(&caps), [keyframe.buffer.copy()], Fit::Within(WIDEST), LIMIT);
    match decoded.ok().and_then(|mut pictures| pictures.pop()) {
        Some((_, picture)) => Ok(picture),
        None => Picture::gray(640, 360, 16),
    }
}

fn text(ago: Duration) -> String {
    let now = jiff::Zoned::now();
    let since = now.checked_sub(jiff::SignedDuration::try_from(ago).unwrap_or_default()).unwrap_or(now);
    format!("no signal since {}", since.strftime("%H:%M:%S"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::camera::upstream::Bell;
    use crate::media::egress::Pool;
    use crate::media::feed::Feed;
    use std::sync::Arc;
    use std::time::Instant;

    #[test]
    fn it_goes_on_at_a_few_pictures_per_second() {
        crate::media::start().unwrap();
        let pool = Pool::start(1).unwrap();
        let feed = Feed::new(crate::model::FeedId::next(), pool, Duration::from_millis(300), Box::new(|_| {}));
        let (mailbox, _inbox) = tokio::sync::mpsc::unbounded_channel();
        let output = Arc::new(Output::new(feed.clone(), Arc::new(Bell::new(mailbox))));
        let unit = |data: &[u8]| Unit {
            buffer: gst::Buffer::from_slice(data.to_vec()),
            pts: 0,
            duration: None,
            keyframe: true,
        };
        output.push(Codec::H264, 2, &unit(&[0, 0, 0, 1, 0x65, 1, 2, 3]));
        output.open(&[Codec::H264]);
        let keyframe = output.keyframe().unwrap();
        let generation = output.cover();
        let running = Placeholder::start("p", &keyframe, Duration::ZERO, generation, Arc::downgrade(&output)).unwrap();
        let (tap, end) = (feed.tap(100, Duration::ZERO), Instant::now() + Duration::from_secs(10));
        let mut pictures = std::collections::BTreeSet::new();
        while pictures.len() < 6 {
            let left = end.saturating_duration_since(Instant::now());
            if let Ok(crate::media::feed::TapItem::Packet(packet)) = tap.recv_timeout(left) {
                pictures.insert(packet.timestamp);
            }
            assert!(Instant::now() < end, "{} pictures in vain", pictures.len());
        }
        drop(running);
    }
}
