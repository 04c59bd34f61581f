//! The OpenVidu dialect over real HTTP and sockets, with the fake engine.

#[path = "openvidu/cameras.rs"]
mod cameras;
#[path = "openvidu/hostile.rs"]
mod hostile;

use super::harness::{DEADLINE, Server};
use futures::{SinkExt, StreamExt};
use millrace::config::OpenVidu;
use millrace::media::fake::sdp;
use millrace::model::PeerId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

#[path = "openvidu/filters.rs"]
mod filters;

pub(super) const SECRET: &str = "MY_SECRET";

async fn server() -> Server {
    Server::openvidu(OpenVidu { secret: Some(SECRET.into()), ..OpenVidu::default() }).await
}

/// Status and body, `null` when empty.
pub async fn rest(server: &Server, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let request = reqwest::Client::new().request(method, format!("http://{}/openvidu/api{path}", server.address));
    let request = request.basic_auth("OPENVIDUAPP", Some(SECRET));
    let request = body.into_iter().fold(request, |request, body| request.body(body.to_string()));
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
}

pub(super) async fn post(server: &Server, path: &str, body: Value) -> (u16, Value) {
    rest(server, Method::POST, path, Some(body)).await
}
pub(super) async fn get(server: &Server, path: &str) -> (u16, Value) {
    rest(server, Method::GET, path, None).await
}
pub(super) async fn delete(server: &Server, path: &str) -> u16 {
    rest(server, Method::DELETE, path, None).await.0
}

/// One page's socket.
pub(super) struct Page {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next: u64,
    waiting: Vec<Value>,
}

impl Page {
    pub(super) async fn dial(server: &Server) -> Self {
        let (socket, _) = connect_async(format!("ws://{}/openvidu?sessionId=S", server.address)).await.unwrap();
        Self { socket, next: 0, waiting: Vec::new() }
    }

    /// Joins by a token of its own; what it is welcomed with.
    pub(super) async fn join(server: &Server, role: &str, name: &str) -> (Self, Value) {
        let data = json!({ "openviduCustomConnectionId": name }).to_string();
        Self::join_as(server, json!({ "role": role, "data": data })).await
    }

    /// By a connection with these properties.
    pub(super) async fn join_with(server: &Server, properties: Value) -> Self {
        Self::join_as(server, properties).await.0
    }

    async fn join_as(server: &Server, properties: Value) -> (Self, Value) {
        let (status, connection) = post(server, "/sessions/S/connection", properties).await;
        assert_eq!(status, 200);
        let mut page = Self::dial(server).await;
        assert_eq!(page.ask("ping", json!({ "interval": 5000 })).await["result"]["value"], "pong");
        let welcome = page.ask("joinRoom", joining(&connection["token"])).await;
        (page, welcome["result"].clone())
    }

    async fn frame(&mut self) -> Value {
        loop {
            let frame = tokio::time::timeout(DEADLINE, self.socket.next()).await.expect("a frame").unwrap().unwrap();
            if let Message::Text(text) = frame {
                let frame: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(frame["jsonrpc"], "2.0");
                return frame;
            }
        }
    }

    pub(super) async fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.next;
        self.next += 1;
        let frame = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.socket.send(Message::text(frame.to_string())).await.unwrap();
        loop {
            let frame = self.frame().await;
            if frame["id"] == id {
                assert!(frame.get("result").is_some() != frame.get("error").is_some(), "one of both: {frame}");
                return frame;
            }
            self.waiting.push(frame);
        }
    }

    /// The next notification's parameters, which must be this one.
    pub(super) async fn hears(&mut self, method: &str) -> Value {
        let frame = if self.waiting.is_empty() { self.frame().await } else { self.waiting.remove(0) };
        assert_eq!(frame["method"], method, "{frame}");
        frame["params"].clone()
    }

    pub(super) async fn publish(&mut self) -> String {
        let offer = sdp(PeerId(1), "sendonly", "actpass");
        let params = json!({
            "sdpOffer": offer.as_str(), "doLoopback": "false", "hasAudio": true, "hasVideo": true, "frameRate": "30",
            "typeOfVideo": "CAMERA", "videoDimensions": "{\"width\":640,\"height\":480}",
        });
        let answer = self.ask("publishVideo", params).await;
        assert!(answer["result"]["sdpAnswer"].as_str().unwrap().starts_with("v=0"), "{answer}");
        answer["result"]["id"].as_str().unwrap().to_owned()
    }

    async fn closed(&mut self) -> bool {
        let closing = async {
            while let Some(Ok(frame)) = self.socket.next().await {
                if let Message::Close(_) = frame {
                    return;
                }
            }
        };
        tokio::time::timeout(DEADLINE, closing).await.is_ok()
    }
}

fn joining(token: &Value) -> Value {
    json!({ "token": token, "session": "S", "platform": "test", "metadata": "", "secret": "", "recorder": false })
}

pub(super) async fn session(server: &Server) {
    assert_eq!(post(server, "/sessions", json!({ "customSessionId": "S" })).await.0, 200);
}

#[tokio::test]
async fn only_holders_of_the_secret_come_in_and_pages_of_anywhere() {
    let server = server().await;
    let client = reqwest::Client::new();
    let url = format!("http://{}/openvidu/api/sessions", server.address);
    let stranger = client.get(&url).header("Origin", "https://app.example").send().await.unwrap();
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);
    assert!(stranger.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic"));
    let wrong = client.get(&url).basic_auth("OPENVIDUAPP", Some("MY_SECRE")).send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    let preflight = client.request(Method::OPTIONS, &url).header("Origin", "https://app.example");
    let preflight = preflight
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "authorization");
    let preflight = preflight.send().await.unwrap();
    assert_eq!(
        (preflight.status(), &preflight.headers()["access-control-allow-origin"]),
        (StatusCode::OK, &"*".parse().unwrap())
    );
    let open =
        client.get(format!("http://{}/openvidu/api/config/openvidu-publicurl", server.address)).send().await.unwrap();
    assert_eq!(open.text().await.unwrap(), format!("http://{}/", server.address));
    let off = Server::start().await;
    assert_eq!(client.get(format!("http://{}/openvidu/api/sessions", off.address)).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn sessions_are_made_once_listed_and_closed() {
    let server = server().await;
    let (status, made) = rest(&server, Method::POST, "/sessions", None).await;
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!((status, id.len(), &made["customSessionId"]), (200, 14, &json!("")));
    assert_eq!(made["defaultRecordingProperties"]["resolution"], "1280x720");
    session(&server).await;
    assert_eq!(
        post(&server, "/sessions", json!({ "customSessionId": "S", "mediaMode": null })).await,
        (409, Value::Null)
    );
    assert_eq!(post(&server, "/sessions", json!({ "mediaMode": "X" })).await.0, 400);
    assert_eq!(get(&server, "/sessions").await.1["numberOfElements"], 2);
    assert_eq!(get(&server, "/sessions/S").await.1["connections"], json!({ "numberOfElements": 0, "content": [] }));
    assert_eq!(delete(&server, "/sessions/S").await, 204);
    assert_eq!((get(&server, "/sessions/S").await.0, delete(&server, "/sessions/S").await), (404, 404));
    session(&server).await;
}

#[tokio::test]
async fn connections_have_their_statuses() {
    let server = server().await;
    assert_eq!(post(&server, "/sessions/S/connection", json!({ "role": 1 })).await, (404, Value::Null));
    session(&server).await;
    assert_eq!(post(&server, "/sessions/S/connection", json!({ "role": "KING" })).await.0, 400);
    let (status, made) = rest(&server, Method::POST, "/sessions/S/connection", None).await;
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with(&format!("ws://{}?sessionId=S&token=tok_", server.address)), "{token}");
    assert_eq!(
        (status, &made["status"], &made["role"], &made["activeAt"]),
        (200, &json!("pending"), &json!("PUBLISHER"), &Value::Null)
    );
    assert!(made.as_object().unwrap().contains_key("rtspUri"));
    let path = format!("/sessions/S/connection/{}", made["id"].as_str().unwrap());
    assert_eq!(get(&server, &path).await.1, made);
    assert_eq!(get(&server, "/sessions/S/connection").await.1["numberOfElements"], 1);
    assert_eq!(get(&server, "/sessions/S/connection?pendingConnections=false").await.1["numberOfElements"], 0);
    assert_eq!(get(&server, "/sessions/S").await.1["connections"]["numberOfElements"], 0);
    assert_eq!(get(&server, "/sessions/S?pendingConnections=true").await.1["connections"]["numberOfElements"], 1);
    assert_eq!(
        (delete(&server, &path).await, delete(&server, &path).await, get(&server, &path).await.0),
        (204, 404, 404)
    );
    assert_eq!(
        (get(&server, "/sessions/X/connection/c").await.0, get(&server, "/sessions/X/connection").await.0),
        (400, 404)
    );
    assert_eq!(
        (delete(&server, "/sessions/X/stream/s").await, delete(&server, "/sessions/S/stream/s").await),
        (400, 404)
    );
    let (_, token) = post(&server, "/tokens", json!({ "session": "S", "data": "d" })).await;
    assert_eq!((&token["id"], &token["data"], &token["session"]), (&token["token"], &json!("d"), &json!("S")));
    assert_eq!(
        (post(&server, "/tokens", json!({})).await.0, post(&server, "/tokens", json!({ "session": "X" })).await.0),
        (400, 404)
    );
}

#[tokio::test]
async fn two_pages_publish_and_watch() {
    let server = server().await;
    session(&server).await;
    let (mut ann, welcome) = Page::join(&server, "PUBLISHER", "ann").await;
    for name in ["id", "value", "session", "version", "role", "sessionId", "mediaServer", "createdAt"] {
        assert!(welcome.get(name).is_some(), "{name} is missing: {welcome}");
    }
    assert_eq!(
        (&welcome["id"], &welcome["value"], &welcome["mediaServer"]),
        (&json!("con_ann"), &json!([]), &json!("kurento"))
    );
    let stream = ann.publish().await;
    let (mut bob, welcome) = Page::join(&server, "SUBSCRIBER", "bob").await;
    assert_eq!(welcome["value"][0]["streams"][0]["id"], stream);
    assert_eq!(ann.hears("participantJoined").await["id"], "con_bob");
    let offer = sdp(PeerId(2), "recvonly", "actpass");
    let early = json!({ "endpointName": "con_ann", "candidate": "candidate:1 1 udp 1 10.0.0.1 9 typ host ufrag x", "sdpMid": "0", "sdpMLineIndex": "0" });
    assert!(bob.ask("onIceCandidate", early).await.get("result").is_some());
    let answer = bob.ask("receiveVideoFrom", json!({ "sender": stream, "sdpOffer": offer.as_str() })).await;
    assert!(answer["result"]["sdpAnswer"].is_string(), "{answer}");
    let view = get(&server, "/sessions/S").await.1;
    assert_eq!(view["connections"]["content"][0]["publishers"][0]["streamId"], stream);
    assert_eq!(view["connections"]["content"][1]["subscribers"][0]["streamId"], stream);
    assert!(bob.ask("unsubscribeFromVideo", json!({ "sender": "con_ann" })).await.get("result").is_some());
    assert_eq!(post(&server, "/signal", json!({ "session": "S", "to": [], "type": "srv", "data": "x" })).await.0, 200);
    assert_eq!(bob.hears("sendMessage").await, json!({ "data": "x", "type": "srv" }));
    assert_eq!(post(&server, "/signal", json!({ "session": "S", "to": ["con_x"] })).await.0, 406);
    assert_eq!(
        (post(&server, "/signal", json!({})).await.0, post(&server, "/signal", json!({ "session": "X" })).await.0),
        (400, 404)
    );
    assert_eq!(delete(&server, &format!("/sessions/S/stream/{stream}")).await, 204);
    assert_eq!(bob.hears("participantUnpublished").await["reason"], "forceUnpublishByServer");
    assert_eq!(delete(&server, "/sessions/S/connection/con_bob").await, 204);
    assert_eq!(bob.hears("participantEvicted").await["reason"], "forceDisconnectByServer");
    assert!(ann.ask("leaveRoom", json!({})).await.get("result").is_some());
    super::eventually("the session ends with its last", || async { get(&server, "/sessions/S").await.0 == 404 }).await;
}

#[tokio::test]
async fn tokens_are_good_once_and_nothing_goes_before_joining() {
    let server = server().await;
    session(&server).await;
    let token = post(&server, "/sessions/S/connection", json!({})).await.1["token"].clone();
    let mut page = Page::dial(&server).await;
    assert_eq!(page.ask("publishVideo", json!({})).await["error"]["code"], 803);
    assert_eq!(page.ask("joinRoom", json!({})).await["error"]["code"], -1);
    assert_eq!(page.ask("joinRoom", json!({ "token": token, "session": "X" })).await["error"]["code"], 202);
    assert!(page.ask("joinRoom", joining(&token)).await.get("result").is_some());
    let mut second = Page::dial(&server).await;
    assert_eq!(second.ask("joinRoom", joining(&token)).await["error"]["code"], 401);
    second.socket.send(Message::text("nonsense")).await.unwrap();
    assert_eq!(second.ask("ping", Value::Null).await["result"]["value"], "pong", "the socket lives");
}

#[tokio::test]
async fn a_lost_socket_is_resumed_with_what_it_missed() {
    let server = server().await;
    session(&server).await;
    let (mut ann, welcome) = Page::join(&server, "PUBLISHER", "ann").await;
    let stream = ann.publish().await;
    let rpc = welcome["sessionId"].clone();
    drop(ann);
    let (mut bob, here) = Page::join(&server, "PUBLISHER", "bob").await;
    assert_eq!(here["value"][0]["streams"][0]["id"], stream, "it is still here");
    bob.ask("sendMessage", json!({ "message": "{\"to\":[],\"data\":\"missed\"}" })).await;
    let mut again = Page::dial(&server).await;
    let resumed = again.ask("connect", json!({ "sessionId": rpc, "reconnect": true })).await;
    assert_eq!(resumed["result"], json!({ "value": "reconnection successful", "sessionId": rpc }));
    assert_eq!(again.hears("participantJoined").await["id"], "con_bob");
    assert_eq!(again.hears("sendMessage").await["data"], "missed");
    let mut stranger = Page::dial(&server).await;
    let refused = stranger.ask("connect", json!({ "sessionId": "invented_S" })).await;
    assert_eq!(refused["error"], json!({ "code": 40007, "message": "reconnection error" }));
    assert_eq!(delete(&server, "/sessions/S").await, 204);
    assert_eq!(bob.hears("sendMessage").await["data"], "missed", "to all, itself too");
    assert!(!again.closed().await || bob.hears("participantLeft").await["connectionId"].is_string());
}

#[tokio::test]
async fn a_publisher_hears_of_its_limit_and_applications_of_all_four() {
    let settings = OpenVidu {
        secret: Some(SECRET.into()),
        video_max_recv: 1000,
        video_min_send: 300,
        video_max_send: 800,
        ..OpenVidu::default()
    };
    let server = Server::openvidu(settings).await;
    let config = get(&server, "/config").await.1;
    let shown = ["MAX_RECV", "MIN_RECV", "MAX_SEND", "MIN_SEND"]
        .map(|name| config[format!("OPENVIDU_STREAMS_VIDEO_{name}_BANDWIDTH")].clone());
    assert_eq!(shown, [json!(1000), json!(0), json!(800), json!(300)]);
    session(&server).await;
    let (mut ann, _) = Page::join(&server, "PUBLISHER", "ann").await;
    let offer = sdp(PeerId(1), "sendonly", "actpass");
    let answer = ann.ask("publishVideo", json!({ "sdpOffer": offer.as_str() })).await;
    let text = answer["result"]["sdpAnswer"].as_str().unwrap();
    assert_eq!(text.matches("b=AS:1000\r\nb=TIAS:1000000\r\n").count(), text.matches("m=video").count(), "{text}");
    assert!(text.contains("m=video"), "{text}");
    let (mut bob, _) = Page::join(&server, "SUBSCRIBER", "bob").await;
    let watch = json!({ "sender": answer["result"]["id"], "sdpOffer": sdp(PeerId(2), "recvonly", "actpass").as_str() });
    let answer = bob.ask("receiveVideoFrom", watch).await;
    assert!(answer["result"]["sdpAnswer"].is_string(), "a limit is no reason to refuse: {answer}");
}
