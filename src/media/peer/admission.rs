//! Which RTP of a publication the port lets pass: pure.

use crate::media::feed::{Simulcast, SourceTrack};
use crate::media::ice::Gate;
use crate::media::sdp::Publication;
use crate::model::Kind;

/// The RTP a publication announces; without `a=ssrc` the first SSRC of each payload type, or of each layer's name.
/// `others`: payload types that may come in their place.
pub fn gate(publication: &Publication, others: &[u8]) -> Gate {
    let mut gate = Gate::default();
    let simulcast = publication.simulcast();
    for track in publication.tracks() {
        match &simulcast {
            Some(layers) if track.codec.kind() == Kind::Video => admit_layers(&mut gate, &track, layers),
            _ => admit(&mut gate, &track),
        }
    }
    if publication.tracks().iter().any(|track| track.ssrc.is_none()) {
        others.iter().for_each(|payload_type| gate.learn(*payload_type));
    }
    gate
}

fn admit(gate: &mut Gate, track: &SourceTrack) {
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
