//! WebRTC clients for tests: stock webrtcbin with libnice on loopback, so that both ends are not the same code.

use gst::prelude::*;
use gst_webrtc::{WebRTCICEGatheringState, WebRTCSDPType, WebRTCSessionDescription};
use std::sync::mpsc::channel;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);

/// A client; dropping it hangs up without a word, as a crash would.
pub struct Client {
    pipeline: gst::Pipeline,
    pub webrtcbin: gst::Element,
}

impl Client {
    /// With these elements, which are linked to `w`; it plays once it is told to.
    pub fn new(launch: &str) -> Self {
        gst::init().expect("GStreamer");
        // The second element makes a pipeline even of a viewer, which has no others.
        let text =
            format!("webrtcbin name=w bundle-policy=max-bundle fakesrc num-buffers=0 ! fakesink async=false {launch}");
        let pipeline =
            gst::parse::launch(&text).expect("client pipeline").downcast::<gst::Pipeline>().expect("pipeline");
        let webrtcbin = pipeline.by_name("w").expect("webrtcbin");
        let ice = webrtcbin.property::<gst::glib::Object>("ice-agent");
        assert!(ice.emit_by_name::<bool>("add-local-ip-address", &[&"127.0.0.1"]));
        Self { pipeline, webrtcbin }
    }

    /// Sends what is asked for: VP8 at 640x360 and Opus.
    pub fn publisher(video: bool, audio: bool) -> Self {
        let mut launch = String::new();
        if audio {
            launch += "audiotestsrc is-live=true ! opusenc ! rtpopuspay pt=111 ! \
                application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! w. ";
        }
        if video {
            launch += "videotestsrc is-live=true ! video/x-raw,width=640,height=360,framerate=15/1 ! \
                vp8enc name=encoder deadline=1 cpu-used=8 keyframe-max-dist=1000 ! rtpvp8pay pt=96 ! \
                application/x-rtp,media=video,encoding-name=VP8,payload=96 ! w. ";
        }
        let client = Self::new(&launch);
        client.play();
        client
    }

    /// Sends a picture of one colour, a `pattern` of videotestsrc, and sound.
    pub fn painter(pattern: &str) -> Self {
        let client = Self::new(
            "audiotestsrc is-live=true ! opusenc ! rtpopuspay pt=111 ! \
             application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! w. \
             videotestsrc is-live=true name=paint ! video/x-raw,width=320,height=180,framerate=25/1 ! \
             vp8enc deadline=1 cpu-used=8 keyframe-max-dist=50 ! rtpvp8pay pt=96 ! \
             application/x-rtp,media=video,encoding-name=VP8,payload=96 ! w. ",
        );
        client.paint(pattern);
        client.play();
        client
    }

    /// From now on in this colour.
    pub fn paint(&self, pattern: &str) {
        self.pipeline.by_name("paint").expect("a painter").set_property_from_str("pattern", pattern);
    }

    /// Receives and decodes what is offered; each picture's brightness (0 to 255, of its middle) is told.
    pub fn watcher(told: std::sync::mpsc::Sender<(std::time::Instant, u8)>) -> Self {
        let client = Self::new("");
        client.webrtcbin.set_property("latency", 0u32);
        let pipeline = client.pipeline.downgrade();
        client.webrtcbin.connect_pad_added(move |_, pad| {
            let Some(pipeline) = pipeline.upgrade().filter(|_| pad.direction() == gst::PadDirection::Src) else {
                return;
            };
            let caps = pad.current_caps().map(|caps| caps.to_string()).unwrap_or_default();
            let decoder = match caps {
                caps if caps.contains("H264") => "rtph264depay ! h264parse ! avdec_h264 max-threads=1",
                caps if caps.contains("VP8") => "rtpvp8depay ! vp8dec",
                _ => "fakesink async=false sync=false",
            };
            let text = match decoder {
                silent if silent.starts_with("fakesink") => silent.to_owned(),
                seen => format!("{seen} ! videoconvert ! video/x-raw,format=GRAY8 ! appsink name=s sync=false"),
            };
            let bin = gst::parse::bin_from_description(&text, true).expect("a decoder");
            if let Some(sink) = bin.by_name("s").and_then(|s| s.downcast::<gst_app::AppSink>().ok()) {
                let told = told.clone();
                let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(move |sink| {
                    let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                    let map = sample.buffer().expect("a buffer").map_readable().expect("readable");
                    let _ = told.send((std::time::Instant::now(), map[map.len() / 2 + 16]));
                    Ok(gst::FlowSuccess::Ok)
                });
                sink.set_callbacks(callbacks.build());
            }
            pipeline.add(&bin).expect("added");
            bin.sync_state_with_parent().expect("started");
            pad.link(&bin.static_pad("sink").expect("a pad")).expect("linked");
        });
        client.play();
        client
    }

    /// Receives whatever is offered, undecoded.
    pub fn viewer() -> Self {
        let client = Self::new("");
        let pipeline = client.pipeline.downgrade();
        client.webrtcbin.connect_pad_added(move |_, pad| {
            let Some(pipeline) = pipeline.upgrade().filter(|_| pad.direction() == gst::PadDirection::Src) else {
                return;
            };
            let sink = gst::ElementFactory::make("fakesink").property("async", false).build().expect("fakesink");
            pipeline.add(&sink).expect("added");
            sink.sync_state_with_parent().expect("started");
            pad.link(&sink.static_pad("sink").expect("a pad")).expect("linked");
        });
        client.play();
        client
    }

    /// One of its elements.
    pub fn element(&self, name: &str) -> gst::Element {
        self.pipeline.by_name(name).expect("an element of this name")
    }

    /// What comes goes into a bin that is made for its caps.
    pub fn on_pad(&self, make: impl Fn(String) -> gst::Bin + Send + Sync + 'static) {
        let pipeline = self.pipeline.downgrade();
        self.webrtcbin.connect_pad_added(move |_, pad| {
            let Some(pipeline) = pipeline.upgrade().filter(|_| pad.direction() == gst::PadDirection::Src) else {
                return;
            };
            let bin = make(pad.current_caps().map(|caps| caps.to_string()).unwrap_or_default());
            pipeline.add(&bin).expect("added");
            bin.sync_state_with_parent().expect("started");
            pad.link(&bin.static_pad("sink").expect("a pad")).expect("linked");
        });
    }

    /// Begins.
    pub fn play(&self) {
        self.pipeline.set_state(gst::State::Playing).expect("client plays");
    }

    fn description(&self, kind: WebRTCSDPType, sdp: &str) -> WebRTCSessionDescription {
        let message = gst_sdp::SDPMessage::parse_buffer(sdp.as_bytes()).expect("SDP");
        WebRTCSessionDescription::new(kind, message)
    }

    fn set(&self, signal: &str, description: &WebRTCSessionDescription) {
        let promise = gst::Promise::new();
        self.webrtcbin.emit_by_name::<()>(signal, &[description, &promise]);
        promise.wait();
        let error = promise.get_reply().and_then(|reply| reply.get::<gst::glib::Error>("error").ok());
        assert!(error.is_none(), "{signal}: {error:?}");
    }

    fn create(&self, what: &str) -> WebRTCSessionDescription {
        let promise = gst::Promise::new();
        self.webrtcbin.emit_by_name::<()>(&format!("create-{what}"), &[&None::<gst::Structure>, &promise]);
        promise.wait();
        promise.get_reply().expect("a reply").get::<WebRTCSessionDescription>(what).expect("a description")
    }

    /// Its description with all candidates inside.
    fn gathered(&self) -> String {
        let (done, wait) = channel();
        self.webrtcbin.connect_notify(Some("ice-gathering-state"), move |webrtcbin, _| {
            if is_gathered(webrtcbin) {
                let _ = done.send(());
            }
        });
        if !is_gathered(&self.webrtcbin) {
            wait.recv_timeout(LIMIT).expect("the client's candidates");
        }
        let local = self.webrtcbin.property::<WebRTCSessionDescription>("local-description");
        local.sdp().as_text().expect("text")
    }

    /// An offer of what it sends. Waits for the senders' caps first.
    pub fn offer(&self) -> String {
        for pad in self.webrtcbin.sink_pads() {
            let (done, wait) = channel();
            pad.connect_notify(Some("caps"), move |_, _| {
                let _ = done.send(());
            });
            if pad.current_caps().is_none() {
                wait.recv_timeout(LIMIT).expect("the client's media");
            }
        }
        let offer = self.create("offer");
        self.set("set-local-description", &offer);
        self.gathered()
    }

    /// Takes the answer to its offer.
    pub fn take_answer(&self, answer: &str) {
        self.set("set-remote-description", &self.description(WebRTCSDPType::Answer, answer));
    }

    /// Answers an offer.
    pub fn answer(&self, offer: &str) -> String {
        self.set("set-remote-description", &self.description(WebRTCSDPType::Offer, offer));
        let answer = self.create("answer");
        self.set("set-local-description", &answer);
        self.gathered()
    }

    /// Rewrites the SSRC of every RTP packet of this payload type that it sends, behind its description's back.
    pub fn falsify_ssrc(&self, payload_type: u8, ssrc: u32) {
        let bin = self.webrtcbin.downcast_ref::<gst::Bin>().expect("a bin");
        let mut session = bin.iterate_recurse().into_iter().flatten();
        let session = session.find(|e| e.factory().is_some_and(|f| f.name() == "rtpsession")).expect("rtpsession");
        let pad = session.static_pad("send_rtp_src").expect("its sending pad");
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data {
                let mut map = buffer.make_mut().map_writable().expect("writable");
                if map[1] & 0x7f == payload_type {
                    map[8..12].copy_from_slice(&ssrc.to_be_bytes());
                }
            }
            gst::PadProbeReturn::Ok
        });
    }
}

fn is_gathered(webrtcbin: &gst::Element) -> bool {
    let state = webrtcbin.property::<WebRTCICEGatheringState>("ice-gathering-state");
    state == WebRTCICEGatheringState::Complete
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
        if let Some(bus) = self.pipeline.bus() {
            bus.set_flushing(true);
        }
        let _ = self.pipeline.remove(&self.webrtcbin);
    }
}
