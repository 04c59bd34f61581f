//! A pipeline's one owner. Its bus keeps nothing: each message becomes an action in the thread that posted it and is
//! dropped, since unread messages kept every removed webrtcbin alive; a bus without a poll descriptor saves two.

use super::bus::{Action, action};
use super::{MediaError, census};
use gst::glib;
use gst::prelude::*;

/// A running pipeline. `close` or dropping ends it.
pub struct Pipeline {
    inner: gst::Pipeline,
}

impl Pipeline {
    /// An empty pipeline, playing, on the system clock with base time 0 as all others. `on_action` is called from
    /// streaming threads: it must not block or change the pipeline.
    pub fn start(name: &str, on_action: impl Fn(Action) + Send + Sync + 'static) -> Result<Self, MediaError> {
        Self::watched(name, gst::ClockTime::ZERO, move |message| on_action(action(message)))
    }

    /// The same with another base time, and with each message as it is.
    pub fn watched(
        name: &str,
        base_time: gst::ClockTime,
        on_message: impl Fn(&gst::MessageRef) + Send + Sync + 'static,
    ) -> Result<Self, MediaError> {
        let inner = gst::Pipeline::with_name(name);
        census::count("pipeline", &inner);
        inner.use_clock(Some(&gst::SystemClock::obtain()));
        inner.set_start_time(gst::ClockTime::NONE);
        inner.set_base_time(base_time);
        let bus: gst::Bus = glib::Object::builder().property("enable-async", false).build();
        bus.set_sync_handler(move |_, message| {
            on_message(message);
            gst::BusSyncReply::Drop
        });
        inner.set_bus(Some(&bus));
        inner.set_state(gst::State::Playing).map_err(|error| MediaError::Fatal(format!("{name}: {error}")))?;
        Ok(Self { inner })
    }

    /// Adds an element and starts it.
    pub fn add(&self, element: &gst::Element) -> Result<(), MediaError> {
        let failed = |error: glib::BoolError| MediaError::Fatal(error.to_string());
        self.inner.add(element).map_err(failed)?;
        element.sync_state_with_parent().map_err(failed)
    }

    /// For those who add elements from a streaming thread: does not keep it alive.
    pub fn downgrade(&self) -> glib::WeakRef<gst::Pipeline> {
        self.inner.downgrade()
    }

    /// Works out the latency again. Takes locks: not from a streaming thread.
    pub fn recalculate_latency(&self) {
        let _ = self.inner.recalculate_latency();
    }

    /// Adds an element that is started by who added it.
    pub fn add_still(&self, element: &gst::Element) -> Result<(), MediaError> {
        self.inner.add(element).map_err(|error| MediaError::Fatal(error.to_string()))
    }

    /// Its graph as DOT.
    pub fn graph(&self) -> String {
        self.inner.debug_to_dot_data(gst::DebugGraphDetails::all()).to_string()
    }

    /// Ends it and lets its elements go. Blocks until streaming threads are out.
    pub fn close(&self) {
        let _ = self.inner.set_state(gst::State::Null);
        if let Some(bus) = self.inner.bus() {
            bus.unset_sync_handler();
        }
        for child in self.inner.children() {
            let _ = self.inner.remove(&child);
        }
    }
}

/// A pipeline must not be let go while it plays: an engine that is dropped with peers, a peer that was never opened.
impl Drop for Pipeline {
    fn drop(&mut self) {
        self.close();
    }
}
