//! A publishing WebRTC client: test picture with a moving clock, a tick a second, a stock webrtcbin.
//!
//! Used by the synthetic device and by the tests that need a real publisher. Offers once, with its candidates inside.

use crate::model::Codec;
use gst::prelude::*;
use gst_webrtc::{WebRTCICEGatheringState, WebRTCSDPType, WebRTCSessionDescription};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

const SDP_LIMIT: Duration = Duration::from_secs(5);
const STOP_LIMIT: Duration = Duration::from_secs(3);

/// What a publisher sends.
#[derive(Clone, Debug)]
pub struct PublisherSpec {
    /// Video codec, if any picture.
    pub video: Option<Codec>,
    /// Whether there is sound (Opus).
    pub audio: bool,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames per second.
    pub fps: u32,
    /// Instead of the moving picture: black, and white for one frame with each tick of the sound, to measure by.
    pub flash: bool,
}

impl Default for PublisherSpec {
    fn default() -> Self {
        Self { video: Some(Codec::Vp8), audio: true, width: 640, height: 360, fps: 25, flash: false }
    }
}

/// What went wrong at the publisher.
#[derive(Debug, thiserror::Error)]
pub enum PublisherError {
    /// GStreamer is not complete, or failed.
    #[error("the test publisher: {0}")]
    Media(String),
    /// Took too long.
    #[error("the test publisher: no {0} within {SDP_LIMIT:?}")]
    TooSlow(&'static str),
}

/// A publisher. Dropped or stopped it frees its media off-thread.
pub struct Publisher {
    pipeline: gst::Pipeline,
    webrtc: gst::Element,
}

impl Publisher {
    /// Makes the pipeline; nothing runs yet.
    pub fn new(spec: PublisherSpec) -> Result<Self, PublisherError> {
        gst::init().map_err(media)?;
        let pipeline = gst::parse::launch(&launch(&spec))
            .map_err(media)?
            .downcast::<gst::Pipeline>()
            .map_err(|_| media("not a pipeline"))?;
        let webrtc = pipeline.by_name("webrtc").ok_or_else(|| media("no webrtcbin"))?;
        if spec.flash {
            flash(&pipeline, &spec);
        }
        set_up(&webrtc);
        if let Some(bus) = pipeline.bus() {
            bus.set_sync_handler(|_, message| {
                if let gst::MessageView::Error(error) = message.view() {
                    tracing::warn!(error = %error.error(), "test publisher");
                }
                gst::BusSyncReply::Drop
            });
        }
        Ok(Self { pipeline, webrtc })
    }

    /// Starts the media and makes the offer, candidates inside.
    pub async fn offer(&self) -> Result<String, PublisherError> {
        self.pipeline.call_async_future(|pipeline| pipeline.set_state(gst::State::Playing)).await.map_err(media)?;
        self.caps_known().await?;
        let (promise, reply) = gst::Promise::new_future();
        self.webrtc.emit_by_name::<()>("create-offer", &[&None::<gst::Structure>, &promise]);
        let reply = timeout(SDP_LIMIT, reply).await.map_err(|_| PublisherError::TooSlow("offer"))?;
        let reply = reply.map_err(|error| media(format!("{error:?}")))?.ok_or_else(|| media("an empty offer"))?;
        let offer = reply.get::<WebRTCSessionDescription>("offer").map_err(media)?;
        self.describe("set-local-description", &offer).await?;
        self.gather().await?;
        let local = self.webrtc.property::<Option<WebRTCSessionDescription>>("local-description");
        local.and_then(|local| local.sdp().as_text().ok()).ok_or_else(|| media("no local description"))
    }

    /// Takes the server's answer.
    pub async fn set_answer(&self, sdp: &str) -> Result<(), PublisherError> {
        let sdp = gst_sdp::SDPMessage::parse_buffer(sdp.as_bytes()).map_err(media)?;
        let answer = WebRTCSessionDescription::new(WebRTCSDPType::Answer, sdp);
        self.describe("set-remote-description", &answer).await
    }

    /// The element, for tests that look at its state or statistics.
    pub fn webrtcbin(&self) -> &gst::Element {
        &self.webrtc
    }

    /// Ends the media; gives up waiting after a while.
    pub async fn stop(self) {
        let stopping = self.pipeline.call_async_future(|pipeline| pipeline.set_state(gst::State::Null));
        if timeout(STOP_LIMIT, stopping).await.is_err() {
            tracing::error!("a test publisher does not stop");
        }
    }

    async fn describe(&self, signal: &str, description: &WebRTCSessionDescription) -> Result<(), PublisherError> {
        let (promise, reply) = gst::Promise::new_future();
        self.webrtc.emit_by_name::<()>(signal, &[description, &promise]);
        let reply = timeout(SDP_LIMIT, reply).await.map_err(|_| PublisherError::TooSlow("description taken"))?;
        let reply = reply.map_err(|error| media(format!("{error:?}")))?;
        match reply.and_then(|reply| reply.get::<gst::glib::Error>("error").ok()) {
            Some(error) => Err(media(error)),
            None => Ok(()),
        }
    }

    /// The encoder's profile and level stand in the offer, so its first caps must be there.
    async fn caps_known(&self) -> Result<(), PublisherError> {
        for pad in self.webrtc.sink_pads() {
            wait_for(&pad, "caps", || pad.current_caps().is_some(), "caps of the encoder").await?;
        }
        Ok(())
    }

    async fn gather(&self) -> Result<(), PublisherError> {
        let state = || self.webrtc.property::<WebRTCICEGatheringState>("ice-gathering-state");
        let complete = || state() == WebRTCICEGatheringState::Complete;
        wait_for(&self.webrtc, "ice-gathering-state", complete, "candidates").await
    }
}

/// Waits until a property's change makes it true.
async fn wait_for(
    object: &impl IsA<gst::glib::Object>,
    property: &str,
    done: impl Fn() -> bool,
    what: &'static str,
) -> Result<(), PublisherError> {
    let changed = std::sync::Arc::new(Notify::new());
    let notify = changed.clone();
    let handler = object.as_ref().connect_notify(Some(property), move |_, _| notify.notify_one());
    let waiting = timeout(SDP_LIMIT, async {
        while !done() {
            changed.notified().await;
        }
    });
    let result = waiting.await.map_err(|_| PublisherError::TooSlow(what));
    object.as_ref().disconnect(handler);
    result
}

impl Drop for Publisher {
    fn drop(&mut self) {
        if self.pipeline.current_state() != gst::State::Null {
            self.pipeline.call_async(|pipeline| {
                let _ = pipeline.set_state(gst::State::Null);
            });
        }
    }
}

/// Loopback only, UDP only, retransmission on, sender reports that tell when it was captured rather than sent.
fn set_up(webrtc: &gst::Element) {
    if let Some(rtp) = webrtc.downcast_ref::<gst::Bin>().and_then(|bin| bin.by_name("rtpbin")) {
        rtp.set_property("rtcp-sync-send-time", false);
    }
    let ice = webrtc.property::<gst::glib::Object>("ice-agent");
    let _ = ice.emit_by_name::<bool>("add-local-ip-address", &[&"127.0.0.1"]);
    let agent = ice.property::<gst::glib::Object>("agent");
    agent.set_property("ice-tcp", false);
    if agent.find_property("upnp").is_some() {
        agent.set_property("upnp", false);
    }
    for pad in webrtc.sink_pads() {
        let transceiver = pad.property::<gst::glib::Object>("transceiver");
        transceiver.set_property_from_str("direction", "sendonly");
        // Not for sound: webrtcbin 1.22 gives its retransmissions the payload type of the picture.
        let caps = pad.peer_query_caps(None);
        let is_video = caps.structure(0).is_some_and(|s| s.get::<&str>("media") == Ok("video"));
        transceiver.set_property("do-nack", is_video);
    }
}

/// Only numbers and codecs of ours go into the text.
fn launch(spec: &PublisherSpec) -> String {
    let mut text = String::from("webrtcbin name=webrtc bundle-policy=max-bundle");
    if spec.audio {
        // Its ticks come a buffer too early: 2 ms to measure by, 21 ms otherwise.
        let samples = if spec.flash { 96 } else { 1024 };
        text += &format!(" audiotestsrc samplesperbuffer={samples}");
        text += " is-live=true wave=ticks volume=0.4 ! audio/x-raw,rate=48000,channels=2 \
                 ! queue max-size-time=500000000 leaky=downstream ! opusenc bitrate=32000 \
                 ! rtpopuspay pt=111 ! application/x-rtp,media=audio,encoding-name=OPUS,payload=111,encoding-params=(string)2,\
                 ssrc=(uint)";
        text += &format!("{} ! webrtc.", ssrc());
    }
    if let Some(codec) = spec.video {
        text += &video(spec, codec);
    }
    text
}

fn video(spec: &PublisherSpec, codec: Codec) -> String {
    let (width, height, fps) = (spec.width, spec.height, spec.fps);
    let (keyframes, ssrc) = (fps * 10, ssrc());
    let (encoder, name) = match codec {
        Codec::H264 => (
            format!(
                "x264enc tune=zerolatency speed-preset=ultrafast bitrate=1000 key-int-max={keyframes} \
                 ! video/x-h264,profile=constrained-baseline ! rtph264pay pt=96 config-interval=-1 \
                 aggregate-mode=zero-latency mtu=1200"
            ),
            "H264",
        ),
        Codec::Vp9 => (
            format!(
                "vp9enc deadline=1 cpu-used=8 target-bitrate=1000000 end-usage=cbr keyframe-max-dist={keyframes} \
                 lag-in-frames=0 threads=1 ! rtpvp9pay pt=96 picture-id-mode=15-bit mtu=1200"
            ),
            "VP9",
        ),
        // No AV1: an encoder in real time is more than a demonstration is worth, and libaom 3.6 aborts at times.
        Codec::Vp8 | Codec::Av1 | Codec::Opus | Codec::Pcmu | Codec::Pcma => (
            format!(
                "vp8enc deadline=1 cpu-used=8 target-bitrate=1000000 end-usage=cbr keyframe-max-dist={keyframes} \
                 error-resilient=default threads=1 ! rtpvp8pay pt=96 picture-id-mode=15-bit mtu=1200"
            ),
            "VP8",
        ),
    };
    let (pattern, overlay) = match spec.flash {
        true => ("black", ""),
        false => (
            "ball animation-mode=running-time background-color=0xff0c3b39",
            "! timeoverlay halignment=left valignment=bottom ! clockoverlay halignment=right valignment=top",
        ),
    };
    format!(
        " videotestsrc name=camera is-live=true pattern={pattern} \
         ! video/x-raw,format=I420,width={width},height={height},framerate={fps}/1 {overlay} \
         ! queue max-size-buffers=2 leaky=downstream ! {encoder} \
         ! application/x-rtp,media=video,encoding-name={name},payload=96,clock-rate=90000,\
         ssrc=(uint){ssrc},rtcp-fb-nack-pli=(boolean)true,rtcp-fb-ccm-fir=(boolean)true,rtcp-fb-transport-cc=(boolean)true ! webrtc."
    )
}

/// The first frame of each second is white: the sound ticks then.
fn flash(pipeline: &gst::Pipeline, spec: &PublisherSpec) {
    let luma = (spec.width * spec.height) as usize;
    let frame = gst::ClockTime::SECOND / u64::from(spec.fps.max(1));
    let Some(pad) = pipeline.by_name("camera").and_then(|camera| camera.static_pad("src")) else { return };
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data else { return gst::PadProbeReturn::Ok };
        let into = buffer.pts().map_or(0, |pts| pts.nseconds() % gst::ClockTime::SECOND.nseconds());
        if into < frame.nseconds()
            && let Ok(mut picture) = buffer.make_mut().map_writable()
        {
            picture.iter_mut().take(luma).for_each(|pixel| *pixel = 235);
        }
        gst::PadProbeReturn::Ok
    });
}

/// In the caps beforehand, so that the offer announces it even if it is made before the first packet.
fn ssrc() -> u32 {
    rand::random_range(1..u32::MAX)
}

fn media(error: impl std::fmt::Display) -> PublisherError {
    PublisherError::Media(error.to_string())
}
