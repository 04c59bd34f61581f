//! What a client publishes becomes a feed's source: which RTP of it the port lets pass, and where that goes.

use super::Leg;
use crate::media::MediaError;
use crate::media::feed::{Feed, OnWanted, Simulcast, Source, SourceTrack};
use crate::media::ice::Gate;
use crate::media::sdp::Publication;
use crate::media::{MediaEvent, MediaSink};
use crate::model::{Content, Kind, PeerId};
use std::sync::Arc;

/// Makes a peer's publication its feed's source, for the first time or anew; `gate` is what the port lets pass of it. `told` is
/// called before its first packet can reach the feed. Refused when another publication on the leg has one of its SSRCs: then
/// nothing has changed, and `told` is not called.
pub fn admit(
    leg: &Leg,
    (whose, events): (PeerId, &MediaSink),
    feed: &Arc<Feed>,
    (publication, gate): (&Publication, Gate),
    told: impl FnOnce(),
) -> Result<(), MediaError> {
    let uplink = leg.uplink()?;
    let taken = |ssrc| MediaError::BadSdp(format!("SSRC {ssrc} is sent on this transport already"));
    let gone = leg.link().set_gate(whose, gate).map_err(taken)?;
    uplink.retire(&gone);
    // What the client said beside its offer holds unless the offer says more.
    if publication.content() == Content::Screen {
        feed.set_content(Content::Screen);
    }
    let layers = publication.simulcast().map(|layers| (layers, on_wanted(whose, events.clone())));
    feed.set_publication(Source { tracks: publication.tracks(), upstream: uplink.clone() }, layers);
    told();
    uplink.negotiated(whose, feed, &publication.tracks(), publication.transport_cc());
    Ok(())
}

/// Tells the room which layers somebody uses.
fn on_wanted(peer: PeerId, events: MediaSink) -> OnWanted {
    Box::new(move |rids| drop(events.send(MediaEvent::LayersWanted { peer, rids })))
}

/// The RTP a publication announces; without `a=ssrc` the first SSRC of each payload type, or of each layer's name.
/// `others`: payload types that may come in their place.
pub fn gate(publication: &Publication, others: &[u8]) -> Gate {
    let mut gate = Gate::default();
    let simulcast = publication.simulcast();
    for track in publication.tracks() {
        match &simulcast {
            Some(layers) if track.codec.kind() == Kind::Video => admit_layers(&mut gate, &track, layers),
            _ => admit_track(&mut gate, &track),
        }
    }
    if publication.tracks().iter().any(|track| track.ssrc.is_none()) {
        others.iter().for_each(|payload_type| gate.learn(*payload_type));
    }
    gate
}

fn admit_track(gate: &mut Gate, track: &SourceTrack) {
    match track.ssrc {
        Some(ssrc) => gate.announce(ssrc),
        None => gate.learn(track.payload_type),
    }
    match (track.rtx_ssrc, track.rtx_payload_type) {
        (Some(ssrc), _) => gate.announce(ssrc),
        (None, Some(payload_type)) => gate.learn(payload_type),
        (None, None) => {}
    }
}

fn admit_layers(gate: &mut Gate, track: &SourceTrack, simulcast: &Simulcast) {
    let layers = &simulcast.layers;
    layers.iter().flat_map(|layer| [layer.ssrc, layer.rtx_ssrc]).flatten().for_each(|ssrc| gate.announce(ssrc));
    let named = layers.iter().filter(|layer| layer.ssrc.is_none()).map(|layer| layer.rid.as_str());
    gate.learn_rids(simulcast.ids, [Some(track.payload_type), track.rtx_payload_type], named);
}
