//! The four requests. Answers are 200 with what came of it in their body, as deployed pages expect; only a body that is
//! too large (413), a client that is too fast (429) or a list asked for without a token (401) has another status.
//!
//! A page's `sid` is its proof of who it is: 96 random bits that only its socket was told.

use super::presence::Refusal;
use super::wire::{self, Answer, Call, Decline, SetStatus};
use super::{Desk, now};
use crate::config::GuestDialect;
use crate::signaling::client::ClientAddress;
use crate::signaling::guest;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use socketioxide::socket::Sid;

type Body = Result<Bytes, BytesRejection>;

pub async fn online(State(desk): State<Desk>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    if guest::admit(&desk.0.shared, GuestDialect::Ringing, &headers, query.as_deref()).is_err() {
        return (StatusCode::UNAUTHORIZED, Answer::refused(guest::REFUSED)).into_response();
    }
    let presence = desk.presence();
    let all = |wanted: fn(bool) -> bool| presence.online().filter(move |(_, busy)| wanted(*busy)).map(|(name, _)| name);
    let payload = all(|_| true).map(str::to_owned).collect();
    let busy = all(|busy| busy).map(str::to_owned).collect();
    Answer { payload: Some(payload), busy: Some(busy), ..Answer::done("") }.into_response()
}

pub async fn call(State(desk): State<Desk>, address: ClientAddress, body: Body) -> Response {
    let call: Call = match read(body) {
        Ok(call) => call,
        Err(refusal) => return refusal.into_response(),
    };
    if let Err(over) = desk.0.shared.quotas.made(address) {
        return (StatusCode::TOO_MANY_REQUESTS, Answer::refused(over)).into_response();
    }
    Answer::of(ring(&desk, &call), "Calling…").into_response()
}

fn ring(desk: &Desk, call: &Call) -> Result<(), Refusal> {
    let sid = sid(&call.sid)?;
    let tell = desk.presence().ring(sid, &call.login, now())?;
    match desk.tell(wire::CALLING, &tell) {
        0 => Err(Refusal::Offline),
        _ => Ok(()),
    }
}

pub async fn decline(State(desk): State<Desk>, body: Body) -> Response {
    let decline: Decline = match read(body) {
        Ok(decline) => decline,
        Err(refusal) => return refusal.into_response(),
    };
    Answer::of(end_ring(&desk, &decline), "Declined").into_response()
}

fn end_ring(desk: &Desk, decline: &Decline) -> Result<(), Refusal> {
    let sid = sid(&decline.sid)?;
    let tell = desk.presence().decline(sid, &decline.reciever_login, now())?;
    desk.tell(wire::DECLINED, &tell);
    Ok(())
}

pub async fn status(State(desk): State<Desk>, body: Body) -> Response {
    let wanted: SetStatus = match read(body) {
        Ok(wanted) => wanted,
        Err(refusal) => return refusal.into_response(),
    };
    Answer::of(set_status(&desk, &wanted), "Done").into_response()
}

/// Who is declined hears that before he hears that the callee is busy: so a caller knows whether he was accepted. Hence
/// both under one lock.
fn set_status(desk: &Desk, wanted: &SetStatus) -> Result<(), Refusal> {
    let sid = sid(&wanted.sid)?;
    desk.change(|presence| {
        let declined = presence.set_busy(sid, wanted.is_busy(), now())?;
        for tell in &declined {
            desk.tell(wire::DECLINED, tell);
        }
        Ok(())
    })
}

/// A page that was not connected yet sends `null`, or something else that is none.
fn sid(given: &Option<String>) -> Result<Sid, Refusal> {
    given.as_deref().and_then(|sid| sid.parse().ok()).ok_or(Refusal::NotConnected)
}

/// JSON of whatever type it is said to be; else the answer, with its status.
fn read<T: DeserializeOwned>(body: Body) -> Result<T, (StatusCode, Answer)> {
    let body = body.map_err(|rejection| (rejection.status(), Answer::refused(rejection.body_text())))?;
    let words = |error| (StatusCode::OK, Answer::refused(format!("the body is not what is expected: {error}")));
    serde_json::from_slice(&body).map_err(|error: serde_json::Error| words(error))
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}
