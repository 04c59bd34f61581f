//! `millrace-bench soak`: viewers and publishers come and go by the thousand, and nothing is left behind.
//!
//! One publisher and one viewer stay all the time and must go on. Of ten viewers nine leave and one goes without a
//! word. The base is taken after some cycles of warming up; memory is judged from the thousandth cycle on.

use crate::local::{Census, Local};
use crate::{Attended, Client, Peer, Role};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(15);
/// How long counts may take to come back: lost clients' grace time and bounded teardown.
const SETTLE: Duration = Duration::from_secs(45);
/// Viewers that come and go side by side; at the same time a publisher does, if one is due.
const AT_ONCE: usize = 25;
/// Cycles before the base is taken.
const WARM_UP: usize = 250;
/// Memory is judged from this cycle on: caches, arenas and tables have their size by then.
const MEMORY_FROM: usize = 1000;
/// Cycles between two lines of progress.
const PROGRESS: usize = 500;

/// How long and how strict.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Options {
    /// Viewers that come and go.
    #[arg(long, default_value_t = 10_000)]
    pub cycles: usize,
    /// Publishers that come and go meanwhile.
    #[arg(long, default_value_t = 500)]
    pub publishers: usize,
    /// Most that private memory may have grown since the thousandth cycle, in kilobytes.
    #[arg(long, default_value_t = 4096)]
    pub growth_kb: u64,
}

/// Who stays.
struct Residents {
    console: Client,
    room: u64,
    feed: Value,
    viewer: Peer,
    _sockets: [Attended; 2],
    _publisher: Peer,
}

impl Residents {
    async fn enter(server: &Local) -> Result<Self> {
        let mut console = Client::connect(&server.ws(), Role::Web, "console", "any").await?;
        let room = console.make_room("console").await?;
        let mut device = Client::connect(&server.ws(), Role::Device, "resident", "any").await?;
        device.join(room, "console").await?;
        let publisher = device.publish(true, true).await?;
        let feed = console.expect("start_listening").await?["feed"].clone();
        let (client, viewer) = watch(server, room, &feed, "resident").await?;
        let sockets = [client.attended(), device.attended()];
        Ok(Self { console, room, feed, viewer, _sockets: sockets, _publisher: publisher })
    }

    /// The resident viewer still sees.
    async fn go_on(&self) -> Result<()> {
        let have = self.viewer.seen.video.load(Relaxed);
        self.viewer.until("video of the resident", LIMIT, |seen| seen.video.load(Relaxed) > have + 30).await
    }

    /// A publisher comes, is announced, goes.
    async fn publish_once(&mut self, server: &Local, name: &str) -> Result<()> {
        let mut device = Client::connect(&server.ws(), Role::Device, name, "any").await?;
        device.join(self.room, "console").await?;
        let _publisher = device.publish(true, true).await?;
        let live = self.console.expect("start_listening").await.with_context(|| name.to_owned())?;
        device.send("leave", json!({})).await?;
        let ended = self.console.expect("stop_listening").await.with_context(|| name.to_owned())?;
        ensure!(ended["feed"] == live["feed"], "another feed ended: {ended} after {live}");
        Ok(())
    }
}

async fn watch(server: &Local, room: u64, feed: &Value, name: &str) -> Result<(Client, Peer)> {
    let mut client = Client::connect(&server.ws(), Role::Web, name, "any").await?;
    client.join(room, name).await?;
    let viewer = client.watch(room, feed).await.with_context(|| name.to_owned())?;
    let seen = viewer.until("keyframe", LIMIT, |seen| seen.keyframes.load(Relaxed) > 0).await;
    seen.with_context(|| name.to_owned())?;
    Ok((client, viewer))
}

/// A viewer comes, sees a keyframe, goes: every tenth without a word.
async fn visit(server: &Local, room: u64, feed: &Value, number: usize) -> Result<()> {
    let (mut client, _viewer) = watch(server, room, feed, &format!("viewer-{number}")).await?;
    if !number.is_multiple_of(10) {
        client.send("leave", json!({})).await?;
    }
    Ok(())
}

/// Some viewers side by side, and a publisher if one is due.
async fn round(server: &Local, residents: &mut Residents, first: usize, publisher: bool) -> Result<()> {
    let (room, feed) = (residents.room, residents.feed.clone());
    let visits = (first..first + AT_ONCE).map(|number| visit(server, room, &feed, number));
    let publish = async {
        match publisher {
            true => residents.publish_once(server, &format!("device-{first}")).await,
            false => Ok(()),
        }
    };
    tokio::try_join!(futures::future::try_join_all(visits), publish).map(drop)
}

/// Does it; an error is the verdict that something stayed behind.
pub async fn run(millrace: &Path, options: Options) -> Result<()> {
    let server = Local::start(millrace)?;
    let mut residents = Residents::enter(&server).await?;
    for first in (0..WARM_UP).step_by(AT_ONCE) {
        round(&server, &mut residents, first, true).await.context("while warming up")?;
    }
    // The grace time of those who went without a word, then what is left when nobody has come for some seconds.
    tokio::time::sleep(Duration::from_secs(12)).await;
    let base = server.census().await?;
    println!("{:6} base        {base}", 0);
    let from = cycles(&server, &mut residents, &base, options).await?;
    let end = server.settled(&base, SETTLE).await?;
    residents.go_on().await?;
    println!("{:6} settled     {end}", options.cycles);
    verdict(&base, from.as_ref(), &end, options)
}

/// All cycles; returns what was held after the first thousand, if there are more.
async fn cycles(server: &Local, residents: &mut Residents, base: &Census, options: Options) -> Result<Option<Census>> {
    let (mut published, mut from, begun) = (0, None, Instant::now());
    for done in (AT_ONCE..=options.cycles).step_by(AT_ONCE) {
        let due = published < options.publishers * done / options.cycles;
        published += usize::from(due);
        round(server, residents, WARM_UP + done, due).await.with_context(|| format!("after {done} cycles"))?;
        if done.is_multiple_of(PROGRESS) {
            let per_second = done as f64 / begun.elapsed().as_secs_f64();
            println!("{done:6} {published:4} pub.   {}  {per_second:.0} cycles/s", server.census().await?);
        }
        if done == MEMORY_FROM && options.cycles > MEMORY_FROM {
            from = Some(server.settled(base, SETTLE).await?);
        }
    }
    Ok(from)
}

fn verdict(base: &Census, from: Option<&Census>, end: &Census, options: Options) -> Result<()> {
    ensure!(
        end.no_more_than(base),
        "LEFT BEHIND after {} cycles and {SETTLE:?}:\n{end}\nbase:\n{base}",
        options.cycles
    );
    let Some(from) = from else {
        println!("PASSED: all counts at base (memory is judged from cycle {MEMORY_FROM} on: too few cycles)");
        return Ok(());
    };
    let growth = end.private_kb.saturating_sub(from.private_kb);
    let limit = options.growth_kb;
    ensure!(growth <= limit, "GROWING: {growth} kB since cycle {MEMORY_FROM}, allowed are {limit} kB");
    println!("PASSED: all counts at base; memory grew by {growth} kB since cycle {MEMORY_FROM} (allowed: {limit} kB)");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: Options = Options { cycles: 5000, publishers: 10, growth_kb: 100 };
    const BASE: Census = Census { threads: 9, descriptors: 20, objects: 30, private_kb: 1000 };

    #[test]
    fn what_stays_behind_or_grows_fails() {
        let judged = |end: Census| verdict(&BASE, Some(&BASE), &end, OPTIONS).map_err(|e| e.to_string());
        assert_eq!(judged(Census { private_kb: 1100, ..BASE }), Ok(()));
        assert_eq!(judged(Census { descriptors: 19, private_kb: 900, ..BASE }), Ok(()));
        assert!(judged(Census { private_kb: 1101, ..BASE }).unwrap_err().contains("GROWING: 101 kB"));
        for end in [Census { threads: 10, ..BASE }, Census { descriptors: 21, ..BASE }, Census { objects: 31, ..BASE }]
        {
            assert!(judged(end).unwrap_err().contains("LEFT BEHIND"), "{end}");
        }
    }
}
