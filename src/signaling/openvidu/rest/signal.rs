//! `POST /signal`: the application speaks to its clients.

use super::super::OpenVidu;
use super::super::wire::fields::{Fields, Wrong, body};
use super::refusal::Refusal;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;

/// Sends to all, or to those named; to nobody if one of them is not here.
pub async fn send(State(openvidu): State<OpenVidu>, bytes: Bytes) -> Result<StatusCode, Refusal> {
    let read = body(&bytes)?;
    let fields = Fields::of(&read)?;
    let session = fields.text("session")?.ok_or_else(|| Wrong("session is missing".into()))?;
    let listed = fields.list("to")?.map(Vec::as_slice).unwrap_or_default().iter();
    let to: Option<Vec<String>> = listed.map(|one| one.as_str().map(str::to_owned)).collect();
    let to = to.ok_or_else(|| Wrong("to must be a list of connections".into()))?;
    let (kind, data) = (fields.text("type")?.map(str::to_owned), fields.text("data")?.map(str::to_owned));
    let session = openvidu.sessions.find(session).ok_or(Refusal::NOT_FOUND)?;
    let sent = session.with(move |state| match state.is_empty() {
        true => Err(Refusal::Empty(StatusCode::NOT_ACCEPTABLE)),
        false => state.signal(&to, kind.as_deref(), data.as_deref()).map_err(|absent| {
            Refusal::Words(StatusCode::NOT_ACCEPTABLE, format!("{absent} is not connected to the session"))
        }),
    });
    sent.await.ok_or(Refusal::NOT_FOUND)?.map(|()| StatusCode::OK)
}
