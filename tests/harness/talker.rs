//! A client that sends and receives on one connection, and tells what it sees and hears.

use crate::rtc::Client;
use gst::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// A connection, a switch, a transcode on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// One side of a call.
pub struct Talker {
    pub client: Client,
    /// Brightness of pictures, 0 to 255.
    pictures: Receiver<u8>,
    /// Loudness of sound, 0 to 255.
    sounds: Receiver<u8>,
    /// Keyframes that were asked of its encoder.
    pub asked: Arc<AtomicU64>,
}

impl Talker {
    /// Sends a picture of one colour (a `pattern` of videotestsrc) in this codec, and a tone of this volume, 0 to 1.
    pub fn new(codec: &str, pattern: &str, volume: f64) -> Self {
        let (encoder, name, pt) = match codec {
            "H264" => (
                "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=2000 threads=1 ! video/x-h264,profile=constrained-baseline ! identity name=after ! rtph264pay aggregate-mode=zero-latency config-interval=-1",
                "H264",
                102,
            ),
            _ => (
                "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=2000 threads=1 ! identity name=after ! rtpvp8pay",
                "VP8",
                96,
            ),
        };
        let launch = format!(
            "audiotestsrc is-live=true volume={volume} ! audioconvert ! opusenc ! rtpopuspay pt=111 ! \
             application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! w. \
             videotestsrc is-live=true name=paint ! video/x-raw,width=320,height=180,framerate=15/1 ! \
             {encoder} pt={pt} ! application/x-rtp,media=video,encoding-name={name},payload={pt} ! w. "
        );
        let client = Client::new(&launch);
        client.paint(pattern);
        client.webrtcbin.set_property("latency", 0u32);
        let asked = Arc::new(AtomicU64::new(0));
        count_requests(&client, &asked);
        let ((seen, pictures), (heard, sounds)) = (channel(), channel());
        listen(&client, seen, heard);
        client.play();
        Self { client, pictures, sounds, asked }
    }

    /// Waits for so many pictures in a row that fit.
    pub fn sees(&self, what: &str, fits: impl Fn(u8) -> bool) {
        in_a_row(&self.pictures, what, 15, fits);
    }

    /// Waits for sound that fits, for a third of a second.
    pub fn hears(&self, what: &str, fits: impl Fn(u8) -> bool) {
        in_a_row(&self.sounds, what, 15, fits);
    }

    /// It repeats what is missed, and asks for what it misses. Before its description is made.
    pub fn repeat(&self) {
        for index in 0..2i32 {
            let get =
                |()| self.client.webrtcbin.emit_by_name::<Option<gst::glib::Object>>("get-transceiver", &[&index]);
            get(()).expect("a transceiver").set_property("do-nack", true);
        }
    }

    /// Every so manieth packet of pictures, or the list that it is in, is lost on its way out (or in).
    pub fn lose(&self, every: u64, out: bool) {
        let bin = self.client.webrtcbin.downcast_ref::<gst::Bin>().expect("a bin");
        let mut all = bin.iterate_recurse().into_iter().flatten();
        let session = all.find(|e| e.factory().is_some_and(|f| f.name() == "rtpsession")).expect("rtpsession");
        let pad = session.static_pad(if out { "send_rtp_src" } else { "recv_rtp_sink" }).expect("its pad");
        let count = AtomicU64::new(0);
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| {
            let first = match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => Some(buffer.clone()),
                Some(gst::PadProbeData::BufferList(list)) => list.get_owned(0),
                _ => None,
            };
            let pictures = first.and_then(|f| f.map_readable().ok().map(|map| matches!(map[1] & 0x7f, 96 | 102)));
            match pictures == Some(true) && count.fetch_add(1, Relaxed) % every == every - 1 {
                true => gst::PadProbeReturn::Drop,
                false => gst::PadProbeReturn::Ok,
            }
        });
    }

    /// No picture and no sound comes any more, for a second.
    pub fn gets_nothing(&self) {
        let end = Instant::now() + PATIENCE;
        for what in [&self.pictures, &self.sounds] {
            while what.recv_timeout(Duration::from_secs(1)).is_ok() {
                assert!(Instant::now() < end, "something still comes");
            }
        }
    }
}

fn in_a_row(told: &Receiver<u8>, what: &str, count: u32, fits: impl Fn(u8) -> bool) {
    // What came before the question is no answer.
    told.try_iter().for_each(drop);
    let (end, mut row, mut last) = (Instant::now() + PATIENCE, 0, None);
    while row < count {
        let left = end.saturating_duration_since(Instant::now());
        let value = told.recv_timeout(left);
        let value = value.unwrap_or_else(|_| panic!("in vain: {what}; the last was {last:?}, {row} fitted"));
        last = Some(value);
        row = if fits(value) { row + 1 } else { 0 };
    }
}

fn count_requests(client: &Client, asked: &Arc<AtomicU64>) {
    let pad = client.element("after").static_pad("src").expect("its end");
    let asked = asked.clone();
    pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
        if let Some(gst::PadProbeData::Event(event)) = &info.data
            && event.structure().is_some_and(|s| s.name() == "GstForceKeyUnit")
        {
            asked.fetch_add(1, Relaxed);
        }
        gst::PadProbeReturn::Ok
    });
}

fn listen(client: &Client, seen: Sender<u8>, heard: Sender<u8>) {
    client.on_pad(move |caps| {
        let (decoder, told, measure): (_, _, fn(&[u8]) -> u8) = match caps {
            caps if caps.contains("OPUS") => {
                ("rtpopusdepay ! opusdec ! audioconvert ! audio/x-raw,format=S16LE,channels=1", &heard, loudness)
            }
            caps if caps.contains("H264") => (
                "rtph264depay ! h264parse ! avdec_h264 max-threads=1 ! videoconvert ! video/x-raw,format=GRAY8",
                &seen,
                brightness,
            ),
            _ => ("rtpvp8depay ! vp8dec ! videoconvert ! video/x-raw,format=GRAY8", &seen, brightness),
        };
        let bin = gst::parse::bin_from_description(&format!("{decoder} ! appsink name=s sync=false"), true)
            .expect("a decoder");
        let sink = bin.by_name("s").and_then(|s| s.downcast::<gst_app::AppSink>().ok()).expect("its end");
        let told = told.clone();
        let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let map = sample.buffer().expect("a buffer").map_readable().expect("readable");
            let _ = told.send(measure(&map));
            Ok(gst::FlowSuccess::Ok)
        });
        sink.set_callbacks(callbacks.build());
        bin
    });
}

fn brightness(picture: &[u8]) -> u8 {
    picture[picture.len() / 2 + 16]
}

fn loudness(samples: &[u8]) -> u8 {
    let peaks = samples.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]]).unsigned_abs());
    (peaks.max().unwrap_or(0) / 128).min(255) as u8
}
