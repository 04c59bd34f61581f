//! The call detail record: a file for each start of the service, a line for each event, nothing left out.

use super::super::session::Happening;
use metrics::counter;
use std::path::{Path, PathBuf};
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

/// Lines that may wait for the disk.
const QUEUE: usize = 10_000;

/// Whether a file's name is one that is given here: no other is shown or served.
pub fn is_record(name: &str) -> bool {
    let inner = name.strip_prefix("CDR.").and_then(|name| name.strip_suffix(".log"));
    inner.is_some_and(|inner| {
        !inner.is_empty() && inner.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    })
}

/// The way to the file. Cheap to clone.
#[derive(Clone)]
pub struct Record(mpsc::Sender<Entry>);

enum Entry {
    Line(String),
    Flush(oneshot::Sender<()>),
}

impl Record {
    /// Makes a file in this folder, and a task that writes.
    pub fn start(folder: &Path) -> Self {
        let name = jiff::Zoned::now().strftime("CDR.%Y-%m-%d_%H-%M-%S.log").to_string();
        let (sender, queue) = mpsc::channel(QUEUE);
        tokio::spawn(write_all(folder.join(name), queue));
        Self(sender)
    }

    /// One more line.
    pub fn write_down(&self, happening: &Happening) {
        if self.0.try_send(Entry::Line(format!("{}\n", happening.line()))).is_err() {
            counter!("media_openvidu_events_total", "reason" => "record_full").increment(1);
        }
    }

    /// What was written down before is in the file.
    pub async fn flush(&self) {
        let (sender, flushed) = oneshot::channel();
        if self.0.send(Entry::Flush(sender)).await.is_ok() {
            let _ended = flushed.await;
        }
    }
}

/// A file that cannot be written is tried again with each line, and spoken of once for each time that it breaks.
async fn write_all(path: PathBuf, mut queue: mpsc::Receiver<Entry>) {
    let (mut file, mut broken) = (None, false);
    let mut line = String::new();
    loop {
        let written = write(&path, &mut file, &line).await;
        if let (Err(error), false) = (&written, broken) {
            warn!(%error, folder = %path.parent().unwrap_or(&path).display(), "the call detail record cannot be written: see openvidu.cdr");
        }
        broken = written.is_err();
        line = loop {
            match queue.recv().await {
                Some(Entry::Line(line)) => break line,
                Some(Entry::Flush(done)) => drop(done.send(())),
                None => return,
            }
        };
    }
}

async fn write(path: &Path, file: &mut Option<File>, line: &str) -> std::io::Result<()> {
    let mut open = match file.take() {
        Some(open) => open,
        None => {
            tokio::fs::create_dir_all(path.parent().unwrap_or(path)).await?;
            OpenOptions::new().create(true).append(true).open(path).await?
        }
    };
    open.write_all(line.as_bytes()).await?;
    open.flush().await?;
    *file = Some(open);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_records_are_records() {
        assert!(is_record("CDR.2026-11-22_10-00-00.log"));
        for other in
            ["", "CDR..log", "CDR./../x.log", "CDR.%2e%2e.log", "../CDR.x.log", "CDR.x.log.gz", "millrace.toml"]
        {
            assert!(!is_record(other), "{other}");
        }
    }

    #[tokio::test]
    async fn each_event_is_a_line_of_a_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let record = Record::start(&folder.path().join("cdr"));
        record.write_down(&Happening::new("signalSent", ("S", "S_1"), 7, json!({ "from": null })));
        record.flush().await;
        let entry = std::fs::read_dir(folder.path().join("cdr")).unwrap().next().unwrap().unwrap();
        assert!(is_record(entry.file_name().to_str().unwrap()));
        let line: serde_json::Value = serde_json::from_slice(&std::fs::read(entry.path()).unwrap()).unwrap();
        let fields = json!({ "sessionId": "S", "uniqueSessionId": "S_1", "timestamp": 7, "from": null });
        assert_eq!(line, json!({ "signalSent": fields }));
    }
}
