//! A connected subscriber as its worker sees it: which packets go out, from which source and when; its RTCP is answered.
//! Leaves how they are written and sent to `writer`.

use super::figures::Figures;
use super::line::{Line, Turn};
use super::pacer::{Pacer, Waiting};
use super::probe::Running;
use super::source::{Histories, Shown, Sources};
use super::stream::{Origin, Placed, Stream};
use super::writer::{Outgoing, Purpose, Writer};
use super::{DownlinkSpec, dropped};
use crate::media::feed::{Feed, clock};
use crate::media::rtcp::{self, SenderReport};
use crate::media::rtp::Item;
use crate::model::{FeedId, Kind, PeerId};
use aws_lc_rs::error::Unspecified;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// A keyframe that is missing is asked for at most so often.
const REPAIR_PAUSE: Duration = Duration::from_secs(1);
/// Sender reports: the first ones soon, then every second.
const FIRST_REPORTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const REPORT_PAUSE: Duration = Duration::from_secs(1);
/// A switch goes back in time at most so far for a keyframe that is at hand.
const REWIND: Duration = Duration::from_millis(300);
/// Pictures that wait longer than this are given up for a keyframe that comes.
const PASSED_OVER: Duration = Duration::from_millis(100);

fn place_of(kind: Kind) -> usize {
    usize::from(kind == Kind::Video)
}

/// The subscriber.
pub struct Subscriber {
    /// Identity.
    pub peer: PeerId,
    streams: Vec<Stream>,
    /// Of sound and of pictures.
    sources: [Sources; 2],
    /// Other feeds are wanted than before.
    pub moved: bool,
    cname: String,
    figures: Arc<Figures>,
    line: Arc<Line>,
    turn: Turn,
    writer: Writer,
    pacer: Pacer,
    probe: Option<Running>,
    /// The newest keyframe's timestamp as it goes out.
    keyframe: Option<u32>,
    asked: Option<Instant>,
    reports: u32,
    reported: Instant,
}

impl Subscriber {
    /// The only one for these keys.
    pub fn new(spec: DownlinkSpec, figures: Arc<Figures>, line: Arc<Line>) -> Result<Self, Unspecified> {
        Ok(Self {
            writer: Writer::new(&spec, Arc::clone(&figures), Arc::clone(&line))?,
            peer: spec.peer,
            streams: spec.streams.into_iter().map(|s| Stream::new(s, rand::random())).collect(),
            sources: Default::default(),
            moved: false,
            cname: spec.cname,
            figures,
            turn: Turn::new(&line),
            line,
            pacer: Pacer::default(),
            probe: None,
            keyframe: None,
            asked: None,
            reports: 0,
            reported: Instant::now(),
        })
    }

    /// Sound or pictures come from this source as soon as it begins: pictures at a keyframe, which is asked for unless a
    /// new one is at hand. Until then the former source goes on; `None` ends it at once.
    pub fn show(&mut self, kind: Kind, shown: Option<Shown>, out: &mut Outgoing) {
        self.moved = true;
        let ends = shown.is_none();
        let chosen = self.sources[place_of(kind)].choose(shown);
        if kind == Kind::Audio {
            return;
        }
        self.tell_shown();
        if ends {
            self.clear_pictures();
        }
        if chosen {
            self.begin_pictures(out);
        }
    }

    fn begin_pictures(&mut self, out: &mut Outgoing) {
        let sources = &self.sources[place_of(Kind::Video)];
        let Some(feed) = sources.next().map(|next| Arc::clone(&next.feed)) else { return };
        let mut pictures = feed.newest_pictures();
        if sources.current().is_some() && pictures.first().is_some_and(|first| first.packet.at.elapsed() > REWIND) {
            pictures.clear();
        }
        if pictures.is_empty() {
            self.asked = Some(Instant::now());
            feed.request_keyframe();
        }
        self.send_batch(feed.id(), &pictures, out);
    }

    fn tell_shown(&self) {
        let current = self.sources[place_of(Kind::Video)].current();
        self.figures.pictures_of.lock().shown(current.map(|current| &current.feed));
    }

    /// The feeds that packets are wanted of.
    pub fn feeds(&self) -> impl Iterator<Item = FeedId> {
        self.sources.iter().flat_map(Sources::feeds)
    }

    /// What follows leaves now, as far as the pace allows.
    fn begin(&mut self, out: &mut Outgoing) {
        out.begin();
        self.turn.set(!self.pacer.is_empty());
        self.pacer.pass(out.now, self.line.pace());
    }

    /// Sends what of a feed's batch is for it, in one call.
    pub fn send_batch(&mut self, feed: FeedId, items: &[Arc<Item>], out: &mut Outgoing) {
        self.begin(out);
        let mut roles = [self.sources[0].role(feed), self.sources[1].role(feed)];
        let mut begun = None;
        for item in items {
            let kind = place_of(item.packet.codec.kind());
            let Some((serial, awaited)) = roles[kind] else { continue };
            for index in 0..self.streams.len() {
                let begins = item.packet.keyframe && (awaited || self.streams[index].is_broken());
                let Some(placed) = self.place(index, kind, item, serial) else { continue };
                begun = begun.or((begins && kind == place_of(Kind::Video)).then_some(serial));
                if awaited {
                    self.promote(item.packet.codec.kind());
                    roles[kind] = Some((serial, false));
                }
                self.leave(index, item, placed, out);
            }
        }
        if let Some(serial) = begun {
            self.fill_in(serial, out);
        }
        self.hand_over(out);
    }

    /// The pictures have begun. When the first packet of their keyframe was late, what came before it was not sent yet.
    fn fill_in(&mut self, serial: u32, out: &mut Outgoing) {
        let video = place_of(Kind::Video);
        let Some(feed) = self.sources[video].current().map(|current| Arc::clone(&current.feed)) else { return };
        for item in feed.newest_pictures() {
            for index in 0..self.streams.len() {
                if let Some(placed) = self.place(index, video, &item, serial) {
                    self.leave(index, &item, placed, out);
                }
            }
        }
    }

    fn place(&mut self, index: usize, kind: usize, item: &Item, serial: u32) -> Option<Placed> {
        if item.packet.keyframe && self.pacer.queued() > PASSED_OVER {
            self.pass_over(index, item, serial);
        }
        let sources = &self.sources[kind];
        self.streams[index].place(item, serial, |from| sources.line(from, item.packet.codec))
    }

    /// The awaited source has begun.
    fn promote(&mut self, kind: Kind) {
        self.sources[place_of(kind)].promote();
        self.moved = true;
        if kind == Kind::Video {
            self.tell_shown();
        }
    }

    /// Sends a packet, or lets it wait for its time.
    fn leave(&mut self, index: usize, item: &Arc<Item>, placed: Placed, out: &mut Outgoing) {
        let video = item.packet.codec.kind() == Kind::Video;
        let full = video && self.pacer.is_full();
        if video && item.packet.keyframe && !full {
            self.keyframe = Some(placed.timestamp);
        }
        if !video || self.pacer.is_free() {
            let bytes = self.writer.write(&mut self.streams[index], item, &placed, Purpose::Media, out);
            self.pacer.spend(bytes);
        } else if full && self.keyframe != Some(placed.timestamp) {
            self.give_up(index, out.now);
        } else {
            self.pacer.wait(Waiting { stream: index, item: Arc::clone(item), placed, again: false });
        }
    }

    /// Pictures that wait too long are given up until a keyframe; a keyframe among them is sent all the same, or a slow
    /// line would never see one.
    fn give_up(&mut self, index: usize, now: Instant) {
        let keep = self.keyframe.is_some_and(|timestamp| self.pacer.holds(timestamp));
        let gone = if keep { 1 } else { 1 + self.pacer.clear() };
        let newest = self.pacer.newest().map(|packet| (&packet.placed, &*packet.item));
        self.streams[index].give_up(newest);
        dropped("pacer_full", gone as u64);
        self.repair(now);
    }

    /// What waits is of no use once a keyframe is here, unless it is one itself.
    fn pass_over(&mut self, index: usize, item: &Item, serial: u32) {
        let waits = self.keyframe.is_some_and(|timestamp| self.pacer.holds(timestamp));
        if !waits && self.streams[index].is_news(item, serial) {
            dropped("pacer_full", self.pacer.clear() as u64);
            self.streams[index].give_up(None);
        }
    }

    fn clear_pictures(&mut self) {
        self.pacer.clear();
        let video = self.streams.iter_mut().filter(|stream| stream.spec.kind() == Kind::Video);
        video.for_each(|stream| stream.give_up(None));
    }

    /// Asks for the keyframe that is awaited, not too often. One that waits here itself comes first.
    fn repair(&mut self, now: Instant) {
        let broken = self.streams.iter().any(Stream::is_broken) && self.pacer.is_empty();
        let sources = &self.sources[place_of(Kind::Video)];
        let wanted: [Option<&Shown>; 2] = [sources.next(), sources.current().filter(|_| broken)];
        if wanted.iter().all(Option::is_none) || self.asked.is_some_and(|last| now - last < REPAIR_PAUSE) {
            return;
        }
        self.asked = Some(now);
        wanted.into_iter().flatten().for_each(|shown| shown.feed.request_keyframe());
    }

    /// Gives what is written to the socket.
    fn hand_over(&mut self, out: &mut Outgoing) {
        if self.writer.hand_over(out) > 0 && self.asked.is_none_or(|last| out.now - last >= REPAIR_PAUSE) {
            self.asked = Some(out.now);
            let feed: Option<Arc<Feed>> = self.figures.pictures_of.lock().feed();
            feed.iter().for_each(|feed| feed.request_keyframe());
        }
    }

    /// Sends again what it misses, within its budget.
    pub fn on_nack(&mut self, ssrc: u32, sequences: &[u16], out: &mut Outgoing) {
        let Some(index) = self.streams.iter().position(|s| s.spec.ssrc == ssrc) else { return };
        if self.streams[index].spec.rtx_ssrc.is_none() {
            return;
        }
        self.begin(out);
        let round_trip = self.figures.round_trip().unwrap_or_default();
        let mut histories = Histories::default();
        for sequence in sequences {
            if !self.writer.may_repeat() || self.pacer.is_full() {
                break;
            }
            let stream = &mut self.streams[index];
            let sources = &self.sources[place_of(stream.spec.kind())];
            let find = |origin: &Origin, source| histories.find(sources, origin, source);
            if let Some((placed, item)) = stream.retransmit(*sequence, round_trip, out.now, find) {
                self.pacer.wait(Waiting { stream: index, item, placed, again: true });
                self.drain(out);
            }
        }
        self.hand_over(out);
    }

    /// Something waits for its time: `pump` is to be called soon.
    pub fn is_busy(&self) -> bool {
        !self.pacer.is_empty() || self.probe.is_some()
    }

    /// Sends what may leave now.
    pub fn pump(&mut self, out: &mut Outgoing) {
        self.begin(out);
        self.drain(out);
        self.turn.set(!self.pacer.is_empty());
        self.send_probe(out);
        self.hand_over(out);
        self.repair(out.now);
        self.figures.queued_us.store(self.pacer.queued().as_micros() as u64, Relaxed);
    }

    fn drain(&mut self, out: &mut Outgoing) {
        while let Some(packet) = self.pacer.next() {
            let why = if packet.again { Purpose::Again } else { Purpose::Media };
            let stream = &mut self.streams[packet.stream];
            let bytes = self.writer.write(stream, &packet.item, &packet.placed, why, out);
            self.pacer.spend(bytes);
        }
    }

    /// Old packets again, the newest first, then padding.
    fn send_probe(&mut self, out: &mut Outgoing) {
        let Some(mut probe) = self.probe.take() else { return };
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.spec.rtx_ssrc.is_some()) else { return };
        let sources = &self.sources[place_of(stream.spec.kind())];
        let mut histories = Histories::default();
        probe.pass(out.now);
        while probe.is_due() {
            let old = probe
                .next()
                .and_then(|number| stream.again(number, |origin, source| histories.find(sources, origin, source)));
            let why = Purpose::Probe(probe.id());
            let bytes = match old {
                Some((placed, item)) => self.writer.write(stream, &item, &placed, why, out),
                None => self.writer.pad(stream, probe.id(), out),
            };
            if bytes == 0 {
                return;
            }
            probe.spend(bytes);
        }
        self.probe = Some(probe).filter(|probe| !probe.is_over());
    }

    /// What waits, sender reports that are due, and a look at the line.
    pub fn tick(&mut self, now: Instant, out: &mut Outgoing) {
        // Who is sent sound alone for want of a better line may find that it has become one; who is paused is sent nothing.
        let shows = self.sources[place_of(Kind::Video)].current().is_some();
        let hopes = shows || self.figures.desired.load(Relaxed) > 0;
        let stream = self.streams.iter().find(|stream| stream.spec.rtx_ssrc.is_some());
        let stream = stream.filter(|_| hopes && self.writer.has_feedback());
        if let (Some(probe), Some(stream)) = (self.line.tick(now, stream.is_some()), stream) {
            self.probe = Some(Running::new(probe, stream.written(), now));
        }
        self.pump(out);
        self.writer.measure(now);
        self.send_reports(now);
    }

    fn send_reports(&mut self, now: Instant) {
        let pause = if self.reports < FIRST_REPORTS { FIRST_PAUSE } else { REPORT_PAUSE };
        if now.saturating_duration_since(self.reported) < pause {
            return;
        }
        self.reported = now;
        let ntp = clock::ntp_now();
        let reports: Vec<SenderReport> = self.streams.iter().filter_map(|s| self.report(s, ntp)).collect();
        self.reports += u32::from(!reports.is_empty());
        for report in reports {
            let mut compound = Vec::with_capacity(96);
            rtcp::write_sender_report(&report, &self.cname, &mut compound);
            self.writer.send_rtcp(compound);
        }
    }

    fn report(&self, stream: &Stream, ntp: u64) -> Option<SenderReport> {
        let source = self.sources[place_of(stream.spec.kind())].current()?;
        let rtp = source.feed.rtp_at(stream.codec()?, ntp)?;
        let rtp = rtp.wrapping_add(stream.timestamp_offset);
        Some(SenderReport { ssrc: stream.spec.ssrc, ntp, rtp, packets: stream.packets, bytes: stream.bytes })
    }

    /// RFC 3611 4.5: so a pure receiver learns the round trip and repeats its NACKs in time.
    pub fn answer_receiver_time(&mut self, to: u32, their_ntp: u64, delay: Duration) {
        let ntp = clock::ntp_now();
        let Some(ssrc) = self.streams.first().map(|s| s.spec.ssrc) else { return };
        let mut compound = Vec::with_capacity(96);
        match self.streams.iter().find_map(|s| self.report(s, ntp)) {
            Some(report) => rtcp::write_sender_report(&report, &self.cname, &mut compound),
            None => rtcp::write_empty_report(ssrc, &self.cname, &mut compound),
        }
        rtcp::write_dlrr(ssrc, to, their_ntp, delay, &mut compound);
        self.writer.send_rtcp(compound);
    }
}
