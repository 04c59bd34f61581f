//! Real renditions of real feeds, judged by decoding what comes out.

use super::*;
use crate::media::feed::TapItem;
use crate::media::feed::clock::ntp_now;
use crate::media::outlet::testing::Publisher;
use crate::media::rtp::Packet;
use gst::prelude::*;
use std::sync::mpsc::Receiver;
use std::time::Instant;

const LIMIT: Duration = Duration::from_secs(20);

fn renditions(percent: u32) -> Arc<Renditions> {
    Renditions::new(Pool::start(1).unwrap(), None, percent).unwrap()
}

fn rung(height: u32, kbps: u32, framerate: u32) -> Rung {
    Rung {
        name: format!("{height}p"),
        height: Some(height),
        bitrate: kbps * 1000,
        framerate: Some(framerate),
        keyframe_interval: Duration::from_secs(10),
    }
}

/// Packets of pictures from now on.
struct Watched(Receiver<TapItem>);

impl Watched {
    fn of(user: &User) -> Self {
        Self(user.feed().tap(4096, Duration::ZERO))
    }

    fn next(&self) -> Arc<Packet> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if let TapItem::Packet(packet) = self.0.recv_timeout(left).expect("a packet within 20 s") {
                return packet;
            }
        }
    }

    fn keyframe(&self) -> Arc<Packet> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let packet = self.next();
            if packet.keyframe {
                return packet;
            }
            assert!(Instant::now() < deadline, "no keyframe within 20 s");
        }
    }

    /// Packets of so many seconds of RTP time, from a keyframe on.
    fn take(&self, seconds: u32) -> Vec<Arc<Packet>> {
        let first = self.keyframe();
        let until = first.timestamp.wrapping_add(seconds * 90_000);
        let mut packets = vec![first];
        loop {
            let packet = self.next();
            if packet.timestamp.wrapping_sub(until) < 1 << 31 {
                return packets;
            }
            packets.push(packet);
        }
    }
}

#[test]
fn one_serves_all_who_ask_for_the_same() {
    let publisher = Publisher::start(&[Codec::Opus, Codec::Vp8]);
    let (all, small) = (renditions(100), rung(120, 100, 25));
    assert!(all.price(&publisher.feed, Codec::Vp8, &small) > 0.0);
    let users: Vec<_> = (0..20).map(|_| all.make(&publisher.feed, Codec::Vp8, &small).unwrap()).collect();
    assert_eq!((all.count(), all.price(&publisher.feed, Codec::Vp8, &small)), (1, 0.0));
    Watched::of(&users[0]).keyframe();
    let told = all.transcodes();
    assert_eq!((told.running.len(), told.running[0].users, told.running[0].encoder.as_str()), (1, 20, "vp8enc"));
    assert_eq!(told.running[0].rendition.name, "120p");
    let other = all.make(&publisher.feed, Codec::H264, &small).unwrap();
    assert_eq!(all.count(), 2);
    drop(users);
    drop(other);
    let deadline = Instant::now() + LIMIT;
    while all.count() > 0 {
        assert!(Instant::now() < deadline, "still there after 20 s");
        std::thread::yield_now();
    }
}

/// A file of what the packets carry.
fn write(packets: &[Arc<Packet>], codec: Codec, path: &std::path::Path) {
    crate::media::start().unwrap();
    let (depay, parse) = match codec {
        Codec::H264 => ("rtph264depay", "h264parse"),
        _ => ("rtpvp8depay", "identity"),
    };
    let text = format!("appsrc name=in format=time ! {depay} ! {parse} ! matroskamux ! filesink name=out");
    let pipeline = gst::parse::launch(&text).unwrap().downcast::<gst::Pipeline>().unwrap();
    pipeline.by_name("out").unwrap().set_property("location", path.display().to_string());
    let input = pipeline.by_name("in").unwrap().downcast::<gst_app::AppSrc>().unwrap();
    input.set_caps(Some(&crate::media::elements::rtp_caps(codec, packets[0].data[1] & 0x7f)));
    pipeline.set_state(gst::State::Playing).unwrap();
    for packet in packets {
        let mut buffer = gst::Buffer::from_slice(packet.data.clone());
        let time = u64::from(packet.timestamp.wrapping_sub(packets[0].timestamp));
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_nseconds(time * 100_000 / 9));
        input.push_buffer(buffer).unwrap();
    }
    input.end_of_stream().unwrap();
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let ended = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(20), &kinds);
    assert!(matches!(ended.expect("an end within 20 s").view(), gst::MessageView::Eos(_)));
    pipeline.set_state(gst::State::Null).unwrap();
}

/// Brightest and mean value of the pictures: the source's show a white ball on black.
fn look(path: &std::path::Path) -> (f64, f64) {
    let filter = "signalstats,metadata=print:file=-";
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-vf", filter, "-f", "null", "-"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let values = |name: &str| -> Vec<f64> {
        text.lines().filter_map(|line| line.split_once(&format!("{name}="))?.1.trim().parse().ok()).collect()
    };
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
    (mean(values("YMAX")), mean(values("YAVG")))
}

#[test]
fn the_pictures_are_the_sources_smaller_and_within_their_rate() {
    for (from, to) in [(Codec::Vp8, Codec::Vp8), (Codec::Vp8, Codec::H264), (Codec::H264, Codec::Vp8)] {
        let publisher = Publisher::start(&[Codec::Opus, from]);
        let all = renditions(1000);
        let user = all.make(&publisher.feed, to, &rung(120, 60, 15)).unwrap();
        let watched = Watched::of(&user);
        // What came while the pipeline was being made may have been too much at once.
        watched.take(2);
        user.feed().request_keyframe();
        let packets = watched.take(5);
        let bits = packets.iter().map(|packet| packet.data.len()).sum::<usize>() as f64 * 8.0 / 5.0;
        assert!(bits < 60_000.0 * 1.15, "{from:?} to {to:?}: {bits} bit/s");
        let pictures = packets.iter().filter(|packet| packet.marker).count();
        assert!((70..=78).contains(&pictures), "{from:?} to {to:?}: {pictures} pictures in 5 s");
        let key = packets.iter().filter(|packet| packet.timestamp == packets[0].timestamp);
        let key = key.map(|packet| packet.data.len()).sum::<usize>() * 8;
        assert!(key < 60_000 * 2 / 5, "{from:?} to {to:?}: a keyframe of {key} bits");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.mkv");
        write(&packets, to, &path);
        assert_eq!(crate::media::files::testing::decode(&path), "");
        let stream = &crate::media::files::testing::probe(&path)["streams"][0];
        assert_eq!((&stream["width"], &stream["height"]), (&160.into(), &120.into()), "{stream}");
        let (brightest, mean) = look(&path);
        assert!(brightest > 180.0 && (16.0..60.0).contains(&mean), "{from:?} to {to:?}: {brightest}, {mean}");
        let told = user.rendition();
        assert_eq!((told.width, told.height, told.codec), (Some(160), Some(120), Some(to)));
    }
}

#[test]
fn a_keyframe_comes_when_it_is_asked_for() {
    let publisher = Publisher::start(&[Codec::Vp8]);
    let all = renditions(1000);
    for codec in [Codec::Vp8, Codec::H264] {
        let user = all.make(&publisher.feed, codec, &rung(120, 100, 25)).unwrap();
        let watched = Watched::of(&user);
        let first = watched.keyframe();
        while watched.next().timestamp.wrapping_sub(first.timestamp) < 90_000 {}
        let asked = Instant::now();
        user.feed().request_keyframe();
        watched.keyframe();
        assert!(asked.elapsed() < Duration::from_millis(200), "{codec:?}: {:?}", asked.elapsed());
    }
}

#[test]
fn a_rendition_is_on_its_sources_line_of_time() {
    let publisher = Publisher::start(&[Codec::Opus, Codec::Vp8]);
    let all = renditions(1000);
    let source = Watched(publisher.feed.tap(4096, Duration::ZERO));
    let user = all.make(&publisher.feed, Codec::Vp8, &rung(120, 100, 25)).unwrap();
    let made = Watched::of(&user);
    let pictures = |watched: &Watched| loop {
        let packet = watched.next();
        if packet.codec == Codec::Vp8 && packet.marker {
            return packet;
        }
    };
    // A second of it, so that no picture in front of the first report is looked at.
    let first = pictures(&made).timestamp;
    let last = std::iter::repeat_with(|| pictures(&made)).find(|p| p.timestamp.wrapping_sub(first) > 90_000).unwrap();
    let now = ntp_now();
    let behind = |feed: &Arc<Feed>, rtp: u32| feed.rtp_at(Codec::Vp8, now).unwrap().wrapping_sub(rtp).cast_signed();
    let made_behind = behind(user.feed(), last.timestamp);
    // The same picture of the source stands as far behind its own line.
    let nearest = std::iter::from_fn(|| source.0.try_recv().ok())
        .filter_map(|item| if let TapItem::Packet(packet) = item { Some(packet) } else { None })
        .filter(|packet| packet.codec == Codec::Vp8)
        .map(|packet| (behind(&publisher.feed, packet.timestamp) - made_behind).abs())
        .min();
    assert!(nearest.unwrap() <= 90, "{nearest:?} ticks of 90 kHz");
}

#[test]
fn what_the_budget_does_not_allow_is_refused_with_figures() {
    let publisher = Publisher::start(&[Codec::Opus, Codec::Vp8]);
    let none = renditions(0);
    let Err(Refused::Budget { needs, free }) = none.make(&publisher.feed, Codec::Vp8, &rung(120, 100, 25)) else {
        panic!("made without a budget");
    };
    assert!(needs > 0.0 && free == 0.0 && none.count() == 0);
    let other = none.h264(&publisher.feed).unwrap();
    assert!(none.transcodes().used_cores > 0.0, "what was asked for by name is made and counts");
    assert_eq!(other.feed().tracks().len(), 2, "with the sound");
    let silent = Publisher::start(&[Codec::Opus]);
    let refused = none.make(&silent.feed, Codec::Vp8, &rung(120, 100, 25));
    assert!(matches!(refused, Err(Refused::Failed(MediaError::NotReady(_)))));
}

#[test]
fn an_encoder_that_fails_again_and_again_ends_the_feed() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("rendition")).unwrap();
    let text = crate::media::template::text("rendition/vp8.toml", None).unwrap().unwrap();
    let broken = text.replace("default = -8\n", "default = 99\n");
    assert_ne!(broken, text);
    std::fs::write(dir.path().join("rendition/vp8.toml"), broken).unwrap();
    let publisher = Publisher::start(&[Codec::Vp8]);
    let all = Renditions::new(Pool::start(1).unwrap(), Some(dir.path().to_owned()), 100).unwrap();
    let user = all.make(&publisher.feed, Codec::Vp8, &rung(120, 100, 25)).unwrap();
    let items = user.feed().tap(64, Duration::ZERO);
    let deadline = Instant::now() + LIMIT;
    let next = || items.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok();
    let ended = std::iter::from_fn(next).any(|item| matches!(item, TapItem::Ended));
    assert!(ended && user.feed().ready().is_err());
}
