//! Broadcasts to ffmpeg as the far end, judged by the pictures and the sound it decodes.

use super::*;
use crate::media::egress::Pool;
use crate::media::outlet::testing::Publisher;
use crate::model::{BroadcastState, Codec, Secret};
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const LIMIT: Duration = Duration::from_secs(40);

/// A broadcast and what it told.
struct Run {
    broadcast: Broadcast,
    told: UnboundedReceiver<BroadcastStatus>,
    _renditions: Arc<Renditions>,
}

fn wish(to: &str, key: &str, password: &str) -> BroadcastWish {
    let (key, password) = (Secret::new(key), Secret::new(password));
    BroadcastWish { to: to.into(), key, password, ..BroadcastWish::default() }
}

fn start(feed: &Arc<Feed>, wish: BroadcastWish) -> Run {
    start_within(feed, wish, reach())
}

/// Loopback may be reached.
fn reach() -> Reach {
    Reach { special: vec!["127.0.0.0/8".parse().unwrap()], ..Reach::default() }
}

fn start_within(feed: &Arc<Feed>, wish: BroadcastWish, reach: Reach) -> Run {
    start_by(feed, wish, reach, None)
}

fn start_by(feed: &Arc<Feed>, wish: BroadcastWish, reach: Reach, templates: Option<PathBuf>) -> Run {
    let (sender, told) = unbounded_channel();
    let renditions = Renditions::new(Pool::start(1).unwrap(), templates, 60).unwrap();
    let broadcast = Broadcast::start(BroadcastSpec {
        id: BroadcastId::next(),
        wish,
        feed: feed.clone(),
        renditions: renditions.clone(),
        reach: Arc::new(reach),
        on_change: Box::new(move |status| drop(sender.send(status))),
    });
    Run { broadcast, told, _renditions: renditions }
}

impl Run {
    /// The first status from now on that is so.
    async fn until(&mut self, what: &str, is: impl Fn(&BroadcastStatus) -> bool) -> BroadcastStatus {
        let look = async {
            loop {
                let status = self.told.recv().await.expect("the broadcast lives");
                if is(&status) {
                    return status;
                }
            }
        };
        tokio::time::timeout(LIMIT, look).await.unwrap_or_else(|_| panic!("waited in vain for: {what}"))
    }

    async fn state(&mut self, state: BroadcastState) -> BroadcastStatus {
        self.until(&format!("{state:?}"), |status| status.state == state).await
    }

    async fn stop(mut self) -> BroadcastStatus {
        self.broadcast.stop(EndReason::Requested);
        self.state(BroadcastState::Ended).await
    }
}

/// A far end, killed when it is dropped.
struct Far(Child);

impl Far {
    /// ffmpeg with these inputs, writing what comes for some seconds.
    fn new(input: &[&str], seconds: u32, out: &Path) -> Self {
        let seconds = seconds.to_string();
        let child = Command::new("ffmpeg")
            .args(["-y", "-v", "error", "-nostdin"])
            .args(input)
            .args(["-t", &seconds, "-c", "copy"])
            .arg(out)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Until it has written all.
    async fn done(mut self) {
        let deadline = Instant::now() + LIMIT;
        while Instant::now() < deadline {
            if self.0.try_wait().unwrap().is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("ffmpeg got too little within {LIMIT:?}");
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Decodes the file: frames of each stream by the codec's name, and their span in seconds.
fn decoded(path: &Path) -> Vec<(String, u64)> {
    let out = Command::new("ffprobe")
        .args(["-v", "error", "-of", "json", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames"])
        .arg(path)
        .output()
        .unwrap();
    let told: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let stream = |stream: &serde_json::Value| {
        let text = |name: &str| stream[name].as_str().unwrap_or_default().to_owned();
        (text("codec_name"), text("nb_read_frames").parse().unwrap_or(0))
    };
    told["streams"].as_array().into_iter().flatten().map(stream).collect()
}

/// `seconds` of 25 pictures and so many pieces of sound a second, a fifth less allowed at the ends.
fn judge(path: &Path, seconds: u64, (sound, rate): (&str, u64)) {
    let streams = decoded(path);
    let frames = |name: &str| streams.iter().find(|(codec, _)| codec == name).map_or(0, |(_, frames)| *frames);
    assert!(frames("h264") >= seconds * 20, "pictures: {streams:?}");
    assert!(frames(sound) >= seconds * rate * 4 / 5, "sound: {streams:?}");
}

fn file() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.mkv");
    (dir, path)
}

fn tcp_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn udp_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

const AAC: (&str, u64) = ("aac", 47);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rtmp_from_h264_and_from_vp8() {
    for codec in [Codec::H264, Codec::Vp8] {
        let publisher = Publisher::start(&[Codec::Opus, codec]);
        let ((_dir, out), port) = (file(), tcp_port());
        let far = Far::new(&["-listen", "1", "-i", &format!("rtmp://127.0.0.1:{port}/app/k-123")], 4, &out);
        let mut run = start(&publisher.feed, wish(&format!("rtmp://127.0.0.1:{port}/app"), "k-123", ""));
        run.state(BroadcastState::Live).await;
        far.done().await;
        judge(&out, 4, AAC);
        let ended = run.stop().await;
        assert!(ended.bytes > 10_000 && ended.reason == Some(EndReason::Requested), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_is_reached_again() {
    let publisher = Publisher::start(&[Codec::Opus, Codec::H264]);
    let ((_dir, out), port) = (file(), tcp_port());
    let address = format!("rtmp://127.0.0.1:{port}/app/k-123");
    let mut run = start(&publisher.feed, wish(&address, "", ""));
    let waiting = run.state(BroadcastState::Waiting).await;
    let trouble = waiting.trouble.unwrap_or_default();
    assert!(waiting.next_try_at.is_some() && !trouble.is_empty() && !trouble.contains("k-123"), "{trouble}");
    let far = Far::new(&["-listen", "1", "-i", &address], 60, &out);
    run.state(BroadcastState::Live).await;
    drop(far);
    run.state(BroadcastState::Waiting).await;
    let far = Far::new(&["-listen", "1", "-i", &address], 3, &out);
    let again = run.state(BroadcastState::Live).await;
    assert!(again.reconnects >= 1, "{again:?}");
    far.done().await;
    judge(&out, 3, AAC);
    assert!(publisher.feed.ready().is_ok());
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn srt_calls_with_a_passphrase() {
    let publisher = Publisher::start(&[Codec::Opus, Codec::H264]);
    let ((_dir, out), port) = (file(), udp_port());
    let address = format!("srt://127.0.0.1:{port}?mode=listener&passphrase=0123456789ab");
    let far = Far::new(&["-i", &address], 4, &out);
    let mut run = start(&publisher.feed, wish(&format!("srt://127.0.0.1:{port}"), "publish", "0123456789ab"));
    run.state(BroadcastState::Live).await;
    far.done().await;
    judge(&out, 4, AAC);
    run.state(BroadcastState::Waiting).await;
    let far = Far::new(&["-i", &address], 3, &out);
    let again = run.state(BroadcastState::Live).await;
    assert!(again.reconnects >= 1, "{again:?}");
    far.done().await;
    judge(&out, 3, AAC);
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_say_nothing_or_refuse_are_never_live() {
    let publisher = Publisher::start(&[Codec::Opus, Codec::H264]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let (_dir, out) = file();
    let srt = udp_port();
    let _far = Far::new(&["-i", &format!("srt://127.0.0.1:{srt}?mode=listener&passphrase=0123456789ab")], 4, &out);
    for (to, key, password) in [
        (format!("rtmp://127.0.0.1:{port}/app"), "k-123", ""),
        (format!("srt://127.0.0.1:{srt}"), "k-123", "another-one"),
        (format!("srt://127.0.0.1:{}", udp_port()), "k-123", ""),
    ] {
        let mut run = start(&publisher.feed, wish(&to, key, password));
        let status = run.until("not connecting", |status| status.state != BroadcastState::Connecting).await;
        let trouble = status.trouble.clone().unwrap_or_default();
        assert_eq!(status.state, BroadcastState::Waiting, "{to}: {status:?}");
        assert!(!trouble.is_empty() && !trouble.contains("k-123") && !trouble.contains("another-one"), "{trouble}");
        println!("{to}: {trouble}");
        run.stop().await;
    }
}

/// A microphone that is announced and says nothing does not hold up the pictures.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_go_out_without_the_sound_that_was_announced() {
    let mut publisher = Publisher::start(&[Codec::Opus, Codec::H264]);
    publisher.publish_some(&[Codec::Opus, Codec::H264], &[Codec::H264], 9, |_| true);
    let ((_dir, out), port) = (file(), tcp_port());
    let address = format!("rtmp://127.0.0.1:{port}/app/k-123");
    let far = Far::new(&["-listen", "1", "-i", &address], 4, &out);
    let mut run = start(&publisher.feed, wish(&address, "", ""));
    run.state(BroadcastState::Live).await;
    far.done().await;
    judge(&out, 4, ("none", 0));
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn srt_is_called() {
    let publisher = Publisher::start(&[Codec::Opus, Codec::Vp8]);
    let ((_dir, out), port) = (file(), udp_port());
    let mut run = start(&publisher.feed, wish(&format!("srt://127.0.0.1:{port}?mode=listener"), "", ""));
    run.state(BroadcastState::Connecting).await;
    let address = format!("srt://127.0.0.1:{port}?connect_timeout=20000");
    for _ in 0..2 {
        let far = Far::new(&["-i", &address], 4, &out);
        run.state(BroadcastState::Live).await;
        far.done().await;
        // Who calls waits for a keyframe, a second here.
        judge(&out, 3, AAC);
        run.state(BroadcastState::Connecting).await;
    }
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rtp_by_its_description() {
    for (codec, name) in [(Codec::H264, "h264"), (Codec::Vp8, "vp8")] {
        let publisher = Publisher::start(&[Codec::Opus, codec]);
        let ((dir, out), port) = (file(), udp_port() & !1);
        let mut run = start(&publisher.feed, wish(&format!("rtp://127.0.0.1:{port}"), "", ""));
        let live = run.state(BroadcastState::Live).await;
        let sdp = dir.path().join("feed.sdp");
        std::fs::write(&sdp, live.sdp.unwrap()).unwrap();
        let far = Far::new(&["-protocol_whitelist", "file,udp,rtp", "-i", sdp.to_str().unwrap()], 4, &out);
        far.done().await;
        let streams = decoded(&out);
        let frames = |name: &str| streams.iter().find(|(codec, _)| codec == name).map_or(0, |(_, frames)| *frames);
        assert!(frames(name) >= 70 && frames("opus") >= 150, "{streams:?}");
        run.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_reached_is_told_and_the_end_of_the_feed_ends_it() {
    let publisher = Publisher::start(&[Codec::Opus, Codec::H264]);
    let mut run = start_within(&publisher.feed, wish("rtmp://127.0.0.1:1/app", "k-123", ""), Reach::default());
    let waiting = run.state(BroadcastState::Waiting).await;
    assert!(waiting.trouble.unwrap_or_default().contains("[reach] special"));
    run.stop().await;
    let mut run = start(&publisher.feed, wish("http://127.0.0.1/app", "k", ""));
    let ended = run.state(BroadcastState::Ended).await;
    assert!(ended.trouble.unwrap_or_default().contains("rtmp://"));
    let mut run = start(&publisher.feed, wish(&format!("rtp://127.0.0.1:{}", udp_port() & !1), "", ""));
    run.state(BroadcastState::Live).await;
    drop(publisher);
    let ended = run.state(BroadcastState::Ended).await;
    assert_eq!(ended.reason, Some(EndReason::FeedEnded));
}

/// TLS in front of a server at `to` without; the port.
async fn tls_before(to: u16) -> u16 {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut outside) = acceptor.accept(stream).await else { continue };
            let Ok(mut inside) = tokio::net::TcpStream::connect(("127.0.0.1", to)).await else { continue };
            let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rtmps_by_its_name_and_only_with_a_certificate_that_is_trusted() {
    let publisher = Publisher::start(&[Codec::Opus, Codec::H264]);
    let ((dir, out), port) = (file(), tcp_port());
    let far = Far::new(&["-listen", "1", "-i", &format!("rtmp://127.0.0.1:{port}/app/k-123")], 4, &out);
    let wish = wish(&format!("rtmps://localhost:{}/app", tls_before(port).await), "k-123", "");
    let mut run = start(&publisher.feed, wish.clone());
    let waiting = run.state(BroadcastState::Waiting).await;
    assert!(waiting.trouble.unwrap_or_default().contains("certificate"), "self-signed");
    run.stop().await;
    // The template of an operator who trusts whoever answers.
    let text = crate::media::template::text("broadcast/rtmp.toml", None).unwrap().unwrap();
    let text = text.replace("rtmp2sink name=out", "rtmp2sink name=out tls-validation-flags=0");
    std::fs::create_dir(dir.path().join("broadcast")).unwrap();
    std::fs::write(dir.path().join("broadcast/rtmp.toml"), text).unwrap();
    let mut run = start_by(&publisher.feed, wish, reach(), Some(dir.path().into()));
    run.state(BroadcastState::Live).await;
    far.done().await;
    judge(&out, 4, AAC);
    run.stop().await;
}
