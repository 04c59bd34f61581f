//! Packets for the tests: by hand, or real ones out of GStreamer's encoders.

use crate::media::feed::SourceTrack;
use crate::media::rtp::{Packet, av1, vp9};
use crate::model::{Codec, Kind};
use gst::prelude::*;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) fn packet(sequence: u64, at: Instant) -> Arc<Packet> {
    packet_of(1, sequence, at)
}

pub(super) fn packet_of(ssrc: u32, sequence: u64, at: Instant) -> Arc<Packet> {
    let mut data = vec![0x80, 96, 0, 0, 0, 0, 0, 0];
    data.extend(ssrc.to_be_bytes());
    let codec = Codec::Vp8;
    Arc::new(Packet {
        codec,
        sequence,
        timestamp: 0,
        marker: false,
        keyframe: false,
        size: None,
        data,
        payload: 12..12,
        at,
    })
}

pub(in crate::media) fn source(codec: Codec, payload_type: u8) -> SourceTrack {
    SourceTrack {
        codec,
        fmtp: String::new(),
        payload_type,
        ssrc: None,
        rtx_payload_type: None,
        rtx_ssrc: None,
        nack: true,
        audio_level_id: 0,
    }
}

/// Real RTP of `seconds`, one packet an entry, with the time at which a live source would have sent it.
pub(in crate::media) fn encode(codec: Codec, seconds: u32, size: (u32, u32)) -> Vec<(Duration, Packet)> {
    encode_with(codec, seconds, size, 50)
}

/// The same with a keyframe each `group` pictures.
pub(in crate::media) fn encode_with(
    codec: Codec,
    seconds: u32,
    size: (u32, u32),
    group: u32,
) -> Vec<(Duration, Packet)> {
    crate::media::start().unwrap();
    let (frames, (width, height)) = (seconds * 25, size);
    let video = format!(
        "videotestsrc num-buffers={frames} pattern=ball ! video/x-raw,width={width},height={height},framerate=25/1 !"
    );
    let text = match codec {
        Codec::Vp8 => format!("{video} vp8enc deadline=1 cpu-used=8 keyframe-max-dist={group} ! rtpvp8pay mtu=400"),
        Codec::H264 => format!(
            "{video} x264enc tune=zerolatency speed-preset=ultrafast key-int-max={group} bframes=0 ! rtph264pay mtu=400 config-interval=-1 aggregate-mode=zero-latency"
        ),
        Codec::Vp9 => format!("{video} vp9enc deadline=1 cpu-used=8 keyframe-max-dist={group} ! rtpvp9pay mtu=400"),
        Codec::Av1 => format!(
            "{video} videoconvert ! video/x-raw,format=I420 ! av1enc usage-profile=realtime cpu-used=10 lag-in-frames=0 keyframe-max-dist={group} ! av1parse ! rtpav1pay mtu=400"
        ),
        Codec::Opus => format!(
            "audiotestsrc samplesperbuffer=960 num-buffers={} ! audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay",
            seconds * 50
        ),
        Codec::Pcmu | Codec::Pcma => {
            let (encoder, payloader) =
                if codec == Codec::Pcmu { ("mulawenc", "rtppcmupay") } else { ("alawenc", "rtppcmapay") };
            format!(
                "audiotestsrc samplesperbuffer=160 num-buffers={} ! audio/x-raw,rate=8000,channels=1 ! {encoder} ! {payloader}",
                seconds * 50
            )
        }
    };
    let launch = format!("{text} pt=96 seqnum-offset=65500 timestamp-offset=4294960000 ! appsink name=out sync=false");
    let pipeline = gst::parse::launch(&launch).unwrap().downcast::<gst::Pipeline>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let sink = pipeline.by_name("out").unwrap().downcast::<gst_app::AppSink>().unwrap();
    let mut packets: Vec<(Duration, Packet)> = Vec::new();
    while let Ok(sample) = sink.pull_sample() {
        let buffers: Vec<_> = match sample.buffer_list_owned() {
            Some(list) => list.iter_owned().collect(),
            None => vec![sample.buffer_owned().unwrap()],
        };
        for buffer in buffers {
            let sequence = 65_500 + packets.len() as u64;
            let due = Duration::from_nanos(buffer.pts().unwrap().nseconds());
            let start = packets.last().is_none_or(|(_, p)| p.marker);
            packets.push((due, read(codec, sequence, start, size, buffer.map_readable().unwrap().to_vec())));
        }
    }
    pipeline.set_state(gst::State::Null).unwrap();
    // x264enc counts from 1000 hours.
    let zero = packets[0].0;
    packets.iter_mut().for_each(|(due, _)| *due -= zero);
    assert!(packets.len() > seconds as usize * 20, "{codec:?}: {} packets", packets.len());
    packets
}

fn read(codec: Codec, sequence: u64, start: bool, size: (u32, u32), data: Vec<u8>) -> Packet {
    let payload = &data[12..];
    let keyframe = match codec {
        Codec::Opus | Codec::Pcmu | Codec::Pcma => true,
        // Payload descriptor of rtpvp8pay without extensions is 1 byte unless X is set (RFC 7741 4.2).
        Codec::Vp8 => start && payload[if payload[0] & 0x80 == 0 { 1 } else { vp8_descriptor(payload) }] & 1 == 0,
        Codec::H264 => matches!(payload[0] & 0x1f, 7) || (payload[0] & 0x1f == 24 && payload[3] & 0x1f == 7),
        Codec::Vp9 => vp9::keyframe(payload).0,
        Codec::Av1 => av1::keyframe(payload).0,
    };
    Packet {
        codec,
        sequence,
        timestamp: u32::from_be_bytes(data[4..8].try_into().unwrap()),
        marker: codec.kind() == Kind::Video && data[1] & 0x80 != 0,
        keyframe,
        size: (keyframe && matches!(codec, Codec::Vp8 | Codec::Vp9 | Codec::Av1)).then_some(size),
        payload: 12..data.len(),
        data,
        at: Instant::now(),
    }
}

fn vp8_descriptor(payload: &[u8]) -> usize {
    let x = payload[1];
    let id = if x & 0x80 == 0 {
        0
    } else if payload[2] & 0x80 == 0 {
        1
    } else {
        2
    };
    2 + id + usize::from(x & 0x40 != 0) + usize::from(x & 0x30 != 0)
}
