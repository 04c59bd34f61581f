//! Real feeds through real outlets into a file, judged by `ffprobe` and a full decode.

use super::testing::Publisher;
use super::*;
use crate::media::egress::Pool;
use crate::media::files::testing::{decode, probe};
use crate::model::Codec;
use gst::prelude::*;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);

fn renditions() -> Arc<Renditions> {
    Renditions::new(Pool::start(1).unwrap(), None, 60).unwrap()
}

fn start(feed: &Arc<Feed>, renditions: &Arc<Renditions>, sound: Sound, framing: Framing) -> (Outlet, Receiver<Unit>) {
    let (sender, units) = channel();
    let sink = Box::new(move |unit| drop(sender.send(unit)));
    (Outlet::start(feed.clone(), renditions, Wants { sound, framing }, sink).unwrap(), units)
}

/// Units until the pictures reach this time in seconds.
fn take(units: &Receiver<Unit>, until: f64) -> Vec<Unit> {
    let (deadline, mut taken) = (Instant::now() + LIMIT, Vec::new());
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let unit = units.recv_timeout(left).expect("pictures within 20 s");
        let over = matches!(&unit, Unit::Access(Kind::Video, b) if seconds(b) >= until);
        taken.push(unit);
        if over {
            return taken;
        }
    }
}

fn seconds(buffer: &gst::Buffer) -> f64 {
    buffer.pts().unwrap().nseconds() as f64 / 1e9
}

fn accesses(units: &[Unit], wanted: Kind) -> Vec<&gst::Buffer> {
    units
        .iter()
        .filter_map(|u| if let Unit::Access(kind, b) = u { (*kind == wanted).then_some(b) } else { None })
        .collect()
}

/// Writes a Matroska file of the units.
fn write(units: Vec<Unit>, path: &Path) {
    let text = "matroskamux name=mux ! filesink name=out appsrc name=video format=time ! h264parse ! mux.video_0 \
                appsrc name=audio format=time ! mux.audio_0";
    write_by(text, units, path);
}

/// An MPEG transport stream, which takes changes.
fn write_stream(units: Vec<Unit>, path: &Path) {
    let text = "mpegtsmux name=mux ! filesink name=out appsrc name=video format=time ! h264parse config-interval=-1 ! mux. \
                appsrc name=audio format=time ! aacparse ! mux.";
    write_by(text, units, path);
}

fn write_by(text: &str, units: Vec<Unit>, path: &Path) {
    let pipeline = gst::parse::launch(text).unwrap().downcast::<gst::Pipeline>().unwrap();
    pipeline.by_name("out").unwrap().set_property("location", path.display().to_string());
    pipeline.set_state(gst::State::Playing).unwrap();
    let source = |kind: Kind| pipeline.by_name(kind.as_str()).unwrap().downcast::<gst_app::AppSrc>().unwrap();
    for unit in units {
        match unit {
            Unit::Caps(kind, caps) => source(kind).set_caps(Some(&caps)),
            Unit::Access(kind, buffer) => drop(source(kind).push_buffer(buffer)),
            Unit::Ended(_) => {}
        }
    }
    for kind in [Kind::Video, Kind::Audio] {
        source(kind).end_of_stream().unwrap();
    }
    let ended = pipeline
        .bus()
        .unwrap()
        .timed_pop_filtered(gst::ClockTime::from_seconds(20), &[gst::MessageType::Eos, gst::MessageType::Error]);
    let ended = ended.expect("an end within 20 s");
    assert!(matches!(ended.view(), gst::MessageView::Eos(_)), "{ended:?}");
    pipeline.set_state(gst::State::Null).unwrap();
}

fn judge(units: Vec<Unit>, sound: &str) {
    let pictures = accesses(&units, Kind::Video);
    assert!(!pictures[0].flags().contains(gst::BufferFlags::DELTA_UNIT), "begins with a keyframe");
    assert!(pictures[0].pts().unwrap().is_zero() && pictures.iter().all(|b| b.pts() == b.dts()));
    assert!(pictures.windows(2).all(|pair| pair[0].pts() < pair[1].pts()));
    let keyframes = pictures.iter().filter(|b| !b.flags().contains(gst::BufferFlags::DELTA_UNIT)).count();
    assert!((2..=pictures.len() / 4).contains(&keyframes), "{keyframes} keyframes of {}", pictures.len());
    let (first, count) = (seconds(accesses(&units, Kind::Audio)[0]), pictures.len());
    assert!(first < 0.15, "sound begins at {first}");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.mkv");
    write(units, &path);
    assert_eq!(decode(&path), "");
    let probed = probe(&path);
    let streams = probed["streams"].as_array().unwrap();
    let names: Vec<_> = streams.iter().filter_map(|s| s["codec_name"].as_str()).collect();
    assert!(names.contains(&"h264") && names.contains(&sound), "{names:?}");
    assert!((60..90).contains(&count), "{count} pictures in 3 s");
}

#[test]
fn h264_goes_out_as_it_comes_with_either_sound() {
    let publisher = Publisher::start(&[Codec::Opus, Codec::H264]);
    let renditions = renditions();
    for (sound, framing, name) in [(Sound::Aac, Framing::Avc, "aac"), (Sound::Opus, Framing::ByteStream, "opus")] {
        let (_outlet, units) = start(&publisher.feed, &renditions, sound, framing);
        judge(take(&units, 3.0), name);
    }
    assert_eq!(renditions.count(), 0);
}

#[test]
fn other_pictures_go_out_by_one_rendition_for_all() {
    for codec in [Codec::Vp8, Codec::Vp9] {
        let publisher = Publisher::start(&[Codec::Opus, codec]);
        let renditions = renditions();
        let (_one, units) = start(&publisher.feed, &renditions, Sound::Aac, Framing::Avc);
        let (_other, _units) = start(&publisher.feed, &renditions, Sound::None, Framing::ByteStream);
        assert_eq!(renditions.count(), 1);
        judge(take(&units, 3.0), "aac");
    }
}

fn next_where(units: &Receiver<Unit>, what: &str, is: impl Fn(&Unit) -> bool) -> Unit {
    let deadline = Instant::now() + LIMIT;
    loop {
        let unit = units.recv_timeout(deadline.saturating_duration_since(Instant::now())).expect(what);
        if is(&unit) {
            return unit;
        }
    }
}

#[test]
fn sound_alone_begins_at_once_and_ends_with_its_feed() {
    let publisher = Publisher::start(&[Codec::Opus]);
    let (_outlet, units) = start(&publisher.feed, &renditions(), Sound::Aac, Framing::Avc);
    let first = next_where(&units, "sound", |unit| matches!(unit, Unit::Access(Kind::Audio, _)));
    assert!(matches!(first, Unit::Access(_, buffer) if seconds(&buffer) < 0.05));
    drop(publisher);
    next_where(&units, "the end", |unit| matches!(unit, Unit::Ended(EndReason::FeedEnded)));
    assert!(units.try_recv().is_err(), "the end is the last");
}

#[test]
fn what_is_lost_does_not_show() {
    let mut publisher = Publisher::start(&[Codec::Opus, Codec::H264]);
    publisher.publish_some(&[Codec::Opus, Codec::H264], &[Codec::Opus, Codec::H264], 9, |index| index % 61 != 60);
    let (_outlet, units) = start(&publisher.feed, &renditions(), Sound::Aac, Framing::Avc);
    let units = take(&units, 4.0);
    assert!(accesses(&units, Kind::Audio).len() >= 170, "silence stands for lost sound");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.mkv");
    write(units, &path);
    assert_eq!(decode(&path), "");
}

#[test]
fn another_source_and_another_codec_go_on_and_a_rendition_is_freed() {
    let mut publisher = Publisher::start(&[Codec::Opus, Codec::H264]);
    let renditions = renditions();
    let (outlet, units) = start(&publisher.feed, &renditions, Sound::Aac, Framing::ByteStream);
    let mut all = take(&units, 1.0);
    publisher.publish(&[Codec::Opus, Codec::H264], 20);
    all.extend(take(&units, 3.0));
    publisher.publish(&[Codec::Opus, Codec::Vp8], 30);
    all.extend(take(&units, 6.0));
    assert_eq!(renditions.count(), 1);
    drop(outlet);
    for kind in [Kind::Video, Kind::Audio] {
        let times = accesses(&all, kind);
        assert!(times.windows(2).all(|pair| pair[0].pts() < pair[1].pts()), "{kind:?} never goes back");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.ts");
    write_stream(all, &path);
    assert_eq!(decode(&path), "");
    let deadline = Instant::now() + LIMIT;
    while renditions.count() > 0 {
        assert!(Instant::now() < deadline, "the rendition is not freed");
        next_tick();
    }
}

/// A little time for what is waited for.
fn next_tick() {
    std::thread::park_timeout(Duration::from_millis(50));
}

/// Pictures come 310 ms late, which the sender's reports tell: sound and pictures keep their places, 20 ms apart, whether the
/// pictures are encoded anew or not.
#[test]
fn sound_and_pictures_are_aligned_by_the_senders_reports() {
    for codec in [Codec::H264, Codec::Vp8] {
        let publisher = Publisher::start_late(&[Codec::Opus, codec], Duration::from_millis(310));
        let (_outlet, units) = start(&publisher.feed, &renditions(), Sound::Opus, Framing::Avc);
        let units = take(&units, 2.0);
        let sound = accesses(&units, Kind::Audio)[3].pts().unwrap().nseconds() % 20_000_000;
        // What the encoder of the sound looks ahead, 6.5 ms, is taken from its first packet.
        assert!((12_000_000..=15_000_000).contains(&sound), "{codec:?}: {sound} ns");
    }
}

#[test]
fn silence_stands_for_sound_that_stays_away() {
    let mut publisher = Publisher::start(&[Codec::Opus, Codec::H264]);
    let (_outlet, units) = start(&publisher.feed, &renditions(), Sound::Aac, Framing::Avc);
    let mut all = take(&units, 1.0);
    publisher.publish_some(&[Codec::Opus, Codec::H264], &[Codec::H264], 9, |_| true);
    all.extend(take(&units, 4.0));
    let sound = accesses(&all, Kind::Audio);
    assert!(seconds(sound[sound.len() - 1]) > 2.9, "it goes on");
    let step = |pair: &[&gst::Buffer]| seconds(pair[1]) - seconds(pair[0]);
    assert!(sound.windows(2).all(|pair| step(pair) < 0.03), "without a hole");
}
