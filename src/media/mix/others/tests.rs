//! Members send tones; what each listener gets is decoded, and its tones measured (Goertzel).

use super::super::decoder::{BIAS, Decoder, Next};
use super::super::live::{Mix, MixSpec, Target};
use super::super::member::Joining;
use super::super::testing::{Rtp, rtp, track};
use super::*;
use crate::media::feed::TapItem;
use crate::media::rtp::Packet;
use crate::model::{Codec, EndReason, Kind, Layout, RecordingId};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

const RATE: f64 = 48_000.0;
/// 100 ms.
const WINDOW: usize = 4800;
/// Each member's tone in Hz and its amplitude, and when it begins in seconds.
const TONES: [(f64, f64, f64); 3] = [(440.0, 0.2, 0.0), (1000.0, 0.1, 0.0), (1800.0, 0.15, 2.0)];

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn tone((frequency, amplitude, begins): (f64, f64, f64), length: f64) -> Rtp {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tone.webm");
    let tone = format!("{amplitude}*sin(2*PI*{frequency}*t)*gte(t\\,{begins})");
    let source = format!("aevalsrc={tone}|{tone}:s=48000:d={length}");
    let mut ffmpeg = std::process::Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", &source, "-c:a", "libopus", "-b:a", "96k"]);
    assert!(ffmpeg.arg(&path).status().unwrap().success());
    rtp(&path, &[Codec::Opus])
}

/// A live mix and its members.
struct Room {
    mix: Option<Mix>,
    feed: Arc<Feed>,
    others: Arc<Others>,
    ended: Receiver<()>,
    taps: Vec<Option<SyncSender<TapItem>>>,
}

impl Room {
    fn new() -> Self {
        gst::init().unwrap();
        let pool = Pool::start(1).unwrap();
        let feed = Feed::new(FeedId::next(), pool.clone(), seconds(0.3), Box::new(|_| {}));
        let others = Others::new(pool, None, Arc::default());
        let (end, ended) = sync_channel(1);
        let mix = Mix::start(MixSpec {
            recording: RecordingId::new("test"),
            target: Target::Feed(feed.clone(), others.clone()),
            layout: Some(Layout::Named("grid".into())),
            film: crate::model::Film::default(),
            title: String::new(),
            templates: None,
            events: Box::new(move |_| end.send(()).unwrap()),
        });
        Self { mix: Some(mix.unwrap()), feed, others, ended, taps: Vec::new() }
    }

    /// The members are the feeds 1, 2, 3…
    fn join(&mut self, member: u64) {
        let (tap, packets) = sync_channel(10_000);
        let joining = Joining {
            feed: FeedId(member),
            name: String::new(),
            tracks: vec![track(Codec::Opus)],
            packets,
            request_keyframe: Box::new(|| {}),
        };
        self.mix.as_ref().unwrap().join(joining);
        let index = member as usize - 1;
        self.taps.resize_with(self.taps.len().max(index + 1), || None);
        self.taps[index] = Some(tap);
    }

    fn leave(&mut self, member: u64) {
        self.mix.as_ref().unwrap().leave(FeedId(member));
        self.taps[member as usize - 1] = None;
    }

    /// Sends what is due from `from` to `to` at a live source's pace.
    fn play(&self, tones: &[Rtp], from: f64, to: f64) {
        let (begin, from, to) = (Instant::now(), seconds(from), seconds(to));
        let all = tones.iter().enumerate().flat_map(|(index, packets)| packets.iter().map(move |one| (index, one)));
        let mut all: Vec<_> = all.filter(|(_, (due, _))| (from..to).contains(due)).collect();
        all.sort_by_key(|(_, (due, _))| *due);
        for (index, (due, packet)) in all {
            std::thread::sleep((begin + *due - from).saturating_duration_since(Instant::now()));
            if let Some(Some(tap)) = self.taps.get(index) {
                let (data, payload) = (packet.data.clone(), packet.payload.clone());
                let copy = Packet { data, payload, at: Instant::now(), ..**packet };
                tap.send(TapItem::Packet(Arc::new(copy))).unwrap();
            }
        }
        std::thread::sleep((begin + to - from).saturating_duration_since(Instant::now()));
    }

    fn running(&self) {
        until("the mix runs", || self.others.state.lock().start.is_some());
    }

    fn stop(&mut self) {
        self.mix.take().unwrap().stop(EndReason::Requested);
        self.ended.recv_timeout(seconds(5.0)).expect("the mix's end");
    }
}

fn until(what: &str, is: impl Fn() -> bool) {
    let end = Instant::now() + seconds(10.0);
    while !is() {
        assert!(Instant::now() < end, "not within 10 s: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What came out of a feed: left samples by RTP time, and the last report's RTP time minus that of its NTP time.
struct Heard {
    samples: Vec<f64>,
    first: usize,
    clock: f64,
}

fn hear(tap: &Receiver<TapItem>) -> Heard {
    let mut track = track(Codec::Opus);
    track.payload_type = 97;
    let (decoder, mut clock) = (Decoder::of_track(&track, None).unwrap(), f64::NAN);
    for item in tap.try_iter() {
        match item {
            TapItem::Packet(packet) if packet.codec == Codec::Opus => {
                assert!(decoder.push(&packet, (f64::from(packet.timestamp) / RATE * 1e9) as i64));
            }
            TapItem::SenderReport { codec: Codec::Opus, ntp, rtp } => {
                // Half a day of NTP is enough.
                clock = f64::from(rtp) / RATE - (ntp & 0xffff_ffff_ffff) as f64 / 2f64.powi(32);
            }
            _ => {}
        }
    }
    decoder.end();
    let mut heard = Heard { samples: Vec::new(), first: usize::MAX, clock };
    while let Next::Sample(sample) = decoder.next(seconds(5.0)) {
        let buffer = sample.buffer().unwrap();
        let at = (buffer.pts().unwrap().nseconds() as i64 - BIAS).max(0);
        let at = (at as f64 / 1e9 * RATE).round() as usize;
        let data = buffer.map_readable().unwrap();
        heard.first = heard.first.min(at);
        heard.samples.resize(heard.samples.len().max(at + data.len() / 4), 0.0);
        for (index, frame) in data.chunks_exact(4).enumerate() {
            heard.samples[at + index] = f64::from(i16::from_le_bytes([frame[0], frame[1]])) / 32_768.0;
        }
    }
    heard
}

impl Heard {
    /// Usual amplitude of a tone from one place to another, in samples, over short windows: a sound that is put right by a sample
    /// here and there (clocks) has no phase for long.
    fn usual(&self, frequency: f64, from: usize, to: usize) -> f64 {
        let places: Vec<usize> = (from..to - WINDOW).step_by(WINDOW / 2).collect();
        let mut all: Vec<f64> = places.iter().map(|at| self.amplitude(frequency, *at, at + WINDOW)).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    }

    fn amplitude(&self, frequency: f64, from: usize, to: usize) -> f64 {
        let (window, length) = (&self.samples[from..to], (to - from) as f64);
        let (mut sine, mut cosine) = (0.0, 0.0);
        for (index, sample) in window.iter().enumerate() {
            let hann = 1.0 - (std::f64::consts::TAU * index as f64 / length).cos();
            let angle = std::f64::consts::TAU * frequency * index as f64 / RATE;
            sine += sample * hann * angle.sin();
            cosine += sample * hann * angle.cos();
        }
        2.0 * sine.hypot(cosine) / length
    }

    /// Where a tone begins, in samples: it is half as loud as later for the first time, and stays: a crack does not.
    fn onset(&self, frequency: f64) -> usize {
        let (step, length) = (48, 480);
        let end = self.samples.len();
        let half = self.usual(frequency, end - 24_000, end) / 2.0;
        let is = |at: &usize, length: usize| self.amplitude(frequency, *at, at + length) >= half;
        let mut places = (self.first..end - WINDOW).step_by(step);
        places.find(|at| is(at, length) && is(at, WINDOW)).expect("an onset") + length / 2
    }
}

fn decibels(ratio: f64) -> f64 {
    20.0 * ratio.max(1e-9).log10()
}

#[test]
fn a_member_hears_all_but_himself_in_step_with_the_mix() {
    let tones = TONES.map(|one| tone(one, 4.0));
    let mut room = Room::new();
    (1..=3).for_each(|member| room.join(member));
    room.running();
    let whole = room.feed.tap(10_000, Duration::ZERO);
    room.play(&tones, 0.0, 0.8);
    // Late, so that its RTP does not begin where the mix's does.
    let shows = [1, 2, 3].map(|member| room.others.without(FeedId(member)).expect("a sound"));
    let taps = shows.each_ref().map(|show| show.feed.tap(10_000, Duration::ZERO));
    room.play(&tones, 0.8, 4.0);
    let (whole, parts) = (hear(&whole), taps.each_ref().map(hear));
    room.stop();
    // The mix runs 250 ms behind; the last tone began at 2 s.
    let onset = whole.onset(TONES[2].0);
    let (from, to) = (onset + 14_400, onset + 14_400 + 48_000);
    for (index, (frequency, amplitude, _)) in TONES.iter().enumerate() {
        let all = whole.usual(*frequency, from, to);
        assert!(decibels(all / amplitude).abs() < 3.0, "{frequency} Hz in the whole mix: {all}, sent {amplitude}");
        for (listener, heard) in parts.iter().enumerate() {
            let ratio = decibels(heard.usual(*frequency, from, to) / all);
            eprintln!("{frequency} Hz for member {}: {ratio:.1} dB of the whole mix's", listener + 1);
            match listener == index {
                true => assert!(ratio < -40.0, "member {} hears himself: {ratio:.1} dB", listener + 1),
                false => assert!(ratio.abs() < 1.0, "member {} hears {frequency} Hz by {ratio:.1} dB", listener + 1),
            }
        }
    }
    for heard in &parts[..2] {
        assert!(heard.first > 12_000, "began at {}", heard.first);
        let off = (heard.onset(TONES[2].0) as f64 - onset as f64) / 48.0;
        eprintln!("{off:.1} ms after the whole mix, {:.3} ms by the reports", (heard.clock - whole.clock) * 1e3);
        assert!(off.abs() <= 5.0, "{off} ms");
        assert!((heard.clock - whole.clock).abs() < 0.001, "{} s", heard.clock - whole.clock);
    }
}

#[test]
fn it_goes_on_while_the_member_is_away_and_when_he_is_back() {
    let tones = TONES.map(|one| tone(one, 4.5));
    let mut room = Room::new();
    (1..=2).for_each(|member| room.join(member));
    room.running();
    let show = room.others.without(FeedId(1)).expect("a sound");
    let (whole, tap) = (room.feed.tap(10_000, Duration::ZERO), show.feed.tap(10_000, Duration::ZERO));
    room.play(&tones, 0.0, 1.5);
    room.leave(1);
    assert!(room.others.without(FeedId(7)).is_none(), "never in it");
    room.play(&tones, 1.5, 2.5);
    room.join(1);
    room.play(&tones, 2.5, 4.5);
    let (whole, heard) = (hear(&whole), hear(&tap));
    room.stop();
    let (begins, end) = (heard.onset(1000.0) + WINDOW, heard.samples.len().min(whole.samples.len()) - WINDOW);
    let places: Vec<usize> = (begins..end).step_by(WINDOW).collect();
    let own = places.iter().map(|at| whole.amplitude(440.0, *at, at + WINDOW));
    let (there, away) = own.partition::<Vec<f64>, _>(|own| *own > 0.1);
    assert!(there.len() >= 15 && away.len() >= 5, "the others hear him: {there:?}, and do not: {away:?}");
    for at in places {
        let [own, other] = [440.0, 1000.0].map(|tone| heard.amplitude(tone, at, at + WINDOW));
        let same = whole.amplitude(1000.0, at, at + WINDOW);
        // Tones begin and end with a crack.
        assert!(decibels(own / 0.2) < -30.0, "{:.1} dB of himself at {at}", decibels(own / 0.2));
        assert!((other - same).abs() < 0.02, "the other by {other} at {at}, and {same} in the whole mix");
    }
    assert!(whole.usual(1000.0, begins, end) > 0.07, "the other is there all the time");
}

#[test]
fn it_is_shared_kept_a_while_and_gone_with_the_mix() {
    let mut room = Room::new();
    room.join(1);
    room.join(2);
    room.running();
    let (one, same, two) =
        (room.others.without(FeedId(1)), room.others.without(FeedId(1)), room.others.without(FeedId(2)));
    let [one, same, two] = [one, same, two].map(|show| show.expect("a sound"));
    assert!(Arc::ptr_eq(&one.feed, &same.feed) && !Arc::ptr_eq(&one.feed, &two.feed));
    assert_eq!(one.feed.tracks().iter().map(|track| track.codec.kind()).collect::<Vec<_>>(), [Kind::Audio]);
    assert_eq!((room.others.users(), room.others.count()), (3, 2));
    let feed = one.feed.clone();
    drop((one, same));
    let left = Instant::now();
    assert_eq!((room.others.users(), room.others.count()), (1, 2));
    until("it is freed", || room.others.count() == 1);
    assert!(left.elapsed() >= LINGER && feed.ready().is_err());
    room.stop();
    assert_eq!(room.others.count(), 0);
    assert!(two.feed.ready().is_err() && room.others.without(FeedId(2)).is_none());
}

#[test]
fn there_are_so_many_and_no_more() {
    let mut room = Room::new();
    (1..=MOST as u64 + 1).for_each(|member| room.join(member));
    room.running();
    let mut shows: Vec<Show> = (1..=MOST as u64).map(|n| room.others.without(FeedId(n)).expect("a sound")).collect();
    let last = FeedId(MOST as u64 + 1);
    assert!(room.others.without(last).is_none());
    assert!(room.others.without(FeedId(1)).is_some(), "one that is there is shared");
    shows.pop();
    assert!(room.others.without(last).is_some(), "the place of one that nobody uses");
    room.stop();
    assert_eq!(room.others.count.load(Relaxed), 0);
}

/// What a listener costs. Run alone, with `--no-capture`, it tells the figure.
#[test]
fn a_listener_costs_little() {
    let tones = TONES.map(|one| tone(one, 7.0));
    let mut room = Room::new();
    (1..=8).for_each(|member| room.join(member));
    room.running();
    room.play(&tones, 0.0, 0.5);
    let used = |from: f64, to: f64| {
        let before = millrace_bench::process::sample(std::process::id()).unwrap();
        room.play(&tones, from, to);
        let after = millrace_bench::process::sample(std::process::id()).unwrap();
        (after.cpu_ms - before.cpu_ms) / 1000.0 / (to - from)
    };
    let alone = used(0.5, 3.5);
    let shows: Vec<Option<Show>> = (1..=8).map(|member| room.others.without(FeedId(member))).collect();
    assert!(shows.iter().all(Option::is_some));
    let with_eight = used(3.5, 6.5);
    room.stop();
    let each = (with_eight - alone) / 8.0;
    eprintln!("{alone:.3} cores for the mix, {with_eight:.3} with 8 listeners: {each:.4} for each");
    assert!(each < 0.1, "{each:.4} cores for a listener");
}
