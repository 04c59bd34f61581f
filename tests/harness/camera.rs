//! A camera on loopback, played by gst-rtsp-server: chosen codecs, users, TLS; it can be cut off and come back on the same
//! port, and fall silent without closing anything.
#![allow(dead_code)]

use gst::glib;
use gst_rtsp_server::gio;
use gst_rtsp_server::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Pictures in H264 with a keyframe each second, no B-frames.
pub const H264: &str = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1 ! \
    x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 bitrate=300 threads=1 ! \
    video/x-h264,profile=main ! identity name=gate ! rtph264pay name=pay0 pt=96";
/// Pictures that carry the time: 16 boxes above, the milliseconds since 1970 in binary, white is 1, the lowest bit first.
pub const STAMPED: &str = "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=640,height=360,framerate=25/1 ! \
    identity name=stamp ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 bitrate=1500 threads=1 ! \
    video/x-h264,profile=main ! rtph264pay name=pay0 pt=96";
/// A tone in Opus.
pub const OPUS: &str = "audiotestsrc is-live=true ! audioconvert ! opusenc ! rtpopuspay name=pay1 pt=97";
/// A tone in G.711 A-law.
pub const PCMA: &str = "audiotestsrc is-live=true ! audioresample ! audio/x-raw,rate=8000,channels=1 ! alawenc ! \
    rtppcmapay name=pay1 pt=8";

/// What a camera is.
#[derive(Clone, Default)]
pub struct Camera {
    /// Its media: `pay0`, `pay1`; an `identity` named `gate` can fall silent.
    pub launch: String,
    /// User and password, and whether they are asked for by digest.
    pub user: Option<(String, String, bool)>,
    /// Certificate and key, PEM.
    pub tls: Option<String>,
    /// 0: a free one.
    pub port: u16,
}

/// A camera that runs, at `/stream`. Dropping it cuts it off.
pub struct Running {
    pub port: u16,
    camera: Camera,
    gates: Arc<Gates>,
    server: gst_rtsp_server::RTSPServer,
    main: glib::MainLoop,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// Where pictures can be stopped: one gate each time that the media is made for clients that come.
#[derive(Default)]
struct Gates {
    closed: AtomicBool,
    all: Mutex<Vec<glib::WeakRef<gst::Element>>>,
}

impl Gates {
    fn add(&self, gate: &gst::Element) {
        let mut all = self.all.lock().expect("gates");
        gate.set_property("drop-probability", if self.closed.load(SeqCst) { 1.0f32 } else { 0.0 });
        all.push(gate.downgrade());
    }

    fn close(&self, closed: bool) {
        let all = self.all.lock().expect("gates");
        self.closed.store(closed, SeqCst);
        for gate in all.iter().filter_map(glib::WeakRef::upgrade) {
            gate.set_property("drop-probability", if closed { 1.0f32 } else { 0.0 });
        }
    }
}

impl Camera {
    pub fn of(tracks: &[&str]) -> Self {
        Self { launch: format!("( {} )", tracks.join(" ")), ..Self::default() }
    }

    /// Starts it; waits until it listens.
    pub fn start(&self) -> Running {
        gst::init().expect("GStreamer");
        let (sender, receiver) = channel();
        let (camera, gates) = (self.clone(), Arc::<Gates>::default());
        let seen = gates.clone();
        let thread = std::thread::spawn(move || serve(&camera, seen, &sender));
        let (server, main, port) = receiver.recv_timeout(Duration::from_secs(10)).expect("a camera that listens");
        Running { port, camera: self.clone(), gates, server, main, thread: Some(thread) }
    }
}

type Started = (gst_rtsp_server::RTSPServer, glib::MainLoop, u16);

fn serve(camera: &Camera, gates: Arc<Gates>, started: &Sender<Started>) {
    let context = glib::MainContext::new();
    let serving = context.with_thread_default(|| {
        let server = gst_rtsp_server::RTSPServer::new();
        server.set_address("127.0.0.1");
        server.set_service(&camera.port.to_string());
        let factory = gst_rtsp_server::RTSPMediaFactory::new();
        factory.set_launch(&camera.launch);
        factory.set_shared(true);
        factory.connect_media_configure(move |_, media| {
            let bin = media.element().downcast::<gst::Bin>().expect("a bin");
            if let Some(gate) = bin.by_name("gate") {
                gates.add(&gate);
            }
            if let Some(pad) = bin.by_name("stamp").and_then(|stamp| stamp.static_pad("src")) {
                pad.add_probe(gst::PadProbeType::BUFFER, |_, info| {
                    info.buffer_mut().iter_mut().for_each(|picture| stamp(picture.make_mut()));
                    gst::PadProbeReturn::Ok
                });
            }
        });
        server.mount_points().expect("mount points").add_factory("/stream", factory.clone());
        guard(camera, &server, &factory);
        let source = server.attach(Some(&context)).expect("a free port");
        let main = glib::MainLoop::new(Some(&context), false);
        let port = u16::try_from(server.bound_port()).expect("a port");
        // From within the loop: one that does not run yet cannot be told to quit.
        let (running, started) = ((server.clone(), main.clone(), port), started.clone());
        let told = glib::idle_source_new(None, glib::Priority::DEFAULT, move || {
            started.send(running.clone()).expect("a test that waits");
            glib::ControlFlow::Break
        });
        told.attach(Some(&context));
        main.run();
        if let Some(source) = context.find_source_by_id(&source) {
            source.destroy();
        }
    });
    serving.expect("a context of our own");
}

/// Paints the time into a picture of 640 pixels a row.
fn stamp(picture: &mut gst::BufferRef) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_millis();
    let mut bytes = picture.map_writable().expect("a picture");
    for row in bytes.chunks_exact_mut(640).take(40) {
        for (bit, part) in row.chunks_exact_mut(40).enumerate() {
            part.fill(if now >> bit & 1 == 1 { 235 } else { 16 });
        }
    }
}

/// Users and TLS.
fn guard(camera: &Camera, server: &gst_rtsp_server::RTSPServer, factory: &gst_rtsp_server::RTSPMediaFactory) {
    use gst_rtsp_server::gst_rtsp::RTSPAuthMethod;
    if camera.user.is_none() && camera.tls.is_none() {
        return;
    }
    let auth = gst_rtsp_server::RTSPAuth::new();
    if let Some(pem) = &camera.tls {
        auth.set_tls_certificate(Some(&gio::TlsCertificate::from_pem(pem).expect("a certificate")));
    }
    let token = gst_rtsp_server::RTSPToken::builder().field("media.factory.role", "user").build();
    match &camera.user {
        Some((user, password, true)) => {
            auth.set_supported_methods(RTSPAuthMethod::Digest);
            auth.add_digest(user, password, &token);
        }
        Some((user, password, false)) => {
            auth.add_basic(&gst_rtsp_server::RTSPAuth::make_basic(user, password), &token);
        }
        None => auth.set_default_token(Some(&mut token.copy())),
    }
    factory.add_role_from_structure(
        &gst::Structure::builder("user")
            .field("media.factory.access", true)
            .field("media.factory.construct", true)
            .build(),
    );
    server.set_auth(Some(&auth));
}

impl Running {
    pub fn uri(&self) -> String {
        let scheme = if self.camera.tls.is_some() { "rtsps" } else { "rtsp" };
        format!("{scheme}://127.0.0.1:{}/stream", self.port)
    }

    /// Pictures stop, and nothing is closed.
    pub fn fall_silent(&self, silent: bool) {
        self.gates.close(silent);
    }

    /// Cuts all connections and goes on listening.
    pub fn throw_out(&self) {
        let clients = self.server.client_filter(Some(&mut |_, _| gst_rtsp_server::RTSPFilterResult::Remove));
        drop(clients);
    }

    /// Connections there are.
    pub fn clients(&self) -> usize {
        self.server.client_filter(Some(&mut |_, _| gst_rtsp_server::RTSPFilterResult::Ref)).len()
    }

    /// Cuts all connections and stops listening; `Camera::start` on the same port brings it back.
    pub fn cut(self) -> Camera {
        Camera { port: self.port, ..self.camera.clone() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.throw_out();
        self.main.quit();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
