//! Which of our GStreamer objects are alive: `media_live_objects` by kind, the figure that shows a leak.

use gst::glib;
use gst::prelude::*;

/// Counts an object until it is disposed of.
pub fn count(kind: &'static str, object: &impl IsA<glib::Object>) {
    let gauge = metrics::gauge!("media_live_objects", "kind" => kind);
    gauge.increment(1.0);
    object.add_weak_ref_notify(move || gauge.decrement(1.0));
}
