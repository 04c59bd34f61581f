//! Copies of finished recordings, in a folder elsewhere.

use super::recorded;
use crate::process::ServerProcess;
use crate::studio::{device, path, recording, small, until};
use anyhow::{Context, Result, ensure};
use millrace::model::{Recording, UploadState};
use serde_json::json;
use std::path::{Path, PathBuf};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finished_recording_is_copied_whole() -> Result<()> {
    let elsewhere = tempfile::tempdir()?;
    let url = format!("file://{}", elsewhere.path().display());
    let server = ServerProcess::start_with(&[("STORAGE__PRIMARY__URL", &url)])?;
    let device = device(&server, "hall", small()).await?;
    let done = recorded(&server, json!({}), 3).await?;
    let id = done.id.as_str();
    let copied = until("all is copied", || async {
        let now = recording(&server, id).await?;
        let there = now.thumbnails.is_some() && now.files.iter().all(is_copied);
        Ok((there && pictures(&now, elsewhere.path()).iter().all(|picture| picture.exists())).then_some(now))
    })
    .await?;
    let copy = elsewhere.path().join(id).join(&copied.files[0].name);
    ensure!(std::fs::read(&copy)? == std::fs::read(path(&server, &copied, 0))?, "{} differs", copy.display());
    until("the last manifest is copied", || async {
        let Ok(text) = std::fs::read(elsewhere.path().join(id).join("manifest.json")) else { return Ok(None) };
        let manifest: Recording = serde_json::from_slice(&text).context("the copied manifest")?;
        Ok((manifest.id == copied.id && manifest.thumbnails == copied.thumbnails).then_some(()))
    })
    .await?;
    device.stop().await;
    Ok(())
}

fn is_copied(file: &millrace::model::RecordingFile) -> bool {
    file.uploads.iter().any(|upload| upload.destination == "primary" && upload.state == UploadState::Done)
}

fn pictures(recording: &Recording, elsewhere: &Path) -> Vec<PathBuf> {
    let names = recording.thumbnails.iter().flat_map(|made| [&made.poster, &made.sprite]);
    names.map(|name| elsewhere.join(recording.id.as_str()).join(name)).collect()
}
