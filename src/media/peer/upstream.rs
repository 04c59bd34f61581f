//! RTCP back to a publisher: into webrtcbin where its own reports go, so that they share index and key.

use crate::media::feed::Upstream;
use gst::glib;
use gst::prelude::*;

/// The `rtcp_sink` of a publisher's sending bin.
pub struct RtcpSink {
    pad: glib::WeakRef<gst::Pad>,
}

impl RtcpSink {
    /// `None` before webrtcbin has made its transport.
    pub fn of(webrtcbin: &gst::Element) -> Option<Self> {
        let bin = webrtcbin.downcast_ref::<gst::Bin>()?;
        let sender = bin.children().into_iter().find(|child| child.name().starts_with("transportsendbin"))?;
        Some(Self { pad: sender.static_pad("rtcp_sink")?.downgrade() })
    }
}

impl Upstream for RtcpSink {
    fn send_rtcp(&self, packet: &[u8]) {
        let Some(pad) = self.pad.upgrade() else { return };
        if pad.sticky_event::<gst::event::StreamStart>(0).is_none() {
            start_stream(&pad);
        }
        if let Err(error) = pad.chain(gst::Buffer::from_slice(packet.to_vec())) {
            metrics::counter!("media_upstream_rtcp_failed_total").increment(1);
            tracing::debug!(?error, "RTCP to the publisher was not taken");
        }
    }
}

/// Before webrtcbin's first report the pad knows nothing yet.
fn start_stream(pad: &gst::Pad) {
    pad.send_event(gst::event::StreamStart::new("rtcp"));
    pad.send_event(gst::event::Caps::new(&gst::Caps::new_empty_simple("application/x-rtcp")));
    pad.send_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
}
