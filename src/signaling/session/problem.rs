//! Refusals as `application/problem+json` (RFC 9457): a status, a stable code, and words that say what to do.

use super::super::device::translate::code;
use super::Dialect;
use crate::auth::AuthError;
use crate::room::RoomError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
}

impl Problem {
    /// Any refusal.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into() }
    }
    /// The request cannot be understood.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }
    /// The session is over, or never was.
    pub fn no_session() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "session_not_found",
            "there is no such session, or it is over: open another by POST",
        )
    }
    /// What the room refused.
    pub fn of<D: Dialect>(error: &RoomError) -> Self {
        Self::new(D::status(error), code(error), error.to_string())
    }
    /// Its HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Unauthorized => Self::new(StatusCode::UNAUTHORIZED, "unauthorized", error.to_string()),
            AuthError::Forbidden => Self::new(StatusCode::FORBIDDEN, "forbidden", error.to_string()),
        }
    }
}

/// The statuses of both dialects. Exhaustive: a new `RoomError` needs one here.
pub fn status(error: &RoomError) -> StatusCode {
    match error {
        RoomError::RoomNotFound | RoomError::FeedNotFound | RoomError::ParticipantNotFound => StatusCode::NOT_FOUND,
        RoomError::IngestNotFound
        | RoomError::BroadcastNotFound
        | RoomError::RecordingNotFound
        | RoomError::TransportNotFound
        | RoomError::DataNotFound
        | RoomError::SubscriptionNotFound => StatusCode::NOT_FOUND,
        RoomError::Occupied
        | RoomError::NotInRoom
        | RoomError::WrongState(_)
        | RoomError::NoPendingOffer
        | RoomError::NotPublishing => StatusCode::CONFLICT,
        RoomError::BadSdp(_) | RoomError::Invalid(_) => StatusCode::BAD_REQUEST,
        RoomError::Forbidden(_) => StatusCode::FORBIDDEN,
        RoomError::NoCommonCodec(_) => StatusCode::UNPROCESSABLE_ENTITY,
        RoomError::Limit(_) => StatusCode::TOO_MANY_REQUESTS,
        RoomError::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        RoomError::Storage(_) => StatusCode::INSUFFICIENT_STORAGE,
        RoomError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            tracing::warn!(code = self.code, reason = self.detail, "a request failed");
        }
        let title = self.status.canonical_reason().unwrap_or_default();
        let body = serde_json::json!({ "status": self.status.as_u16(), "title": title, "code": self.code, "detail": self.detail });
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
