//! The device against a server of the tests' own: its answer is a stock webrtcbin that decodes what comes.

use super::*;
use crate::model::Codec;
use gst::prelude::*;
use gst_webrtc::WebRTCSessionDescription;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;

const LIMIT: Duration = Duration::from_secs(10);

/// The other side: answers an offer and reports what arrives, decoded.
struct Viewer {
    pipeline: gst::Pipeline,
    webrtc: gst::Element,
    frames: tokio::sync::mpsc::UnboundedReceiver<String>,
}

impl Viewer {
    fn new() -> Self {
        gst::init().unwrap();
        let pipeline = gst::Pipeline::new();
        let webrtc =
            gst::ElementFactory::make("webrtcbin").property_from_str("bundle-policy", "max-bundle").build().unwrap();
        webrtc.property::<gst::glib::Object>("ice-agent").emit_by_name::<bool>("add-local-ip-address", &[&"127.0.0.1"]);
        pipeline.add(&webrtc).unwrap();
        let (sender, frames) = tokio::sync::mpsc::unbounded_channel();
        let weak = pipeline.downgrade();
        webrtc.connect_pad_added(move |_, pad| {
            let Some(pipeline) = weak.upgrade() else { return };
            let decode = gst::ElementFactory::make("decodebin").build().unwrap();
            let (sender, weak) = (sender.clone(), pipeline.downgrade());
            decode.connect_pad_added(move |_, pad| {
                let Some(pipeline) = weak.upgrade() else { return };
                let sender = sender.clone();
                let sink = gst::ElementFactory::make("fakesink").property("sync", false).build().unwrap();
                pipeline.add(&sink).unwrap();
                sink.sync_state_with_parent().unwrap();
                pad.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
                    let _ = sender.send(pad.current_caps().unwrap().structure(0).unwrap().name().to_string());
                    gst::PadProbeReturn::Ok
                });
                pad.link(&sink.static_pad("sink").unwrap()).unwrap();
            });
            pipeline.add(&decode).unwrap();
            decode.sync_state_with_parent().unwrap();
            pad.link(&decode.static_pad("sink").unwrap()).unwrap();
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        Self { pipeline, webrtc, frames }
    }

    async fn answer(&self, offer: &str) -> String {
        let sdp = gst_sdp::SDPMessage::parse_buffer(offer.as_bytes()).unwrap();
        let offer = WebRTCSessionDescription::new(gst_webrtc::WebRTCSDPType::Offer, sdp);
        let (promise, done) = gst::Promise::new_future();
        self.webrtc.emit_by_name::<()>("set-remote-description", &[&offer, &promise]);
        done.await.unwrap();
        let (promise, done) = gst::Promise::new_future();
        self.webrtc.emit_by_name::<()>("create-answer", &[&None::<gst::Structure>, &promise]);
        let answer = done.await.unwrap().unwrap().get::<WebRTCSessionDescription>("answer").unwrap();
        let (promise, done) = gst::Promise::new_future();
        self.webrtc.emit_by_name::<()>("set-local-description", &[&answer, &promise]);
        done.await.unwrap();
        let gathering = || self.webrtc.property::<gst_webrtc::WebRTCICEGatheringState>("ice-gathering-state");
        while gathering() != gst_webrtc::WebRTCICEGatheringState::Complete {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let local = self.webrtc.property::<WebRTCSessionDescription>("local-description");
        local.sdp().as_text().unwrap()
    }

    /// Waits until `count` decoded frames of this kind came.
    async fn see(&mut self, kind: &str, count: usize) {
        let seen = async {
            let mut seen = 0;
            while seen < count {
                let name = self.frames.recv().await.expect("the viewer ended");
                seen += usize::from(name.starts_with(kind));
            }
        };
        timeout(seen, &format!("{count} decoded {kind} frames")).await;
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

async fn timeout<T>(what: impl Future<Output = T>, missing: &str) -> T {
    tokio::time::timeout(LIMIT, what).await.unwrap_or_else(|_| panic!("no {missing} within {LIMIT:?}"))
}

async fn publishes(codec: Codec) {
    let publisher = Publisher::new(PublisherSpec { video: Some(codec), ..PublisherSpec::default() }).unwrap();
    let offer = publisher.offer().await.unwrap();
    for line in ["a=ssrc:", "a=sendonly", "a=candidate:", "nack pli", "rtx/90000"] {
        assert!(offer.contains(line), "no {line} in {offer}");
    }
    assert!(!offer.contains("TCP"), "{offer}");
    assert_eq!(offer.matches("rtx/").count(), 1, "retransmission of the picture only: {offer}");
    let mut viewer = Viewer::new();
    publisher.set_answer(&viewer.answer(&offer).await).await.unwrap();
    viewer.see("video/x-raw", 25).await;
    viewer.see("audio/x-raw", 25).await;
    publisher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_sends_vp8_and_opus() {
    publishes(Codec::Vp8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_sends_h264_and_opus() {
    publishes(Codec::H264).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_sends_vp9_and_opus() {
    publishes(Codec::Vp9).await;
}

struct Server(WebSocketStream<TcpStream>);

impl Server {
    async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = timeout(listener.accept(), "connection").await.unwrap();
        Self(tokio_tungstenite::accept_async(stream).await.unwrap())
    }

    async fn say(&mut self, event: &str, data: Value) {
        self.0.send(Message::text(json!({"event": event, "data": data}).to_string())).await.unwrap();
    }

    async fn hear(&mut self, event: &str) -> Value {
        let message = timeout(self.0.next(), event).await.unwrap().unwrap();
        let message: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
        assert_eq!(message["event"], event, "{message}");
        message["data"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_device_publishes_when_invited_becomes_available_again_and_reconnects() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let demo = start(DemoSpec { url, id: "demo".into(), token: "x".into(), media: PublisherSpec::default() });
    let mut server = Server::accept(&listener).await;
    for room in [1, 2] {
        server.say("start_streaming", json!({"room_id": room, "inviter": "9"})).await;
        assert_eq!(server.hear("join_as_publisher").await, json!({"room_id": room, "inviter": "9"}));
        server.say("joined_as_publisher", json!({"room_id": room})).await;
        let offer = server.hear("offer_from_device").await["sdp"].as_str().unwrap().to_owned();
        let mut viewer = Viewer::new();
        let answer = viewer.answer(&offer).await;
        server.say("answer_to_client", json!({"type": "answer", "sdp": answer})).await;
        viewer.see("video/x-raw", 10).await;
        server.say("stop_listening", json!({"feed": "f", "room_id": room, "reason": "kicked"})).await;
        server.hear("leave").await;
    }
    drop(server);
    let again = Server::accept(&listener).await;
    timeout(demo.stop(), "end of the demo").await;
    drop(again);
}
