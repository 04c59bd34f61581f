//! Clients of transports: stock webrtcbin, which wants descriptions; they are made here of what the engine tells.

use crate::engine::Room;
use crate::rtc::Client;
use gst::prelude::*;
use millrace::media::{MediaEvent, MediaRequest, Viewer};
use millrace::model::{Content, FeedId, Kind, PeerId, Sdp, TransportLocal, TransportRemote, ViewLimits};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A connection, a switch, an encoder on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A description's head and its sections.
pub fn parts(sdp: &str) -> (String, Vec<String>) {
    let mut parts = sdp.replace("\r\nm=", "\r\n\u{1}m=").split('\u{1}').map(str::to_owned).collect::<Vec<_>>();
    let head = parts.remove(0);
    (head, parts)
}

/// The first line that begins so, without that.
pub fn line<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_else(|| panic!("no {start} in {text}")).trim()
}

/// These sections as a description.
pub fn whole(sections: &[&str]) -> String {
    let mids: Vec<&str> = sections.iter().map(|section| line(section, "a=mid:")).collect();
    let head = "v=0\r\no=- 7 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=group:BUNDLE ";
    format!("{head}{}\r\n{}", mids.join(" "), sections.concat())
}

/// A client's side as its description tells it.
pub fn remote(sdp: &str) -> TransportRemote {
    let waits = line(sdp, "a=setup:") == "passive";
    TransportRemote { waits, fingerprints: vec![line(sdp, "a=fingerprint:").to_owned()] }
}

pub fn open(room: &mut Room) -> (PeerId, TransportLocal) {
    let peer = PeerId::next();
    room.ask(MediaRequest::OpenTransport { peer, data: false });
    (peer, opened(room, peer))
}

pub fn opened(room: &mut Room, transport: PeerId) -> TransportLocal {
    room.expect("an open transport", |event| match event {
        MediaEvent::TransportOpened { peer, local } if *peer == transport => Some(local.clone()),
        MediaEvent::PeerEnded { peer, detail, .. } if *peer == transport => panic!("ended: {detail}"),
        _ => None,
    })
}

/// One who sends.
pub struct Sending {
    pub client: Client,
    pub transport: PeerId,
    pub local: TransportLocal,
    /// The client's sections.
    pub sections: Vec<String>,
}

/// Sound of this volume and pictures of these colours, so wide and high.
pub fn launch(volume: f64, pictures: &[(&str, (u32, u32))]) -> String {
    let mut text = format!(
        "audiotestsrc is-live=true volume={volume} ! audioconvert ! opusenc ! rtpopuspay pt=111 ! \
         application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! w. "
    );
    for (colour, (width, height)) in pictures {
        let _ = write!(
            text,
            "videotestsrc is-live=true pattern={colour} ! video/x-raw,width={width},height={height},framerate=15/1 ! \
             vp8enc deadline=1 cpu-used=8 keyframe-max-dist=2000 threads=1 ! rtpvp8pay pt=96 ! \
             application/x-rtp,media=video,encoding-name=VP8,payload=96 ! w. "
        );
    }
    text
}

impl Sending {
    pub fn open(room: &mut Room, launch: &str) -> Self {
        let (transport, local) = open(room);
        let client = Client::new(launch);
        client.play();
        let (_, sections) = parts(&client.offer());
        Self { client, transport, local, sections }
    }

    pub fn offer(&self, sections: &[usize]) -> Sdp {
        Sdp::new(whole(&sections.iter().map(|n| self.sections[*n].as_str()).collect::<Vec<_>>()))
    }

    pub fn ask(&self, room: &Room, offer: Sdp) -> (PeerId, FeedId) {
        let (peer, feed) = (PeerId::next(), FeedId::next());
        room.ask(MediaRequest::Produce { peer, on: self.transport, feed, offer, content: Content::Camera });
        (peer, feed)
    }

    pub fn produce(&self, room: &mut Room, sections: &[usize]) -> (PeerId, FeedId) {
        let made = self.ask(room, self.offer(sections));
        answered(room, made.0);
        made
    }

    /// Both sides learn of each other.
    pub fn connect(&self, room: &Room) {
        let remote = remote(&self.sections[0]);
        room.ask(MediaRequest::ConnectTransport { peer: self.transport, remote });
        self.client.take_answer(&self.answer());
    }

    /// The client's answer to itself: all is taken.
    fn answer(&self) -> String {
        let kept = |l: &&str| l.starts_with("a=rtpmap") || l.starts_with("a=mid") || l.starts_with("a=rtcp-fb");
        let section = |section: &String| {
            let (kind, pt) = if section.starts_with("m=audio") { ("audio", 111) } else { ("video", 96) };
            let mut out =
                format!("m={kind} 9 UDP/TLS/RTP/SAVPF {pt}\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=recvonly\r\n");
            section.lines().filter(kept).for_each(|line| out += &format!("{line}\r\n"));
            let TransportLocal { name, password, addresses, fingerprint, .. } = &self.local;
            let _ = write!(out, "a=ice-ufrag:{name}\r\na=ice-pwd:{}\r\n", password.reveal());
            let _ = write!(out, "a=fingerprint:{fingerprint}\r\na=setup:passive\r\n");
            for (address, _) in addresses.iter().filter(|(_, tcp)| !tcp) {
                let (ip, port) = (address.ip(), address.port());
                let _ = write!(out, "a=candidate:1 1 udp 2130706431 {ip} {port} typ host\r\n");
            }
            out
        };
        let sections: Vec<String> = self.sections.iter().map(section).collect();
        whole(&sections.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

pub fn answered(room: &mut Room, publisher: PeerId) -> String {
    room.expect("the answer", |event| match event {
        MediaEvent::PublishAnswered { peer, answer } if *peer == publisher => Some(answer.as_str().to_owned()),
        MediaEvent::PublishRefused { error, .. } => panic!("refused: {error}"),
        _ => None,
    })
}

/// What came on each section: brightness or loudness, and the numbers of its packets.
type Told = Arc<Mutex<HashMap<u32, Vec<u16>>>>;

/// One who receives.
pub struct Receiving {
    pub transport: PeerId,
    /// All its subscriptions are one viewer's.
    viewer: Viewer,
    /// The sections that it is to get.
    pub sections: Vec<String>,
    client: Option<Client>,
    values: HashMap<u32, Receiver<u8>>,
    numbers: Told,
}

/// What a client can take, as the dialect says it: a section of a client that has no transport yet.
pub fn wish(kind: Kind, mid: usize) -> Sdp {
    let (pt, codec) = if kind == Kind::Audio { (100, "opus/48000/2") } else { (101, "VP8/90000") };
    let mut out = format!("m={} 9 UDP/TLS/RTP/SAVPF {pt}{}\r\n", kind.as_str(), if pt == 101 { " 102" } else { "" });
    let _ = write!(out, "c=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na=rtcp-mux\r\na=recvonly\r\na=rtpmap:{pt} {codec}\r\n");
    if kind == Kind::Video {
        out += "a=rtcp-fb:101 nack\r\na=rtcp-fb:101 nack pli\r\na=rtcp-fb:101 transport-cc\r\n";
        out += "a=rtpmap:102 rtx/90000\r\na=fmtp:102 apt=101\r\n";
    }
    out += "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n";
    out += "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n";
    let fingerprint = ["00"; 32].join(":");
    let _ = write!(out, "a=ice-ufrag:none\r\na=ice-pwd:nonenonenonenonenonenone\r\na=setup:active\r\n");
    let _ = write!(out, "a=fingerprint:sha-256 {fingerprint}\r\n");
    Sdp::new(whole(&[&out]))
}

impl Receiving {
    pub fn open(room: &mut Room) -> Self {
        let (transport, _) = open(room);
        let viewer = crate::engine::somebody();
        let (sections, values, numbers) = (Vec::new(), HashMap::new(), Told::default());
        Self { transport, viewer, sections, client: None, values, numbers }
    }

    pub fn ask(&self, room: &Room, feed: FeedId, kind: Kind) -> PeerId {
        let (peer, offer) = (PeerId::next(), wish(kind, self.sections.len()));
        room.ask(MediaRequest::Consume { peer, on: self.transport, feed, kind, offer, viewer: self.viewer });
        peer
    }

    pub fn consume(&mut self, room: &mut Room, feed: FeedId, kind: Kind, paused: bool) -> PeerId {
        let consumer = self.ask(room, feed, kind);
        if paused {
            pause(room, consumer, true);
        }
        let answer = room.expect("the stream", |event| match event {
            MediaEvent::SubscribeAnswered { peer, answer } if *peer == consumer => Some(answer.as_str().to_owned()),
            MediaEvent::SubscribeRefused { error, .. } => panic!("refused: {error}"),
            _ => None,
        });
        let (_, mut sections) = parts(&answer);
        assert_eq!(sections.len(), 1, "{answer}");
        assert!(line(&answer, "a=ssrc:").contains(&format!("cname:{feed}")), "{answer}");
        self.sections.push(sections.remove(0).replace("a=setup:passive", "a=setup:actpass"));
        consumer
    }

    /// The client gets all that was asked for.
    pub fn connect(&mut self, room: &Room) {
        let client = Client::new("");
        client.webrtcbin.set_property("latency", 0u32);
        let mut told = HashMap::new();
        for index in 0..self.sections.len() as u32 {
            let (sender, receiver) = channel();
            told.insert(index, sender);
            self.values.insert(index, receiver);
        }
        listen(&client, told, self.numbers.clone());
        client.play();
        let answer = client.answer(&whole(&self.sections.iter().map(String::as_str).collect::<Vec<_>>()));
        room.ask(MediaRequest::ConnectTransport { peer: self.transport, remote: remote(&answer) });
        self.client = Some(client);
    }

    /// Waits for some values in a row that fit.
    pub fn gets(&self, section: u32, what: &str, fits: impl Fn(u8) -> bool) {
        let told = &self.values[&section];
        // What came before the question is no answer.
        told.try_iter().for_each(drop);
        let (end, mut row, mut last) = (Instant::now() + PATIENCE, 0, None);
        while row < 10 {
            let value = told.recv_timeout(end.saturating_duration_since(Instant::now()));
            let value = value.unwrap_or_else(|_| panic!("in vain: {what}; the last was {last:?}, {row} fitted"));
            last = Some(value);
            row = if fits(value) { row + 1 } else { 0 };
        }
    }

    /// Nothing comes of it any more, for a second.
    pub fn gets_nothing(&self, section: u32) {
        let end = Instant::now() + PATIENCE;
        while self.values[&section].recv_timeout(Duration::from_secs(1)).is_ok() {
            assert!(Instant::now() < end, "something still comes");
        }
    }

    /// How often the packets of a section did not follow each other, and how many there were.
    pub fn gaps(&self, section: u32) -> (usize, usize) {
        let numbers = self.numbers.lock().expect("numbers");
        let of = numbers.get(&section).cloned().unwrap_or_default();
        (of.windows(2).filter(|two| two[1] != two[0].wrapping_add(1)).count(), of.len())
    }
}

pub fn pause(room: &Room, consumer: PeerId, paused: bool) {
    let limits = ViewLimits { paused, ..ViewLimits::default() };
    room.ask(MediaRequest::Limit { peer: consumer, limits });
}

fn listen(client: &Client, told: HashMap<u32, Sender<u8>>, numbers: Told) {
    let pipeline = client.element("w").parent().and_downcast::<gst::Pipeline>().expect("a pipeline").downgrade();
    client.webrtcbin.connect_pad_added(move |_, pad| {
        let Some(pipeline) = pipeline.upgrade().filter(|_| pad.direction() == gst::PadDirection::Src) else { return };
        let transceiver = pad.property::<gst_webrtc::WebRTCRTPTransceiver>("transceiver");
        let section = transceiver.property::<u32>("mlineindex");
        let sound = pad.current_caps().is_some_and(|caps| caps.to_string().contains("OPUS"));
        let (decoder, measure): (_, fn(&[u8]) -> u8) = match sound {
            true => ("rtpopusdepay ! opusdec ! audioconvert ! audio/x-raw,format=S16LE,channels=1", loudness),
            false => ("rtpvp8depay ! vp8dec ! videoconvert ! video/x-raw,format=GRAY8", brightness),
        };
        let text = format!("{decoder} ! appsink name=s sync=false");
        let bin = gst::parse::bin_from_description(&text, true).expect("a decoder");
        let sink = bin.by_name("s").and_then(|s| s.downcast::<gst_app::AppSink>().ok()).expect("its end");
        let sender = told[&section].clone();
        let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let map = sample.buffer().expect("a buffer").map_readable().expect("readable");
            let _ = sender.send(measure(&map));
            Ok(gst::FlowSuccess::Ok)
        });
        sink.set_callbacks(callbacks.build());
        let numbers = numbers.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(gst::PadProbeData::Buffer(buffer)) = &info.data {
                let map = buffer.map_readable().expect("readable");
                let number = u16::from_be_bytes([map[2], map[3]]);
                numbers.lock().expect("numbers").entry(section).or_default().push(number);
            }
            gst::PadProbeReturn::Ok
        });
        pipeline.add(&bin).expect("added");
        bin.sync_state_with_parent().expect("started");
        pad.link(&bin.static_pad("sink").expect("a pad")).expect("linked");
    });
}

fn brightness(picture: &[u8]) -> u8 {
    picture[picture.len() / 2 + 16]
}

fn loudness(samples: &[u8]) -> u8 {
    let peaks = samples.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]]).unsigned_abs());
    (peaks.max().unwrap_or(0) / 128).min(255) as u8
}
