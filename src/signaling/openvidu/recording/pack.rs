//! The ZIP of an individual recording: a file of each stream, and JSON that says when each began and ended.

use super::kept::{Kept, KeptStream};
use super::shelf::Shelf;
use crate::model::{Kind, Recording, RecordingFile};
use crate::recordings::archive::{self, Failed};
use serde_json::{Value, json};

/// Its name beside the media: it goes with them.
const ZIP: &str = "openvidu.zip";

/// Writes it beside the media and returns its name there.
pub async fn pack(shelf: &Shelf, kept: &Kept, recording: &Recording) -> Result<String, Failed> {
    let file = tokio::fs::File::create(shelf.path(&kept.of, ZIP)).await?;
    let entries = entries(kept, recording);
    let path = |file: &RecordingFile| shelf.path(&kept.of, &file.name);
    let media = entries.iter().map(|(_, file, name)| (name.clone(), path(file))).collect();
    archive::write(file, media, |names| {
        let there = entries.iter().filter(|(.., name)| names.contains(name));
        let listed: Vec<Value> = there.map(|(stream, file, name)| described(kept, stream, file, name)).collect();
        let sheet = json!({
            "createdAt": kept.created_at, "id": kept.id, "name": kept.name, "sessionId": kept.session, "files": listed,
        });
        Ok((format!("{}.json", kept.name), serde_json::to_vec_pretty(&sheet)?))
    })
    .await?;
    Ok(ZIP.into())
}

/// Files by their streams' names; further ones of a stream are numbered. The ending says what the file is: H264 is in MP4.
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
