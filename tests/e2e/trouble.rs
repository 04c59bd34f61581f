//! Reloads, crashes and stops: who is disturbed, and who is not.

use crate::stage::{PATIENCE, Stage, live, plays_on, quiet};

#[tokio::test(flavor = "multi_thread")]
async fn a_reloaded_device_comes_back_by_itself() {
    let stage = Stage::live().await;
    stage.device.reload().await;
    stage.device.wait(PATIENCE, "live again", "document.querySelector('[data-testid=lens][data-state=live]')").await;
    live(&stage.console).await;
    plays_on(&stage.console, 30).await;
    let tiles = stage.console.value("document.querySelectorAll('[data-testid=tile]').length").await;
    assert_eq!(tiles, 1, "one device, one tile");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crashed_viewer_disturbs_nobody() {
    let stage = Stage::live().await;
    let doomed = stage.viewer("doomed").await;
    stage.enter(&doomed).await;
    live(&doomed).await;
    let before = stage.console.received().await;
    drop(doomed); // killed: no close, no leave
    plays_on(&stage.console, 150).await;
    // Three browsers on a small machine stutter by themselves; what must not be is a picture that waits for something.
    let stood = stage.console.received().await.freeze_seconds - before.freeze_seconds;
    assert!(stood < 1.0, "the other viewer's picture stood still for {stood:.2} s");
    quiet(&[&stage.device, &stage.console]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reloaded_console_is_in_its_room_again() {
    let stage = Stage::live().await;
    stage.console.reload().await;
    live(&stage.console).await;
    assert_eq!(stage.console.text("room-id").await, stage.room);
    plays_on(&stage.console, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_takes_the_tile_away_with_its_reason_and_the_device_can_be_invited_again() {
    let stage = Stage::live().await;
    stage.device.press("stop").await;
    stage.console.wait(PATIENCE, "the tile goes", "!document.querySelector('[data-testid=tile]')").await;
    let told = format!("document.querySelector('[data-testid=log-list]').textContent.includes('{} ended')", stage.name);
    stage.console.wait(PATIENCE, "the reason in words", &told).await;
    stage.console.press("invite").await;
    live(&stage.console).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_room_is_refused_in_words() {
    let stage = Stage::live().await;
    let lost = stage.viewer("lost").await;
    lost.type_into("room-number", "999999999").await;
    lost.press("enter-room").await;
    let toast = "document.querySelector('[data-testid=toast][data-kind=error]')?.textContent.includes('no such room')";
    lost.wait(PATIENCE, "the refusal in words", toast).await;
    lost.wait(PATIENCE, "the first step again", "!document.querySelector('[data-testid=welcome]').hidden").await;
}
