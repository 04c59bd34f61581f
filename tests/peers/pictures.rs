//! Pictures of feeds and of recordings.

use super::{feed, fetched, is_jpeg, recorded, refused};
use crate::process::ServerProcess;
use crate::studio::{device, recording, small, until};
use anyhow::{Result, ensure};
use millrace::demo::publisher::PublisherSpec;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_shows_itself() -> Result<()> {
    let (server, folder) = (ServerProcess::start()?, tempfile::tempdir()?);
    let device = device(&server, "hall", small()).await?;
    let picture = format!("/rooms/hall/feeds/{}/snapshot.jpg", feed(&server).await?);
    let narrow = fetched(&server, &format!("{picture}?width=64"), "image/jpeg", folder.path()).await?;
    is_jpeg(&narrow, 64, 48)?;
    is_jpeg(&fetched(&server, &picture, "image/jpeg", folder.path()).await?, 160, 120)?;
    refused(&server, &format!("{picture}?width=1"), None, (400, "bad_request", &["width", "16"])).await?;
    refused(&server, "/rooms/hall/feeds/999999/snapshot.jpg", None, (404, "feed_not_found", &[])).await?;
    device.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_without_a_picture_says_so() -> Result<()> {
    let server = ServerProcess::start()?;
    let device = device(&server, "hall", PublisherSpec { video: None, ..small() }).await?;
    let picture = format!("/rooms/hall/feeds/{}/snapshot.jpg?width=64", feed(&server).await?);
    refused(&server, &picture, None, (409, "not_ready", &["video"])).await?;
    device.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_gets_a_poster_and_a_sprite() -> Result<()> {
    let (server, folder) = (ServerProcess::start()?, tempfile::tempdir()?);
    let device = device(&server, "hall", small()).await?;
    let done = recorded(&server, json!({}), 4).await?;
    let id = done.id.as_str();
    let made = until("pictures", || async { Ok(recording(&server, id).await?.thumbnails) }).await?;
    ensure!(made.file == done.files[0].name && made.count > 0, "{made:?}");
    let file = |name: &str| format!("/recordings/{id}/files/{name}");
    is_jpeg(&fetched(&server, &file(&made.poster), "image/jpeg", folder.path()).await?, 160, 120)?;
    let rows = made.count.div_ceil(made.columns);
    let sprite = fetched(&server, &file(&made.sprite), "image/jpeg", folder.path()).await?;
    is_jpeg(&sprite, made.width * made.columns, made.height * rows)?;
    device.stop().await;
    Ok(())
}
