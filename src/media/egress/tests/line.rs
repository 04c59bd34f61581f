//! What the estimate of a line is told, and what becomes of its wish to probe.

use super::world::*;
use crate::media::egress::line::Estimate;
use crate::media::estimate::{Probe, ProbeId, Received};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Default)]
struct Notes {
    sent: Vec<(u16, usize, Option<ProbeId>)>,
    received: Vec<Received>,
    desired: u64,
    probe: Option<Probe>,
}

#[derive(Clone, Default)]
pub struct Fake(Arc<Mutex<Notes>>);

impl Fake {
    /// The numbers of what was sent.
    pub fn sent(&self) -> Vec<u16> {
        self.0.lock().sent.iter().map(|(sequence, _, _)| *sequence).collect()
    }
    /// How many packets feedback told of.
    pub fn received(&self) -> usize {
        self.0.lock().received.len()
    }
    /// Bits per second.
    pub fn desired(&self) -> u64 {
        self.0.lock().desired
    }
}

impl Estimate for Fake {
    fn on_sent(&mut self, sequence: u16, bytes: usize, _: Instant, probe: Option<ProbeId>) {
        self.0.lock().sent.push((sequence, bytes, probe));
    }
    fn on_feedback(&mut self, _: Instant, packets: &[Received]) {
        self.0.lock().received.extend_from_slice(packets);
    }
    fn on_remb(&mut self, _: Instant, _: u64) {}
    fn on_loss(&mut self, _: f64) {}
    fn on_round_trip(&mut self, _: Duration) {}
    fn set_desired(&mut self, bits: u64) {
        self.0.lock().desired = bits;
    }
    fn tick(&mut self, _: Instant) -> Option<Probe> {
        self.0.lock().probe.take()
    }
    fn estimate(&self) -> Option<u64> {
        (!self.0.lock().received.is_empty()).then_some(5_000_000)
    }
    fn is_limited_by_application(&self) -> bool {
        true
    }
}

#[test]
fn the_estimate_hears_what_was_sent_and_what_arrived() {
    let (world, fake) = (World::new(), Fake::default());
    let mut viewer = world.subscribe_with(Box::new(fake.clone()));
    world.publish(&key(VIDEO, 10, 0));
    world.publish(&inter(VIDEO, 11, 3000));
    let lost = (viewer.rtp("one"), viewer.rtp("two")).1;
    viewer.nack(lost.sequence);
    viewer.rtp("again");
    let sent: Vec<u16> = fake.0.lock().sent.iter().map(|(sequence, _, _)| *sequence).collect();
    assert_eq!(sent, [1, 2, 3], "retransmissions count");
    assert!(fake.0.lock().sent.iter().all(|(_, bytes, probe)| *bytes > 20 && probe.is_none()));
    assert_eq!(viewer.downlink.report().estimate, None);
    // Three packets from number 1: a vector of two-bit states (small, none, small); reference time 2 x 64 ms; after 1 ms and
    // another 2 ms.
    let states = 0b1101_0001_0000_0000u16.to_be_bytes();
    let mut cc = vec![0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 3, 0, 0, 2, 0];
    cc.extend_from_slice(&[states[0], states[1], 4, 8]);
    viewer.say(&cc);
    let received = std::mem::take(&mut fake.0.lock().received);
    assert_eq!(received.len(), 3);
    assert_eq!(received[0], Received { sequence: 1, arrival: Some(129_000) });
    assert_eq!(received[1], Received { sequence: 2, arrival: None });
    assert_eq!(received[2], Received { sequence: 3, arrival: Some(131_000) });
    viewer.downlink.desire(700_000);
    until("it is wanted", || fake.0.lock().desired == 700_000);
    let report = viewer.downlink.report();
    assert!(report.limited_by_application && report.estimate == Some(5_000_000), "{report:?}");
}

#[test]
fn a_probe_sends_old_packets_again_and_then_padding() {
    let (world, fake) = (World::new(), Fake::default());
    let mut viewer = world.subscribe_with(Box::new(fake.clone()));
    world.publish(&key(VIDEO, 10, 0));
    let old = viewer.rtp("the keyframe");
    let id = ProbeId::default();
    fake.0.lock().probe = Some(Probe { id, bits: 2_000_000, bytes: 1500 });
    let again = viewer.rtp("the old packet");
    assert_eq!((again.ssrc, &again.payload[2..]), (OUT_RTX, &old.payload[..]));
    let padding = viewer.rtp("padding");
    assert_eq!((padding.ssrc, padding.payload.len()), (OUT_RTX, 0));
    let sent = || fake.0.lock().sent.iter().filter(|(_, _, probe)| *probe == Some(id)).map(|(_, bytes, _)| bytes).sum();
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut bytes: usize = sent();
    while bytes < 1500 {
        viewer.rtp("more padding");
        assert!(Instant::now() < deadline, "only {bytes} bytes");
        bytes = sent();
    }
    assert!(bytes < 1500 + 300, "{bytes} bytes of 1500");
    assert_eq!(viewer.downlink.stats().retransmitted, 0, "nobody missed them");
}
