//! `millrace-bench soak`: viewers and publishers come and go by the thousand, and nothing is left behind.
//!
//! One publisher and one viewer stay all the time and must go on. Of ten viewers nine leave and one goes without a
//! word. The base is taken after some cycles of warming up. Memory is judged twice, since the allocator's arenas take a
//! few thousand cycles to reach their size: all growth since the thousandth cycle, and more strictly that of the second
//! half, where only a leak still grows.

use crate::local::{Census, Local};
use crate::scene::Scene;
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
/// Memory is judged from this cycle on: caches and tables have their size by then.
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
    #[arg(long, default_value_t = 8192)]
    pub growth_kb: u64,
    /// Most that it may have grown in the second half of the cycles, in kilobytes.
    #[arg(long, default_value_t = 2048)]
    pub late_growth_kb: u64,
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
        let Scene { console, device, publisher, room, feed } =
            Scene::enter(&server.ws(), "console", "resident", (true, true)).await?;
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

/// Some viewers side by side, and meanwhile the publishers that are due, one after another.
async fn round(server: &Local, residents: &mut Residents, first: usize, publishers: usize) -> Result<()> {
    let (room, feed) = (residents.room, residents.feed.clone());
    let visits = (first..first + AT_ONCE).map(|number| visit(server, room, &feed, number));
    let publish = async {
        for number in 0..publishers {
            residents.publish_once(server, &format!("device-{first}-{number}")).await?;
        }
        Ok(())
    };
    tokio::try_join!(futures::future::try_join_all(visits), publish).map(drop)
}

/// Does it; an error is the verdict that something stayed behind.
pub async fn run(millrace: &Path, options: Options) -> Result<()> {
    let server = Local::start(millrace)?;
    let mut residents = Residents::enter(&server).await?;
    for first in (0..WARM_UP).step_by(AT_ONCE) {
        round(&server, &mut residents, first, 1).await.context("while warming up")?;
    }
    // The grace time of those who went without a word, then what is left when nobody has come for some seconds.
    tokio::time::sleep(Duration::from_secs(12)).await;
    let base = server.census().await?;
    println!("{:6} base        {base}", 0);
    let looks = cycles(&server, &mut residents, &base, options).await?;
    let end = server.settled(&base, SETTLE).await?;
    residents.go_on().await?;
    println!("{:6} settled     {end}", options.cycles);
    verdict(&base, &looks, &end, options)
}

/// Settled looks at which memory is judged, each with its cycle and the growth allowed since.
type Looks = Vec<(usize, Census, u64)>;

/// All cycles; looks after the first thousand and after half of them, if they are more than that.
async fn cycles(server: &Local, residents: &mut Residents, base: &Census, options: Options) -> Result<Looks> {
    let (mut published, mut looks, begun) = (0, Looks::new(), Instant::now());
    for done in (AT_ONCE..=options.cycles).step_by(AT_ONCE) {
        let due = options.publishers * done / options.cycles - published;
        published += due;
        round(server, residents, WARM_UP + done, due).await.with_context(|| format!("after {done} cycles"))?;
        if done.is_multiple_of(PROGRESS) {
            let per_second = done as f64 / begun.elapsed().as_secs_f64();
            println!("{done:6} {published:4} pub.   {}  {per_second:.0} cycles/s", server.census().await?);
        }
        let limits =
            [(MEMORY_FROM, options.growth_kb), ((options.cycles / 2).max(MEMORY_FROM), options.late_growth_kb)];
        for (_, limit) in limits.iter().filter(|(at, _)| (*at..*at + AT_ONCE).contains(&done) && done < options.cycles)
        {
            let look = server.settled(base, SETTLE).await?;
            println!("{done:6} settled     {look}");
            looks.push((done, look, *limit));
        }
    }
    Ok(looks)
}

fn verdict(base: &Census, looks: &Looks, end: &Census, options: Options) -> Result<()> {
    ensure!(
        end.no_more_than(base),
        "LEFT BEHIND after {} cycles and {SETTLE:?}:\n{end}\nbase:\n{base}",
        options.cycles
    );
    let mut told = Vec::new();
    for (at, look, limit) in looks {
        let growth = end.private_kb as i64 - look.private_kb as i64;
        ensure!(growth <= *limit as i64, "GROWING: {growth} kB since cycle {at}, allowed are {limit} kB");
        told.push(format!("{growth} kB since cycle {at} (allowed: {limit} kB)"));
    }
    if told.is_empty() {
        told.push(format!("not judged, which takes more than {MEMORY_FROM} cycles"));
    }
    println!("PASSED: all counts at base; memory: {}", told.join(", "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: Options = Options { cycles: 5000, publishers: 10, growth_kb: 100, late_growth_kb: 10 };
    const BASE: Census = Census { threads: 9, descriptors: 20, objects: 30, private_kb: 1000 };

    #[test]
    fn what_stays_behind_or_grows_fails() {
        let judged = |end: Census| {
            verdict(&BASE, &vec![(1000, BASE, 100), (2500, Census { private_kb: 1095, ..BASE }, 10)], &end, OPTIONS)
                .map_err(|e| e.to_string())
        };
        assert_eq!(judged(Census { private_kb: 1100, ..BASE }), Ok(()));
        assert_eq!(judged(Census { descriptors: 19, private_kb: 900, ..BASE }), Ok(()));
        assert!(judged(Census { private_kb: 1101, ..BASE }).unwrap_err().contains("GROWING: 101 kB since cycle 1000"));
        let late = vec![(2500, BASE, 10)];
        assert!(verdict(&BASE, &late, &Census { private_kb: 1011, ..BASE }, OPTIONS).is_err());
        for end in [Census { threads: 10, ..BASE }, Census { descriptors: 21, ..BASE }, Census { objects: 31, ..BASE }]
        {
            assert!(judged(end).unwrap_err().contains("LEFT BEHIND"), "{end}");
        }
    }
}
