//! Viewers on weak lines in Chromium, with the server's own answers: copies of a picture, screens, and the mix.

use crate::browser::{Browser, found};
use crate::service::start_server;
use crate::stage::{PATIENCE, Stage, live, quiet};

/// The last offer that the page made.
const OFFER: &str = "window.__peers.at(-1)?.localDescription?.sdp ?? ''";
/// A screen whose picture is a canvas: there is none to share without a desktop.
const SCREEN: &str = r"
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

const CONTENT: &str = "window.__said.filter((one) => one.event === 'offer_from_device').at(-1).data.content";

#[tokio::test(flavor = "multi_thread")]
async fn a_device_offers_smaller_copies_unless_it_is_told_not_to() {
    let stage = Stage::live().await;
    let offer = stage.device.value(OFFER).await;
    assert!(offer.as_str().is_some_and(|sdp| sdp.contains("a=simulcast:send h;m;l")), "{offer}");
    stage.device.press("layers").await;
    let single = format!("!({OFFER}).includes('a=simulcast') && ({OFFER}).includes('m=video')");
    stage.device.wait(PATIENCE, "it publishes anew, without copies", &single).await;
    live(&stage.console).await;
    quiet(&[&stage.device, &stage.console]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_is_shared_as_one_and_the_camera_comes_back() {
    let (device, console) = tokio::join!(Browser::start_after("device", SCREEN), Browser::start("console"));
    let stage = Stage::live_on(start_server().await, device, console).await;
    assert_eq!(stage.device.value(CONTENT).await, "camera");
    stage.device.press("screen").await;
    stage.device.wait(PATIENCE, "the screen is offered as one", &format!("{CONTENT} === 'screen'")).await;
    let single = format!("!({OFFER}).includes('a=simulcast') && ({OFFER}).includes('m=video')");
    stage.device.wait(PATIENCE, "a screen has no copies", &single).await;
    live(&stage.console).await;
    stage.device.screenshot("device-screen").await;
    stage.device.press("screen").await;
    stage.device.wait(PATIENCE, "the camera is offered again", &format!("{CONTENT} === 'camera'")).await;
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
