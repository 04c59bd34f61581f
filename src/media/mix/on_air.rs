//! A mix's RTP on its way into a feed.
//!
//! Decides what the feed knows of its source: two tracks on one timeline, told by sender reports each second, and keyframes
//! when somebody asks for one. Nothing is asked for again: the way is inside this process.

use crate::media::MediaError;
use crate::media::feed::{Feed, Source, SourceTrack, Upstream, clock};
use crate::media::rtcp::{self, Feedback, SenderReport};
use crate::media::template::element;
use crate::model::Codec;
use gst::glib;
use gst::prelude::*;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

const REPORT_INTERVAL: Duration = Duration::from_secs(1);
const CNAME: &str = "mix";

/// A track as the pipeline pays it.
struct Paid {
    track: SourceTrack,
    ssrc: u32,
}

/// Where a mix's RTP time begins: by our clock, and by NTP (32.32).
#[derive(Clone, Copy, Debug)]
pub struct Start {
    at: Instant,
    ntp: u64,
}

impl Start {
    /// Here.
    pub fn now() -> Self {
        Self { at: Instant::now(), ntp: clock::ntp_now() }
    }
}

/// What the pipeline's end knows.
pub struct OnAir {
    feed: Weak<Feed>,
    tracks: Vec<Paid>,
    start: Start,
    reported: Option<Instant>,
}

impl OnAir {
    /// Makes the pipeline (not playing yet) of pictures and sound the source of the feed. Tells where its RTP time begins.
    pub fn start(pipeline: &gst::Pipeline, feed: &Arc<Feed>) -> Result<Start, MediaError> {
        let fmtp = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";
        let tracks = vec![paid(pipeline, "pay_video", Codec::H264, fmtp)?, paid_sound(pipeline)?];
        let (encoder, start) = (element(pipeline, "encoder")?.downgrade(), Start::now());
        Self::send(pipeline, feed, tracks, Back { encoder }, start)?;
        Ok(start)
    }

    /// Likewise of a pipeline of sound alone, whose time begins where another's does.
    pub fn start_sound(pipeline: &gst::Pipeline, feed: &Arc<Feed>, start: Start) -> Result<(), MediaError> {
        let nobody = Back { encoder: glib::WeakRef::new() };
        Self::send(pipeline, feed, vec![paid_sound(pipeline)?], nobody, start)
    }

    fn send(
        pipeline: &gst::Pipeline,
        feed: &Arc<Feed>,
        tracks: Vec<Paid>,
        back: Back,
        start: Start,
    ) -> Result<(), MediaError> {
        let upstream = Arc::new(back);
        feed.set_source(Source { tracks: tracks.iter().map(|paid| paid.track.clone()).collect(), upstream });
        let mut air = Self { feed: Arc::downgrade(feed), tracks, start, reported: None };
        air.report(feed, Instant::now());
        let sink = element(pipeline, "out")?
            .downcast::<gst_app::AppSink>()
            .map_err(|_| MediaError::Fatal("a live mix's template: `out` is no appsink".into()))?;
        let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            air.take(&sample)
        });
        sink.set_callbacks(callbacks.build());
        Ok(())
    }

    fn take(&mut self, sample: &gst::Sample) -> Result<gst::FlowSuccess, gst::FlowError> {
        let feed = self.feed.upgrade().ok_or(gst::FlowError::Eos)?;
        let now = Instant::now();
        match sample.buffer_list() {
            Some(list) => list.iter().for_each(|buffer| push(&feed, buffer, now)),
            None => sample.buffer().into_iter().for_each(|buffer| push(&feed, buffer, now)),
        }
        feed.drained();
        self.report(&feed, now);
        Ok(gst::FlowSuccess::Ok)
    }

    fn report(&mut self, feed: &Feed, now: Instant) {
        if self.reported.is_some_and(|last| now.saturating_duration_since(last) < REPORT_INTERVAL) {
            return;
        }
        self.reported = Some(now);
        let elapsed = now.saturating_duration_since(self.start.at);
        let ntp = self.start.ntp.wrapping_add(((elapsed.as_nanos() << 32) / 1_000_000_000) as u64);
        for Paid { track, ssrc } in &self.tracks {
            let rtp = (elapsed.as_nanos() * u128::from(track.codec.clock_rate()) / 1_000_000_000) as u32;
            let mut compound = Vec::with_capacity(64);
            let report = SenderReport { ssrc: *ssrc, ntp, rtp, packets: 0, bytes: 0 };
            rtcp::write_sender_report(&report, CNAME, &mut compound);
            feed.on_rtcp(&compound);
        }
    }
}

fn push(feed: &Feed, buffer: &gst::BufferRef, at: Instant) {
    if let Ok(data) = buffer.map_readable() {
        feed.on_rtp(data.to_vec(), at);
    }
}

fn paid(pipeline: &gst::Pipeline, name: &str, codec: Codec, fmtp: &str) -> Result<Paid, MediaError> {
    let (payloader, ssrc) = (element(pipeline, name)?, rand::random::<u32>() | 1);
    payloader.set_property("ssrc", ssrc);
    let payload_type = u8::try_from(payloader.property::<u32>("pt")).unwrap_or(96);
    let track = SourceTrack {
        codec,
        fmtp: fmtp.into(),
        payload_type,
        ssrc: Some(ssrc),
        rtx_payload_type: None,
        rtx_ssrc: None,
        nack: false,
        audio_level_id: 0,
    };
    Ok(Paid { track, ssrc })
}

fn paid_sound(pipeline: &gst::Pipeline) -> Result<Paid, MediaError> {
    paid(pipeline, "pay_audio", Codec::Opus, "minptime=10;useinbandfec=1")
}

/// The way back to the pictures' encoder, if there is one.
struct Back {
    encoder: glib::WeakRef<gst::Element>,
}

impl Upstream for Back {
    fn send_rtcp(&self, packet: &[u8]) {
        let mut wanted = false;
        rtcp::read(packet, |feedback| wanted |= matches!(feedback, Feedback::Keyframe(_)));
        if let Some(pad) = self.encoder.upgrade().filter(|_| wanted).and_then(|encoder| encoder.static_pad("src")) {
            // x264 repeats its headers by itself; asked for, they would be a packet of their own that ends with a marker, and
            // depayloaders lose the picture behind it.
            pad.send_event(gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(false).build());
        }
    }
}
