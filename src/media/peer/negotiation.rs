//! webrtcbin's promises as futures under a deadline. Nothing here waits inside a callback.

use crate::media::MediaError;
use gst::prelude::*;
use gst_webrtc::{WebRTCSDPType, WebRTCSessionDescription};
use std::time::Duration;

/// webrtcbin needs milliseconds; more means it is stuck.
const LIMIT: Duration = Duration::from_secs(5);

fn fatal(what: impl std::fmt::Display) -> MediaError {
    MediaError::Fatal(what.to_string())
}

/// A signal's outcome. A refusal stands in the reply as an `error` field.
async fn outcome(
    signal: &str,
    future: impl Future<Output = Result<Option<gst::Structure>, gst::PromiseError>>,
) -> Result<Option<gst::Structure>, MediaError> {
    let reply =
        tokio::time::timeout(LIMIT, future).await.map_err(|_| fatal(format!("webrtcbin: no answer to {signal}")))?;
    let reply = reply.map_err(|error| fatal(format!("webrtcbin: {signal}: {error:?}")))?;
    match reply.as_ref().and_then(|reply| reply.get::<gst::glib::Error>("error").ok()) {
        Some(error) => Err(MediaError::BadSdp(error.to_string())),
        None => Ok(reply),
    }
}

/// `set-remote-description` or `set-local-description`.
pub async fn set(
    webrtcbin: &gst::Element,
    signal: &'static str,
    description: &WebRTCSessionDescription,
) -> Result<(), MediaError> {
    let (promise, future) = promise();
    webrtcbin.emit_by_name::<()>(signal, &[description, &promise]);
    outcome(signal, future).await.map(drop)
}

/// `create-offer` or `create-answer`: the description, which is found in the reply under `field`.
pub async fn create(
    webrtcbin: &gst::Element,
    signal: &'static str,
    field: &str,
) -> Result<WebRTCSessionDescription, MediaError> {
    let (promise, future) = promise();
    webrtcbin.emit_by_name::<()>(signal, &[&None::<gst::Structure>, &promise]);
    let reply = outcome(signal, future).await?;
    let made = reply.as_ref().and_then(|reply| reply.get::<WebRTCSessionDescription>(field).ok());
    made.ok_or_else(|| fatal(format!("webrtcbin: {signal} made nothing")))
}

type Reply = Result<Option<gst::Structure>, gst::PromiseError>;

/// A promise whose reply is owned: it may outlive the promise.
fn promise() -> (gst::Promise, impl Future<Output = Reply>) {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let promise = gst::Promise::with_change_func(move |reply| {
        let _ = sender.send(reply.map(|reply| reply.map(|structure| structure.to_owned())));
    });
    (promise, async move { receiver.await.unwrap_or(Err(gst::PromiseError::Expired)) })
}

/// SDP text as webrtcbin wants it.
pub fn describe(kind: WebRTCSDPType, text: &str) -> Result<WebRTCSessionDescription, MediaError> {
    let message = gst_sdp::SDPMessage::parse_buffer(text.as_bytes()).map_err(fatal)?;
    Ok(WebRTCSessionDescription::new(kind, message))
}

/// Its text.
pub fn text(description: &WebRTCSessionDescription) -> Result<String, MediaError> {
    description.sdp().as_text().map_err(fatal)
}
