//! What a packet costs. The figure is printed; the bound is for a build without optimisation, so that only a mistake of
//! another order fails it.

use super::super::{Estimator, Received};
use std::time::{Duration, Instant};

const PACKETS: u32 = 200_000;
const IN_FEEDBACK: usize = 60;

#[test]
fn a_packet_costs_little() {
    let began = Instant::now();
    let mut estimator = Estimator::new(began);
    let mut feedback = Vec::with_capacity(IN_FEEDBACK);
    for n in 0..PACKETS {
        let at = began + Duration::from_millis(n.into());
        estimator.on_sent(n as u16, 1200, at, None);
        feedback.push(Received { sequence: n as u16, arrival: Some(i64::from(n) * 1000 + 20_000) });
        if feedback.len() == IN_FEEDBACK {
            estimator.on_feedback(at, &feedback);
            feedback.clear();
        }
        if n % 10 == 0 {
            estimator.tick(at);
        }
    }
    let each = began.elapsed() / PACKETS;
    println!("{each:?} a packet sent and told of");
    assert!(each < Duration::from_micros(20), "{each:?}");
}
