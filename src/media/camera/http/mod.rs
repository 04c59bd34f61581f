//! `http://` and `https://`: HLS, MP4, MPEG-TS, Matroska, FLV and MJPEG.
//!
//! Decides by the first bytes what it is. Requests are ours (`client`), so that no redirect and no playlist leads where
//! `reach` does not allow; GStreamer gets bytes (`pipe`).

mod client;
mod hls;
mod pin;
mod pipe;

use super::attach::Attach;
use super::container::{Container, unknown};
use super::head::{Head, Site};
use super::plan::Plan;
use super::trouble::Trouble;
use bytes::{Bytes, BytesMut};
use client::{Client, Span};
use gst::glib;
use pipe::Pipe;
use reqwest::header::{ACCEPT_RANGES, CONTENT_LENGTH};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use url::Url;

/// What tells one kind from another.
const SNIFFED: usize = 16;

/// A source that is being read.
struct Reading {
    client: Client,
    pipeline: glib::WeakRef<gst::Pipeline>,
    attach: Arc<Attach>,
    /// It has an end.
    finite: Arc<AtomicBool>,
}

/// Ends the task with the attempt.
struct Task(tokio::task::JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Begins to read; everything else is told through `attach`.
///
/// # Errors
/// `Certificate`: the fingerprint is none. `Failed` outside of tokio.
pub fn build(plan: &Plan, site: &Site) -> Result<Head, Trouble> {
    let finite = Arc::new(AtomicBool::new(false));
    let reading = Reading {
        client: Client::new(plan)?,
        pipeline: site.pipeline.downgrade(),
        attach: site.attach.clone(),
        finite: finite.clone(),
    };
    let runtime = tokio::runtime::Handle::try_current()
        .map_err(|error| Trouble::new(crate::model::IngestReason::Failed, error.to_string()))?;
    let url = plan.url.clone();
    let task = runtime.spawn(async move {
        if let Err(trouble) = reading.read(&url).await {
            reading.attach.failed(trouble);
        }
    });
    Ok(Head { keep: Some(Box::new(Task(task))), finite, ..Head::default() })
}

impl Reading {
    async fn read(&self, url: &Url) -> Result<(), Trouble> {
        let (mut answer, url) = self.client.get(url, None).await?;
        let head = first_bytes(&mut answer).await?;
        if head.starts_with(b"#EXTM3U") {
            return hls::play(self, &url, head, answer).await;
        }
        let container = Container::of(&head).ok_or_else(unknown)?;
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let length = header(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        let seekable = header(ACCEPT_RANGES) == Some("bytes");
        self.finite.store(length.is_some(), Ordering::SeqCst);
        let pipe = Pipe::open(&self.pipeline, &self.attach, container, length.filter(|_| seekable))?;
        self.pour(&pipe, &url, head, answer).await
    }

    /// All bytes in the order in which the demuxer wants them: an MP4 whose index is at its end is read from there first.
    async fn pour(&self, pipe: &Pipe, url: &Url, head: Bytes, answer: reqwest::Response) -> Result<(), Trouble> {
        // A seekable source asks for its beginning at first, which is what is there.
        let first = pipe.elsewhere().unwrap_or(0);
        let mut answer = if first == 0 {
            pipe.push(head).await;
            answer
        } else {
            self.client.get(url, Some(Span { from: first, length: None })).await?.0
        };
        loop {
            let mut over = false;
            while let Some(bytes) = answer.chunk().await.map_err(|error| client::trouble(&error))? {
                if !pipe.push(bytes).await {
                    over = true;
                    break;
                }
            }
            if !over {
                pipe.end();
            }
            let from = pipe.until_elsewhere().await;
            answer = self.client.get(url, Some(Span { from, length: None })).await?.0;
        }
    }
}

/// Enough to see what it is.
async fn first_bytes(answer: &mut reqwest::Response) -> Result<Bytes, Trouble> {
    let mut head = BytesMut::new();
    while head.len() < SNIFFED {
        match answer.chunk().await.map_err(|error| client::trouble(&error))? {
            Some(bytes) => head.extend_from_slice(&bytes),
            None => break,
        }
    }
    Ok(head.freeze())
}
