//! Pages that may use nothing but a relay, with what `/api/config` gives them: our own server, and coturn beside it.

use crate::browser::Browser;
use crate::service::{Service, start_server_with};
use crate::stage::{PATIENCE, Stage, plays_on, quiet};
use crate::turn::Turn;
use millrace::config::Config;
use rcgen::generate_simple_self_signed;
use serde_json::Value;

/// The page's peer connections get those servers of `/api/config` whose addresses fit, and no other way.
fn relayed(fits: &str) -> String {
    format!(
        "const Open = RTCPeerConnection;
        window.RTCPeerConnection = class extends Open {{
            constructor(config = {{}}) {{
                const ask = new XMLHttpRequest();
                ask.open('GET', '/api/config', false);
                ask.send();
                const iceServers = JSON.parse(ask.responseText).iceServers
                    .filter((server) => [server.urls].flat().some((url) => /{fits}/.test(url)));
                super({{ ...config, iceServers, iceTransportPolicy: 'relay' }});
            }}
        }};"
    )
}

fn ours(config: &mut Config) {
    config.turn.listen = vec!["127.0.0.1:0".parse().unwrap()];
}

/// A device that reaches the server by one kind of relay, and a console by another.
async fn meet(service: Service, device: (&str, &str), console: (&str, &str)) {
    let (device_script, console_script) = (relayed(device.0), relayed(console.0));
    let pages = tokio::join!(
        Browser::start_trusting("device", &device_script),
        Browser::start_trusting("console", &console_script)
    );
    let stage = Stage::live_on(service, pages.0, pages.1).await;
    plays_on(&stage.console, 60).await;
    for (page, over) in [(&stage.device, device.1), (&stage.console, console.1)] {
        let now = page.received().await;
        assert_eq!((now.ways, now.relays), (vec!["relay".to_owned()], vec![over.to_owned()]));
    }
    stage.console.press("sound").await;
    stage.console.receives(PATIENCE, "sound with energy", |now| now.audio_energy > 0.0).await;
    quiet(&[&stage.device, &stage.console]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn through_our_own_relays_over_udp_and_tcp() {
    let service = start_server_with(ours).await;
    meet(service, ("^turn:.*transport=udp", "udp"), ("^turn:.*transport=tcp", "tcp")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn through_our_own_relays_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let made = generate_simple_self_signed(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let service = start_server_with(|config| {
        ours(config);
        config.turn.listen_tls = vec!["127.0.0.1:0".parse().unwrap()];
        (config.server.tls_cert, config.server.tls_key) = (Some(cert), Some(key));
    })
    .await;
    meet(service, ("^turns:", "tls"), ("^turns:", "tls")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn through_coturn_that_shares_a_secret() {
    let turn = Turn::start_sharing("north").await;
    let service = start_server_with(|config| {
        config.turn.servers = vec![format!("turn:127.0.0.1:{}?transport=udp", turn.port)];
        config.turn.secret = Some("north".into());
    })
    .await;
    let told: Value = reqwest::get(service.at("/api/config")).await.unwrap().json().await.unwrap();
    assert_eq!(told["iceServers"].as_array().map(Vec::len), Some(1), "{told}");
    meet(service, ("^turn:", "udp"), ("^turn:", "udp")).await;
}
