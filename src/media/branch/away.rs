//! A picture that is away must not hold the sound back: the muxers of GStreamer 1.22 wait for every track, for ever.
//!
//! Leaving: an event travels with the pictures out of their `appsrc` (parsers would hold it back) and becomes, at the
//! muxer's door, the end of their stream, which the muxer does not wait for. Coming back: an event travels with the sound;
//! in its thread, while nothing else moves in the muxer, the pictures' door is flushed and open again. The flush ends
//! behind the muxer: a file sink would begin the file anew. `mp4mux` does not survive a flush: it has no way back.

use gst::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::SeqCst};

const LEAVE: &str = "millrace/leave";
const RETURN: &str = "millrace/return";

const PRESENT: u8 = 0;
const LEAVING: u8 = 1;
const AWAY: u8 = 2;
const RETURNING: u8 = 3;

/// Where the pictures of a muxer are.
pub(super) struct Away {
    state: Arc<AtomicU8>,
    sound: gst_app::AppSrc,
    pictures: gst_app::AppSrc,
    wanted: bool,
}

impl Away {
    /// For a muxer with both tracks.
    pub(super) fn new(sound: &gst_app::AppSrc, pictures: &gst_app::AppSrc, mux: &gst::Element) -> Option<Self> {
        let door = mux.sink_pads().into_iter().find(|pad| pad.name().starts_with("video"))?.downgrade();
        let (out, state) = (mux.static_pad("src")?, Arc::new(AtomicU8::new(PRESENT)));
        let hidden = Arc::new(AtomicBool::new(false));
        hide_flush(&out, &hidden);
        let (out, left, came) = (out.downgrade(), state.clone(), state.clone());
        let way_out = door.clone();
        on_event(pictures, LEAVE, move || {
            way_out.upgrade().map(|door| door.send_event(gst::event::Eos::new()));
            left.store(AWAY, SeqCst);
        });
        on_event(sound, RETURN, move || {
            if let Some((door, out)) = door.upgrade().zip(out.upgrade()) {
                reopen(&door, &out, &hidden);
            }
            came.store(PRESENT, SeqCst);
        });
        Some(Self { state, sound: sound.clone(), pictures: pictures.clone(), wanted: false })
    }

    pub(super) fn set(&mut self, away: bool) {
        self.wanted = away;
    }

    /// Takes the next step, once what was pushed is on its way.
    pub(super) fn settle(&self) {
        match (self.wanted, self.state.load(SeqCst)) {
            (true, PRESENT) => {
                self.state.store(LEAVING, SeqCst);
                self.pictures.send_event(event(LEAVE));
            }
            (false, AWAY) => {
                self.state.store(RETURNING, SeqCst);
                self.sound.send_event(event(RETURN));
            }
            _ => {}
        }
    }

    /// Whether pictures may be pushed.
    pub(super) fn is_present(&self) -> bool {
        self.state.load(SeqCst) == PRESENT
    }
}

fn event(name: &str) -> gst::Event {
    gst::event::CustomDownstream::new(gst::Structure::new_empty(name))
}

/// Runs in the source's thread when the event comes out of it. It goes on: nobody further down knows it.
fn on_event(source: &gst_app::AppSrc, name: &'static str, act: impl Fn() + Send + Sync + 'static) {
    let Some(pad) = source.static_pad("src") else { return };
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if info.event().and_then(|event| event.structure()).is_some_and(|s| s.name() == name) {
            act();
        }
        gst::PadProbeReturn::Ok
    });
}

/// A flush takes the segment from the muxer's way out; it is put back, unseen by the sink, which still has it.
fn reopen(door: &gst::Pad, out: &gst::Pad, hidden: &AtomicBool) {
    let segment = out.sticky_event::<gst::event::Segment>(0);
    hidden.store(true, SeqCst);
    door.send_event(gst::event::FlushStart::new());
    door.send_event(gst::event::FlushStop::new(false));
    segment.map(|segment| out.push_event(segment));
    hidden.store(false, SeqCst);
    door.send_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
}

fn hide_flush(out: &gst::Pad, hidden: &Arc<AtomicBool>) {
    let hidden = hidden.clone();
    let kinds = gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::EVENT_FLUSH;
    out.add_probe(
        kinds,
        move |_, _| {
            if hidden.load(SeqCst) { gst::PadProbeReturn::Handled } else { gst::PadProbeReturn::Ok }
        },
    );
}
