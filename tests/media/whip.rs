//! WHIP and WHEP with clients of others: `whipsink` and `whepsrc` of gst-plugins-rs (crate `gst-plugin-webrtchttp`).

use crate::service::{Service, start_server_with};
use gst::prelude::*;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);

/// A pipeline with one of the elements, which goes when dropped.
struct Client(gst::Pipeline);

impl Client {
    fn new(launch: &str) -> Self {
        gst::init().expect("GStreamer");
        gstwebrtchttp::plugin_register_static().expect("the plugin");
        let pipeline = gst::parse::launch(launch).expect("a pipeline").downcast::<gst::Pipeline>().expect("a pipeline");
        let webrtcbin = pipeline.iterate_recurse().into_iter().flatten();
        let webrtcbin = webrtcbin.into_iter().find(|e| e.factory().is_some_and(|f| f.name() == "webrtcbin"));
        let ice = webrtcbin.expect("a webrtcbin").property::<gst::glib::Object>("ice-agent");
        assert!(ice.emit_by_name::<bool>("add-local-ip-address", &[&"127.0.0.1"]));
        Self(pipeline)
    }

    fn play(&self) {
        self.0.set_state(gst::State::Playing).expect("it plays");
    }

    /// Ends it as its element likes to: whipsink sends a DELETE.
    fn end(&self) {
        self.0.set_state(gst::State::Null).expect("it ends");
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
                width.into_iter().for_each(|width| drop(pictures.send(width)));
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

async fn participants(service: &Service) -> Vec<String> {
    let answer = reqwest::get(service.at("/api/v1/rooms/hall")).await.expect("an answer");
    let room: serde_json::Value = answer.json().await.expect("JSON");
    let all = room["participants"].as_array().into_iter().flatten();
    all.filter_map(|one| Some(one["dialect"].as_str()?.to_owned())).collect()
}

/// Waits until the feed is live, or its publisher failed.
async fn live(service: &Service, publisher: &Client) {
    let end = Instant::now() + LIMIT;
    loop {
        let answer = reqwest::get(service.at("/api/v1/rooms/hall")).await.expect("an answer");
        let room: serde_json::Value = answer.json().await.expect("JSON");
        if room["feeds"][0]["live"] == true {
            return;
        }
        assert!(Instant::now() < end, "the feed is not live: {room} {:?}", publisher.failure());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn passes(video: &str) {
    let service = start_server_with(|_| ()).await;
    let publisher = publisher(&service, video);
    live(&service, &publisher).await;
    let (viewer, decoded) = viewer(&service);
    let (client, pictures) = tokio::task::spawn_blocking(move || {
        let end = Instant::now() + LIMIT;
        let mut pictures = 0;
        while pictures < 45 {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(width) = decoded.recv_timeout(left) else { break };
            assert_eq!(width, 320);
            pictures += 1;
        }
        (viewer, pictures)
    })
    .await
    .expect("counted");
    assert!(pictures >= 45, "{pictures} pictures were decoded: {:?} {:?}", publisher.failure(), client.failure());
    assert_eq!(participants(&service).await, ["whep", "whip"]);
    client.end();
    publisher.end();
    let end = Instant::now() + LIMIT;
    while !participants(&service).await.is_empty() {
        assert!(Instant::now() < end, "still here: {:?}", participants(&service).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vp8_passes_from_whipsink_to_whepsrc() {
    passes(
        "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=30 ! rtpvp8pay ! \
         application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h264_passes_from_whipsink_to_whepsrc() {
    passes(
        "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 ! \
         video/x-h264,profile=constrained-baseline ! rtph264pay aggregate-mode=zero-latency config-interval=-1 ! \
         application/x-rtp,media=video,encoding-name=H264,payload=96,clock-rate=90000",
    )
    .await;
}
