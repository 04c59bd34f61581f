//! What DTLS carries besides its handshake: SCTP of data channels. Two pads of the DTLS elements that webrtcbin links to its own
//! SCTP where it has any; here datagrams go from one and into the other.
//!
//! Datagrams that nobody fetches in time are dropped: SCTP repeats what counts.

use bytes::Bytes;
use gst::glib;
use gst::prelude::*;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::*};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Datagrams that may wait.
const WAITING: usize = 512;

/// Application data of one leg.
pub struct Application {
    to: Sender<Bytes>,
    from: Mutex<Option<Receiver<Bytes>>>,
    /// Of the element that writes DTLS.
    encoder: glib::WeakRef<gst::Pad>,
    verified: AtomicBool,
    begun: AtomicBool,
}

impl Application {
    /// Of a leg that is to be opened.
    pub fn new() -> Arc<Self> {
        let (to, from) = channel(WAITING);
        let (encoder, verified, begun) = (glib::WeakRef::new(), AtomicBool::default(), AtomicBool::default());
        Arc::new(Self { to, from: Mutex::new(Some(from)), encoder, verified, begun })
    }

    /// What comes, for the one who takes it.
    pub fn incoming(&self) -> Option<Receiver<Bytes>> {
        self.from.lock().take()
    }

    /// The client has proved to be who it said: what it says counts from now on.
    pub fn verified(&self) {
        self.verified.store(true, Release);
    }

    /// To be called when webrtcbin makes its `dtlsdec`.
    pub fn listen(self: &Arc<Self>, decoder: &gst::Element) {
        let Some(pad) = pad(decoder, "src") else { return };
        let weak = Arc::downgrade(self);
        // Nothing is linked to it: the probe is where the data ends.
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let (Some(application), Some(gst::PadProbeData::Buffer(buffer))) = (weak.upgrade(), &info.data) {
                application.take(buffer);
            }
            gst::PadProbeReturn::Drop
        });
    }

    /// To be called when webrtcbin makes its `dtlsenc`.
    pub fn speak(&self, encoder: &gst::Element) {
        self.encoder.set(pad(encoder, "sink").as_ref());
    }

    fn take(&self, buffer: &gst::BufferRef) {
        if !self.verified.load(Acquire) {
            return;
        }
        if let Ok(data) = buffer.map_readable() {
            let _full = self.to.try_send(Bytes::copy_from_slice(&data));
        }
    }

    /// Sends a datagram. It is lost when the leg is closing.
    pub fn send(&self, datagram: Bytes) {
        let Some(pad) = self.encoder.upgrade() else { return };
        if !self.begun.swap(true, AcqRel) {
            let caps = gst::Caps::new_empty_simple("application/x-sctp");
            let segment = gst::FormattedSegment::<gst::format::Bytes>::new();
            let start = gst::event::StreamStart::builder("data").build();
            for event in [start, gst::event::Caps::new(&caps), gst::event::Segment::new(&segment)] {
                pad.send_event(event);
            }
        }
        let _closing = pad.chain(gst::Buffer::from_slice(datagram));
    }
}

/// webrtcbin's bins ask for it beforehand; asking again is not allowed.
fn pad(element: &gst::Element, name: &str) -> Option<gst::Pad> {
    element.static_pad(name).or_else(|| element.request_pad_simple(name))
}
