//! The two classes of gst-rtsp-server that are ours: a server whose clients see one path each, and a factory whose pipelines
//! are fed by a `stream`, one for each client: payloading alone.

use super::stream::Ends;
use gst::glib;
use gst::glib::subclass::prelude::*;
use gst_rtsp_server::gst_rtsp::{RTSPLowerTrans, RTSPUrl};
use gst_rtsp_server::prelude::*;
use gst_rtsp_server::subclass::prelude::*;
use gst_rtsp_server::{RTSPClient, RTSPMountPoints};
use parking_lot::Mutex;
use std::sync::{Arc, OnceLock, Weak};

glib::wrapper! {
    pub struct Factory(ObjectSubclass<inside::Factory>) @extends gst_rtsp_server::RTSPMediaFactory;
}

glib::wrapper! {
    pub struct Server(ObjectSubclass<inside::Server>) @extends gst_rtsp_server::RTSPServer;
}

/// What the next client gets.
pub struct Grant {
    /// All it can ask for.
    pub mounts: RTSPMountPoints,
    /// Called with it before it begins.
    pub made: Box<dyn FnOnce(&RTSPClient) + Send>,
}

impl Factory {
    /// Of a stream's pipelines.
    pub fn new(ends: Weak<Ends>) -> Self {
        let factory: Self = glib::Object::new();
        let _ = factory.imp().ends.set(ends);
        // What costs is shared before it: the transcoder and the outlet. A media shared by clients has the streams of the
        // one that plays first: who takes pictures alone would keep all others out (503, seen on 1.22).
        factory.set_shared(false);
        // Multicast would let any client have packets sent to a group.
        factory.set_protocols(RTSPLowerTrans::TCP | RTSPLowerTrans::UDP);
        factory
    }
}

impl Server {
    /// A server that listens nowhere; each client has a thread of its own.
    pub fn new() -> Self {
        let server: Self = glib::Object::new();
        if let Some(pool) = server.thread_pool() {
            pool.set_max_threads(-1);
        }
        server
    }

    /// For the client that is made next.
    pub fn grant(&self, grant: Grant) {
        *self.imp().next.lock() = Some(grant);
    }

    /// No client was made.
    pub fn revoke(&self) {
        *self.imp().next.lock() = None;
    }
}

mod inside {
    use super::*;

    #[derive(Default)]
    pub struct Factory {
        pub ends: OnceLock<Weak<Ends>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Factory {
        const NAME: &'static str = "MillraceRtspFactory";
        type Type = super::Factory;
        type ParentType = gst_rtsp_server::RTSPMediaFactory;
    }

    impl ObjectImpl for Factory {}

    impl RTSPMediaFactoryImpl for Factory {
        fn create_element(&self, _url: &RTSPUrl) -> Option<gst::Element> {
            let ends: Arc<Ends> = self.ends.get()?.upgrade()?;
            ends.pipeline().inspect_err(|error| tracing::warn!(%error, "a feed cannot go out by RTSP")).ok()
        }
    }

    #[derive(Default)]
    pub struct Server {
        pub next: Mutex<Option<Grant>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Server {
        const NAME: &'static str = "MillraceRtspServer";
        type Type = super::Server;
        type ParentType = gst_rtsp_server::RTSPServer;
    }

    impl ObjectImpl for Server {}

    impl RTSPServerImpl for Server {
        /// Nobody comes in without a grant.
        fn create_client(&self) -> Option<RTSPClient> {
            let grant = self.next.lock().take()?;
            let client = self.parent_create_client()?;
            client.set_mount_points(Some(&grant.mounts));
            (grant.made)(&client);
            Some(client)
        }
    }
}
