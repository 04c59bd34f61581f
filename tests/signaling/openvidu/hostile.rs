//! Pages that mean harm, or speak another language: each is answered or closed, little is kept, and others are served.

use super::*;
use crate::harness::{eventually, limits};
use millrace::config::Guests;
use std::time::Instant;

/// A witness in session `S`, who is to be served whatever others do.
async fn witness(server: &Server) -> Page {
    session(server).await;
    Page::join(server, "MODERATOR", "witness").await.0
}

async fn is_served(witness: &mut Page) {
    let begun = Instant::now();
    assert!(witness.ask("echo", json!({})).await.get("result").is_some());
    assert!(begun.elapsed() < DEADLINE);
}

impl Page {
    async fn says(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.unwrap();
    }

    /// Sends a frame as it is; the next frame that answers something.
    async fn tells(&mut self, text: impl Into<String>) -> Value {
        self.says(text).await;
        loop {
            let frame = self.frame().await;
            if frame.get("method").is_none() {
                return frame;
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_request_is_answered_and_what_is_nearly_one_is_served() {
    let server = server().await;
    let mut page = Page::dial(&server).await;
    for nonsense in [
        "",
        "nonsense",
        "[]",
        "7",
        "null",
        r#"{"id":1}"#,
        r#"{"method":"ping"}"#,
        r#"{"id":{},"method":"ping"}"#,
        r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
        r#"{"id":1,"method":7}"#,
    ] {
        let answer = page.tells(nonsense).await;
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32600), &Value::Null), "{nonsense}");
    }
    for (frame, id) in [
        (r#"{"id":1,"method":"ping"}"#, json!(1)),
        (r#"{"id":"1","method":"ping","params":null}"#, json!("1")),
        (r#"{"id":-1.5,"method":"ping","params":[],"jsonrpc":"1.0"}"#, json!(-1.5)),
        (r#"{"id":9007199254740993,"method":"ping","params":{"interval":"5000"}}"#, json!(9007199254740993_u64)),
        (r#"{"id":2,"method":"ping","params":{"interval":{}}}"#, json!(2)),
        (r#"{"id":3,"method":"ping","params":{"interval":"NaN"}}"#, json!(3)),
    ] {
        let answer = page.tells(frame).await;
        assert_eq!((&answer["id"], &answer["result"]["value"]), (&id, &json!("pong")), "{frame}");
    }
    page.socket.send(Message::binary(vec![0; 100])).await.unwrap();
    assert_eq!(page.frame().await["error"]["code"], -32600);
    assert_eq!(page.ask("ping", Value::Null).await["result"]["value"], "pong");
}

#[tokio::test]
async fn the_secret_is_the_same_in_every_result_of_a_socket() {
    let server = server().await;
    let mut witness = witness(&server).await;
    let before = witness.ask("ping", Value::Null).await["result"]["sessionId"].clone();
    assert!(before.as_str().unwrap().ends_with("_S") && before.as_str().unwrap().len() > 20, "{before}");
    let (mut page, welcome) = Page::join(&server, "PUBLISHER", "ann").await;
    assert_ne!(welcome["sessionId"], before);
    for method in ["ping", "echo"] {
        assert_eq!(page.ask(method, json!({})).await["result"]["sessionId"], welcome["sessionId"], "{method}");
    }
}

#[tokio::test]
async fn parameters_of_any_type_are_refused_or_read_as_texts() {
    let server = server().await;
    let mut witness = witness(&server).await;
    let (mut page, _) = Page::join(&server, "MODERATOR", "ann").await;
    let wrong =
        [json!(null), json!(true), json!(7), json!(-1e300), json!(""), json!("x"), json!([]), json!([[]]), json!({})];
    let requests: [(&str, &[&str]); 12] = [
        ("joinRoom", &["token", "session", "metadata", "platform", "secret", "recorder"]),
        (
            "publishVideo",
            &["sdpOffer", "hasAudio", "hasVideo", "frameRate", "videoDimensions", "typeOfVideo", "doLoopback"],
        ),
        ("receiveVideoFrom", &["sender", "sdpOffer"]),
        ("unsubscribeFromVideo", &["sender"]),
        ("onIceCandidate", &["endpointName", "candidate", "sdpMid", "sdpMLineIndex"]),
        ("reconnectStream", &["stream", "sdpString", "sdpOffer"]),
        ("sendMessage", &["message"]),
        ("streamPropertyChanged", &["streamId", "property", "newValue", "reason"]),
        ("forceDisconnect", &["connectionId"]),
        ("forceUnpublish", &["streamId"]),
        ("videoData", &["height", "width"]),
        ("inventedMethod", &["x"]),
    ];
    for (method, names) in requests {
        for value in &wrong {
            let params: serde_json::Map<String, Value> =
                names.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
            // The test's page sees to it that each has one answer.
            page.ask(method, Value::Object(params)).await;
            page.ask(method, value.clone()).await;
        }
    }
    is_served(&mut witness).await;
}

/// Mobile clients of the tutorials write all that they say as texts, and leave out what is their own.
#[tokio::test]
async fn a_client_that_writes_texts_alone_publishes_and_watches() {
    let server = server().await;
    let mut witness = witness(&server).await;
    let watched = witness.publish().await;
    let (_, made) = post(&server, "/sessions/S/connection", json!({})).await;
    let mut page = Page::dial(&server).await;
    assert_eq!(page.ask("ping", json!({ "interval": "5000" })).await["result"]["value"], "pong");
    let join = json!({ "metadata": "{\"clientData\": \"ann\"}", "secret": "", "session": "S", "platform": "Android 34",
        "token": made["token"], "sdkVersion": "2.32.2" });
    let welcome = page.ask("joinRoom", join).await;
    assert_eq!(welcome["result"]["value"][0]["streams"][0]["id"], watched);
    let offer = sdp(PeerId(1), "sendonly", "actpass");
    let texts = json!({
        "sdpOffer": offer.as_str(), "doLoopback": "false", "hasAudio": "true", "hasVideo": "true", "audioActive": "true",
        "videoActive": "false", "frameRate": "30", "typeOfVideo": "CAMERA", "videoDimensions": "{\"width\":320, \"height\":240}",
    });
    let candidate =
        json!({ "candidate": "candidate:1 1 udp 1 10.0.0.1 9 typ host ufrag x", "sdpMid": "0", "sdpMLineIndex": "0" });
    assert!(page.ask("onIceCandidate", candidate).await["result"].is_object());
    let published = page.ask("publishVideo", texts).await;
    assert!(published["result"]["sdpAnswer"].is_string(), "{published}");
    let view = get(&server, "/sessions/S").await.1;
    let options = &view["connections"]["content"][1]["publishers"][0]["mediaOptions"];
    assert_eq!((&options["videoActive"], options["frameRate"].to_string()), (&json!(false), "30".to_owned()), "{view}");
    let offer = sdp(PeerId(2), "recvonly", "actpass");
    let receive = json!({ "sender": watched, "sdpOffer": offer.as_str() });
    assert!(page.ask("receiveVideoFrom", receive).await["result"]["sdpAnswer"].is_string());
    assert!(page.ask("leaveRoom", json!({})).await["result"].is_object());
    assert_eq!(witness.hears("participantJoined").await["metadata"], "{\"clientData\": \"ann\"}");
}

#[tokio::test]
async fn candidates_without_end_for_nobody_are_bounded() {
    let server = server().await;
    let mut witness = witness(&server).await;
    let (mut page, _) = Page::join(&server, "PUBLISHER", "ann").await;
    let padding = "x".repeat(400);
    for n in 0..10_000_u64 {
        let params = json!({ "endpointName": format!("con_{n}"), "candidate": format!("candidate:{n} 1 udp 1 {padding}.local 9 typ host ufrag {n}"), "sdpMid": "0", "sdpMLineIndex": 0 });
        let frame = json!({ "jsonrpc": "2.0", "id": n, "method": "onIceCandidate", "params": params });
        page.socket.feed(Message::text(frame.to_string())).await.unwrap();
        if n % 100 == 99 {
            page.socket.flush().await.unwrap();
            for _ in 0..100 {
                assert!(page.frame().await.get("result").is_some());
            }
        }
    }
    assert!(!page.publish().await.is_empty(), "it goes on");
    is_served(&mut witness).await;
}

#[tokio::test]
async fn giant_frames_are_refused_or_end_the_socket() {
    let server = server().await;
    let mut witness = witness(&server).await;
    let (mut page, _) = Page::join(&server, "PUBLISHER", "ann").await;
    let large = page.tells("x".repeat(limits().max_message_bytes + 1)).await;
    assert_eq!(large["error"]["code"], -32600);
    let _cut_off = page.socket.send(Message::text("x".repeat(8 << 20))).await;
    assert!(page.ended().await, "it is closed");
    is_served(&mut witness).await;
}

impl Page {
    /// The socket's end, however it comes.
    async fn ended(&mut self) -> bool {
        let ending = async { while let Some(Ok(_)) = self.socket.next().await {} };
        tokio::time::timeout(DEADLINE, ending).await.is_ok()
    }
}

#[tokio::test]
async fn who_has_left_is_told_so_and_may_join_anew() {
    let server = server().await;
    let _witness = witness(&server).await;
    let (mut page, welcome) = Page::join(&server, "PUBLISHER", "ann").await;
    let (_, other) = post(&server, "/sessions/S/connection", json!({})).await;
    assert_eq!(page.ask("joinRoom", joining(&other["token"])).await["error"]["code"], 401, "one at a time");
    assert!(page.ask("leaveRoom", json!({})).await.get("result").is_some());
    for method in ["echo", "publishVideo", "leaveRoom"] {
        assert_eq!(page.ask(method, json!({})).await["error"]["code"], 803, "{method}");
    }
    let resume = json!({ "sessionId": welcome["sessionId"], "reconnect": true });
    assert_eq!(page.ask("connect", resume).await["error"]["code"], 40007);
    assert!(page.ask("joinRoom", joining(&other["token"])).await["result"]["id"].is_string());
}

#[tokio::test]
async fn a_socket_that_resumes_another_connection_lets_its_own_go() {
    let server = server().await;
    let mut witness = witness(&server).await;
    let (mut one, first) = Page::join(&server, "PUBLISHER", "one").await;
    let (_two, second) = Page::join(&server, "PUBLISHER", "two").await;
    let taken = one.ask("connect", json!({ "sessionId": second["sessionId"] })).await;
    assert_eq!(taken["result"]["value"], "reconnection successful");
    let mut three = Page::dial(&server).await;
    let back = three.ask("connect", json!({ "sessionId": first["sessionId"] })).await;
    assert_eq!(back["result"]["value"], "reconnection successful", "it was lost, not forgotten");
    is_served(&mut witness).await;
}

#[tokio::test]
async fn a_flood_holds_up_nobody_and_ends_with_its_page() {
    let server = server().await;
    let mut witness = witness(&server).await;
    let (mut deaf, _) = Page::join(&server, "PUBLISHER", "deaf").await;
    let flood = tokio::spawn(async move {
        let message = json!({ "to": ["con_deaf"], "data": "x".repeat(30_000) }).to_string();
        for id in 0..3_000 {
            let frame =
                json!({ "jsonrpc": "2.0", "id": id, "method": "sendMessage", "params": { "message": message } });
            // It reads nothing: at last nothing is taken from it any more.
            let sent = tokio::time::timeout(DEADLINE, deaf.socket.send(Message::text(frame.to_string()))).await;
            if !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
    });
    while !flood.is_finished() {
        is_served(&mut witness).await;
        tokio::task::yield_now().await;
    }
    flood.await.unwrap();
    is_served(&mut witness).await;
}

#[tokio::test]
async fn sockets_of_one_address_are_limited_and_given_back() {
    let guests = Guests { max_sockets: 20, ..Guests::default() };
    let server =
        Server::openvidu_hosting(OpenVidu { secret: Some(SECRET.into()), ..OpenVidu::default() }, guests).await;
    let url = || format!("ws://{}/openvidu?sessionId=S", server.address);
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(Page::dial(&server).await);
    }
    for _ in 0..500 {
        assert_eq!(Server::status_at(url()).await, 429);
    }
    drop(held);
    eventually("they are given back", || async { Server::status_at(url()).await == 101 }).await;
}

#[tokio::test]
async fn guessed_secrets_and_tokens_open_nothing() {
    let server = server().await;
    let mut witness = witness(&server).await;
    let mut page = Page::dial(&server).await;
    for n in 0..1000 {
        let guess = json!({ "sessionId": format!("{n:026}_S"), "reconnect": true });
        assert_eq!(page.ask("connect", guess).await["error"]["code"], 40007);
        let token = json!(format!("ws://h?sessionId=S&token=tok_A{n:015}"));
        assert_eq!(page.ask("joinRoom", joining(&token)).await["error"]["code"], 401);
    }
    is_served(&mut witness).await;
}
