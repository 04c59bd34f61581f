//! Recording from the console's button, and playing what came of it.

use crate::stage::{PATIENCE, Stage, plays_on, quiet};
use std::process::Command;
use std::time::Duration;

const PRESSED: &str = "document.querySelector('[data-testid=record][aria-pressed=true]')";
const READY: &str = "document.querySelector('[data-testid=recording][data-state=ready] [data-testid=play]')";
const PLAYS: &str = "(() => { const v = document.querySelector('[data-testid=player]'); return v.videoWidth > 0 && v.currentTime > 1; })()";

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_made_with_the_button_plays_in_the_page() {
    let stage = Stage::live().await;
    stage.console.press("record").await;
    stage.console.wait(PATIENCE, "the button says that it records", PRESSED).await;
    plays_on(&stage.console, 60).await;
    tokio::time::sleep(Duration::from_secs(5)).await; // the length of the recording, not synchronisation
    stage.console.press("record").await;
    stage.console.wait(PATIENCE, "the recording is ready", READY).await;
    stage.console.press("play").await;
    stage.console.wait(PATIENCE, "the player plays", PLAYS).await;
    stage.console.screenshot("player").await;
    let path = stage.console.value("new URL(document.querySelector('[data-testid=player]').src).pathname").await;
    probe(&stage.service.at(path.as_str().expect("a path"))).await;
    stage.console.press("player-close").await;
    plays_on(&stage.console, 10).await; // recording and playing disturb nobody
    quiet(&[&stage.device, &stage.console]).await;
}

/// `ffprobe` reads the downloaded file and counts its packets; a header alone proves nothing.
async fn probe(url: &str) {
    let bytes = reqwest::get(url).await.expect("a download").error_for_status().expect("the file").bytes().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("recording");
    std::fs::write(&file, bytes.expect("the whole file")).expect("the file is written");
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args([
        "-v",
        "error",
        "-count_packets",
        "-show_entries",
        "stream=codec_type,width,nb_read_packets",
        "-of",
        "json",
    ]);
    let output = ffprobe.arg(&file).output().expect("ffprobe runs");
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for (kind, least) in [("video", 60), ("audio", 150)] {
        let streams = found["streams"].as_array().expect("streams");
        let stream =
            streams.iter().find(|one| one["codec_type"] == kind).unwrap_or_else(|| panic!("no {kind}: {found}"));
        let packets: u64 = stream["nb_read_packets"].as_str().and_then(|n| n.parse().ok()).unwrap_or_default();
        assert!(packets >= least, "{kind}: {packets} packets in 5 s and more");
    }
}
