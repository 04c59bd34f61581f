//! What a composed recording costs: publishers of pictures that decode, in one room, with a mix of them all and without;
//! the difference is the mix's.

use crate::clip::{self, Clip};
use crate::flash_beep::run as output;
use crate::local::Local;
use crate::record::median;
use crate::{Attended, Client, Peer, Role, http, process};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const LIMIT: Duration = Duration::from_secs(20);
/// From the start of the recording to the measurement.
const QUIET: Duration = Duration::from_secs(3);
/// Between looks at a recording that is being finished.
const LOOK: Duration = Duration::from_millis(100);
/// A mix is never refused: what it costs is the question.
const SETTINGS: [(&str, &str); 1] = [("MILLRACE_RECORDING__MIX_CPU_PERCENT", "1000")];
/// The least bits a second of a mix in which pictures were decoded: 9 boxes with names alone took 100 000.
const LEAST_BITS: f64 = 300_000.0;

/// How to measure.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Publishers in the room (VP8 640×360 at 25 pictures a second, about 700 kbit/s, and Opus noise).
    #[arg(long, value_delimiter = ',', default_value = "4,9")]
    pub inputs: Vec<usize>,
    /// Rounds; medians need at least 5 to mean something.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Seconds measured each time.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
}

/// A room in which all publish.
struct Room {
    id: u64,
    _peers: Vec<Peer>,
    _clients: Vec<Attended>,
}

/// What became of the file.
#[derive(Clone, Copy, Debug)]
struct Mixed {
    /// Pictures in it by those that the time it ran asks for.
    whole: f64,
    /// Milliseconds in which a picture was repeated, since the encoder was behind.
    overload_ms: f64,
}

/// One round; CPU in cores.
#[derive(Clone, Copy, Debug)]
struct Row {
    inputs: usize,
    mixing: f64,
    plain: f64,
    mixed: Mixed,
}

/// Does it, and prints the table of medians.
pub async fn run(millrace: &Path, options: &Options) -> Result<()> {
    let clip = Arc::new(Clip::make()?);
    eprintln!("each publisher sends {} kbit/s of pictures", clip.kilobits());
    let mut rows = Vec::new();
    for round in 0..options.rounds {
        for &inputs in &options.inputs {
            let row = measure(millrace, &clip, inputs, options.seconds, round % 2 == 1).await?;
            let Row { mixing, plain, mixed: Mixed { whole, overload_ms }, .. } = row;
            eprintln!(
                "{inputs:3} inputs: {mixing:.3} cores, {plain:.3} without, {whole:.3} of the pictures, {overload_ms} ms overload"
            );
            rows.push(row);
        }
    }
    print(&rows, options);
    Ok(())
}

/// One round. What comes first changes from round to round, as the machine's other load may.
async fn measure(millrace: &Path, clip: &Arc<Clip>, inputs: usize, seconds: u64, plain_first: bool) -> Result<Row> {
    let early = if plain_first { Some(without(millrace, clip, inputs, seconds).await?) } else { None };
    let (mixing, mixed) = with(millrace, clip, inputs, seconds).await.context("with a mix")?;
    let plain = match early {
        Some(plain) => plain,
        None => without(millrace, clip, inputs, seconds).await?,
    };
    Ok(Row { inputs, mixing, plain, mixed })
}

async fn without(millrace: &Path, clip: &Arc<Clip>, inputs: usize, seconds: u64) -> Result<f64> {
    let server = Local::start_with(millrace, &SETTINGS)?;
    let _room = Room::fill(&server, clip, inputs).await?;
    cores(&server, seconds).await
}

async fn with(millrace: &Path, clip: &Arc<Clip>, inputs: usize, seconds: u64) -> Result<(f64, Mixed)> {
    let server = Local::start_with(millrace, &SETTINGS)?;
    let room = Room::fill(&server, clip, inputs).await?;
    let (path, wish) = (format!("/api/v1/rooms/{}/recordings", room.id), json!({"kind": "composed"}));
    let begun = http::call(&server.address, "POST", &path, Some(&wish)).await?;
    let id = begun["id"].as_str().with_context(|| format!("no id in {begun}"))?;
    let cores = cores(&server, seconds).await?;
    Ok((cores, finish(&server, id).await?))
}

impl Room {
    /// Makes it and lets so many publish there, until all of them send.
    async fn fill(server: &Local, clip: &Arc<Clip>, inputs: usize) -> Result<Self> {
        let mut console = Client::connect(&server.ws(), Role::Web, "console", "any").await?;
        let id = console.make_room("console").await?;
        let (mut peers, mut clients) = (Vec::new(), Vec::new());
        for number in 0..inputs {
            let mut device = Client::connect(&server.ws(), Role::Device, &format!("device-{number}"), "any").await?;
            device.join(id, "console").await?;
            peers.push(device.publish_clip(clip.clone()).await?);
            console.expect("start_listening").await?;
            clients.push(device.attended());
        }
        clients.push(console.attended());
        for peer in &peers {
            peer.until("sending", LIMIT, |seen| seen.sent.load(Relaxed) > 30).await?;
        }
        Ok(Self { id, _peers: peers, _clients: clients })
    }
}

/// CPU seconds that the server takes in a second, once it is quiet.
async fn cores(server: &Local, seconds: u64) -> Result<f64> {
    tokio::time::sleep(QUIET).await;
    let (before, begun) = (process::sample(server.pid())?, Instant::now());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let after = process::sample(server.pid())?;
    Ok((after.cpu_ms - before.cpu_ms) / 1000.0 / begun.elapsed().as_secs_f64())
}

/// Stops the recording and looks at its file.
async fn finish(server: &Local, id: &str) -> Result<Mixed> {
    let stopped = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
    http::call(&server.address, "POST", &format!("/api/v1/recordings/{id}/stop"), None).await?;
    let recording = tokio::time::timeout(LIMIT, ready(server, id)).await.context("the file is not ready")??;
    let file = &recording["files"][0];
    let name = file["name"].as_str().with_context(|| format!("no file in {recording}"))?;
    let started = file["started_at"].as_str().and_then(second_of_day).context("no time of its start")?;
    let lasted = (stopped - started).rem_euclid(86_400.0);
    let bits = file["bytes"].as_f64().unwrap_or_default() * 8.0 / lasted;
    ensure!(bits > LEAST_BITS, "{bits:.0} bit/s: no picture of the publishers is in the mix");
    let pictures = count_pictures(&server.folder().join("recordings").join(id).join(name))?;
    let gaps = file["facts"]["gaps"].as_array().into_iter().flatten();
    let overload: u64 = gaps.filter(|gap| gap["why"] == "overload").filter_map(|gap| gap["length_ms"].as_u64()).sum();
    let overload_ms = overload as f64;
    Ok(Mixed { whole: pictures / (lasted * f64::from(clip::SMALL.rate)), overload_ms })
}

async fn ready(server: &Local, id: &str) -> Result<Value> {
    loop {
        let recording = http::call(&server.address, "GET", &format!("/api/v1/recordings/{id}"), None).await?;
        ensure!(recording["state"] != "failed", "the recording failed: {recording}");
        if recording["state"] == "ready" {
            return Ok(recording);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Seconds since midnight in `2026-11-21T11:57:26.25Z`.
fn second_of_day(time: &str) -> Option<f64> {
    let clock = time.split_once('T')?.1.strip_suffix('Z')?;
    clock.split(':').try_fold(0.0, |sum, part| Some(sum * 60.0 + part.parse::<f64>().ok()?))
}

fn count_pictures(file: &Path) -> Result<f64> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-select_streams", "v:0", "-count_packets"]);
    command.args(["-show_entries", "stream=nb_read_packets", "-of", "csv=p=0"]).arg(file);
    let text = String::from_utf8(output(&mut command)?)?;
    text.trim().trim_end_matches(',').parse().with_context(|| format!("no count of pictures: {text:?}"))
}

fn print(rows: &[Row], options: &Options) {
    println!("\nMedians of {} rounds, CPU of the server in cores\n", options.rounds);
    println!(
        "| inputs | with the mix | without | the mix's share | pictures ÷ expected | overload ms (most in a round) |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for &inputs in &options.inputs {
        let each = |figure: fn(&Row) -> f64| rows.iter().filter(move |row| row.inputs == inputs).map(figure);
        let of = |figure| median(each(figure).collect());
        println!(
            "| {inputs} | {:.3} | {:.3} | {:.3} | {:.3} | {:.0} ({:.0}) |",
            of(|row| row.mixing),
            of(|row| row.plain),
            of(|row| row.mixing - row.plain),
            of(|row| row.mixed.whole),
            of(|row| row.mixed.overload_ms),
            each(|row| row.mixed.overload_ms).fold(0.0, f64::max)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_of_the_day() {
        assert_eq!(second_of_day("2026-11-21T11:57:26.25Z"), Some(43_046.25));
        assert_eq!(second_of_day("2026-11-21T00:00:00Z"), Some(0.0));
        assert_eq!(second_of_day("yesterday"), None);
    }
}
