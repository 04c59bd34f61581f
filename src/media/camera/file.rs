//! `file:///NAME`: files inside the one folder that `[reach] files` names.

use super::container::{Container, chain, unknown};
use super::head::{Head, Site, element};
use super::plan::Plan;
use super::trouble::Trouble;
use crate::media::reach::percent_decode;
use crate::model::IngestReason;
use gst::prelude::*;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Builds it.
///
/// # Errors
/// `Forbidden` outside the folder or without one, `NotFound`, `Unsupported`.
pub fn build(plan: &Plan, site: &Site) -> Result<Head, Trouble> {
    let path = inside(plan.reach.files.as_deref(), plan.url.path())?;
    let container = container(&path)?;
    let source = element("filesrc")?;
    source.set_property("location", path.display().to_string());
    let demuxer = container.demuxer(&site.attach)?;
    let gone = || Trouble::new(IngestReason::Failed, "the pipeline is gone");
    chain(&site.pipeline.downgrade().upgrade().ok_or_else(gone)?, &[&source, &demuxer])?;
    Ok(Head { finite: Arc::new(AtomicBool::new(true)), ..Head::default() })
}

/// The file of this URI path, with all links followed: it must lie in `folder`.
fn inside(folder: Option<&Path>, path: &str) -> Result<PathBuf, Trouble> {
    let forbidden = |why: &str| Trouble::new(IngestReason::Forbidden, why);
    let folder = folder.ok_or_else(|| forbidden("no files may be played: set [reach] files to their folder"))?;
    let folder = folder.canonicalize().map_err(|_| forbidden("the folder [reach] files is not there: make it"))?;
    let none = || Trouble::new(IngestReason::NotFound, "there is no such file in the folder [reach] files");
    let name = percent_decode(path.trim_start_matches('/'));
    let file = folder.join(name).canonicalize().map_err(|_| none())?;
    // The same answer for what is elsewhere and what is nowhere.
    if file.starts_with(&folder) && file.is_file() { Ok(file) } else { Err(none()) }
}

fn container(path: &Path) -> Result<Container, Trouble> {
    let mut head = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(16).read_to_end(&mut head));
    read.map_err(|error| Trouble::new(IngestReason::NotFound, format!("the file cannot be read: {error}")))?;
    Container::of(&head).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_played_from_the_folder_only() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("clips");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("a b.mp4"), b"\0\0\0\x20ftypisom").unwrap();
        std::fs::write(dir.path().join("secret.mp4"), b"x").unwrap();
        std::os::unix::fs::symlink(dir.path().join("secret.mp4"), folder.join("link.mp4")).unwrap();
        assert!(inside(Some(&folder), "/a%20b.mp4").is_ok());
        for bad in [
            "/../secret.mp4",
            "/%2e%2e/secret.mp4",
            "/..%2fsecret.mp4",
            "/link.mp4",
            "/",
            "//etc/passwd",
            "/%2fetc/passwd",
        ] {
            assert_eq!(inside(Some(&folder), bad).unwrap_err().reason, IngestReason::NotFound, "{bad}");
        }
        assert_eq!(inside(None, "/a").unwrap_err().reason, IngestReason::Forbidden);
    }
}
