//! The unmodified REST clients, openvidu-node-client and pyopenvidu, through all their calls, with a page that publishes.

use crate::browser::Browser;
use crate::page;
use crate::service::{Service, start_server_with};
use crate::stage::PATIENCE;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

const BROWSER: &str = include_str!("openvidu/openvidu-browser-2.32.2.js");
const PAGE: &str = include_str!("openvidu/page.html");

/// Its connection is con_ann.
const JOIN: &str = r"
    await createSession('S');
    const data = JSON.stringify({ openviduCustomConnectionId: 'ann' });
    const made = await rest('POST', '/sessions/S/connection', { data });
    session = (OV = new OpenVidu()).initSession();
    session.on('sessionDisconnected', (what) => heard.push({ event: 'sessionDisconnected', reason: what.reason }));
    await session.connect(made.token, { clientData: 'ann' });
    await publish()";

/// Recording and all.
const LIMIT: Duration = Duration::from_secs(90);

/// Where `scripts/setup.sh test` puts the clients.
fn installed(what: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/openvidu-clients").join(what);
    assert!(path.exists(), "{} is missing: run scripts/setup.sh test", path.display());
    path
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/openvidu/clients").join(name)
}

async fn service() -> Service {
    start_server_with(|config| {
        config.openvidu.secret = Some("MY_SECRET".into());
        config.reach.special = vec!["127.0.0.0/8".parse().expect("a network")];
    })
    .await
}

/// Runs a client while a page is in session S as `con_ann` and publishes.
async fn runs(mut client: Command) {
    let service = service().await;
    let ann = Browser::start("ann").await;
    let address = page::serve_with(PAGE, BROWSER).await;
    ann.open(&format!("{address}?server={}", service.at(""))).await;
    ann.press("start").await;
    ann.value(&format!("await (async () => {{ {JOIN} }})()")).await;
    client.arg(service.at("")).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, client.output()).await.expect("the client ends").expect("it starts");
    let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, error) = (told(&output.stdout), told(&output.stderr));
    assert!(output.status.success() && out.contains("done"), "{out}\n{error}");
    ann.wait(PATIENCE, "it is evicted", "told('sessionDisconnected')[0]?.reason === 'forceDisconnectByServer'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_client_runs_unmodified() {
    let mut node = Command::new("node");
    node.arg(script("node.js")).env("NODE_PATH", installed("node/node_modules"));
    runs(node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_runs_unmodified() {
    let mut python = Command::new(installed("venv/bin/python"));
    python.arg(script("client.py"));
    runs(python).await;
}
