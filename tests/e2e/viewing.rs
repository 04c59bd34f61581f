//! Viewers on weak lines in Chromium, with the server's own answers: copies of a picture, screens, and the mix.

use crate::browser::{Browser, found};
use crate::stage::{PATIENCE, Stage, live, quiet};
use serde_json::Value;

/// Keeps what the page says to the server. A screen's picture is a canvas: there is none to share without a desktop.
const TAPPED: &str = r"
    navigator.mediaDevices.getDisplayMedia = async () => {
        const canvas = Object.assign(document.createElement('canvas'), { width: 1280, height: 720 });
        const pen = canvas.getContext('2d');
        setInterval(() => {
            pen.fillStyle = `hsl(${performance.now() / 20} 80% 50%)`;
            pen.fillRect(0, 0, 1280, 720);
        }, 60);
        return canvas.captureStream(15);
    };
    window.__said = [];
    const Open = WebSocket;
    window.WebSocket = class extends Open {
        send(text) { window.__said.push(JSON.parse(text)); super.send(text); }
    };";

/// What was offered, in order.
const OFFERS: &str = "window.__said.filter((one) => one.event === 'offer_from_device').map((one) => one.data)";

/// A device whose socket is tapped, and who watches it.
async fn tapped() -> Stage {
    let (device, console) = tokio::join!(Browser::start_after("device", TAPPED), Browser::start("console"));
    Stage::live_with(device, console).await
}

/// Waits for one more offer than before, of this content and without smaller copies, and until it is seen.
async fn offered_alone(stage: &Stage, before: &Value, content: &str) {
    let wanted = format!(
        "{OFFERS}.length > {before} && {OFFERS}.at(-1).content === '{content}' && !{OFFERS}.at(-1).sdp.includes('a=simulcast')"
    );
    stage.device.wait(PATIENCE, &format!("one {content} is offered, without copies"), &wanted).await;
    live(&stage.console).await;
}

async fn offers(page: &Browser) -> Value {
    page.value(&format!("{OFFERS}.length")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_offers_smaller_copies_unless_it_is_told_not_to() {
    let stage = tapped().await;
    let first = stage.device.value(&format!("{OFFERS}[0].sdp")).await;
    assert!(first.as_str().is_some_and(|sdp| sdp.contains("a=simulcast:send h;m;l")), "{first}");
    let before = offers(&stage.device).await;
    stage.device.press("layers").await;
    offered_alone(&stage, &before, "camera").await;
    quiet(&[&stage.device, &stage.console]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_is_shared_as_one_and_the_camera_comes_back() {
    let stage = tapped().await;
    let before = offers(&stage.device).await;
    stage.device.press("screen").await;
    offered_alone(&stage, &before, "screen").await;
    stage.device.screenshot("device-screen").await;
    stage.device.press("screen").await;
    let camera = format!("{OFFERS}.at(-1).content === 'camera'");
    stage.device.wait(PATIENCE, "the camera is offered again", &camera).await;
    live(&stage.console).await;
    quiet(&[&stage.device, &stage.console]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mix_is_watched_in_a_tile_and_left_again() {
    let stage = Stage::live().await;
    stage.console.press("watch-mix").await;
    let plays = "document.querySelector('[data-feed=mix][data-state=live] video')?.videoWidth > 0";
    stage.console.wait(PATIENCE, "the mix plays", plays).await;
    stage.console.screenshot("mix").await;
    stage.console.press("watch-mix").await;
    stage.console.wait(PATIENCE, "its tile is gone", "!document.querySelector('[data-feed=mix]')").await;
    let pressed = format!("{}.getAttribute('aria-pressed')", found("watch-mix"));
    assert_eq!(stage.console.value(&pressed).await, "false");
    live(&stage.console).await;
    quiet(&[&stage.console]).await;
}
