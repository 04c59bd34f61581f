//! The live GStreamer graph of a room, as DOT text or drawn as SVG by Graphviz' `dot`.

use super::Shared;
use super::access::Access;
use super::error::ApiError;
use crate::model::{FeedId, PeerId};
use crate::room::RoomView;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// The program that draws.
pub const DOT: &str = "dot";
/// A graph of many peers takes `dot` long; longer than this nobody waits.
const DRAWING_LIMIT: Duration = Duration::from_secs(15);

/// How the graph is wanted.
#[derive(Deserialize, utoipa::IntoParams)]
pub struct Wish {
    /// `dot` or `svg`; without it the `Accept` header decides.
    format: Option<String>,
}

/// The live pipelines of a room's peers and recorders: DOT, or SVG by `Accept: image/svg+xml` or `?format=svg`.
#[utoipa::path(
    get, path = "/rooms/{id}/graph", tag = "rooms", params(("id" = String, Path, description = "the room"), Wish),
    responses(
        (status = OK, content((String = "text/vnd.graphviz"), (String = "image/svg+xml"))),
        (status = NOT_FOUND, body = ApiError), (status = NOT_IMPLEMENTED, body = ApiError),
    )
)]
pub async fn graph(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let dot = dot(&access, &shared, &id).await?;
    match wish.format.as_deref() {
        Some("svg") => svg_response(dot).await,
        Some("dot") => Ok(dot_response(dot)),
        None if accepts_svg(&headers) => svg_response(dot).await,
        None => Ok(dot_response(dot)),
        Some(_) => Err(ApiError::bad_request("format: `dot` or `svg`")),
    }
}

/// The same, always as SVG, to look at in a browser.
#[utoipa::path(
    get, path = "/rooms/{id}/graph.svg", tag = "rooms", params(("id" = String, Path, description = "the room")),
    responses(
        (status = OK, content_type = "image/svg+xml"), (status = NOT_FOUND, body = ApiError),
        (status = NOT_IMPLEMENTED, body = ApiError),
    )
)]
pub async fn svg(access: Access, State(shared): State<Shared>, Path(id): Path<String>) -> Result<Response, ApiError> {
    svg_response(dot(&access, &shared, &id).await?).await
}

async fn dot(access: &Access, shared: &Shared, id: &str) -> Result<String, ApiError> {
    let view = access.room(shared, id)?.view().await?;
    let (peers, feeds) = of_room(&view);
    let engine = Arc::clone(&shared.engine);
    let graph = tokio::task::spawn_blocking(move || engine.graph(&peers, &feeds)).await;
    graph.map_err(|e| ApiError::internal(format!("the graph cannot be had: {e}")))
}

fn of_room(view: &RoomView) -> (Vec<PeerId>, Vec<FeedId>) {
    let publishers = view.participants.iter().filter_map(|p| p.publisher);
    let subscribers = view.participants.iter().flat_map(|p| &p.subscriptions).map(|s| s.peer);
    (publishers.chain(subscribers).collect(), view.feeds.iter().map(|feed| feed.id).collect())
}

fn accepts_svg(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("image/svg+xml"))
}

fn dot_response(dot: String) -> Response {
    ([(header::CONTENT_TYPE, "text/vnd.graphviz; charset=utf-8")], dot).into_response()
}

async fn svg_response(dot: String) -> Result<Response, ApiError> {
    let drawing = tokio::time::timeout(DRAWING_LIMIT, draw(DOT, dot)).await;
    let svg = drawing.map_err(|_| ApiError::new(StatusCode::GATEWAY_TIMEOUT, "graph_too_big", TOO_BIG))??;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}

const TOO_BIG: &str = "drawing took too long: fetch the graph as DOT (?format=dot) and draw it on your own machine";

/// Runs the program with the graph as its input; it ends with the request that wanted it.
async fn draw(program: &str, dot: String) -> Result<Vec<u8>, ApiError> {
    let mut child = Command::new(program)
        .arg("-Tsvg")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| missing(program, &e))?;
    let stdin = child.stdin.take();
    // Written beside the reading of the output: `dot` may begin to answer before it has read everything.
    let feed = async move {
        if let Some(mut stdin) = stdin {
            let _ = stdin.write_all(dot.as_bytes()).await;
        }
    };
    let ((), output) = tokio::join!(feed, child.wait_with_output());
    match output {
        Ok(output) if output.status.success() => Ok(output.stdout),
        Ok(output) => Err(ApiError::internal(format!("{program} failed: {}", output.status))),
        Err(e) => Err(ApiError::internal(format!("{program} failed: {e}"))),
    }
}

fn missing(program: &str, error: &std::io::Error) -> ApiError {
    let message = format!(
        "`{program}` cannot be run ({error}): install Debian's package graphviz on the server, or fetch ?format=dot"
    );
    ApiError::new(StatusCode::NOT_IMPLEMENTED, "graphviz_missing", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_program_is_told_with_the_remedy() {
        let error = draw("no-such-program-here", "digraph {}".into()).await.unwrap_err();
        assert_eq!((error.code, error.message.contains("graphviz")), ("graphviz_missing", true), "{error:?}");
    }

    #[tokio::test]
    async fn a_program_that_fails_is_told() {
        let error = draw("false", "digraph {}".into()).await.unwrap_err();
        assert_eq!(error.code, "internal");
    }
}
