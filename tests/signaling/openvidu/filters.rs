//! Filters over real sockets: who may, who hears of it, and the codes of what cannot be.

use super::{Page, Server, get, joining, post, server, session};
use millrace::media::MediaEvent;
use millrace::model::{CodeSeen, FeedId};
use serde_json::{Value, json};

/// Joins by a connection with these filters allowed.
async fn join(server: &Server, filters: Value) -> Page {
    let wanted = json!({ "kurentoOptions": { "allowedFilters": filters } });
    let (status, connection) = post(server, "/sessions/S/connection", wanted).await;
    assert_eq!((status, &connection["kurentoOptions"]["allowedFilters"]), (200, &filters));
    let mut page = Page::dial(server).await;
    page.ask("joinRoom", joining(&connection["token"])).await;
    page
}

fn grey(stream: &str) -> Value {
    let options = json!({ "command": "videobalance saturation=0.0" }).to_string();
    json!({ "streamId": stream, "type": "GStreamerFilter", "options": options })
}

#[tokio::test]
async fn a_filter_from_its_beginning_to_its_end() {
    let server = server().await;
    session(&server).await;
    let mut ann = join(&server, json!(["GStreamerFilter"])).await;
    let stream = ann.publish().await;
    let (mut boss, _) = Page::join(&server, "MODERATOR", "boss").await;
    let (mut bob, _) = Page::join(&server, "PUBLISHER", "bob").await;
    assert_eq!(bob.ask("applyFilter", grey(&stream)).await["error"]["code"], 401);
    assert!(ann.ask("applyFilter", grey(&stream)).await.get("result").is_some());
    assert_eq!(ann.ask("applyFilter", grey(&stream)).await["error"]["code"], 405);
    assert_eq!(boss.hears("participantJoined").await["id"], "con_bob");
    for page in [&mut boss, &mut bob] {
        let told = page.hears("streamPropertyChanged").await;
        assert_eq!((&told["property"], &told["reason"]), (&json!("filter"), &json!("applyFilter")));
        assert_eq!(told["newValue"]["options"]["command"], "videobalance saturation=0.0");
    }
    let (_, shown) = get(&server, "/sessions/S/connection").await;
    let publishers = shown["content"].as_array().unwrap().iter().map(|one| &one["publishers"][0]);
    let filtered = publishers.filter(|one| one["mediaOptions"]["filter"]["type"] == "GStreamerFilter");
    assert_eq!(filtered.count(), 1);
    let exec = |property: &str| {
        let params = json!({ "propertyName": property, "propertyValue": "0.5" }).to_string();
        json!({ "streamId": stream, "method": "setElementProperty", "params": params })
    };
    assert_eq!(boss.ask("execFilterMethod", exec("none")).await["error"]["code"], 406, "the engine refuses it");
    assert!(boss.ask("execFilterMethod", exec("saturation")).await.get("result").is_some());
    assert_eq!(bob.hears("streamPropertyChanged").await["newValue"]["lastExecMethod"]["method"], "setElementProperty");
    let other = json!({ "streamId": stream, "eventType": "CodeFound" });
    assert_eq!(boss.ask("addFilterEventListener", other).await["error"]["code"], 407);
    assert!(boss.ask("removeFilter", json!({ "streamId": stream })).await.get("result").is_some());
    assert_eq!(bob.hears("streamPropertyChanged").await["newValue"], json!({}));
    assert_eq!(boss.ask("removeFilter", json!({ "streamId": stream })).await["error"]["code"], 406);
    assert_eq!(boss.ask("removeFilter", json!({ "streamId": "str_CAM_Aaaa_con_x" })).await["error"]["code"], 102);
}

#[tokio::test]
async fn hostile_commands_are_refused_and_the_socket_lives() {
    let server = server().await;
    session(&server).await;
    let (mut boss, _) = Page::join(&server, "MODERATOR", "boss").await;
    let stream = boss.publish().await;
    for command in [
        "filesrc location=/etc/passwd",
        "videobalance ! filesink location=/tmp/x",
        "( videobalance )",
        "videobalance ! video/x-raw,width=99999",
        "videobalance\n! edgetv",
        "videobalance \u{0}",
        "ä ö",
        "",
        "videobalance saturation=\"",
        &"edgetv ! ".repeat(500),
    ] {
        let options = json!({ "command": command }).to_string();
        let asked = json!({ "streamId": stream, "type": "GStreamerFilter", "options": options });
        let refused = boss.ask("applyFilter", asked).await;
        assert_eq!(refused["error"]["code"], 406, "{command:.40}: {refused}");
    }
    assert!(boss.ask("applyFilter", grey(&stream)).await.get("result").is_some());
}

#[tokio::test]
async fn what_a_filter_sees_and_its_failure_are_told() {
    let server = server().await;
    session(&server).await;
    let (mut boss, _) = Page::join(&server, "MODERATOR", "boss").await;
    let stream = boss.publish().await;
    let codes = json!({ "streamId": stream, "type": "ZBarFilter", "options": "{}" });
    assert!(boss.ask("applyFilter", codes).await.get("result").is_some());
    let listen = json!({ "streamId": stream, "eventType": "CodeFound" });
    assert!(boss.ask("addFilterEventListener", listen).await.get("result").is_some());
    let feed = server.engine.wait_for(|request| match request {
        millrace::media::MediaRequest::Filter { feed, .. } => Some(*feed),
        _ => None,
    });
    let feed: FeedId = feed.await;
    let code = CodeSeen { kind: "QR-Code".into(), text: "hello".into() };
    assert!(server.engine.emit(MediaEvent::CodeSeen { feed, code }));
    let told = boss.hears("filterEventDispatched").await;
    assert_eq!((&told["eventType"], &told["streamId"]), (&json!("CodeFound"), &json!(stream)));
    assert!(server.engine.emit(MediaEvent::FilterEnded { feed, detail: "an element failed".into() }));
    let told = boss.hears("streamPropertyChanged").await;
    assert_eq!((&told["newValue"], &told["reason"]), (&json!({}), &json!("removeFilter")));
}
