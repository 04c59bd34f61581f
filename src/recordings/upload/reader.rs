//! What is to be sent, piece by piece: a file on disk, or a manifest in memory. Hashed on the way.

use super::trouble::Trouble;
use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use std::path::{Path, PathBuf};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

enum From {
    Disk(File, PathBuf),
    Memory(Bytes),
}

/// What is to be sent, from its beginning to its end.
pub(super) struct Reader {
    from: From,
    hash: Context,
    /// Its size in bytes, when it was opened.
    pub size: u64,
}

impl Reader {
    /// A file that is complete: nobody writes it any more.
    pub async fn open(path: &Path) -> Result<Self, Trouble> {
        let opened = async {
            let file = File::open(path).await?;
            let size = file.metadata().await?.len();
            Ok((file, size))
        };
        let (file, size) = opened.await.map_err(|error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => Trouble::Hopeless("the local file is gone".into()),
            _ => Trouble::of_disk(&error, path),
        })?;
        Ok(Self { from: From::Disk(file, path.into()), hash: Context::new(&SHA256), size })
    }

    pub fn of_bytes(bytes: Bytes) -> Self {
        Self { size: bytes.len() as u64, from: From::Memory(bytes), hash: Context::new(&SHA256) }
    }

    /// The next so many bytes; fewer is an error, since the size is known.
    pub async fn next(&mut self, length: u64) -> Result<Bytes, Trouble> {
        let length = usize::try_from(length).map_err(|e| Trouble::Transient(e.to_string()))?;
        let bytes = match &mut self.from {
            From::Memory(bytes) => bytes.split_to(length.min(bytes.len())),
            From::Disk(file, path) => {
                let mut data = vec![0; length];
                file.read_exact(&mut data).await.map_err(|e| Trouble::of_disk(&e, path))?;
                data.into()
            }
        };
        self.hash.update(&bytes);
        Ok(bytes)
    }

    /// SHA-256 of all that was read, in hex.
    pub fn sha256(self) -> String {
        hex(self.hash)
    }
}

/// SHA-256 in hex.
pub(super) fn hex(hash: Context) -> String {
    hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
