//! What a viewer gets, by the server's own word: on the tile, in the dialog, and in the bytes that come.

use crate::browser::{Browser, found};
use crate::stage::{PATIENCE, Stage, live, plays_on, quiet};
use std::time::Duration;

/// Bytes of pictures in two seconds that are no picture: a probe of the line, a packet that was under way.
const NO_PICTURE: u64 = 20_000;

async fn badge(page: &Browser, text: &str) {
    let shown = format!("!{0}.hidden && {0}.textContent === '{text}'", found("quality"));
    page.wait(PATIENCE, &format!("the badge says {text}"), &shown).await;
}

async fn limit(page: &Browser, choice: &str) {
    page.press("quality").await;
    page.wait(PATIENCE, "the explanation is there", &format!("!{}.hidden", found("quality-more"))).await;
    page.press(choice).await;
    page.press("quality-close").await;
}

/// Bytes of pictures that come in two seconds, once the badge has said that none do.
async fn picture_bytes(page: &Browser) -> u64 {
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = page.received().await.video_bytes;
    tokio::time::sleep(Duration::from_secs(2)).await;
    page.received().await.video_bytes - before
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_explains_in_words_and_figures_what_a_tile_gets() {
    let stage = Stage::live().await;
    let console = &stage.console;
    console.wait(PATIENCE, "the badge", &format!("!{}.hidden", found("quality"))).await;
    console.press("quality").await;
    console.wait(PATIENCE, "a chart with a band", "document.querySelector('.chart .band')").await;
    console.wait(PATIENCE, "a line of what is sent", "document.querySelector('.chart .sent').getAttribute('d')").await;
    for part in ["quality-words", "quality-since", "quality-line", "quality-facts"] {
        assert_ne!(console.text(part).await, "", "{part} is empty");
    }
    let mine = console.value("document.querySelectorAll('[data-testid=option][aria-current]').length").await;
    assert_eq!(mine, 1, "one of the options is what it gets");
    console.screenshot("explained").await;
    console.press("quality-close").await;
    quiet(&[console]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_only_stops_the_pictures_and_auto_brings_them_back() {
    let stage = Stage::live().await;
    let console = &stage.console;
    limit(console, "limit-sound").await;
    badge(console, "sound only").await;
    let bytes = picture_bytes(console).await;
    assert!(bytes < NO_PICTURE, "{bytes} bytes of pictures in two seconds");
    limit(console, "limit-auto").await;
    plays_on(console, 60).await;
    console
        .wait(PATIENCE, "the tile shows it", "document.querySelector('.tile[data-shows=picture] .tile-wait[hidden]')")
        .await;
    quiet(&[console]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_no_interruption() {
    let stage = Stage::live().await;
    let console = &stage.console;
    limit(console, "limit-paused").await;
    badge(console, "paused").await;
    for _ in 0..4 {
        let bytes = picture_bytes(console).await;
        assert!(bytes < NO_PICTURE, "{bytes} bytes of pictures in two seconds");
        assert_eq!(console.value("document.querySelector('.tile').dataset.state").await, "live");
    }
    limit(console, "limit-auto").await;
    plays_on(console, 60).await;
    quiet(&[console]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_single_streams_pause_while_the_mix_is_watched() {
    let stage = Stage::live().await;
    let console = &stage.console;
    console.press("watch-mix").await;
    let plays = "document.querySelector('[data-feed=mix][data-state=live] video')?.videoWidth > 0";
    console.wait(PATIENCE, "the mix plays", plays).await;
    let rests = "document.querySelector('.tile[data-shows=nothing]:not([data-feed=mix])')";
    console.wait(PATIENCE, "the single stream rests", rests).await;
    console.screenshot("mix-alone").await;
    console.press("watch-mix").await;
    console.wait(PATIENCE, "it goes on", "document.querySelector('.tile[data-shows=picture]')").await;
    live(console).await;
    plays_on(console, 30).await;
    quiet(&[console]).await;
}

/// Needs a server that takes the copies.
#[tokio::test(flavor = "multi_thread")]
async fn copies_that_nobody_uses_are_not_sent() {
    let stage = Stage::live().await;
    let sent = |words: &str| format!("{}.textContent === 'Sent now: {words}.'", found("layers-sent"));
    stage.device.wait(PATIENCE, "the one viewer gets the best", &sent("full size")).await;
    limit(&stage.console, "limit-sound").await;
    stage.device.wait(PATIENCE, "the smallest is kept for who comes", &sent("quarter size")).await;
    limit(&stage.console, "limit-auto").await;
    stage.device.wait(PATIENCE, "the best again", &sent("full size")).await;
    plays_on(&stage.console, 30).await;
    quiet(&[&stage.device, &stage.console]).await;
}

/// Chromium's synthetic microphone beeps.
#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_is_marked_on_its_tile() {
    let stage = Stage::live().await;
    stage.console.wait(PATIENCE, "the beeping device is marked", "document.querySelector('.tile[data-speaks]')").await;
    stage.console.screenshot("speaks").await;
    quiet(&[&stage.console]).await;
}
