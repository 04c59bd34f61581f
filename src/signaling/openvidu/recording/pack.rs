//! The ZIP of an individual recording: a file of each stream, and JSON that says when each began and ended.

use super::kept::{Kept, KeptStream, Shelf};
use crate::model::{Kind, Recording, RecordingFile};
use async_zip::tokio::write::ZipFileWriter;
use async_zip::{Compression, ZipEntryBuilder};
use futures::AsyncWriteExt;
use serde_json::{Value, json};
use tokio_util::compat::FuturesAsyncWriteCompatExt;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Writes it beside the media and returns its name there. Of the streams only those that are to be recorded.
pub async fn pack(shelf: &Shelf, kept: &Kept, recording: &Recording) -> Result<String, Failed> {
    let name = "openvidu.zip".to_owned();
    let file = tokio::fs::File::create(shelf.path(&kept.of, &name)).await?;
    let mut zip = ZipFileWriter::with_tokio(file);
    let mut listed = Vec::new();
    for (stream, file, entry_name) in entries(kept, recording) {
        let Ok(mut media) = tokio::fs::File::open(shelf.path(&kept.of, &file.name)).await else { continue };
        let entry = ZipEntryBuilder::new(entry_name.clone().into(), Compression::Stored);
        let mut sink = zip.write_entry_stream(entry).await?.compat_write();
        tokio::io::copy(&mut media, &mut sink).await?;
        sink.into_inner().close().await?;
        listed.push(described(kept, stream, file, &entry_name));
    }
    let sheet = json!({
        "createdAt": kept.created_at, "id": kept.id, "name": kept.name, "sessionId": kept.session, "files": listed,
    });
    let entry = ZipEntryBuilder::new(format!("{}.json", kept.name).into(), Compression::Stored);
    let mut sink = zip.write_entry_stream(entry).await?;
    sink.write_all(&serde_json::to_vec_pretty(&sheet)?).await?;
    sink.close().await?;
    zip.close().await?;
    Ok(name)
}

/// Files by their streams' names; further segments of a stream are numbered.
fn entries<'a>(kept: &'a Kept, recording: &'a Recording) -> Vec<(&'a KeptStream, &'a RecordingFile, String)> {
    let mut found: Vec<(&KeptStream, &RecordingFile, String)> = Vec::new();
    for file in recording.files.iter().filter(|file| file.bytes > 0) {
        let Some(stream) = kept.streams.iter().find(|stream| Some(stream.feed) == file.feed) else { continue };
        let ending = file.name.rsplit('.').next().unwrap_or("webm");
        let before = found.iter().filter(|(known, ..)| known.stream == stream.stream).count();
        let number = if before == 0 { String::new() } else { format!("-{before}") };
        found.push((stream, file, format!("{}{number}.{ending}", stream.stream)));
    }
    found
}

fn described(kept: &Kept, stream: &KeptStream, file: &RecordingFile, name: &str) -> Value {
    let began = file.started_at.map_or(kept.created_at, |at| at.as_millisecond()) - kept.created_at;
    let has = |kind| file.codecs.iter().any(|codec| codec.kind() == kind);
    let mut described = json!({
        "name": name, "connectionId": stream.connection, "streamId": stream.stream, "size": file.bytes,
        "serverData": stream.server_data, "hasAudio": has(Kind::Audio), "hasVideo": has(Kind::Video),
        "startTimeOffset": began.max(0), "endTimeOffset": began.max(0) + i64::try_from(file.duration_ms).unwrap_or(0),
    });
    if !stream.client_data.is_empty() {
        described["clientData"] = stream.client_data.clone().into();
    }
    if let (Some(kind), true) = (&stream.type_of_video, has(Kind::Video)) {
        described["typeOfVideo"] = kind.clone().into();
    }
    described
}
