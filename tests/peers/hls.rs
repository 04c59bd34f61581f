//! HLS from the real binary, read by ffmpeg and by requests of our own: pictures and sound decode, parts keep their promise,
//! a presentation ends after its last viewer and leaves nothing behind.

use crate::process::ServerProcess;
use crate::studio::{call, device, small, until};
use anyhow::{Context, Result, ensure};
use millrace::auth::TokenRole;
use millrace::demo::DemoSpec;
use millrace::demo::publisher::PublisherSpec;
use millrace::model::Codec;
use reqwest::{Client, Method, StatusCode};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::process::Command;

const LIMIT: Duration = Duration::from_secs(30);

/// What ffmpeg decodes of some seconds of a stream.
struct Seen {
    pictures: u64,
    samples: u64,
}

async fn ffmpeg(url: &str, seconds: u32) -> Result<Seen> {
    let pictures = ["-map", "0:v", "-f", "framecrc", "pipe:1"];
    let sound = ["-map", "0:a", "-f", "framecrc", "pipe:1"];
    Ok(Seen { pictures: decoded(url, seconds, &pictures).await?.0, samples: decoded(url, seconds, &sound).await?.1 })
}

/// How many frames ffmpeg decoded, and the sum of their durations (for sound: samples). No complaint is let pass.
async fn decoded(url: &str, seconds: u32, output: &[&str]) -> Result<(u64, u64)> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-i", url, "-t", &seconds.to_string()]).args(output).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output()).await.context("ffmpeg does not end")??;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && complaint.is_empty(), "{complaint}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let frames: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let durations = frames.iter().filter_map(|line| line.split(',').nth(3)?.trim().parse::<u64>().ok());
    Ok((frames.len() as u64, durations.sum()))
}

async fn get(url: &str) -> Result<String> {
    Ok(Client::new().get(url).timeout(LIMIT).send().await?.error_for_status()?.text().await?)
}

async fn plays(codec: Codec) -> Result<()> {
    let server = ServerProcess::start()?;
    let camera = device(&server, "hall", PublisherSpec { video: Some(codec), ..small() }).await?;
    let url = format!("{}/hls/hall/index.m3u8", server.http);
    let seen = ffmpeg(&url, 4).await?;
    ensure!((80..=110).contains(&seen.pictures), "{} pictures in 4 s of 25 each", seen.pictures);
    ensure!((180_000..=200_000).contains(&seen.samples), "{} samples in 4 s of 48000 each", seen.samples);
    let index = get(&format!("{}/hls/hall/in-hall/index.m3u8", server.http)).await?;
    ensure!(index.contains("CODECS=\"avc1.") && index.contains("mp4a.40.2") && index.contains("160x120"), "{index}");
    camera.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ffmpeg_plays_an_h264_publisher() -> Result<()> {
    plays(Codec::H264).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ffmpeg_plays_a_vp8_publisher() -> Result<()> {
    plays(Codec::Vp8).await
}

/// A browser's pictures have no regular keyframes: segments end because they are asked for. Thirty requests wait for parts
/// in turn, each is answered with its part.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_come_one_by_one_and_keep_their_promise() -> Result<()> {
    let server = ServerProcess::start()?;
    let camera = device(&server, "hall", PublisherSpec { video: Some(Codec::H264), ..small() }).await?;
    let index = get(&format!("{}/hls/hall/index.m3u8", server.http)).await?;
    let list = index.lines().find(|line| line.ends_with("video.m3u8")).context("a video playlist")?;
    let url = format!("{}/hls/hall/{list}", server.http);
    let mut text = get(&url).await?;
    let mut slowest = Duration::ZERO;
    for _ in 0..30 {
        let (msn, part) = hint(&text)?;
        let asked = Instant::now();
        text = get(&format!("{url}?_HLS_msn={msn}&_HLS_part={part}")).await?;
        slowest = slowest.max(asked.elapsed());
        ensure!(hint(&text)? > (msn, part), "{msn}.{part} is not in\n{text}");
    }
    ensure!(slowest < Duration::from_millis(1200), "a part took {slowest:?}");
    promises(&text)?;
    ensure!(text.matches("#EXTINF").count() >= 4, "segments end\n{text}");
    camera.stop().await;
    Ok(())
}

fn hint(text: &str) -> Result<(u64, u64)> {
    let name = text.split_once("TYPE=PART,URI=\"").context("a hint")?.1;
    let name = name.split_once("video-").context("its name")?.1.split_once(".m4s").context("its end")?.0;
    let (msn, part) = name.split_once('.').context("its numbers")?;
    Ok((msn.parse()?, part.parse()?))
}

/// No part and no segment is longer than was promised, and parts add up to their segment.
fn promises(text: &str) -> Result<()> {
    let number = |text: &str| text.split([',', '\n']).next().and_then(|n| n.parse::<f64>().ok()).context("a number");
    let after = |tag: &str| number(text.split_once(tag).with_context(|| tag.to_owned())?.1);
    let (target, part_target) = (after("TARGETDURATION:")?, after("PART-TARGET=")?);
    let mut sum = 0.0;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("#EXT-X-PART:DURATION=") {
            let length = number(rest)?;
            ensure!(length <= part_target, "a part of {length} s, promised {part_target}\n{text}");
            sum += length;
        } else if let Some(rest) = line.strip_prefix("#EXTINF:") {
            let length = number(rest)?;
            ensure!(length.round() <= target, "a segment of {length} s, promised {target}\n{text}");
            ensure!(sum == 0.0 || (sum - length).abs() < 0.001, "parts of {sum} s in {length} s\n{text}");
            sum = 0.0;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_after_the_last_viewer() -> Result<()> {
    let server = ServerProcess::start_with(&[("HLS__LINGER", "1s")])?;
    let camera = device(&server, "hall", small()).await?;
    let url = format!("{}/hls/hall/index.m3u8", server.http);
    let round = async || -> Result<()> {
        get(&url).await?;
        ensure!(server.metric("media_hls_presentations").await? == 1, "it runs");
        until("it ends", || async {
            Ok((server.metric("media_hls_presentations").await? == 0 && server.metric("media_renditions").await? == 0)
                .then_some(()))
        })
        .await
    };
    round().await?; // what is made once and kept is there from now on
    let before = server.settled_census().await?;
    for _ in 0..3 {
        round().await?;
    }
    server.until_census(&before).await?;
    ensure!(server.metric("media_hls_requests_total{kind=\"playlist\"}").await? == 4);
    camera.stop().await;
    Ok(())
}

/// Without a token nothing is to be had, and with one in the first address ffmpeg needs nothing more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_watch_does_not_and_the_token_goes_along() -> Result<()> {
    const SECRET: &str = "a secret of more than thirty-two letters";
    let server = ServerProcess::start_with(&[("AUTH__SECRET", SECRET)])?;
    let auth = millrace::auth::Auth::new(Some(SECRET));
    let token = |role| auth.issue(role, None, LIMIT * 10).context("a token");
    let camera = millrace::demo::start(DemoSpec {
        url: server.ws.clone(),
        id: "door".into(),
        token: token(TokenRole::Device)?,
        media: PublisherSpec { video: Some(Codec::H264), ..small() },
    });
    let (client, admin) = (Client::new(), token(TokenRole::Admin)?);
    let api = |path: &str| format!("{}/api/v1{path}", server.http);
    let room = client.post(api("/rooms")).bearer_auth(&admin).json(&json!({"id": "hall"})).send().await?;
    room.error_for_status()?;
    let says = async |path: &str, words: &str| -> Result<Option<()>> {
        let answer = client.get(api(path)).bearer_auth(&admin).send().await?.text().await?;
        Ok(answer.contains(words).then_some(()))
    };
    until("the device is listed", || says("/devices", "door")).await?;
    client.post(api("/rooms/hall/invite")).bearer_auth(&admin).send().await?.error_for_status()?;
    until("its feed is live", || says("/rooms/hall/feeds", "\"live\":true")).await?;

    let url = format!("{}/hls/hall/index.m3u8", server.http);
    let status = async |url: String| anyhow::Ok(client.get(url).timeout(LIMIT).send().await?.status());
    ensure!(status(url.clone()).await? == StatusCode::UNAUTHORIZED);
    ensure!(status(format!("{url}?token={}", token(TokenRole::Device)?)).await? == StatusCode::FORBIDDEN);
    let web = format!("{url}?token={}", token(TokenRole::Web)?);
    let answer = client.get(&web).timeout(LIMIT).send().await?;
    ensure!(answer.headers().get("access-control-allow-origin").is_some_and(|who| who == "*"));
    let index = answer.text().await?;
    let files = index.lines().filter(|line| line.contains(".m3u8")).count();
    ensure!(files == 2 && index.matches("m3u8?token=").count() == 2, "{index}");
    ensure!(decoded(&web, 2, &["-f", "framecrc", "pipe:1"]).await?.0 > 40, "it plays");
    let bare = index.lines().find(|line| line.contains("video.m3u8")).and_then(|line| line.split('?').next());
    let bare = format!("{}/hls/hall/{}", server.http, bare.context("a video playlist")?);
    ensure!(status(bare).await? == StatusCode::UNAUTHORIZED, "each file asks for it");
    camera.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_feed_is_the_end_of_its_playlist() -> Result<()> {
    let server = ServerProcess::start()?;
    let camera = device(&server, "hall", PublisherSpec { video: Some(Codec::H264), ..small() }).await?;
    let index = get(&format!("{}/hls/hall/index.m3u8", server.http)).await?;
    let list = index.lines().find(|line| line.ends_with("video.m3u8")).context("a video playlist")?;
    let url = format!("{}/hls/hall/{list}", server.http);
    get(&url).await?;
    camera.stop().await;
    call(&server, Method::DELETE, "/rooms/hall", None).await?;
    let ended = until("the playlist ends", || async {
        let text = get(&url).await?;
        Ok(text.contains("#EXT-X-ENDLIST").then_some(text))
    });
    let text = ended.await?;
    ensure!(decoded(&url, 10, &["-f", "framecrc", "pipe:1"]).await?.0 > 20, "what was kept still plays\n{text}");
    Ok(())
}
