//! The conference dialect's data channels: every message, and values that cannot be.

use crate::conference::{forget, joined, page};
use crate::harness::{Client, Server};
use millrace::media::{MediaEvent, MediaRequest};
use millrace::model::{EndReason, PeerId};
use serde_json::{Value, json};

const SCTP: &str = "{port: 5000, OS: 1024, MIS: 1024, maxMessageSize: 65536}";

/// A transport for data; the name of the word that stands for it.
async fn transport(client: &mut Client, direction: &str, word: &str, more: &str) {
    client
        .play(&format!(
            "→ create-transport {{id: 1, data: {{direction: {direction}, {more}}}}}
             ← webRtcTransportCreated {{id: 1, data: {{id: ${word}, direction: {direction}, sctpParameters: {SCTP}, ..}}}}"
        ))
        .await;
}

/// Ann and Bob, each with a transport: `$send` and `$recv`.
async fn pair(server: &Server) -> (Client, Client) {
    let (mut ann, mut bob) = (joined(server, "ann").await, joined(server, "bob").await);
    ann.play("← user-joined {data: _}").await;
    transport(&mut ann, "send", "send", "data: true").await;
    transport(&mut bob, "recv", "recv", "sctpCapabilities: {numStreams: {OS: 1024, MIS: 1024}}").await;
    (ann, bob)
}

const PRODUCE: &str =
    "→ produce-data {id: 2, data: {transportId: $send, sctpStreamParameters: {streamId: 0, ordered: true}, \
                          label: notes, protocol: plain, appData: {x: 1}}}
                       ← data-produced {id: 2, data: {id: $notes}}";

#[tokio::test]
async fn what_one_says_another_consumes() {
    let server = Server::start().await;
    let (mut ann, mut bob) = pair(&server).await;
    ann.play(PRODUCE).await;
    bob.play(
        "← new-data-producer {data: {dataProducerId: $notes, label: notes, protocol: plain, user: ann, peerId: _}}
         → consume-data {id: 3, data: {transportId: $recv, dataProducerId: $notes}}
         ← data-consumed {id: 3, data: {id: $consumer, dataProducerId: $notes, sctpStreamParameters: {streamId: 0, ordered: true}, \
                                        label: notes, protocol: plain, peerId: _}}",
    )
    .await;
    // A late joiner is told in `joined`, and once it has a transport for data.
    let mut late = page(&server, "late").await;
    late.play(
        "→ join-room {data: {roomId: hall, username: late}}
         ← joined {data: {users: _, peers: $peers, ..}}",
    )
    .await;
    let expected = json!([{ "dataProducerId": server.word("notes"), "label": "notes", "protocol": "plain" }]);
    let peers = server.word("peers");
    let of = |name: &str| peers.as_array().unwrap().iter().find(|one| one["username"] == name).unwrap();
    assert_eq!((&of("ann")["dataProducers"], &of("bob")["dataProducers"]), (&expected, &json!([])));
    transport(&mut late, "recv", "late", "data: true").await;
    late.play(
        "← new-data-producer {data: {dataProducerId: $notes, label: notes, protocol: plain, user: ann, peerId: _}}",
    )
    .await;
    for client in [&mut ann, &mut bob] {
        client.play("← user-joined {data: {user: late, id: _}}").await;
    }
    bob.play(
        "→ close-data-consumer {id: 4, data: {dataConsumerId: $consumer}}
         ← ok {id: 4, data: {}}
         → close-data-consumer {id: 5, data: {dataConsumerId: $consumer}}
         ← error {id: 5, data: {code: data_producer_not_found, message: _}}
         → consume-data {id: 6, data: {transportId: $recv, dataProducerId: $notes}}
         ← data-consumed {id: 6, data: {id: $again, dataProducerId: $notes, ..}}",
    )
    .await;
    ann.play("→ close-data-producer {id: 7, data: {dataProducerId: $notes}}\n← ok {id: 7, data: {}}").await;
    bob.play(
        "← data-producer-closed {data: {dataProducerId: $notes}}
         ← data-consumer-closed {data: {dataConsumerId: $again, dataProducerId: $notes, reason: feed_ended}}
         → consume-data {id: 8, data: {transportId: $recv, dataProducerId: $notes}}
         ← error {id: 8, data: {code: data_producer_not_found, message: _}}",
    )
    .await;
    late.play("← data-producer-closed {data: {dataProducerId: $notes}}").await;
}

#[tokio::test]
async fn all_ends_with_its_transport_and_with_its_person() {
    let server = Server::start().await;
    let (mut ann, mut bob) = pair(&server).await;
    let consume = "← new-data-producer {data: {dataProducerId: $notes, ..}}
                   → consume-data {id: 3, data: {transportId: $recv, dataProducerId: $notes}}
                   ← data-consumed {id: 3, data: {id: $consumer, ..}}";
    let gone = "← data-producer-closed {data: {dataProducerId: $notes}}
                ← data-consumer-closed {data: {dataConsumerId: $consumer, dataProducerId: $notes, reason: feed_ended}}";
    ann.play(PRODUCE).await;
    bob.play(consume).await;
    ann.play("→ close-transport {id: 4, data: {transportId: $send}}\n← ok {id: 4, data: {}}").await;
    bob.play(gone).await;
    ["send", "notes", "consumer"].iter().for_each(|word| forget(&server, word));
    transport(&mut ann, "send", "send", "data: true").await;
    ann.play(PRODUCE).await;
    bob.play(consume).await;
    ann.play("→ leave-room {id: 5, data: {}}\n← ok {id: 5, data: {}}").await;
    bob.play(gone).await;
    bob.play("← user-left {data: {user: ann, id: _}}").await;
}

#[tokio::test]
async fn who_made_no_transport_for_data_hears_nothing_of_it() {
    let server = Server::start().await;
    let mut old = joined(&server, "old").await;
    old.play(
        "→ create-transport {id: 1, data: {direction: recv}}
         ← webRtcTransportCreated {id: 1, data: {id: $old, direction: recv, iceParameters: _, iceCandidates: _, dtlsParameters: _}}",
    )
    .await;
    let mut ann = joined(&server, "ann").await;
    old.play("← user-joined {data: {user: ann, id: _}}").await;
    transport(&mut ann, "send", "send", "data: true").await;
    ann.play(PRODUCE).await;
    old.play(
        "→ consume-data {id: 2, data: {transportId: $old, dataProducerId: $notes}}
         ← error {id: 2, data: {code: bad_request, message: _}}",
    )
    .await;
    ann.play("→ leave-room {id: 3, data: {}}\n← ok {id: 3, data: {}}").await;
    old.play("← user-left {data: {user: ann, id: _}}").await;
}

#[tokio::test]
async fn values_that_cannot_be_are_named() {
    let server = Server::start().await;
    let (mut ann, mut bob) = pair(&server).await;
    ann.play(PRODUCE).await;
    bob.play("← new-data-producer {data: {dataProducerId: $notes, ..}}").await;
    let (send, recv) = (server.word("send"), server.word("recv"));
    let produce = |on: &Value, stream: Value| json!({ "transportId": on, "sctpStreamParameters": stream });
    let long = json!({ "transportId": send, "sctpStreamParameters": { "streamId": 5 }, "label": "x".repeat(300) });
    for (kind, data, code) in [
        ("produce-data", produce(&send, json!({ "streamId": 0 })), "bad_request"),
        ("produce-data", produce(&send, json!({ "streamId": 70_000 })), "bad_request"),
        ("produce-data", produce(&send, json!({ "streamId": 65_535 })), "bad_request"),
        ("produce-data", produce(&send, json!({ "streamId": -1 })), "bad_request"),
        ("produce-data", produce(&send, json!({})), "bad_request"),
        (
            "produce-data",
            produce(&send, json!({ "streamId": 5, "maxRetransmits": 1, "maxPacketLifeTime": 1 })),
            "bad_request",
        ),
        ("produce-data", produce(&recv, json!({ "streamId": 5 })), "transport_not_found"),
        ("produce-data", produce(&json!("transport-999999"), json!({ "streamId": 5 })), "transport_not_found"),
        ("produce-data", json!({}), "bad_request"),
        ("produce-data", long, "bad_request"),
        ("consume-data", json!({ "transportId": recv, "dataProducerId": server.word("notes") }), "transport_not_found"),
        (
            "consume-data",
            json!({ "transportId": send, "dataProducerId": "data-producer-0" }),
            "data_producer_not_found",
        ),
        ("consume-data", json!({ "transportId": send, "dataProducerId": "x".repeat(60) }), "data_producer_not_found"),
        ("consume-data", json!({ "transportId": send }), "bad_request"),
        ("close-data-producer", json!({ "dataProducerId": "data-producer-0" }), "data_producer_not_found"),
        ("close-data-consumer", json!({ "dataConsumerId": 7 }), "bad_request"),
        ("create-transport", json!({ "direction": "send", "data": "yes" }), "bad_request"),
    ] {
        let text = json!({ "type": kind, "id": 9, "data": data }).to_string();
        ann.send(text.clone()).await;
        ann.play(&format!("← error {{id: 9, data: {{code: {code}, message: $words}}}}")).await;
        assert!(server.word("words").as_str().is_some_and(|words| words.len() < 200), "{text}");
        forget(&server, "words");
    }
    // Nobody closes for another.
    bob.play(
        "→ close-data-producer {id: 9, data: {dataProducerId: $notes}}
         ← error {id: 9, data: {code: data_producer_not_found, message: _}}",
    )
    .await;
    for n in 1..64 {
        let data = produce(&send, json!({ "streamId": n * 3 }));
        ann.send(json!({ "type": "produce-data", "id": 2, "data": data }).to_string()).await;
        ann.play("← data-produced {id: 2, data: {id: _}}").await;
    }
    let data = produce(&send, json!({ "streamId": 1 }));
    ann.send(json!({ "type": "produce-data", "id": 2, "data": data }).to_string()).await;
    ann.play("← error {id: 2, data: {code: room_full, message: _}}").await;
}

#[tokio::test]
async fn what_the_engine_ends_is_told_with_its_reason() {
    let server = Server::start().await;
    let (mut ann, mut bob) = pair(&server).await;
    ann.play(PRODUCE).await;
    bob.play(
        "← new-data-producer {data: {dataProducerId: $notes, ..}}
         → consume-data {id: 3, data: {transportId: $recv, dataProducerId: $notes}}
         ← data-consumed {id: 3, data: {id: $consumer, ..}}",
    )
    .await;
    let find = |wanted: fn(&MediaRequest) -> Option<PeerId>| {
        server.engine.requests().iter().filter_map(wanted).next_back().expect("a request")
    };
    let consumer = find(|r| if let MediaRequest::ConsumeData { peer, .. } = r { Some(*peer) } else { None });
    let over = |peer, reason| MediaEvent::PeerEnded { peer, reason, detail: "words".into() };
    server.engine.emit(over(consumer, EndReason::NotReading));
    bob.play(
        "← data-consumer-closed {data: {dataConsumerId: $consumer, dataProducerId: $notes, reason: not_reading, message: words}}",
    )
    .await;
    let producer = find(|r| if let MediaRequest::ProduceData { peer, .. } = r { Some(*peer) } else { None });
    server.engine.emit(over(producer, EndReason::DataLost));
    ann.play("← data-producer-closed {data: {dataProducerId: $notes, reason: data_lost, message: words}}").await;
    bob.play("← data-producer-closed {data: {dataProducerId: $notes}}").await;
}
