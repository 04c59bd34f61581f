//! The video layer selection extension of draft-ietf-wish-whep-02: what a viewer wants of its pictures at most, by
//! `POST` below its session.
//!
//! The draft lets a client name a layer. Here renditions come and go with lines, budget and publishers, so that a client
//! sets bounds instead, and the best within them is chosen; an empty object lifts them, as the draft says.

use crate::model::ViewChange;
use crate::signaling::session::{Endpoint, Problem, handlers, http};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::handler::Handler;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use serde::Deserialize;

/// Kinds of body that a session's `PATCH` takes: ICE, and limits by our own names.
pub const ACCEPTS: &str = "application/trickle-ice-sdpfrag, application/merge-patch+json";
/// Names the extension in a `Link`.
const EXTENSION: &str = "urn:ietf:params:whep:ext:core:layer";
const MAX_BYTES: usize = 4096;

/// The draft's words, and bounds beside them.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct Selection {
    /// Index of the pictures' m-section. There is but one that carries pictures.
    media_id: Option<String>,
    encoding_id: Option<String>,
    spatial_layer_id: Option<u32>,
    temporal_layer_id: Option<u32>,
    max_spatial_layer_id: Option<u32>,
    max_temporal_layer_id: Option<u32>,
    max_width: Option<u32>,
    max_kbps: Option<u32>,
}

impl Selection {
    /// What is not said is free again.
    fn change(self) -> Result<ViewChange, Problem> {
        let layers =
            [self.spatial_layer_id, self.temporal_layer_id, self.max_spatial_layer_id, self.max_temporal_layer_id];
        if self.encoding_id.is_some() || layers.iter().any(Option::is_some) {
            let words = "no layers are announced here to be named: bound what you get by maxWidth (pixels) and maxKbps";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no_such_layer", words));
        }
        let (max_width, max_kbps) = (Some(self.max_width), Some(self.max_kbps));
        Ok(ViewChange { max_width, max_kbps, audio_only: Some(false), ..ViewChange::default() })
    }
}

/// The routes below a session.
pub fn routes() -> MethodRouter<Endpoint> {
    post(select.layer(DefaultBodyLimit::max(MAX_BYTES))).options(options)
}

/// How the answer to an offer tells of it.
pub fn link(session: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("<{session}/layer>; rel=\"{EXTENSION}\"")).ok()
}

async fn options() -> Response {
    (StatusCode::NO_CONTENT, [(http::ACCEPT_POST, http::JSON)]).into_response()
}

async fn select(
    State(endpoint): State<Endpoint>,
    Path((room, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let selection: Selection = http::json(&headers, body, http::JSON)?;
    handlers::limit(&endpoint, &room, &id, selection.change()?).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(body: &str) -> Result<ViewChange, u16> {
        let selection: Selection = serde_json::from_str(body).map_err(|_| 400u16)?;
        selection.change().map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn bounds_are_set_and_an_empty_object_lifts_them() {
        let free = ViewChange {
            max_width: Some(None),
            max_kbps: Some(None),
            audio_only: Some(false),
            ..ViewChange::default()
        };
        assert_eq!(change("{}"), Ok(free));
        let bounded = change(r#"{"mediaId": "1", "maxWidth": 640}"#);
        assert_eq!(bounded, Ok(ViewChange { max_width: Some(Some(640)), ..free }));
    }

    #[test]
    fn a_layer_cannot_be_named() {
        assert_eq!(change(r#"{"encodingId": "h"}"#), Err(422));
        assert_eq!(change(r#"{"maxSpatialLayerId": 0}"#), Err(422));
        assert_eq!(change(r#"{"maxWidht": 640}"#), Err(400));
    }
}
