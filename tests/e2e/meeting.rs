//! Inviting, sending and watching: the main job.

use crate::browser::Browser;
use crate::stage::{PATIENCE, Stage, plays_on, quiet};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn an_invited_device_is_seen_and_heard() {
    let stage = Stage::live().await;
    plays_on(&stage.console, 60).await;
    stage.console.press("sound").await; // pictures start muted, as browsers demand
    stage.console.receives(PATIENCE, "sound with energy", |now| now.audio_energy > 0.0).await;
    assert_eq!(stage.console.text("tile-name").await, stage.name, "the tile bears the device's name");
    quiet(&[&stage.device, &stage.console]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_viewer_sees_the_first_picture_within_two_seconds() {
    let stage = Stage::live().await;
    plays_on(&stage.console, 60).await; // the publisher's first keyframe is long gone
    let late = stage.viewer("late").await;
    late.type_into("room-number", &stage.room).await;
    let entered = Instant::now();
    late.press("enter-room").await;
    late.receives(Duration::from_secs(2), "a first picture", |now| now.frames_decoded > 0).await;
    assert!(entered.elapsed() <= Duration::from_secs(2), "first picture after {:?}", entered.elapsed());
    quiet(&[&late]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_720p_camera_passes_one_megabit_within_ten_seconds() {
    let (device, console) = tokio::join!(Browser::start_keeping_size("device"), Browser::start("console"));
    let stage = Stage::live_with(device, console).await;
    let begun = Instant::now();
    let mut fastest = 0;
    let mut before = stage.console.received().await;
    while begun.elapsed() < Duration::from_secs(10) && fastest < 1_000_000 {
        let at = Instant::now();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = stage.console.received().await;
        let bits = now.video_bytes.saturating_sub(before.video_bytes) * 8;
        println!("{bits} bit/s at {}x{}", now.width, now.height);
        fastest = fastest.max((bits as f64 / at.elapsed().as_secs_f64()) as u64);
        before = now;
    }
    assert!(fastest >= 1_000_000, "reached only {fastest} bit/s within 10 s");
    let full = |now: &crate::browser::Received| (now.width, now.height) == (1280, 720);
    stage.console.receives(PATIENCE, "the full 1280x720", full).await;
}
