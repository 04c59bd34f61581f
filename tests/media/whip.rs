//! WHIP and WHEP with clients of others: `whipsink` and `whepsrc` of gst-plugins-rs (crate `gst-plugin-webrtchttp`).

use crate::engine::until;
use crate::service::{Service, start_server};
use gst::prelude::*;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);

/// A pipeline with one of the elements; dropped, it ends as its element likes to: by a DELETE.
struct Client(gst::Pipeline);

impl Client {
    fn new(launch: &str) -> Self {
        gst::init().expect("GStreamer");
        gstwebrtchttp::plugin_register_static().expect("the plugin");
        let pipeline = gst::parse::launch(launch).expect("a pipeline").downcast::<gst::Pipeline>().expect("a pipeline");
        let all = pipeline.iterate_recurse().into_iter().flatten();
        let webrtcbin = all.into_iter().find(|element| element.type_().name() == "GstWebRTCBin");
        let ice = webrtcbin.expect("a webrtcbin").property::<gst::glib::Object>("ice-agent");
        assert!(ice.emit_by_name::<bool>("add-local-ip-address", &[&"127.0.0.1"]));
        Self(pipeline)
    }

    fn play(&self) {
        self.0.set_state(gst::State::Playing).expect("it plays");
    }

    fn failure(&self) -> Option<String> {
        let message = self.0.bus()?.pop_filtered(&[gst::MessageType::Error])?;
        Some(format!("{message:?}"))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.set_state(gst::State::Null);
    }
}

fn publisher(service: &Service, video: &str) -> Client {
    let launch = format!(
        "whipsink name=client use-link-headers=false \
         videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=15/1 ! {video} ! client. \
         audiotestsrc is-live=true ! opusenc ! rtpopuspay ! \
         application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000 ! client."
    );
    let client = Client::new(&launch);
    let element = client.0.by_name("client").expect("whipsink");
    element.set_property("whip-endpoint", service.at("/whip/hall?name=gst"));
    client.play();
    client
}

/// Widths of the pictures as they are decoded.
fn viewer(service: &Service) -> (Client, Receiver<i32>) {
    let client = Client::new("whepsrc name=client fakesrc num-buffers=0 ! fakesink async=false");
    let element = client.0.by_name("client").expect("whepsrc");
    element.set_property("whep-endpoint", service.at("/whep/hall"));
    let (pictures, decoded) = channel();
    let pipeline = client.0.downgrade();
    element.connect_pad_added(move |_, pad| {
        let Some(pipeline) = pipeline.upgrade() else { return };
        let decodebin = gst::ElementFactory::make("decodebin").build().expect("decodebin");
        let (weak, pictures) = (pipeline.downgrade(), pictures.clone());
        decodebin.connect_pad_added(move |_, pad| {
            let Some(pipeline) = weak.upgrade() else { return };
            let sink = gst::ElementFactory::make("fakesink").property("async", false).build().expect("fakesink");
            pipeline.add(&sink).expect("added");
            sink.sync_state_with_parent().expect("started");
            pad.link(&sink.static_pad("sink").expect("a pad")).expect("linked");
            let pictures = pictures.clone();
            pad.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
                let caps = pad.current_caps();
                let width = caps.and_then(|caps| caps.structure(0)?.get::<i32>("width").ok());
                let _ = width.map(|width| pictures.send(width));
                gst::PadProbeReturn::Ok
            });
        });
        pipeline.add(&decodebin).expect("added");
        decodebin.sync_state_with_parent().expect("started");
        pad.link(&decodebin.static_pad("sink").expect("a pad")).expect("linked");
    });
    client.play();
    (client, decoded)
}

/// The service, and a runtime for it alone: the clients' elements block, and may not do so on a runtime's threads.
struct Stage {
    runtime: tokio::runtime::Runtime,
    service: Service,
}

impl Stage {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let service = runtime.block_on(start_server());
        Self { runtime, service }
    }

    fn room(&self) -> serde_json::Value {
        let url = self.service.at("/api/v1/rooms/hall");
        self.runtime.block_on(async { reqwest::get(url).await.expect("an answer").json().await.expect("JSON") })
    }

    fn dialects(&self) -> Vec<String> {
        let room = self.room();
        let all = room["participants"].as_array().into_iter().flatten();
        all.filter_map(|one| Some(one["dialect"].as_str()?.to_owned())).collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _inside = self.runtime.enter();
    }
}

fn passes(video: &str) {
    let stage = Stage::new();
    let publisher = publisher(&stage.service, video);
    until("the feed is live", || stage.room()["feeds"][0]["live"] == true);
    let (viewer, decoded) = viewer(&stage.service);
    let end = Instant::now() + LIMIT;
    for pictures in 0..45 {
        let width = decoded.recv_timeout(end.saturating_duration_since(Instant::now()));
        let trouble = || format!("{pictures} pictures: {:?} {:?}", publisher.failure(), viewer.failure());
        assert_eq!(width.unwrap_or_else(|_| panic!("{}", trouble())), 320);
    }
    assert_eq!(stage.dialects(), ["whep", "whip"]);
    drop(viewer);
    until("the viewer has left", || stage.dialects() == ["whip"]);
    drop(publisher);
    until("the publisher has left", || stage.dialects().is_empty());
}

#[test]
fn vp8_passes_from_whipsink_to_whepsrc() {
    passes(
        "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=30 ! rtpvp8pay ! \
         application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000",
    );
}

#[test]
fn h264_passes_from_whipsink_to_whepsrc() {
    passes(
        "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 ! \
         video/x-h264,profile=constrained-baseline ! rtph264pay aggregate-mode=zero-latency config-interval=-1 ! \
         application/x-rtp,media=video,encoding-name=H264,payload=96,clock-rate=90000",
    );
}
