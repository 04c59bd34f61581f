//! Each codec goes in and is decoded at the far end.

use super::*;
use parking_lot::Mutex;
use std::str::FromStr;
use std::time::Instant;

const LIMIT: Duration = Duration::from_secs(20);

/// Frames with their caps, made by `launch`, which ends before the sink.
fn frames(launch: &str) -> (gst::Caps, Vec<gst::Buffer>) {
    crate::media::start().unwrap();
    let text = format!("{launch} ! appsink name=out sync=false");
    let pipeline = gst::parse::launch(&text).unwrap().downcast::<gst::Pipeline>().unwrap();
    let sink = pipeline.by_name("out").unwrap().downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let (mut caps, mut buffers) = (None, Vec::new());
    while let Some(sample) = sink.try_pull_sample(gst::ClockTime::from_seconds(20)) {
        caps = sample.caps_owned().or(caps);
        let segment = sample.segment().unwrap().downcast_ref::<gst::ClockTime>().unwrap().clone();
        let mut buffer = sample.buffer_owned().unwrap();
        let at = |t: Option<gst::ClockTime>| t.and_then(|t| segment.to_running_time(t));
        let (pts, dts) = (at(buffer.pts()), at(buffer.dts()));
        let writable = buffer.make_mut();
        writable.set_pts(pts);
        writable.set_dts(dts);
        buffers.push(buffer);
    }
    pipeline.set_state(gst::State::Null).unwrap();
    (caps.expect("no frame came"), buffers)
}

fn collector() -> (Output, Arc<Mutex<Vec<Coded>>>) {
    let packets = Arc::new(Mutex::new(Vec::new()));
    let kept = packets.clone();
    (Arc::new(move |packet| kept.lock().push(packet)), packets)
}

/// Waits until `done` with the packets.
fn wait(packets: &Mutex<Vec<Coded>>, what: &str, done: impl Fn(&[Coded]) -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !done(&packets.lock()) {
        assert!(Instant::now() < deadline, "{what}: {} packets only", packets.lock().len());
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

fn last_at(packets: &[Coded]) -> u64 {
    packets.iter().filter_map(|p| p.at).map(gst::ClockTime::mseconds).max().unwrap_or(0)
}

/// Mean brightness or loudness is not asked: whether the packets decode, how many frames they make and how large.
fn decoded(name: &str, packets: &[Coded], kind: Kind) -> (usize, gst::Caps) {
    let (caps, decode) = match kind {
        Kind::Video => ("video/x-h264,stream-format=byte-stream,alignment=au", "h264parse ! avdec_h264"),
        Kind::Audio => ("audio/x-opus,rate=48000,channels=2,channel-mapping-family=0", "opusparse ! opusdec"),
    };
    let text = format!("appsrc name=in format=time ! {decode} ! appsink name=out sync=false");
    let pipeline = gst::parse::launch(&text).unwrap().downcast::<gst::Pipeline>().unwrap();
    let source = pipeline.by_name("in").unwrap().downcast::<gst_app::AppSrc>().unwrap();
    let sink = pipeline.by_name("out").unwrap().downcast::<gst_app::AppSink>().unwrap();
    source.set_caps(Some(&gst::Caps::from_str(caps).unwrap()));
    pipeline.set_state(gst::State::Playing).unwrap();
    for packet in packets {
        let mut frame = packet.buffer.copy();
        frame.make_mut().set_pts(packet.at);
        source.push_buffer(frame).unwrap();
    }
    source.end_of_stream().unwrap();
    let (mut count, mut caps) = (0, None);
    while let Some(sample) = sink.try_pull_sample(gst::ClockTime::from_seconds(20)) {
        count += 1;
        caps = sample.caps_owned().or(caps);
    }
    pipeline.set_state(gst::State::Null).unwrap();
    (count, caps.unwrap_or_else(|| panic!("{name}: nothing was decoded")))
}

fn picture(encoder: &str) -> String {
    format!("videotestsrc num-buffers=50 pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 ! {encoder}")
}

/// GStreamer's own encoders of these have no usable times.
fn of_ffmpeg(codec: &str, dir: &Path) -> String {
    let path = dir.join(format!("{codec}.mkv"));
    let source = "testsrc=size=320x240:rate=25:duration=2";
    let args = ["-v", "error", "-f", "lavfi", "-i", source, "-c:v", codec];
    let status = std::process::Command::new("ffmpeg").args(args).arg(&path).status().unwrap();
    assert!(status.success());
    let parse = if codec == "mpeg4" { "mpeg4videoparse" } else { "mpegvideoparse" };
    format!("filesrc location={} ! matroskademux ! {parse}", path.display())
}

fn sound(encoder: &str, rate: u32) -> String {
    format!(
        "audiotestsrc num-buffers=100 samplesperbuffer={} ! audio/x-raw,rate={rate},channels=1 ! audioconvert ! {encoder}",
        rate / 50
    )
}

#[test]
fn pictures_of_every_codec_become_h264() {
    let dir = tempfile::tempdir().unwrap();
    for (name, encoder) in [
        ("H265", "x265enc speed-preset=ultrafast ! h265parse"),
        ("H264", "x264enc bframes=2 b-adapt=false speed-preset=ultrafast ! h264parse"),
        ("JPEG", "jpegenc ! jpegparse"),
        ("MPEG-4", "mpeg4"),
        ("MPEG-2", "mpeg2video"),
        ("VP8", "vp8enc deadline=1"),
        ("VP9", "vp9enc deadline=1 cpu-used=8 ! vp9parse"),
        ("RAW", "identity"),
    ] {
        let (caps, frames) = match encoder {
            "mpeg4" | "mpeg2video" => frames(&of_ffmpeg(encoder, dir.path())),
            encoder => frames(&picture(encoder)),
        };
        assert_eq!(Encoding::of(&caps).unwrap().name, name);
        let (output, packets) = collector();
        let coder = Transcoder::start("transcode-test", &caps, Duration::from_secs(1), None, output).unwrap();
        for frame in frames {
            assert!(coder.push(frame) || coder.failure().is_some());
            // Slower than real time, or more than may wait would come at once.
            wait(&packets, name, |_| coder.source.current_level_buffers() < 5 || coder.failure().is_some());
        }
        // Decoders keep the pictures of a B-frame group for themselves until the end of the stream.
        wait(&packets, name, |packets| last_at(packets) >= 1700 || coder.failure().is_some());
        assert_eq!(coder.failure(), None, "{name}");
        drop(coder);
        let (count, caps) = decoded(name, &packets.lock(), Kind::Video);
        let size = caps.structure(0).unwrap();
        assert!(count >= 43, "{name}: {count} pictures");
        assert_eq!((size.get::<i32>("width"), size.get::<i32>("height")), (Ok(320), Ok(240)), "{name}");
        let mut times: Vec<_> = packets.lock().iter().filter_map(|p| p.at).collect();
        assert!(times.is_sorted(), "{name}: B-frames came out");
        times.dedup();
        assert!(times[0] < gst::ClockTime::from_mseconds(100), "{name} begins at {}", times[0]);
    }
}

#[test]
fn sound_of_every_codec_becomes_opus() {
    for (name, encoder, rate) in [
        ("AAC", "avenc_aac ! aacparse", 44_100),
        ("MP2", "twolamemp2enc ! mpegaudioparse", 48_000),
        ("MP3", "lamemp3enc ! mpegaudioparse", 44_100),
        ("AC-3", "avenc_ac3 ! ac3parse", 48_000),
        ("PCMA", "alawenc", 8000),
        ("PCMU", "mulawenc", 8000),
        ("G726", "avenc_g726 bitrate=32000", 8000),
        ("RAW", "identity", 48_000),
    ] {
        let (caps, frames) = frames(&sound(encoder, rate));
        assert_eq!(Encoding::of(&caps).unwrap().name, name);
        let (output, packets) = collector();
        let coder = Transcoder::start("transcode-test", &caps, Duration::from_secs(1), None, output).unwrap();
        for frame in frames {
            assert!(coder.push(frame) || coder.failure().is_some());
            wait(&packets, name, |_| coder.source.current_level_buffers() < 5 || coder.failure().is_some());
        }
        wait(&packets, name, |packets| last_at(packets) >= 1700 || coder.failure().is_some());
        assert_eq!(coder.failure(), None, "{name}");
        drop(coder);
        let (count, caps) = decoded(name, &packets.lock(), Kind::Audio);
        assert!(count >= 85, "{name}: {count} blocks");
        assert_eq!(caps.structure(0).unwrap().get::<i32>("channels"), Ok(2), "{name}");
    }
}

fn keyframes(packets: &[Coded]) -> usize {
    packets.iter().filter(|p| p.keyframe).count()
}

#[test]
fn keyframes_come_by_time_and_on_request() {
    let (caps, frames) = frames(&picture("jpegenc"));
    let (output, packets) = collector();
    let coder = Transcoder::start("transcode-test", &caps, Duration::from_millis(1000), None, output).unwrap();
    for (number, frame) in frames.into_iter().enumerate() {
        let at = frame.pts().unwrap();
        if number == 10 {
            coder.request_keyframe();
        }
        coder.push(frame);
        wait(&packets, "each picture", |packets| packets.last().and_then(|p| p.at) >= Some(at));
    }
    // At 0 s, by request at 0.4 s, and a second after that.
    assert_eq!(keyframes(&packets.lock()), 3);
}

#[test]
fn who_joins_late_gets_the_newest_picture_first() {
    let (caps, frames) = frames(&picture("x264enc key-int-max=100 bframes=0 speed-preset=ultrafast ! h264parse"));
    let (output, packets) = collector();
    let coder = Transcoder::start("transcode-test", &caps, Duration::from_secs(2), None, output).unwrap();
    let newest = frames[45].pts();
    coder.catch_up(&frames[..45], newest);
    frames[45..].iter().for_each(|frame| assert!(coder.push(frame.clone())));
    wait(&packets, "pictures for the user", |packets| packets.len() > 3);
    assert_eq!(packets.lock()[0].at, newest, "what was before is decoded, not shown");
    assert_eq!(keyframes(&packets.lock()), 1);
}

#[test]
fn what_cannot_be_used_is_said() {
    crate::media::start().unwrap();
    let caps = gst::Caps::from_str("application/x-onvif-metadata").unwrap();
    let error = Transcoder::start("x", &caps, Duration::from_secs(2), None, collector().0).err().unwrap();
    assert!(error.to_string().contains("onvif"), "{error}");
}
