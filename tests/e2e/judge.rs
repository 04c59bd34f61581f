//! The connection check's words, from made-up results: the pure modules, imported in Chromium.

use crate::browser::Browser;
use crate::service::start_server;
use crate::stage::PATIENCE;
use serde_json::{Value, json};

const LOAD: &str = "import('/web/check/judge.js').then(async ({ judge }) => { window.judge = judge; \
    const all = await Promise.all(['summary', 'measure', 'loop', 'report'].map((name) => import(`/web/check/${name}.js`))); \
    Object.assign(window, ...all); window.loaded = true; }) && 0";

async fn page() -> (crate::service::Service, Browser) {
    let (service, page) = (start_server().await, Browser::start("judge").await);
    page.open(&service.at("/check")).await;
    page.value(LOAD).await;
    page.wait(PATIENCE, "the modules", "window.loaded").await;
    (service, page)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_finding_has_its_tone_and_words() {
    let (_service, page) = page().await;
    let measured = json!({"up": 5.9e6, "down": 5.8e6, "top": 6e6, "rising": true, "limited": "none", "hidden": false,
        "rtt": 0.02, "lossUp": 0, "lossDown": 0, "jitter": 0.005, "codecs": ["VP8", "opus"], "over": "UDP", "frames": 200});
    let with = |change: Value| {
        let mut all = measured.clone();
        let (Some(all_map), Some(change)) = (all.as_object_mut(), change.as_object()) else { return all };
        all_map.extend(change.clone());
        all
    };
    let cases = [
        ("browser", json!({"secure": true, "rtc": true, "devices": true}), "good", "live video"),
        ("browser", json!({"secure": false, "rtc": true, "devices": false}), "bad", "HTTPS"),
        ("browser", json!({"secure": true, "rtc": false, "devices": false}), "bad", "no WebRTC"),
        ("camera", json!({"label": "Cam", "width": 640, "height": 480}), "good", "640×480"),
        ("camera", json!({"label": "Cam", "width": 0}), "warn", "no picture"),
        ("camera", json!({"error": "NotAllowedError"}), "bad", "blocked"),
        ("camera", json!({"error": "NotFoundError"}), "warn", "No camera was found"),
        ("microphone", json!({"error": "NotReadableError"}), "bad", "in use by another program"),
        ("microphone", json!({"error": "OddError", "detail": "odd"}), "bad", "odd"),
        ("microphone", json!({"error": "timeout"}), "warn", "Nobody answered"),
        ("microphone", json!({"label": "Mic", "peak": 0.0001}), "warn", "silent"),
        ("http", json!({"ms": 20, "secure": true}), "good", "encrypted"),
        ("http", json!({"ms": 20, "secure": false, "local": true}), "good", "this machine"),
        ("http", json!({"ms": 20, "secure": false, "local": false}), "warn", "by HTTP"),
        ("http", json!({"ms": 2000, "secure": true}), "warn", "slow"),
        ("http", json!({"error": "unreachable"}), "bad", "does not answer"),
        ("http", json!({"error": "status", "status": 503}), "bad", "503"),
        ("socket", json!({"ms": 12}), "good", "12 ms"),
        ("socket", json!({"refused": 401}), "bad", "expired"),
        ("socket", json!({"refused": 403}), "warn", "not for this"),
        ("socket", json!({"error": "silent"}), "bad", "nothing comes back"),
        ("socket", json!({"error": "blocked", "status": 400}), "bad", "(the server said 400)"),
        ("stun", json!({"configured": false}), "none", "No STUN"),
        ("stun", json!({"configured": true, "addresses": ["192.0.2.7"], "errors": []}), "good", "192.0.2.7"),
        (
            "stun",
            json!({"configured": true, "addresses": [], "hosts": 1, "complete": true, "errors": []}),
            "good",
            "no router",
        ),
        (
            "stun",
            json!({"configured": true, "addresses": [], "hosts": 1, "complete": true, "errors": [{"code": 701}]}),
            "warn",
            "(701)",
        ),
        ("turnUdp", json!({"configured": false}), "none", "over UDP"),
        ("turnUdp", json!({"configured": false, "withheld": true}), "none", "only to who has a token"),
        (
            "turnTcp",
            json!({"configured": true, "relays": ["192.0.2.8"], "errors": [{"code": 701}]}),
            "good",
            "192.0.2.8",
        ),
        (
            "turnTcp",
            json!({"configured": true, "relays": [], "errors": [{"code": 701}, {"code": 401}]}),
            "bad",
            "refuses",
        ),
        (
            "turnTls",
            json!({"configured": true, "relays": [], "errors": [{"code": 701}]}),
            "bad",
            "cannot be reached over TLS",
        ),
        ("turnTls", json!({"configured": true, "relays": [], "errors": []}), "bad", "cannot be reached"),
        ("turnUdp", json!({"configured": true, "relays": [], "errors": [{"code": 486}]}), "warn", "no relay left"),
        ("udp", json!({"configured": true, "frames": 9}), "good", "came back directly over UDP"),
        (
            "udp",
            json!({"configured": true, "error": "blocked", "port": 5000, "host": "h"}),
            "bad",
            "No media connection",
        ),
        ("udp", json!({"configured": true, "error": "sent"}), "bad", "none came back"),
        ("udp", json!({"configured": true, "error": "refused", "status": 403, "detail": "no"}), "warn", "only part"),
        ("udp", json!({"configured": true, "error": "refused", "status": 401, "detail": "no"}), "bad", "expired"),
        ("udp", json!({"configured": true, "error": "refused", "status": 429, "detail": "no"}), "warn", "no more"),
        ("tcp", json!({"configured": true, "error": "unreachable"}), "bad", "did not answer any more"),
        ("tcp", json!({"configured": false}), "none", "offers no media over TCP"),
        ("relay", json!({"configured": false}), "none", "no TURN server"),
        ("relay", json!({"needsToken": true}), "none", "needs a token"),
        ("relay", json!({"skipped": "server"}), "none", "cannot be reached"),
        ("relay", json!({"broken": "TypeError"}), "bad", "TypeError"),
        ("speed", measured.clone(), "good", "at least 5.9 Mbit/s (the test sends no more)"),
        ("speed", with(json!({"up": 4e6, "down": 4e6})), "good", "still rising"),
        (
            "speed",
            with(json!({"up": 2e6, "down": 1.2e6, "rising": false})),
            "good",
            "Up: about 2.0 Mbit/s. Down: about 1.2",
        ),
        ("speed", with(json!({"up": 2e6, "rising": false, "limited": "cpu"})), "good", "computes no faster"),
        ("speed", with(json!({"down": 0.6e6})), "warn", "small picture"),
        ("speed", with(json!({"down": 0.1e6})), "bad", "too little"),
        ("speed", with(json!({"hidden": true})), "warn", "background"),
        ("speed", json!({"error": "interrupted"}), "bad", "broke"),
        (
            "line",
            measured.clone(),
            "good",
            "Round trip 20 ms, loss 0 % up and 0 % down, jitter 5 ms; VP8 and opus over UDP",
        ),
        ("line", with(json!({"lossDown": 0.02})), "warn", "2.0 % down"),
        ("line", with(json!({"lossUp": 0.2})), "bad", "20 % up"),
        ("line", with(json!({"rtt": 0.5})), "warn", "felt in conversations"),
        ("line", with(json!({"jitter": 0.2})), "warn", "varies"),
        ("line", json!({"error": "interrupted"}), "none", "Not measured"),
    ];
    for (id, found, tone, words) in cases {
        let verdict = page.value(&format!("judge('{id}', {found})")).await;
        let said = verdict["words"].as_str().unwrap_or_default();
        assert!(verdict["tone"] == tone && said.contains(words), "{id} {found}: {verdict}");
        let helps = verdict["todo"].as_str().is_some_and(|todo| !todo.is_empty());
        assert!(helps || tone == "good" || tone == "none", "{id} {found} says not what to do: {verdict}");
    }
}

/// All checks with this tone, but for those given as `id: found`.
async fn summed(page: &Browser, findings: Value) -> Value {
    let script = format!(
        "(() => {{
            const found = {findings};
            const fine = {{ configured: true, frames: 9, port: 5000, host: 'h', label: 'x', width: 1, height: 1, peak: 1, secure: true,
                rtc: true, devices: true, ms: 1, addresses: ['a'], relays: ['a'], errors: [], up: 6e6, down: 6e6, top: 6e6, rtt: 0,
                lossUp: 0, lossDown: 0, jitter: 0, codecs: [] }};
            const ids = ['browser', 'camera', 'microphone', 'http', 'socket', 'stun', 'turnUdp', 'turnTcp', 'turnTls', 'udp', 'tcp',
                'relay', 'speed', 'line'];
            const all = Object.fromEntries(ids.map((id) => {{
                const one = {{ ...fine, ...found[id] }};
                return [id, {{ found: one, ...judge(id, one) }}];
            }}));
            return summary(all);
        }})()"
    );
    page.value(&script).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_summary_says_what_matters_most() {
    let (_service, page) = page().await;
    let blocked = json!({"error": "blocked"});
    let none = json!({"configured": false});
    let no_token = json!({"needsToken": true});
    let cases = [
        (json!({}), "good", "Everything works"),
        (json!({"turnTls": none, "stun": none, "relay": none}), "good", "Everything works"),
        (json!({"http": {"error": "unreachable"}}), "bad", "The server cannot be used"),
        (json!({"browser": {"rtc": false}}), "bad", "does not work in this browser"),
        (json!({"udp": blocked}), "warn", "only over TCP: your network blocks UDP"),
        (json!({"udp": blocked}), "warn", "open UDP port 5000 to h"),
        (json!({"udp": blocked, "camera": {"error": "NotAllowedError"}}), "bad", "trouble with the camera too"),
        (json!({"udp": blocked, "tcp": blocked}), "warn", "only by the TURN server"),
        (json!({"udp": blocked, "tcp": blocked, "relay": none}), "bad", "neither directly nor by a detour"),
        (json!({"udp": blocked, "tcp": blocked, "relay": none}), "bad", "open UDP port 5000 or TCP port 5000 to h"),
        (json!({"camera": {"error": "NotAllowedError"}}), "bad", "trouble with the camera"),
        (json!({"microphone": {"error": "NotFoundError"}}), "warn", "trouble with the microphone"),
        (json!({"turnTcp": {"relays": []}}), "warn", "see below about TURN over TCP"),
        (json!({"line": {"lossUp": 0.3}}), "bad", "see below about the line's quality"),
        (json!({"udp": no_token, "tcp": no_token, "relay": no_token}), "warn", "that needs a token"),
        (
            json!({"udp": {"error": "refused", "status": 429, "detail": "full"}, "tcp": blocked, "relay": none}),
            "bad",
            "takes no more",
        ),
    ];
    for (findings, tone, words) in cases {
        let summary = summed(&page, findings.clone()).await;
        let said = summary["words"].as_str().unwrap_or_default();
        assert!(summary["tone"] == tone && said.contains(words), "{findings}: {summary}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_and_answers_are_read_right() {
    let (_service, page) = page().await;
    let read = "boiled([0, 1, 2, 3, 4, 5, 6, 7, 8].map((n) => ({ at: n * 500, sent: n * 62500, received: n * 50000, packets: n * 90, \
                lost: n * 10, jitter: 0.01, rtt: 0.1, lossUp: 0.02, frames: n, codecs: [], over: 'UDP' })))";
    let got = page.value(read).await;
    assert_eq!(
        (got["up"].as_f64(), got["down"].as_f64(), got["rising"].as_bool()),
        (Some(1e6), Some(8e5), Some(false))
    );
    assert_eq!((got["lossDown"].as_f64(), got["lossUp"].as_f64()), (Some(0.1), Some(0.02)));
    let stopped = "boiled([0, 1, 2, 2, 2, 2, 2].map((n) => ({ at: n, sent: n, received: n, packets: n, lost: 0, codecs: [] }))).error";
    assert_eq!(page.value(stopped).await, "interrupted");

    let sdp = "'v=0\\r\\na=candidate:1 1 UDP 1 192.0.2.1 5000 typ host\\r\\na=candidate:2 1 tcp 1 192.0.2.1 5001 typ host tcptype passive\\r\\na=end\\r\\n'";
    assert_eq!(page.value(&format!("portsIn({sdp})")).await, json!({"udp": 5000, "tcp": 5001}));
    let left = page.value(&format!("only({sdp}, 'tcp')")).await;
    let left = left.as_str().unwrap_or_default();
    assert!(left.contains("5001") && !left.contains("5000") && left.ends_with("a=end\r\n"), "{left}");
}
