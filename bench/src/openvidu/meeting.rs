//! A meeting of pages that publish and watch each other and themselves; what it costs, and whether all is seen.

use super::client::{Page, rest, token};
use crate::clip::Clip;
use crate::film::{Film, Watched};
use crate::flash_beep::run as output;
use crate::local::Local;
use crate::{Peer, ivf, process};
use anyhow::{Context, Result, anyhow, ensure};
use serde_json::json;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// The meeting's session.
pub const SESSION: &str = "meeting";
const LIMIT: Duration = Duration::from_secs(20);
/// From the last subscription to the measurement.
const QUIET: Duration = Duration::from_secs(3);

/// Its members.
pub struct Meeting {
    size: (u32, u32),
    _pages: Vec<Page>,
    publishers: Vec<Peer>,
    viewers: Vec<Peer>,
}

impl Meeting {
    /// So many join, publish with their own pictures back, and watch all others, as pages do at `streamCreated`.
    pub async fn hold(server: &Local, clip: &Arc<Clip>, members: usize) -> Result<Self> {
        rest(&server.address, "POST", "/sessions", &json!({ "customSessionId": SESSION })).await?;
        let (mut pages, mut publishers, mut streams) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..members {
            let token = token(&server.address, SESSION, "PUBLISHER").await?;
            let page = Page::join(&server.address, SESSION, &token).await?;
            let (peer, stream) = page.publish(clip.clone(), true).await?;
            pages.push(page);
            publishers.push(peer);
            streams.push(stream);
        }
        let mut viewers = Vec::new();
        for (number, page) in pages.iter().enumerate() {
            for (_, stream) in streams.iter().enumerate().filter(|(of, _)| *of != number) {
                viewers.push(page.watch(stream).await?);
            }
        }
        let meeting = Self { size: clip.shape.size, _pages: pages, publishers, viewers };
        for (number, peer) in meeting.receivers().enumerate() {
            let begun = peer.until("a keyframe", LIMIT, |seen| seen.keyframes.load(Relaxed) > 0).await;
            begun.with_context(|| format!("receiver {number}"))?;
        }
        Ok(meeting)
    }

    /// All that receive: the publishers their own.
    fn receivers(&self) -> impl Iterator<Item = &Peer> {
        self.publishers.iter().chain(&self.viewers)
    }

    /// Prints what it costs for so long; returns what was seen from the very beginning.
    pub async fn measure(&self, server: &Local, seconds: u64) -> Result<Seen> {
        tokio::time::sleep(QUIET).await;
        let (before, begun) = ((process::sample(server.pid())?, self.packets()), Instant::now());
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let (after, elapsed) = ((process::sample(server.pid())?, self.packets()), begun.elapsed().as_secs_f64());
        let cores = (after.0.cpu_ms - before.0.cpu_ms) / 1000.0 / elapsed;
        let packets = (after.1 - before.1) as f64 / elapsed;
        let received = self.receivers().count();
        println!("\n| streams up, down | cores | a stream | packets/s down | µs a packet | resident MB | threads |");
        println!("| --- | --- | --- | --- | --- | --- | --- |");
        println!(
            "| {}, {received} | {cores:.3} | {:.4} | {packets:.0} | {:.1} | {:.0} | {} |",
            self.publishers.len(),
            cores / received.max(1) as f64,
            cores * 1e6 / packets.max(1.0),
            after.0.resident_kb as f64 / 1024.0,
            after.0.threads
        );
        let films: Result<Vec<_>> = self.receivers().map(|peer| Ok((film(peer)?, lost(peer)?))).collect();
        Ok(Seen { size: self.size, films: films? })
    }

    fn packets(&self) -> u64 {
        self.receivers().map(|peer| peer.seen.video.load(Relaxed) + peer.seen.audio.load(Relaxed)).sum()
    }
}

/// What all receivers have seen.
pub struct Seen {
    size: (u32, u32),
    /// With the packets that never came.
    films: Vec<(Film, u64)>,
}

impl Seen {
    /// Prints whether it was whole, in time, and decoded by `ffmpeg` to its end. Takes as long as that does.
    pub fn judge(&self) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (mut sum, mut missing, mut decoded, mut wrong) = (Watched::default(), 0, 0, 0);
        for (film, lost) in &self.films {
            let watched = film.watched();
            ensure!(watched.whole > 0, "a receiver has seen nothing");
            sum = sum.and(watched);
            missing += lost;
            let shown = decode(film, self.size, folder.path())?;
            decoded += shown;
            wrong += usize::from(shown != watched.whole);
        }
        println!(
            "\n| pictures whole | decoded | broken | streams not decoded to the end | packets missing | freezes | longest gap ms |"
        );
        println!("| --- | --- | --- | --- | --- | --- | --- |");
        let Watched { whole, broken, freezes, longest_ms } = sum;
        println!("| {whole} | {decoded} | {broken} | {wrong} | {missing} | {freezes} | {longest_ms:.0} |");
        Ok(())
    }
}

/// Takes it out: what comes later is not kept.
fn film(peer: &Peer) -> Result<Film> {
    Ok(peer.seen.film.lock().map_err(|_| anyhow!("a peer has panicked"))?.take().unwrap_or_default())
}

/// Packets of pictures that never came.
fn lost(peer: &Peer) -> Result<u64> {
    let streams = peer.seen.streams.lock().map_err(|_| anyhow!("a peer has panicked"))?;
    Ok(streams.values().map(|(first, last, count)| (last - first + 1).saturating_sub(*count)).sum())
}

/// Pictures that `ffmpeg` shows without a complaint up to its first one.
fn decode(film: &Film, (width, height): (u32, u32), folder: &Path) -> Result<usize> {
    let path = folder.join("film.ivf");
    let frames = film.frames();
    let frames: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    std::fs::write(&path, ivf::file((width as u16, height as u16), &frames))?;
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-count_frames", "-select_streams", "v:0"]);
    command.args(["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"]).arg(&path);
    let text = String::from_utf8(output(&mut command)?)?;
    text.trim().trim_end_matches(',').parse().with_context(|| format!("no count of pictures: {text:?}"))
}
