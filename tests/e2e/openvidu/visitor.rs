//! A page of another origin with a client of one age: what the flows share.

use crate::browser::Browser;
use crate::page;
use crate::service::{Service, start_server_with};
use serde_json::Value;

/// The newest dials by the scheme of its token.
pub const NEW: &str = include_str!("openvidu-browser-2.32.2.js");
/// The oldest dials `wss` alone.
pub const OLD: &str = include_str!("openvidu-browser-2.18.0.js");
const PAGE: &str = include_str!("flows.html");

/// Keeps every socket that the page opens, so that it can be cut, and can be kept from opening more. A screen's picture is a
/// canvas: there is none to share without a desktop.
const TAPPED: &str = r"
    window.__sockets = [];
    window.WebSocket = class extends WebSocket {
        constructor(url, ...more) {
            super(window.__offline ? 'ws://127.0.0.1:9' : url, ...more);
            window.__sockets.push(this);
        }
    };
    navigator.mediaDevices.getDisplayMedia = async () => new MediaStream([picture(640, 360)]);";

/// A service with both ways in.
pub async fn service() -> Service {
    start_server_with(|config| {
        config.openvidu.secret = Some("MY_SECRET".into());
        config.server.https = Some("127.0.0.1:0".parse().unwrap());
    })
    .await
}

/// A page with this client, where it reaches the service as it can.
pub async fn visitor(name: &str, service: &Service, script: &'static str) -> Browser {
    open(name, service, &page::serve_with(PAGE, script).await, script == OLD).await
}

/// This page, by TLS or without.
pub async fn open(name: &str, service: &Service, page: &str, secure: bool) -> Browser {
    let server = if secure { service.secure_at("") } else { service.at("") };
    let browser = Browser::start_trusting(name, TAPPED).await;
    browser.open(&format!("{page}?server={server}")).await;
    // Sound plays only where a visitor has done something.
    browser.press("start").await;
    browser
}

/// What an expression is, as a text.
pub async fn text(page: &Browser, expression: &str) -> String {
    page.value(expression).await.as_str().unwrap_or_default().to_owned()
}

/// Nothing went wrong that the application was told of.
pub async fn calm(page: &Browser, who: &str) {
    assert_eq!(page.value(&format!("told('{who}', 'exception')")).await, Value::Array(Vec::new()));
}
