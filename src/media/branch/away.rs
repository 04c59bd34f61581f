//! A picture that is away must not hold the sound back: the muxers of GStreamer 1.22 wait for every track, for ever.
//!
//! An event travels with the packets to the muxer's door. There it becomes the end of the stream, which the muxer does not
//! wait for, or a flush and a new segment, after which it takes pictures again. The flush ends behind the muxer: a file
//! sink would begin the file anew.

use gst::prelude::*;

const NAME: &str = "millrace/away";

/// The event to send into an `appsrc`, after what was pushed before.
pub(super) fn event(away: bool) -> gst::Event {
    gst::event::CustomDownstream::new(gst::Structure::builder(NAME).field("away", away).build())
}

/// Makes a muxer understand it.
pub(super) fn install(mux: &gst::Element) {
    for pad in mux.sink_pads() {
        if let Some(peer) = pad.peer() {
            peer.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, on_event);
        }
    }
    for pad in mux.src_pads() {
        pad.add_probe(gst::PadProbeType::EVENT_FLUSH, |_, _| gst::PadProbeReturn::Drop);
    }
}

fn on_event(pad: &gst::Pad, info: &mut gst::PadProbeInfo) -> gst::PadProbeReturn {
    let structure = info.event().and_then(|event| event.structure()).filter(|s| s.name() == NAME);
    let Some(away) = structure.and_then(|s| s.get::<bool>("away").ok()) else { return gst::PadProbeReturn::Ok };
    if let Some(door) = pad.peer() {
        if away {
            door.send_event(gst::event::Eos::new());
        } else {
            door.send_event(gst::event::FlushStart::new());
            door.send_event(gst::event::FlushStop::new(false));
            door.send_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
        }
    }
    gst::PadProbeReturn::Drop
}
