//! HLS over HTTP: `/hls/{room}/{feed}/index.m3u8`, and the files that its playlists name.
//!
//! Decides who may watch and by which addresses: playlists name a feed by its number, whatever the first address called it,
//! and carry the token on, since players send no headers. Leaves playlists and media to the engine.

use super::Shared;
use super::access::Access;
use super::error::ApiError;
use crate::media::{HlsReply, HlsRequest, MediaError};
use crate::model::{FeedId, RoomId};
use crate::room::{Command, Reply};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router, middleware};
use parking_lot::Mutex;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;

/// Feeds that are remembered: those whose files were asked for.
const MOST_KNOWN: usize = 1024;

/// Which room a feed belongs to, or did: the last files of one that ended are still asked for. Numbers are never used twice.
#[derive(Clone, Default)]
struct Known(Arc<Mutex<HashMap<FeedId, RoomId>>>);

impl Known {
    fn find(&self, room: &RoomId, feed: &str) -> Option<FeedId> {
        let feed = FeedId(feed.parse().ok()?);
        self.0.lock().get(&feed).is_some_and(|known| known == room).then_some(feed)
    }

    fn note(&self, room: RoomId, feed: FeedId) {
        let mut known = self.0.lock();
        if known.len() >= MOST_KNOWN && !known.contains_key(&feed) {
            let oldest = known.keys().min_by_key(|feed| feed.0).copied();
            oldest.and_then(|oldest| known.remove(&oldest));
        }
        known.insert(feed, room);
    }
}

/// What may stand in an address.
#[derive(Deserialize)]
struct Wish {
    token: Option<String>,
    #[serde(rename = "_HLS_msn")]
    msn: Option<u64>,
    #[serde(rename = "_HLS_part")]
    part: Option<u64>,
}

/// All routes of HLS; players on other pages may use them.
pub fn router() -> Router<Shared> {
    Router::new()
        .route("/hls/{room}/index.m3u8", get(only).options(preflight))
        .route("/hls/{room}/{feed}/{file}", get(file).options(preflight))
        .layer(middleware::map_response(for_other_pages))
        .layer(Extension(Known::default()))
}

/// The room's only feed, else its mix.
async fn only(
    access: Access,
    State(shared): State<Shared>,
    Extension(known): Extension<Known>,
    Path(room): Path<String>,
    Query(wish): Query<Wish>,
) -> Result<Response, ApiError> {
    let feed = find(&access, &shared, &known, (&room, None)).await?;
    answer(&shared, feed, "index.m3u8", wish, &format!("{}/", feed.0)).await
}

async fn file(
    access: Access,
    State(shared): State<Shared>,
    Extension(known): Extension<Known>,
    Path((room, feed, file)): Path<(String, String, String)>,
    Query(wish): Query<Wish>,
) -> Result<Response, ApiError> {
    access.to_room(&RoomId::new(&room))?;
    let id = match known.find(&RoomId::new(&room), &feed) {
        Some(id) => id,
        None => find(&access, &shared, &known, (&room, Some(feed))).await?,
    };
    answer(&shared, id, &file, wish, &format!("../{}/", id.0)).await
}

async fn find(
    access: &Access,
    shared: &Shared,
    known: &Known,
    (room, name): (&str, Option<String>),
) -> Result<FeedId, ApiError> {
    match access.room(shared, room)?.request(None, Command::FindFeed { name }).await? {
        Reply::Feed(feed) => {
            known.note(RoomId::new(room), feed);
            Ok(feed)
        }
        _ => Err(ApiError::internal("the room did not say which feed it is")),
    }
}

/// `path` leads from the playlist to the feed's files.
async fn answer(shared: &Shared, feed: FeedId, file: &str, wish: Wish, path: &str) -> Result<Response, ApiError> {
    let request = HlsRequest { file: file.to_owned(), msn: wish.msn, part: wish.part };
    let HlsReply { body, content_type, max_age } = match shared.engine.hls(feed, request).await {
        Ok(reply) => reply,
        Err(MediaError::Transient(words)) => return Ok(later(&words)),
        Err(MediaError::NotReady(words)) => return Err(ApiError::new(StatusCode::NOT_FOUND, "not_ready", words)),
        Err(error) => return Err(error.into()),
    };
    let age = match max_age.as_secs() {
        0 => "no-cache".to_owned(),
        seconds => format!("private, max-age={seconds}"),
    };
    let body = match std::str::from_utf8(&body) {
        Ok(text) if file.ends_with(".m3u8") => carry(text, path, wish.token.as_deref()).into(),
        _ => body,
    };
    Ok(([(header::CONTENT_TYPE, content_type.to_owned()), (header::CACHE_CONTROL, age)], body).into_response())
}

fn later(words: &str) -> Response {
    let refusal = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "try_again", words);
    ([(header::RETRY_AFTER, "2")], refusal).into_response()
}

/// The playlist with another path before each file that it names, and the token after.
fn carry(playlist: &str, path: &str, token: Option<&str>) -> String {
    let token: String = token.map_or_else(String::new, |token| {
        let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("token", token).finish();
        format!("?{query}")
    });
    let mut text = String::with_capacity(playlist.len() * 2);
    for line in playlist.lines() {
        match line.split_once("URI=\"").and_then(|(before, rest)| Some((before, rest.split_once('"')?))) {
            Some((before, (name, after))) if line.starts_with('#') => {
                text.extend([before, "URI=\"", path, name, &token, "\"", after]);
            }
            None if !line.starts_with('#') && !line.is_empty() => text.extend([path, line, &token]),
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// The token is in the request, never in a cookie: any page may show what its visitor may see. (Without `auth.secret` the
/// service refuses pages from elsewhere before it comes to this.)
async fn for_other_pages(mut response: Response) -> Response {
    let told: [(HeaderName, &'static str); 4] = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, range"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    for (name, value) in told {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response.headers_mut().insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_playlist_carries_path_and_token_to_every_file() {
        let text = "#EXTM3U\n#EXT-X-MAP:URI=\"video-init-0.mp4\"\n#EXTINF:2.0,\nvideo-0.m4s\n\
                    #EXT-X-PART:DURATION=0.3,URI=\"video-1.0.m4s\",INDEPENDENT=YES\n";
        let carried = carry(text, "../7/", Some("a.b&c"));
        let expected = "#EXTM3U\n#EXT-X-MAP:URI=\"../7/video-init-0.mp4?token=a.b%26c\"\n#EXTINF:2.0,\n\
                        ../7/video-0.m4s?token=a.b%26c\n\
                        #EXT-X-PART:DURATION=0.3,URI=\"../7/video-1.0.m4s?token=a.b%26c\",INDEPENDENT=YES\n";
        assert_eq!(carried, expected);
        assert_eq!(carry("#EXTM3U\nvideo.m3u8\n", "7/", None), "#EXTM3U\n7/video.m3u8\n");
    }

    #[test]
    fn a_feed_is_known_in_its_room_alone() {
        let known = Known::default();
        known.note(RoomId::new("hall"), FeedId(7));
        assert_eq!(known.find(&RoomId::new("hall"), "7"), Some(FeedId(7)));
        assert_eq!(known.find(&RoomId::new("yard"), "7"), None);
        assert_eq!(known.find(&RoomId::new("hall"), "cam"), None);
        (100..100 + MOST_KNOWN as u64).for_each(|feed| known.note(RoomId::new("hall"), FeedId(feed)));
        assert_eq!(known.find(&RoomId::new("hall"), "7"), None, "bounded");
    }
}
