//! Our agent as webrtcbin sees it: subclasses of GstWebRTCICE, its stream and its transport.
//!
//! The only `unsafe` of the program, for two reasons: gstreamer-webrtc offers no subclassing, so class slots and three
//! fields of the transport are written by hand; and one property of dtlsdec lies about its type. What webrtcbin 1.22 to
//! 1.28 calls, owns and asserts was read in its source; the notes stand at each function.
#![allow(unsafe_code)]

use super::elements::{self, Sink, Src};
use super::link::{Bypass, Link};
use crate::media::census;
use gst::glib;
use gst::glib::translate::*;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_webrtc::ffi::*;
use parking_lot::Mutex;
use std::ffi::{CStr, c_char, c_uint};
use std::ptr::null_mut;
use std::sync::{Arc, LazyLock, OnceLock};

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct Transport {
        ends: OnceLock<(Src, Sink)>,
        pub link: OnceLock<Arc<Link>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Transport {
        const NAME: &'static str = "MillraceIceTransport";
        type Type = super::Transport;
        type ParentType = gst_webrtc::WebRTCICETransport;
    }
    impl ObjectImpl for Transport {
        fn dispose(&self) {
            self.link.get().inspect(|link| link.close());
        }
    }
    impl GstObjectImpl for Transport {}

    impl Transport {
        /// webrtcbin links `src` and `sink` as soon as it has the transport, so they are there from the start.
        pub fn set_up(&self, link: &Arc<Link>) {
            let (src, sink) = elements::pair(link);
            link.attach(&src, &self.obj());
            let raw = self.obj().upcast_ref::<gst_webrtc::WebRTCICETransport>().as_ptr();
            // SAFETY: `raw` is the live instance; `ends` keeps both elements as long as it lives.
            unsafe {
                (*raw).role = GST_WEBRTC_ICE_ROLE_CONTROLLED;
                (*raw).src = src.upcast_ref::<gst::Element>().as_ptr();
                (*raw).sink = sink.upcast_ref::<gst::Element>().as_ptr();
            }
            let _ = self.ends.set((src, sink));
            let _ = self.link.set(link.clone());
        }
    }

    #[derive(Default)]
    pub struct Stream {
        pub transport: OnceLock<super::Transport>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Stream {
        const NAME: &'static str = "MillraceIceStream";
        type Type = super::Stream;
        type ParentType = gst_webrtc::WebRTCICEStream;
    }
    impl ObjectImpl for Stream {}
    impl GstObjectImpl for Stream {}

    #[derive(Default)]
    pub struct Agent {
        pub link: OnceLock<Arc<Link>>,
        pub streams: Mutex<Vec<super::Stream>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Agent {
        const NAME: &'static str = "MillraceIceAgent";
        type Type = super::Agent;
        type ParentType = gst_webrtc::WebRTCICE;
    }
    impl ObjectImpl for Agent {
        fn dispose(&self) {
            self.link.get().inspect(|link| link.close());
        }
    }
    impl GstObjectImpl for Agent {}
}

glib::wrapper! {
    pub struct Transport(ObjectSubclass<imp::Transport>) @extends gst_webrtc::WebRTCICETransport, gst::Object;
}
glib::wrapper! {
    pub struct Stream(ObjectSubclass<imp::Stream>) @extends gst_webrtc::WebRTCICEStream, gst::Object;
}
glib::wrapper! {
    pub struct Agent(ObjectSubclass<imp::Agent>) @extends gst_webrtc::WebRTCICE, gst::Object;
}

impl Agent {
    fn new(link: &Arc<Link>) -> Self {
        let agent: Self = glib::Object::new();
        census::count("ice_agent", &agent);
        let _ = agent.imp().link.set(link.clone());
        agent
    }

    /// One transport carries the whole bundle (`max-bundle`), so every stream has the one link.
    fn add_stream(&self, id: c_uint) -> Stream {
        let stream: Stream = glib::Object::builder().property("stream-id", id + 1).build();
        if let Some(link) = self.imp().link.get() {
            let component = gst_webrtc::WebRTCICEComponent::Rtp;
            let transport: Transport = glib::Object::builder().property("component", component).build();
            census::count("ice_transport", &transport);
            transport.imp().set_up(link);
            let _ = stream.imp().transport.set(transport);
        }
        self.imp().streams.lock().push(stream.clone());
        stream
    }
}

/// A webrtcbin on our port; `agent` is who calls.
pub fn webrtcbin(link: &Arc<Link>, name: &str) -> Result<gst::Element, glib::BoolError> {
    let agent = Agent::new(link);
    let webrtcbin = gst::ElementFactory::make("webrtcbin").name(name).property("ice-agent", &agent).build()?;
    // webrtcbin never refs the agent it is given, yet unrefs it in dispose (1.22.0 to 1.28.6): this one is for it.
    std::mem::forget(agent);
    Ok(webrtcbin)
}

/// To be called for each `queue` that webrtcbin makes: takes transportreceivebin's out of action, and with it a
/// thread per peer. It stays in the bin, linked and locked in NULL, since the bin blocks and unblocks its pad.
pub fn bypass_queue(queue: &gst::Element) -> Option<()> {
    queue.parent().filter(|bin| bin.name().starts_with("transportreceivebin"))?;
    let (sink, src) = (queue.static_pad("sink")?, queue.static_pad("src")?);
    let capsfilter = sink.peer()?.parent_element()?;
    let source = capsfilter.static_pad("sink")?.peer()?.parent_element()?.downcast::<Src>().ok()?;
    let decoder = src.peer()?;
    queue.set_locked_state(true);
    source.link()?.set_bypass(Bypass { decoder, gate: src });
    Some(())
}

/// dtlsdec's `decoder-key` (1.22): declared as GstCaps, holds a GstBuffer. Typed access would misuse it.
pub fn decoder_key(dtlsdec: &gst::Element) -> Option<gst::Buffer> {
    let value = dtlsdec.property_value("decoder-key");
    // SAFETY: the value is a boxed mini object of the element; the buffer gets a reference of its own. The type of the
    // mini object is compared before it is believed.
    unsafe {
        let raw = glib::gobject_ffi::g_value_get_boxed(value.to_glib_none().0) as *mut gst::ffi::GstMiniObject;
        let is_buffer = !raw.is_null() && (*raw).type_ == gst::ffi::gst_buffer_get_type();
        is_buffer.then(|| from_glib_none(raw as *mut gst::ffi::GstBuffer))
    }
}

// --- the vtables; called by webrtcbin only, with live instances of our own types ---

/// SAFETY: `agent` is an instance of `Agent`, alive during the call.
unsafe fn agent_of(agent: *mut GstWebRTCICE) -> Agent {
    unsafe { gst_webrtc::WebRTCICE::from_glib_none(agent).unsafe_cast() }
}
/// SAFETY: `stream` is an instance of `Stream`, alive during the call.
unsafe fn transport_of(stream: *mut GstWebRTCICEStream) -> Option<Transport> {
    let stream: Stream = unsafe { gst_webrtc::WebRTCICEStream::from_glib_none(stream).unsafe_cast() };
    stream.imp().transport.get().cloned()
}
/// SAFETY: `text` is null or a C string, alive during the call.
unsafe fn text<'a>(text: *const c_char) -> &'a str {
    if text.is_null() { "" } else { unsafe { CStr::from_ptr(text) }.to_str().unwrap_or("") }
}

static VERSION: LazyLock<(u32, u32)> = LazyLock::new(|| {
    let (major, minor, ..) = gst::version();
    (major, minor)
});

// SAFETY: only slots of the class itself are written, with functions of the right type.
unsafe impl IsSubclassable<imp::Transport> for gst_webrtc::WebRTCICETransport {
    fn class_init(class: &mut glib::Class<Self>) {
        Self::parent_class_init::<imp::Transport>(class);
        unsafe extern "C" fn gather(_: *mut GstWebRTCICETransport) -> i32 {
            1
        }
        class.as_mut().gather_candidates = Some(gather);
    }
}

// SAFETY: as above.
unsafe impl IsSubclassable<imp::Stream> for gst_webrtc::WebRTCICEStream {
    fn class_init(class: &mut glib::Class<Self>) {
        Self::parent_class_init::<imp::Stream>(class);
        unsafe extern "C" fn gather(_: *mut GstWebRTCICEStream) -> i32 {
            1
        }
        class.as_mut().find_transport = Some(stream_find_transport);
        class.as_mut().gather_candidates = Some(gather);
    }
}

// SAFETY: as above. webrtcbin asserts every slot, so all are filled.
unsafe impl IsSubclassable<imp::Agent> for gst_webrtc::WebRTCICE {
    fn class_init(class: &mut glib::Class<Self>) {
        Self::parent_class_init::<imp::Agent>(class);
        let class = class.as_mut();
        class.add_stream = Some(add_stream);
        class.find_transport = Some(find_transport);
        class.gather_candidates = Some(gather_candidates);
        class.add_candidate = Some(add_candidate);
        class.set_local_credentials = Some(set_local_credentials);
        class.set_remote_credentials = Some(set_remote_credentials);
        class.set_is_controller = Some(ignore_flag);
        class.get_is_controller = Some(is_controller);
        class.set_force_relay = Some(ignore_flag);
        class.set_stun_server = Some(ignore_text);
        class.get_stun_server = Some(no_text);
        class.set_turn_server = Some(ignore_text);
        class.get_turn_server = Some(no_text);
        class.add_turn_server = Some(refuse_turn_server);
        class.set_http_proxy = Some(ignore_text);
        class.get_http_proxy = Some(no_text);
        class.set_tos = Some(ignore_tos);
        class.set_on_ice_candidate = Some(ignore_callback);
        class.get_local_candidates = Some(no_candidates);
        class.get_remote_candidates = Some(no_candidates);
        class.get_selected_pair = Some(no_pair);
        class.close = Some(close);
    }
}

/// Borrowed by the caller below 1.26, owned from 1.26 on.
unsafe extern "C" fn add_stream(agent: *mut GstWebRTCICE, id: c_uint) -> *mut GstWebRTCICEStream {
    let stream = unsafe { agent_of(agent) }.add_stream(id).upcast::<gst_webrtc::WebRTCICEStream>();
    if *VERSION >= (1, 26) { stream.into_glib_ptr() } else { stream.as_ptr() }
}
unsafe extern "C" fn find_transport(
    _: *mut GstWebRTCICE,
    stream: *mut GstWebRTCICEStream,
    component: GstWebRTCICEComponent,
) -> *mut GstWebRTCICETransport {
    unsafe { stream_find_transport(stream, component) }
}
unsafe extern "C" fn stream_find_transport(
    stream: *mut GstWebRTCICEStream,
    _: GstWebRTCICEComponent,
) -> *mut GstWebRTCICETransport {
    let transport = unsafe { transport_of(stream) };
    transport.map_or(null_mut(), |t| t.upcast::<gst_webrtc::WebRTCICETransport>().into_glib_ptr())
}
/// Our candidates are known from the start and stand in the descriptions we write; webrtcbin need not see them.
unsafe extern "C" fn gather_candidates(_: *mut GstWebRTCICE, stream: *mut GstWebRTCICEStream) -> i32 {
    if let Some(transport) = unsafe { transport_of(stream) } {
        let transport = transport.upcast_ref::<gst_webrtc::WebRTCICETransport>();
        transport.gathering_state_change(gst_webrtc::WebRTCICEGatheringState::Gathering);
        transport.gathering_state_change(gst_webrtc::WebRTCICEGatheringState::Complete);
    }
    1
}
/// A lite agent needs no remote candidates. The promise came with 1.24: before, the register holds garbage.
unsafe extern "C" fn add_candidate(
    _: *mut GstWebRTCICE,
    _: *mut GstWebRTCICEStream,
    _: *const c_char,
    promise: *mut gst::ffi::GstPromise,
) {
    if *VERSION >= (1, 24) {
        unsafe { reply_empty(promise) }
    }
}
unsafe extern "C" fn set_local_credentials(
    _: *mut GstWebRTCICE,
    stream: *mut GstWebRTCICEStream,
    name: *const c_char,
    password: *const c_char,
) -> i32 {
    let transport = unsafe { transport_of(stream) };
    let Some(link) = transport.as_ref().and_then(|t| t.imp().link.get()) else { return 0 };
    link.register(unsafe { text(name) }, unsafe { text(password) });
    1
}
/// The peer sets the far side's name itself, before webrtcbin hears of it.
unsafe extern "C" fn set_remote_credentials(
    _: *mut GstWebRTCICE,
    _: *mut GstWebRTCICEStream,
    _: *const c_char,
    _: *const c_char,
) -> i32 {
    1
}
unsafe extern "C" fn is_controller(_: *mut GstWebRTCICE) -> i32 {
    0
}
unsafe extern "C" fn ignore_flag(_: *mut GstWebRTCICE, _: i32) {}
unsafe extern "C" fn ignore_text(_: *mut GstWebRTCICE, _: *const c_char) {}
unsafe extern "C" fn no_text(_: *mut GstWebRTCICE) -> *mut c_char {
    null_mut()
}
unsafe extern "C" fn refuse_turn_server(_: *mut GstWebRTCICE, _: *const c_char) -> i32 {
    0
}
/// One socket for all has one type of service.
unsafe extern "C" fn ignore_tos(_: *mut GstWebRTCICE, _: *mut GstWebRTCICEStream, _: c_uint) {}
/// webrtcbin is never told of candidates, so its callback is not kept; `notify` frees its data.
unsafe extern "C" fn ignore_callback(
    _: *mut GstWebRTCICE,
    _: GstWebRTCICEOnCandidateFunc,
    data: glib::ffi::gpointer,
    notify: glib::ffi::GDestroyNotify,
) {
    if let Some(notify) = notify {
        unsafe { notify(data) }
    }
}
/// An empty array, freed by the caller.
unsafe extern "C" fn no_candidates(
    _: *mut GstWebRTCICE,
    _: *mut GstWebRTCICEStream,
) -> *mut *mut GstWebRTCICECandidateStats {
    unsafe { glib::ffi::g_malloc0(size_of::<usize>()) as *mut _ }
}
unsafe extern "C" fn no_pair(
    _: *mut GstWebRTCICE,
    _: *mut GstWebRTCICEStream,
    _: *mut *mut GstWebRTCICECandidateStats,
    _: *mut *mut GstWebRTCICECandidateStats,
) -> i32 {
    0
}
/// Called and asserted from 1.28 on.
unsafe extern "C" fn close(_: *mut GstWebRTCICE, promise: *mut gst::ffi::GstPromise) {
    unsafe { reply_empty(promise) }
}
unsafe fn reply_empty(promise: *mut gst::ffi::GstPromise) {
    if !promise.is_null() {
        unsafe { gst::ffi::gst_promise_reply(promise, null_mut()) }
    }
}
