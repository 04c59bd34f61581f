//! What is wrong with a source, from what GStreamer says of it: a reason, and a sentence that says what to do. No URI and
//! no password is in it.

use crate::media::MediaError;
use crate::media::reach::ReachError;
use crate::model::IngestReason;

/// Why a source cannot be opened, or went away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Kind.
    pub reason: IngestReason,
    /// In words, with what to do.
    pub detail: String,
}

impl Trouble {
    /// With this sentence.
    pub fn new(reason: IngestReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// What an error message of a source's element means.
    pub fn of_message(message: &gst::message::Error) -> Self {
        let (error, debug) = (message.error(), message.debug().unwrap_or_default());
        let reason = reason(&error, &debug);
        Self::new(reason, advice(reason).map_or_else(|| failed(&error), str::to_owned))
    }
}

fn failed(error: &gst::glib::Error) -> String {
    format!("the source failed: {}", error.message())
}

fn reason(error: &gst::glib::Error, debug: &str) -> IngestReason {
    let text = format!("{} {debug}", error.message()).to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match error.kind::<gst::ResourceError>() {
        _ if says(&["certificate", "tls handshake"]) => IngestReason::Certificate,
        _ if says(&["(401)", "(403)", "unauthorized", "forbidden"]) => IngestReason::Credentials,
        _ if says(&["(461)", "unsupported transport", "any of the requested"]) => IngestReason::Unsupported,
        _ if says(&["(404)", "not found (4"]) => IngestReason::NotFound,
        Some(gst::ResourceError::NotAuthorized) => IngestReason::Credentials,
        Some(gst::ResourceError::NotFound) => IngestReason::NotFound,
        Some(gst::ResourceError::OpenRead | gst::ResourceError::OpenReadWrite) => IngestReason::Unreachable,
        Some(gst::ResourceError::Read | gst::ResourceError::Write | gst::ResourceError::Close) => IngestReason::Closed,
        _ if says(&["timeout", "timed out", "could not connect", "refused"]) => IngestReason::Unreachable,
        _ => IngestReason::Failed,
    }
}

fn advice(reason: IngestReason) -> Option<&'static str> {
    match reason {
        IngestReason::Credentials => Some("it refuses user and password: set `user` and `password` as it knows them"),
        IngestReason::NotFound => Some("it has no such stream: check the path of the URI"),
        IngestReason::Certificate => Some(
            "its certificate is not trusted, or not the pinned one: compare it and set `fingerprint` to its SHA-256",
        ),
        IngestReason::Unreachable => {
            Some("it cannot be reached: check its address and port, and that it is switched on")
        }
        IngestReason::Unsupported => Some("it does not speak this transport: set `transport` to tcp, udp or multicast"),
        IngestReason::Closed => Some("it closed the connection"),
        IngestReason::Silent => Some("it sends nothing any more"),
        _ => None,
    }
}

impl From<ReachError> for Trouble {
    fn from(error: ReachError) -> Self {
        let reason = match error {
            ReachError::Forbidden(_) => IngestReason::Forbidden,
            ReachError::Unknown(_) => IngestReason::Unreachable,
            ReachError::Invalid(_) => IngestReason::NotFound,
        };
        Self::new(reason, error.to_string())
    }
}

impl From<MediaError> for Trouble {
    fn from(error: MediaError) -> Self {
        Self::new(IngestReason::Failed, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_by_what_to_do() {
        gst::init().unwrap();
        let told = |kind, debug: &str| {
            let message = gst::message::Error::builder(kind, "x").debug(debug).build();
            let gst::MessageView::Error(error) = message.view() else { panic!("no error") };
            Trouble::of_message(error).reason
        };
        assert_eq!(told(gst::ResourceError::NotAuthorized, ""), IngestReason::Credentials);
        assert_eq!(told(gst::ResourceError::NotFound, ""), IngestReason::NotFound);
        assert_eq!(told(gst::ResourceError::Read, "Got error response: 404 (Not Found (404))"), IngestReason::NotFound);
        assert_eq!(told(gst::ResourceError::OpenReadWrite, "Failed to connect. (Timeout)"), IngestReason::Unreachable);
        assert_eq!(told(gst::ResourceError::Settings, "odd"), IngestReason::Failed);
        assert_eq!(told(gst::ResourceError::OpenRead, "Unacceptable TLS certificate"), IngestReason::Certificate);
    }
}
