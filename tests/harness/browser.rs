//! Chromium under chromedriver: one browser, one page, judged from outside.
//!
//! Decides how a browser is started, watched and ended; what is to be seen in the page is the test's own.
//! Peer connections are observed by a script that runs before the page's own, so no page need expose anything.

use crate::turn::{ACCOUNT, Turn};
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

use super::driver::Driver;

/// Keeps every peer connection that the page makes where `stats()` finds it.
const OBSERVE: &str = r"
    window.__peers = [];
    window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(...args) { super(...args); window.__peers.push(this); }
    };";

/// Hides the server's UDP candidates from the page's peer connections: a network that blocks UDP.
const WITHOUT_UDP: &str = r"
    const take = RTCPeerConnection.prototype.setRemoteDescription;
    RTCPeerConnection.prototype.setRemoteDescription = function (given, ...rest) {
        const sdp = given.sdp.replace(/^a=candidate:\S+ \d+ udp .*\r?\n/gim, '');
        return take.call(this, { type: given.type, sdp }, ...rest);
    };";

/// Chromium shrinks a picture in its first second and grows it back after seven or so whatever the line carries: with
/// this, the bit rate shows what the server's feedback allows.
const KEEP_SIZE: &str = r"
    const answered = RTCPeerConnection.prototype.setRemoteDescription;
    RTCPeerConnection.prototype.setRemoteDescription = async function (...given) {
        await answered.apply(this, given);
        for (const sender of this.getSenders()) {
            const wanted = sender.getParameters();
            wanted.degradationPreference = 'maintain-resolution';
            await sender.setParameters(wanted);
        }
    };";

/// Sums over the open peer connections, from the standard `getStats` reports.
const STATS: &str = r"
    const done = arguments[arguments.length - 1];
    (async () => {
        const sum = { framesDecoded: 0, videoBytes: 0, audioEnergy: 0, width: 0, height: 0,
                      freezeSeconds: 0, retransmitted: 0, protocols: [], ways: [], relays: [], codecs: [] };
        for (const pc of window.__peers.filter((one) => one.connectionState === 'connected')) {
            const all = await pc.getStats();
            for (const r of all.values()) {
                const pair = r.type === 'transport' ? all.get(r.selectedCandidatePairId) : undefined;
                if (pair) sum.protocols.push(all.get(pair.remoteCandidateId)?.protocol ?? '');
                if (pair) sum.ways.push(all.get(pair.localCandidateId)?.candidateType ?? '');
                if (pair) sum.relays.push(all.get(pair.localCandidateId)?.relayProtocol ?? '');
                if (r.type !== 'inbound-rtp') continue;
                if (r.kind === 'audio') sum.audioEnergy += r.totalAudioEnergy ?? 0;
                else {
                    sum.codecs.push(all.get(r.codecId)?.mimeType ?? '');
                    sum.framesDecoded += r.framesDecoded ?? 0;
                    sum.videoBytes += r.bytesReceived;
                    sum.width = Math.max(sum.width, r.frameWidth ?? 0);
                    sum.height = Math.max(sum.height, r.frameHeight ?? 0);
                    sum.freezeSeconds += r.totalFreezesDuration ?? 0;
                    sum.retransmitted += r.retransmittedPacketsReceived ?? 0;
                }
            }
        }
        return sum;
    })().then(done, (error) => done({ error: String(error) }));";

/// What a page receives, summed over its open peer connections.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Received {
    /// Pictures decoded.
    pub frames_decoded: u64,
    /// Bytes of video.
    pub video_bytes: u64,
    /// Energy of the sound; silence has none.
    pub audio_energy: f64,
    /// Widest picture.
    pub width: u64,
    /// Highest picture.
    pub height: u64,
    /// For how long a picture stood still, in all, in seconds.
    pub freeze_seconds: f64,
    /// Video packets that came by retransmission (RFC 4588).
    pub retransmitted: u64,
    /// What each connection goes over: `udp`, `tcp`.
    pub protocols: Vec<String>,
    /// How each connection leaves the browser: `host`, `relay`.
    pub ways: Vec<String>,
    /// What each connection goes to its TURN server over: `udp`, `tcp`, `tls`; empty without one.
    pub relays: Vec<String>,
    /// MIME types of the pictures: `video/VP8`.
    pub codecs: Vec<String>,
}

/// A browser with one page. Dropping it kills it: for a viewer, that is a crash.
pub struct Browser {
    client: Client,
    driver: Driver,
    name: String,
}

impl Browser {
    /// Starts a browser; `name` is for messages and screenshots.
    pub async fn start(name: &str) -> Self {
        Self::start_with(name, &[OBSERVE]).await
    }

    /// Starts a browser whose visitor refuses camera and microphone.
    pub async fn start_refusing(name: &str) -> Self {
        Self::start_flagged(name, &[OBSERVE], &["--use-fake-ui-for-media-stream=deny"]).await
    }

    /// Starts a browser that knows of no way over UDP.
    pub async fn start_without_udp(name: &str) -> Self {
        Self::start_with(name, &[WITHOUT_UDP, OBSERVE]).await
    }

    /// Starts a browser that sends the size it captures.
    pub async fn start_keeping_size(name: &str) -> Self {
        Self::start_with(name, &[KEEP_SIZE, OBSERVE]).await
    }

    /// Starts a browser that would rather send this codec (`video/VP9`) than any other.
    pub async fn start_preferring(name: &str, codec: &str) -> Self {
        let first = format!(
            "const {{ addTrack, addTransceiver }} = RTCPeerConnection.prototype;
            const prefer = (transceiver) => {{
                const {{ codecs }} = RTCRtpSender.getCapabilities('video');
                const wanted = codecs.filter((one) => one.mimeType === '{codec}');
                const others = codecs.filter((one) => one.mimeType !== '{codec}');
                transceiver.setCodecPreferences([...wanted, ...others]);
            }};
            RTCPeerConnection.prototype.addTrack = function (track, ...streams) {{
                const sender = addTrack.call(this, track, ...streams);
                if (track.kind === 'video') prefer(this.getTransceivers().find((one) => one.sender === sender));
                return sender;
            }};
            RTCPeerConnection.prototype.addTransceiver = function (track, how) {{
                const transceiver = addTransceiver.call(this, track, how);
                if (track.kind === 'video') prefer(transceiver);
                return transceiver;
            }};"
        );
        Self::start_with(name, &[&first, OBSERVE]).await
    }

    /// Starts a browser that reaches the world through a TURN server alone.
    pub async fn start_behind(name: &str, turn: &Turn) -> Self {
        let (port, (user, password)) = (turn.port, ACCOUNT);
        let relayed = format!(
            "const Open = RTCPeerConnection;
            window.RTCPeerConnection = class extends Open {{
                constructor(config = {{}}) {{
                    const urls = 'turn:127.0.0.1:{port}?transport=udp';
                    const iceServers = [{{ urls, username: '{user}', credential: '{password}' }}];
                    super({{ ...config, iceServers, iceTransportPolicy: 'relay' }});
                }}
            }};"
        );
        Self::start_with(name, &[&relayed, OBSERVE]).await
    }

    /// Starts a browser that runs a script of the test's before the page's own.
    pub async fn start_after(name: &str, script: &str) -> Self {
        Self::start_with(name, &[script, OBSERVE]).await
    }

    /// The same, in a browser that takes any certificate.
    pub async fn start_trusting(name: &str, script: &str) -> Self {
        Self::start_flagged(name, &[script, OBSERVE], &["--ignore-certificate-errors"]).await
    }

    /// With scripts that run before the page's own.
    async fn start_with(name: &str, scripts: &[&str]) -> Self {
        Self::start_flagged(name, scripts, &[]).await
    }

    /// And with further flags of Chromium's.
    async fn start_flagged(name: &str, scripts: &[&str], flags: &[&str]) -> Self {
        let driver = Driver::start().await;
        let capabilities = driver.capabilities(flags).as_object().cloned().expect("capabilities are an object");
        let client = ClientBuilder::rustls()
            .expect("a client for WebDriver")
            .capabilities(capabilities)
            .connect(driver.url())
            .await
            .unwrap_or_else(|error| panic!("{name}: Chromium does not start: {error}"));
        let browser = Self { client, driver, name: name.to_owned() };
        browser.vendor("goog/cdp/execute", json!({ "cmd": "Page.enable", "params": {} })).await;
        for script in scripts {
            let add = json!({ "cmd": "Page.addScriptToEvaluateOnNewDocument", "params": { "source": script } });
            browser.vendor("goog/cdp/execute", add).await;
        }
        browser
    }

    /// Opens a page.
    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap_or_else(|error| panic!("{}: {url}: {error}", self.name));
    }

    /// Loads the page again.
    pub async fn reload(&self) {
        self.client.refresh().await.unwrap_or_else(|error| panic!("{}: reload: {error}", self.name));
    }

    /// Presses what has this `data-testid`.
    pub async fn press(&self, part: &str) {
        let ready = format!("!{}.disabled", found(part));
        self.wait(Duration::from_secs(10), &format!("{part} can be pressed"), &ready).await;
        let element = self.client.find(Locator::Css(&selector(part))).await;
        let element = element.unwrap_or_else(|error| panic!("{}: no {part}: {error}", self.name));
        element.click().await.unwrap_or_else(|error| panic!("{}: pressing {part}: {error}", self.name));
    }

    /// Types into what has this `data-testid`.
    pub async fn type_into(&self, part: &str, text: &str) {
        let element = self.client.find(Locator::Css(&selector(part))).await;
        let element = element.unwrap_or_else(|error| panic!("{}: no {part}: {error}", self.name));
        element.send_keys(text).await.unwrap_or_else(|error| panic!("{}: typing into {part}: {error}", self.name));
    }

    /// The value of a JavaScript expression.
    pub async fn value(&self, expression: &str) -> Value {
        let answer = self.client.execute(&format!("return {expression};"), vec![]).await;
        answer.unwrap_or_else(|error| panic!("{}: {expression}: {error}", self.name))
    }

    /// The text of what has this `data-testid`.
    pub async fn text(&self, part: &str) -> String {
        self.value(&format!("{}.textContent", found(part))).await.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a JavaScript expression is truthy; says what was missed, with what the page says of itself.
    pub async fn wait(&self, limit: Duration, what: &str, expression: &str) {
        let begun = Instant::now();
        let guarded = format!("(() => {{ try {{ return Boolean({expression}); }} catch {{ return false; }} }})()");
        while self.value(&guarded).await != Value::Bool(true) {
            if begun.elapsed() > limit {
                panic!("{}: missed within {limit:?}: {what}\nthe page's log:\n{}", self.name, self.page_log().await);
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// What the page receives now.
    pub async fn received(&self) -> Received {
        let answer = self.client.execute_async(STATS, vec![]).await;
        let answer = answer.unwrap_or_else(|error| panic!("{}: getStats: {error}", self.name));
        serde_json::from_value(answer).expect("the figures asked for")
    }

    /// Waits until what is received satisfies a condition, and returns it.
    pub async fn receives(&self, limit: Duration, what: &str, enough: impl Fn(&Received) -> bool) -> Received {
        let begun = Instant::now();
        loop {
            let received = self.received().await;
            if enough(&received) {
                return received;
            }
            if begun.elapsed() > limit {
                let log = self.page_log().await;
                panic!("{}: missed within {limit:?}: {what}; got {received:?}\nthe page's log:\n{log}", self.name);
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// What the browser's console said at level SEVERE since the last call.
    pub async fn severe(&self) -> Vec<String> {
        let answer = self.vendor("se/log", json!({ "type": "browser" })).await;
        let lines = answer["value"].as_array().cloned().unwrap_or_default();
        let severe = lines.iter().filter(|line| line["level"] == "SEVERE");
        severe.map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Sets the size of the page's window, and dark or light.
    pub async fn look(&self, width: u32, height: u32, scheme: &str) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.vendor("goog/cdp/execute", json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": size })).await;
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.vendor("goog/cdp/execute", json!({ "cmd": "Emulation.setEmulatedMedia", "params": media })).await;
    }

    /// Writes a screenshot into the folder `MILLRACE_SCREENSHOTS`, if that is set.
    pub async fn screenshot(&self, file: &str) {
        let Some(folder) = std::env::var_os("MILLRACE_SCREENSHOTS").map(std::path::PathBuf::from) else { return };
        let png = self.client.screenshot().await.expect("a screenshot");
        std::fs::create_dir_all(&folder).expect("the folder for screenshots");
        std::fs::write(folder.join(format!("{file}.png")), png).expect("the screenshot is written");
    }

    /// The same of the whole page, however long, `width` pixels wide.
    pub async fn screenshot_whole(&self, file: &str, width: u32, scheme: &str) {
        self.look(width, 900, scheme).await;
        let settled = "!document.getAnimations().some((one) => one instanceof CSSTransition)";
        self.wait(Duration::from_secs(10), "colours settle", settled).await;
        let height = self.value("document.documentElement.scrollHeight").await.as_u64().unwrap_or(900);
        self.look(width, u32::try_from(height).unwrap_or(900), scheme).await;
        self.screenshot(file).await;
    }

    async fn page_log(&self) -> String {
        let script = format!("[...{}.children].map((line) => line.textContent).join('\\n')", found("log-list"));
        let answer = self.client.execute(&format!("return {script};"), vec![]).await;
        let console = self.severe().await.join("\n");
        format!("{}\n{console}", answer.ok().as_ref().and_then(Value::as_str).unwrap_or("(none)"))
    }

    /// chromedriver's own commands, beside the WebDriver standard.
    async fn vendor(&self, command: &str, body: Value) -> Value {
        let session = self.client.session_id().await.expect("a session").expect("a session");
        self.driver.post(&format!("session/{session}/{command}"), &body).await
    }
}

fn selector(part: &str) -> String {
    format!("[data-testid=\"{part}\"]")
}

/// The JavaScript that finds what has this `data-testid`.
pub fn found(part: &str) -> String {
    format!("document.querySelector('{}')", selector(part))
}
