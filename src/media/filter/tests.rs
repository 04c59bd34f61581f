//! Real filters of real feeds, judged by decoding what comes out.

use super::*;
use crate::media::egress::Pool;
use crate::media::feed::TapItem;
use crate::media::files::testing::decode;
use crate::media::outlet::testing::Publisher;
use crate::media::rtp::Packet;
use gst::prelude::*;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);

/// A feed with filters, and all that anybody gets of it.
struct World {
    publisher: Publisher,
    filters: Arc<Filters>,
    packets: Receiver<TapItem>,
    told: Receiver<Told>,
    tell: Sender<Told>,
}

impl World {
    fn new(codecs: &[Codec], percent: u32) -> Self {
        let publisher = Publisher::start(codecs);
        let renditions = Renditions::new(Pool::start(1).unwrap(), None, percent).unwrap();
        let packets = publisher.feed.tap(1 << 16, Duration::ZERO);
        let (tell, told) = channel();
        Self { publisher, filters: Filters::new(renditions), packets, told, tell }
    }

    fn change(&self, change: FilterChange) -> Outcome {
        let told = self.tell.clone();
        self.filters.change(&self.publisher.feed, change, Arc::new(move |what| _ = told.send(what)))
    }

    fn apply(&self, command: &str) -> Outcome {
        self.change(FilterChange::Apply(FilterWish::Elements(FilterElement::read_all(command).unwrap())))
    }

    fn set(&self, property: &str, value: &str) -> Outcome {
        self.change(FilterChange::Set { property: property.into(), value: value.into() })
    }

    /// All packets of a codec so far, until this holds, and for two seconds of RTP time more.
    fn until(&self, codec: Codec, done: impl Fn() -> bool) -> Vec<Arc<Packet>> {
        let (begin, mut packets) = (Instant::now(), Vec::new());
        let deadline = begin + LIMIT;
        let mut last: Option<u32> = None;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let TapItem::Packet(packet) = self.packets.recv_timeout(left).expect("packets within 20 s") else {
                continue;
            };
            if packet.codec != codec {
                continue;
            }
            if last.is_none() && packet.at >= begin && done() {
                last = Some(packet.timestamp);
            }
            let over = last.is_some_and(|last| packet.timestamp.wrapping_sub(last) > 2 * codec.clock_rate());
            packets.push(packet);
            if over {
                return packets;
            }
        }
    }

    fn filtered(&self) -> bool {
        self.publisher.feed.is_filtered()
    }
}

/// Numbers without a gap, and times that only grow, whoever made the packets. On a busy machine a filter leaves pictures out,
/// up to the next keyframe.
fn goes_on(packets: &[Arc<Packet>]) {
    for pair in packets.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence + 1);
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!(step < 5 * 90_000, "{} after {}", pair[1].timestamp, pair[0].timestamp);
    }
}

/// A file of what the packets carry.
fn write(packets: &[Arc<Packet>], path: &Path) {
    let codec = packets[0].codec;
    let whole = packets.iter().rposition(|packet| packet.marker || codec == Codec::Opus).map_or(0, |last| last + 1);
    let packets = &packets[..whole];
    let chain = match codec {
        // A stream whose parameters change is none for a container.
        Codec::H264 => "rtph264depay ! h264parse ! video/x-h264,stream-format=byte-stream",
        Codec::Opus => "rtpopusdepay ! opusparse ! matroskamux",
        _ => "rtpvp8depay ! matroskamux",
    };
    let text = format!("appsrc name=in format=time ! {chain} ! filesink name=out");
    let pipeline = gst::parse::launch(&text).unwrap().downcast::<gst::Pipeline>().unwrap();
    pipeline.by_name("out").unwrap().set_property("location", path.display().to_string());
    let input = pipeline.by_name("in").unwrap().downcast::<gst_app::AppSrc>().unwrap();
    input.set_caps(Some(&crate::media::elements::rtp_caps(codec, packets[0].data[1] & 0x7f)));
    pipeline.set_state(gst::State::Playing).unwrap();
    for packet in packets {
        let mut buffer = gst::Buffer::from_slice(packet.data.clone());
        let time = u64::from(packet.timestamp.wrapping_sub(packets[0].timestamp)) * 1_000_000_000;
        let time = time / u64::from(codec.clock_rate());
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_nseconds(time));
        input.push_buffer(buffer).unwrap();
    }
    input.end_of_stream().unwrap();
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let ended = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(20), &kinds);
    assert!(matches!(ended.expect("an end within 20 s").view(), gst::MessageView::Eos(_)));
    pipeline.set_state(gst::State::Null).unwrap();
}

/// What `ffmpeg` measures of each picture or piece of sound.
fn measure(packets: &[Arc<Packet>], filter: &[&str], name: &str) -> Vec<f64> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.mkv");
    write(packets, &path);
    assert_eq!(decode(&path), "", "it decodes without a word");
    let command = std::process::Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(&path).args(filter).output();
    let text = String::from_utf8_lossy(&command.unwrap().stdout).into_owned();
    text.lines().filter_map(|line| line.split_once(&format!("{name}="))?.1.trim().parse().ok()).collect()
}

/// In the depth that all have: `signalstats` writes beyond its memory for others.
fn pictures(packets: &[Arc<Packet>], name: &str) -> Vec<f64> {
    let filter = ["-vf", "format=yuv420p,signalstats,metadata=print:file=-", "-f", "null", "-"];
    measure(packets, &filter, &format!("signalstats.{name}"))
}

fn last_mean(values: &[f64]) -> f64 {
    assert!(values.len() > 10, "only {} values", values.len());
    let last = &values[values.len() - 10..];
    last.iter().sum::<f64>() / last.len() as f64
}

/// From the first keyframe on.
fn from_keyframe(packets: Vec<Arc<Packet>>) -> Vec<Arc<Packet>> {
    packets.into_iter().skip_while(|packet| !packet.keyframe).collect()
}

/// How far the darkest is from the brightest in the last pictures. The source's show a white ball on black, in whatever depth.
fn spread(packets: &[Arc<Packet>]) -> f64 {
    last_mean(&pictures(packets, "YMAX")) - last_mean(&pictures(packets, "YMIN"))
}

#[test]
fn pictures_change_on_the_running_stream_and_back() {
    for codec in [Codec::Vp8, Codec::H264] {
        let world = World::new(&[Codec::Opus, codec], 1000);
        let mut all = from_keyframe(world.until(codec, || true));
        assert!(spread(&all) > 150.0, "{codec:?}: {} as it comes", spread(&all));
        assert_eq!(world.apply("videobalance contrast=0.1").unwrap().as_deref(), Some("videobalance"));
        assert!(matches!(world.apply("edgetv"), Err(FilterRefused::NotPossible(_))), "one at a time");
        all.extend(world.until(codec, || world.filtered()));
        assert!(spread(&all) < 60.0, "{codec:?}: {} with little contrast", spread(&all));
        world.set("contrast", "1").unwrap();
        all.extend(world.until(codec, || true));
        assert!(spread(&all) > 150.0, "{codec:?}: {} with all of it", spread(&all));
        assert!(matches!(world.set("contrast", "7"), Err(FilterRefused::NotAllowed(_))));
        world.set("contrast", "0.1").unwrap();
        all.extend(world.until(codec, || true));
        assert_eq!(world.change(FilterChange::Remove), Ok(None));
        all.extend(world.until(codec, || !world.filtered()));
        assert!(spread(&all) > 150.0, "{codec:?}: {} without it", spread(&all));
        goes_on(&all);
        assert!(matches!(world.change(FilterChange::Remove), Err(FilterRefused::NotPossible(_))));
        // Once more: the stream has been filtered before.
        world.apply("videobalance contrast=0.1").unwrap();
        all.extend(world.until(codec, || world.filtered()));
        assert!(spread(&all) < 60.0, "{codec:?}: {} once more", spread(&all));
        goes_on(&all);
    }
}

#[test]
fn colours_go_where_saturation_is_none() {
    let world = World::new(&[Codec::Vp8], 1000);
    world.apply("coloreffects preset=heat ! videobalance saturation=1").unwrap();
    let coloured = from_keyframe(world.until(Codec::Vp8, || world.filtered()));
    assert!(last_mean(&pictures(&coloured, "SATMAX")) > 30.0);
    world.set("saturation", "0").unwrap();
    let grey = [coloured, world.until(Codec::Vp8, || true)].concat();
    let colours = pictures(&grey, "SATMAX");
    assert!(last_mean(&colours) < 6.0, "{colours:?}");
}

#[test]
fn sizes_may_change_and_text_is_written() {
    let world = World::new(&[Codec::Vp8], 1000);
    let shown = r#"videoflip method=clockwise ! textoverlay text="<b> & \"you\"" font-desc="Sans 20" ! timeoverlay"#;
    world.apply(shown).unwrap();
    let packets = world.until(Codec::Vp8, || world.filtered());
    let turned = packets.iter().filter_map(|packet| packet.size).next_back();
    assert_eq!(turned, Some((240, 320)));
}

#[test]
fn sound_is_filtered_and_the_pictures_are_left_alone() {
    let world = World::new(&[Codec::Opus, Codec::Vp8], 1000);
    let mut all = world.until(Codec::Opus, || true);
    let loud = |packets: &[Arc<Packet>]| {
        let filter = ["-af", "astats=metadata=1:reset=1,ametadata=print:file=-", "-f", "null", "-"];
        last_mean(&measure(packets, &filter, "lavfi.astats.Overall.RMS_level"))
    };
    let before = loud(&all);
    world.apply("volume volume=0.1").unwrap();
    all.extend(world.until(Codec::Opus, || world.filtered()));
    let after = loud(&all);
    assert!((before - after - 20.0).abs() < 4.0, "{before} dB, then {after} dB");
    assert!(matches!(world.apply("volume ! edgetv"), Err(FilterRefused::NotPossible(_))));
    world.change(FilterChange::Remove).unwrap();
    all.extend(world.until(Codec::Opus, || !world.filtered()));
    assert!((loud(&all) - before).abs() < 4.0);
    for pair in all.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence + 1);
    }
    assert!(world.publisher.feed.staged(Kind::Video).is_ok_and(|stage| !stage.is_filtered()));
}

#[test]
fn a_filter_that_fails_ends_alone() {
    let world = World::new(&[Codec::Vp8], 1000);
    // Takes away more than there is: the element refuses when pictures come.
    world.apply("videocrop left=5000").unwrap();
    match world.told.recv_timeout(LIMIT).expect("an ending within 20 s") {
        Told::Failed(why) => assert!(!why.is_empty()),
        Told::Code(_) => panic!("a code"),
    }
    let packets = from_keyframe(world.until(Codec::Vp8, || true));
    assert!(last_mean(&pictures(&packets, "YMAX")) > 180.0, "the pictures go on as they come");
    assert!(!world.filtered() && world.filters.of(world.publisher.feed.id()).is_none());
    world.apply("videobalance brightness=0.5").unwrap();
    world.until(Codec::Vp8, || world.filtered());
}

#[test]
fn what_cannot_be_is_refused() {
    let none = World::new(&[Codec::Vp8], 0);
    assert!(matches!(none.apply("edgetv"), Err(FilterRefused::NoCapacity(why)) if why.contains("cores")));
    let world = World::new(&[Codec::Vp8], 1000);
    assert!(matches!(world.apply("volume"), Err(FilterRefused::NotPossible(why)) if why.contains("no audio")));
    assert!(matches!(world.apply("filesrc location=/etc/passwd"), Err(FilterRefused::NotAllowed(_))));
    assert!(matches!(world.apply("videobalance ! volume"), Err(FilterRefused::NotAllowed(_))));
    assert!(matches!(world.set("x", "1"), Err(FilterRefused::NotPossible(_))));
    assert!(world.publisher.feed.stats().tracks.len() == 1 && !world.filtered());
}

#[test]
fn bar_codes_are_looked_for_and_the_pictures_stay_as_they_are() {
    let world = World::new(&[Codec::Vp8], 1000);
    assert_eq!(world.change(FilterChange::Apply(FilterWish::Codes)).unwrap().as_deref(), Some("bar codes"));
    world.until(Codec::Vp8, || true);
    assert!(!world.filtered());
    if let Ok(Told::Failed(why)) = world.told.try_recv() {
        panic!("{why}");
    }
    let refused = world.set("cache", "true");
    assert!(matches!(refused, Err(FilterRefused::NotAllowed(_))), "{refused:?}");
    world.change(FilterChange::Remove).unwrap();
}

#[test]
fn what_it_takes_is_measured_and_counts() {
    let world = World::new(&[Codec::Vp8], 1000);
    world.apply("videobalance saturation=0").unwrap();
    let reckoned = world.filters.renditions.transcodes().used_cores;
    for _ in 0..3 {
        world.until(Codec::Vp8, || world.filtered());
    }
    let measured = world.filters.renditions.transcodes().used_cores;
    assert!(reckoned > 0.0 && measured > 0.0 && measured != reckoned, "{reckoned} cores, then {measured}");
    world.change(FilterChange::Remove).unwrap();
    let deadline = Instant::now() + LIMIT;
    while world.filters.renditions.transcodes().used_cores > 0.0 {
        assert!(Instant::now() < deadline, "still kept after 20 s");
        std::thread::yield_now();
    }
}
