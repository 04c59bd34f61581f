//! Refusals as JSON: `{"code": …, "message": …}`. The codes are those of the device protocol where it has one.

use crate::auth::AuthError;
use crate::recordings::StoreError;
use crate::room::RoomError;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ApiError {
    /// Stable, for programs.
    #[schema(value_type = String, example = "room_not_found")]
    pub code: &'static str,
    /// For people: what is wrong and, where there is one, the remedy.
    pub message: String,
    #[serde(skip)]
    #[schema(ignore)]
    status: StatusCode,
}

impl ApiError {
    /// Any refusal.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }
    /// The request cannot be understood.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }
    /// Something failed inside; the details are in the log.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            tracing::warn!(code = self.code, reason = %self.message, "a request failed");
        }
        let status = self.status;
        let mut response = (status, Json(self)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<RoomError> for ApiError {
    fn from(error: RoomError) -> Self {
        let (status, code) = match &error {
            RoomError::RoomNotFound => (StatusCode::NOT_FOUND, "room_not_found"),
            RoomError::FeedNotFound => (StatusCode::NOT_FOUND, "feed_not_found"),
            RoomError::ParticipantNotFound => (StatusCode::NOT_FOUND, "participant_not_found"),
            RoomError::RecordingNotFound => (StatusCode::NOT_FOUND, "recording_not_found"),
            RoomError::IngestNotFound => (StatusCode::NOT_FOUND, "ingest_not_found"),
            RoomError::TransportNotFound => (StatusCode::NOT_FOUND, "transport_not_found"),
            RoomError::SubscriptionNotFound => (StatusCode::NOT_FOUND, "subscription_not_found"),
            RoomError::DataNotFound => (StatusCode::NOT_FOUND, "data_not_found"),
            RoomError::BroadcastNotFound => (StatusCode::NOT_FOUND, "broadcast_not_found"),
            RoomError::Invalid(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            RoomError::Occupied => (StatusCode::CONFLICT, "occupied"),
            RoomError::NotInRoom => (StatusCode::CONFLICT, "not_in_room"),
            RoomError::NoPendingOffer => (StatusCode::CONFLICT, "no_pending_offer"),
            RoomError::NotPublishing => (StatusCode::CONFLICT, "not_publishing"),
            RoomError::WrongState(_) => (StatusCode::CONFLICT, "wrong_state"),
            RoomError::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            RoomError::BadSdp(_) => (StatusCode::BAD_REQUEST, "bad_sdp"),
            RoomError::NoCommonCodec(_) => (StatusCode::UNPROCESSABLE_ENTITY, "no_common_codec"),
            RoomError::Limit(_) => (StatusCode::TOO_MANY_REQUESTS, "limit_reached"),
            RoomError::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, "shutting_down"),
            RoomError::Storage(_) => (StatusCode::INSUFFICIENT_STORAGE, "storage_unavailable"),
            RoomError::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::from(RoomError::Storage(error.to_string()))
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let (status, code) = match error {
            AuthError::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            AuthError::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
        };
        Self::new(status, code, error.to_string())
    }
}

/// Answer under `/api` where there is nothing.
pub async fn no_such_route() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "there is nothing here: /api/docs lists what there is")
}

/// Answer to a verb that the route does not have.
pub async fn method_not_allowed() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this address does not know that method: /api/docs lists those it has",
    )
}
