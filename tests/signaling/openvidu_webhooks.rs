//! Webhooks of the OpenVidu dialect, with a real HTTP server that is down, refuses, fails or hangs.

use super::harness::Server;
use super::openvidu::{SECRET, delete, post};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post as route;
use axum::{Json, Router};
use millrace::config::OpenVidu;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// What the receiver was sent, and what it says to each: by the event's session and how often it came.
#[derive(Clone)]
struct Receiver {
    heard: Arc<Mutex<Vec<Value>>>,
    headers: Arc<Mutex<HeaderMap>>,
    says: fn(&str, usize) -> Option<StatusCode>,
}

impl Receiver {
    fn new(says: fn(&str, usize) -> Option<StatusCode>) -> Self {
        Self { heard: Arc::default(), headers: Arc::default(), says }
    }

    /// At this address from now on.
    async fn listen(&self, at: SocketAddr) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind(at).await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().route("/hook", route(take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        address
    }

    /// Names of a session's events, each time that they came.
    fn of(&self, session: &str) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        let of = heard.iter().filter(|event| event["sessionId"] == session);
        of.map(|event| format!("{} {}", event["event"].as_str().unwrap(), event["data"])).collect()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, Json(event): Json<Value>) -> StatusCode {
    let session = event["sessionId"].as_str().unwrap().to_owned();
    let times = {
        let mut heard = receiver.heard.lock().unwrap();
        heard.push(event);
        heard.iter().filter(|event| event["sessionId"] == session).count()
    };
    *receiver.headers.lock().unwrap() = headers;
    match (receiver.says)(&session, times) {
        Some(status) => status,
        None => std::future::pending().await,
    }
}

async fn server(hook: SocketAddr) -> Server {
    let mut settings = OpenVidu { secret: Some(SECRET.into()), ..OpenVidu::default() };
    settings.webhook = Some(format!("http://{hook}/hook"));
    settings.webhook_headers = vec!["Authorization: Basic bWU6cHc=".into(), "X-Mine: a, b".into()];
    Server::openvidu(settings).await
}

async fn make(server: &Server, name: &str) {
    assert_eq!(post(server, "/sessions", json!({ "customSessionId": name })).await.0, 200);
}

fn nowhere() -> SocketAddr {
    // Free a moment ago, and nobody else is given it meanwhile: the kernel goes through all ports first.
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_receiver_that_was_down_hears_everything_in_order() {
    let (receiver, address) = (Receiver::new(|_, _| Some(StatusCode::OK)), nowhere());
    let server = server(address).await;
    make(&server, "S").await;
    let (mut page, _) = super::openvidu::Page::join(&server, "PUBLISHER", "ann").await;
    for n in 0..5 {
        post(&server, "/signal", json!({ "session": "S", "data": n.to_string() })).await;
    }
    assert_eq!(delete(&server, "/sessions/S").await, 204);
    page.hears("sendMessage").await;
    receiver.listen(address).await;
    let mut expected = vec!["sessionCreated null".to_owned(), "participantJoined null".into()];
    expected.extend((0..5).map(|n| format!("signalSent \"{n}\"")));
    expected.extend(["participantLeft null".into(), "sessionDestroyed null".into()]);
    super::eventually("all came", || async { receiver.of("S").len() >= expected.len() }).await;
    assert_eq!(receiver.of("S"), expected);
    let headers = receiver.headers.lock().unwrap().clone();
    assert_eq!(
        (&headers["authorization"], &headers["x-mine"]),
        (&"Basic bWU6cHc=".parse().unwrap(), &"a, b".parse().unwrap())
    );
    assert_eq!(headers["content-type"], "application/json");
}

#[tokio::test]
async fn failures_are_tried_again_and_refusals_are_not() {
    let receiver = Receiver::new(|session, times| match (session, times) {
        ("fails", 1 | 2) => Some(StatusCode::SERVICE_UNAVAILABLE),
        ("refuses", 1) => Some(StatusCode::FORBIDDEN),
        ("moves", 1) => Some(StatusCode::TEMPORARY_REDIRECT),
        _ => Some(StatusCode::OK),
    });
    let server = server(receiver.listen(([127, 0, 0, 1], 0).into()).await).await;
    for session in ["fails", "refuses", "moves"] {
        make(&server, session).await;
        let data = json!({ "customSessionId": session });
        assert_eq!(post(&server, "/sessions", data).await.0, 409);
    }
    super::eventually("the third try is taken", || async { receiver.of("fails").len() == 3 }).await;
    for session in ["refuses", "moves"] {
        assert_eq!(receiver.of(session), ["sessionCreated null"], "{session}");
    }
}

#[tokio::test]
async fn a_session_whose_receiver_hangs_holds_up_no_other() {
    let receiver = Receiver::new(|session, _| (session != "hangs").then_some(StatusCode::OK));
    let server = server(receiver.listen(([127, 0, 0, 1], 0).into()).await).await;
    make(&server, "hangs").await;
    super::eventually("it hangs", || async { receiver.of("hangs").len() == 1 }).await;
    make(&server, "other").await;
    super::eventually("the other is told", || async { receiver.of("other").len() == 1 }).await;
}

#[tokio::test]
async fn at_the_end_sessions_close_and_what_waits_is_sent() {
    let receiver = Receiver::new(|_, times| Some(if times == 1 { StatusCode::BAD_GATEWAY } else { StatusCode::OK }));
    let server = server(receiver.listen(([127, 0, 0, 1], 0).into()).await).await;
    make(&server, "S").await;
    let _page = super::openvidu::Page::join(&server, "PUBLISHER", "ann").await;
    server.closing.cancel();
    server.last.close();
    tokio::time::timeout(super::DEADLINE, server.last.wait()).await.expect("the end");
    let names = ["sessionCreated", "sessionCreated", "participantJoined", "participantLeft", "sessionDestroyed"];
    assert_eq!(receiver.of("S"), names.map(|name| format!("{name} null")));
    let heard = receiver.heard.lock().unwrap();
    assert_eq!(
        (&heard[3]["reason"], &heard[4]["reason"]),
        (&json!("openviduServerStopped"), &json!("openviduServerStopped"))
    );
}
