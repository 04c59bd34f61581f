//! A folder as a destination: a mounted disk. Written aside, synced, renamed, like everything here.

use super::trouble::Trouble;
use bytes::Bytes;
use object_store::path::Path;
use std::io::{self, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn path(&self, key: &Path) -> PathBuf {
        key.parts().fold(self.root.clone(), |path, part| path.join(part.as_ref()))
    }
    /// Where the parts go until all are there.
    fn aside(&self, key: &Path, id: &str) -> PathBuf {
        self.path(key).with_file_name(id)
    }

    pub async fn put(&self, key: &Path, data: &[u8]) -> Result<(), Trouble> {
        let id = self.begin(key).await?;
        self.part(key, &id, 0, data).await?;
        self.complete(key, &id).await
    }

    /// The id is the temporary file's name: there is one at a time of a file.
    pub async fn begin(&self, key: &Path) -> Result<String, Trouble> {
        let path = self.path(key);
        let id = format!(".{}.part", key.filename().unwrap_or("file"));
        let begun = async {
            // The root is the operator's: a disk that is not mounted must not be taken for an empty one.
            fs::metadata(&self.root).await?;
            fs::create_dir_all(path.parent().unwrap_or(&self.root)).await?;
            File::create(self.aside(key, &id)).await
        };
        begun.await.map_err(|e| Trouble::of_disk(&e, &path)).map(|_| id)
    }

    pub async fn part(&self, key: &Path, id: &str, offset: u64, data: &[u8]) -> Result<String, Trouble> {
        let path = self.aside(key, id);
        let written = async {
            let mut file = OpenOptions::new().write(true).open(&path).await?;
            file.seek(SeekFrom::Start(offset)).await?;
            file.write_all(data).await?;
            file.sync_data().await
        };
        written.await.map_err(|e| Trouble::of_disk(&e, &path)).map(|()| offset.to_string())
    }

    pub async fn complete(&self, key: &Path, id: &str) -> Result<(), Trouble> {
        let (aside, path) = (self.aside(key, id), self.path(key));
        let done = async {
            fs::rename(&aside, &path).await?;
            File::open(path.parent().unwrap_or(&self.root)).await?.sync_all().await
        };
        done.await.map_err(|e| Trouble::of_disk(&e, &path))
    }

    pub async fn abort(&self, key: &Path, id: &str) -> Result<(), Trouble> {
        let aside = self.aside(key, id);
        fs::remove_file(&aside).await.map_err(|e| Trouble::of_disk(&e, &aside))?;
        // Only if nothing else lies in it.
        let _others = fs::remove_dir(aside.parent().unwrap_or(&self.root)).await;
        Ok(())
    }

    pub async fn size(&self, key: &Path) -> Result<u64, Trouble> {
        let path = self.path(key);
        fs::metadata(&path).await.map(|m| m.len()).map_err(|e| Trouble::of_disk(&e, &path))
    }

    pub async fn read(&self, key: &Path, range: Range<u64>) -> Result<Bytes, Trouble> {
        let path = self.path(key);
        read_range(&path, range).await.map_err(|e| Trouble::of_disk(&e, &path))
    }
}

async fn read_range(path: &std::path::Path, range: Range<u64>) -> io::Result<Bytes> {
    let mut file = File::open(path).await?;
    file.seek(SeekFrom::Start(range.start)).await?;
    let length = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
    let mut data = vec![0; length];
    file.read_exact(&mut data).await?;
    Ok(data.into())
}
