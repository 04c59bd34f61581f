//! Whose ICE a webrtcbin speaks: the one place where one is made.

use super::gobject;
use super::link::Link;
use crate::media::census;
use gst::glib;
use std::sync::Arc;

/// An ICE agent.
#[derive(Clone, Copy)]
pub enum Agent<'a> {
    /// Ours, lite, on the one port: for clients, which come to us.
    Port(&'a Arc<Link>),
    /// libnice, full, with sockets and threads of its own: for connections that we open, which need checks sent.
    #[allow(dead_code, reason = "nothing opens connections yet; a test keeps the way open")]
    Libnice,
}

/// A webrtcbin with this agent. Nobody else makes one.
pub fn webrtcbin(agent: Agent<'_>, name: &str) -> Result<gst::Element, glib::BoolError> {
    let webrtcbin = match agent {
        Agent::Port(link) => gobject::webrtcbin(link, name)?,
        Agent::Libnice => gst::ElementFactory::make("webrtcbin").name(name).build()?,
    };
    census::count("webrtcbin", &webrtcbin);
    Ok(webrtcbin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Media;
    use crate::media::ice::Mux;
    use gst::prelude::*;

    #[test]
    fn each_agent_makes_a_webrtcbin_that_has_it() {
        gst::init().expect("GStreamer");
        let config = Media { port: 0, bind: [127, 0, 0, 1].into(), workers: 1, ..Media::default() };
        let mux = Mux::start(&config).expect("a port");
        let link = mux.link();
        for (agent, kind) in [(Agent::Port(&link), "MillraceIceAgent"), (Agent::Libnice, "GstWebRTCNice")] {
            let webrtcbin = webrtcbin(agent, "either").expect("a webrtcbin");
            let property = webrtcbin.property::<Option<gst_webrtc::WebRTCICE>>("ice-agent").expect("an agent");
            assert_eq!(property.type_().name(), kind);
            webrtcbin.set_state(gst::State::Ready).expect("it runs");
            webrtcbin.set_state(gst::State::Null).expect("it stops");
        }
    }
}
