//! A device that comes back with other media than it had.

use super::let_pass;
use crate::process::ServerProcess;
use crate::studio::{device, path, plays, recording, small, start, tell, until, until_state};
use anyhow::{Result, ensure};
use millrace::demo::publisher::PublisherSpec;
use millrace::model::{Codec, RecordingState};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_and_later_a_picture_too_are_two_files_of_one_recording() -> Result<()> {
    let server = ServerProcess::start()?;
    let sound = device(&server, "hall", PublisherSpec { video: None, ..small() }).await?;
    let id = start(&server, "hall", json!({})).await?;
    until_state(&server, &id, RecordingState::Recording).await?;
    let_pass(2).await;
    sound.stop().await;
    until("the first file is complete", || async {
        let files = recording(&server, &id).await?.files;
        Ok((files.len() == 1 && files[0].state == RecordingState::Ready).then_some(()))
    })
    .await?;
    let both = device(&server, "hall", PublisherSpec { video: Some(Codec::H264), ..small() }).await?;
    until("the next file", || async { Ok((recording(&server, &id).await?.files.len() == 2).then_some(())) }).await?;
    let_pass(2).await;
    tell(&server, &id, "stop").await?;
    let done = until_state(&server, &id, RecordingState::Ready).await?;
    let codecs = |file: usize| (done.files[file].codecs.contains(&Codec::Opus), done.files[file].codecs.len());
    ensure!(codecs(0) == (true, 1) && codecs(1) == (true, 2), "{done:?}");
    ensure!(done.files[1].codecs.contains(&Codec::H264) && done.files[1].segment == 2, "{done:?}");
    for file in 0..2 {
        ensure!(plays(&path(&server, &done, file))? > 1.0, "{done:?}");
    }
    both.stop().await;
    Ok(())
}
