//! A ZIP of a recording's files, written while they are read: never in memory.
//!
//! Decides its form (stored, not compressed: media does not get smaller); leaves names and what else is in it to who asks.

use async_zip::tokio::write::ZipFileWriter;
use async_zip::{Compression, ZipEntryBuilder};
use futures::AsyncWriteExt;
use std::path::PathBuf;
use tokio::io::AsyncWrite;
use tokio_util::compat::FuturesAsyncWriteCompatExt;

/// Why it was not written whole.
pub type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Writes these files (name in the ZIP, path), then a last entry of its own. A file that is not here (one that was uploaded
/// and removed, or never begun) is left out; the last entry is made knowing the names of those that are in.
pub async fn write(
    to: impl AsyncWrite + Unpin,
    files: Vec<(String, PathBuf)>,
    last: impl FnOnce(&[String]) -> serde_json::Result<(String, Vec<u8>)>,
) -> Result<(), Failed> {
    let mut zip = ZipFileWriter::with_tokio(to);
    let mut names = Vec::new();
    for (name, path) in files {
        let Ok(mut file) = tokio::fs::File::open(path).await else { continue };
        let mut sink = zip.write_entry_stream(entry(&name)).await?.compat_write();
        tokio::io::copy(&mut file, &mut sink).await?;
        sink.into_inner().close().await?;
        names.push(name);
    }
    let (name, data) = last(&names)?;
    let mut sink = zip.write_entry_stream(entry(&name)).await?;
    sink.write_all(&data).await?;
    sink.close().await?;
    zip.close().await?;
    Ok(())
}

fn entry(name: &str) -> ZipEntryBuilder {
    ZipEntryBuilder::new(name.to_owned().into(), Compression::Stored)
}
