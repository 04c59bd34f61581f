//! The event stream: everything that happens, as it happens (Server-Sent Events).

use super::Shared;
use super::access::Access;
use crate::room::Notice;
use axum::extract::{Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use serde::Deserialize;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// What is wanted of the stream.
#[derive(Deserialize, utoipa::IntoParams)]
pub struct Wish {
    /// Only this room.
    room: Option<String>,
}

/// What happens in the rooms that the token may enter, as it happens: joins, feeds, recordings with their files' facts.
/// Server-Sent Events: `event` is the name, `data` is JSON `{at, room, event, data}`. A reader that is too slow gets
/// `event: skipped` with the number of events that it missed.
#[utoipa::path(
    get, path = "/events", tag = "events", params(Wish),
    responses((status = OK, description = "the stream", content_type = "text/event-stream"))
)]
pub async fn events(
    access: Access,
    State(shared): State<Shared>,
    Query(wish): Query<Wish>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let state = (shared.rooms.journal(), access, wish.room, shared.closing.clone());
    let stream = futures::stream::unfold(state, |(mut events, access, room, closing)| async move {
        loop {
            let next = tokio::select! {
                next = events.recv() => next,
                () = closing.cancelled() => return None,
            };
            let told = match next {
                Ok(event) if access.sees(&event.room) && room.as_deref().is_none_or(|r| r == event.room.as_str()) => {
                    Notice::of(&event).and_then(|notice| message(&notice))
                }
                Ok(_) => None,
                Err(RecvError::Lagged(count)) => Some(Event::default().event("skipped").data(count.to_string())),
                Err(RecvError::Closed) => return None,
            };
            if let Some(told) = told {
                return Some((Ok(told), (events, access, room, closing)));
            }
        }
    });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

fn message(notice: &Notice) -> Option<Event> {
    Event::default().event(notice.name()).json_data(notice).ok()
}
