//! What was negotiated of a simulcast.

/// Told the names of the layers that are wanted, best first, when they have changed.
pub type OnWanted = Box<dyn Fn(Vec<String>) + Send + Sync>;

/// A publisher's layers, as negotiated. Two or three.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulcast {
    /// Ids of the header extensions with a layer's name, and with that of the layer that is retransmitted (RFC 8852); 0
    /// when there is none.
    pub ids: [u8; 2],
    /// In the publisher's order, which says nothing of their sizes.
    pub layers: Vec<LayerSource>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerSource {
    /// Its name.
    pub rid: String,
    /// Announced SSRC; `None`: learnt from the first packet that has the name.
    pub ssrc: Option<u32>,
    /// Announced SSRC of retransmissions.
    pub rtx_ssrc: Option<u32>,
}
