//! How much a subscriber's line carries, from what its client says of each packet's arrival. Pure: the clock comes in.
//!
//! Decides a number of bits per second and when to look for more; leaves to `egress` what is sent and how feedback is
//! read, to `choice` what follows from the number.
//!
//! After draft-ietf-rmcat-gcc-02; Carlucci, De Cicco, Holmer, Mascolo: "Analysis and Design of the Google Congestion
//! Control for WebRTC" (ACM MMSys 2016) and "Congestion Control for Web Real-Time Communication" (IEEE/ACM Transactions
//! on Networking 2017); draft-holmer-rmcat-transport-wide-cc-extensions-01. In the order in which a report passes them:
//!
//! - `history`: what was sent; says of each packet once that it arrived or is missing.
//! - `rate`: bits per second sent and arriving, by either clock.
//! - `group`: packets that travelled together, and their delay.
//! - `trend`: whether the delay grows, against a threshold that adapts: over-use.
//! - `queue`: how long packets wait just now; over-use without a wait is noise, and a wait that stays is over-use too.
//! - `control`: the rate: 0.85 × what arrives on over-use, else up by 8 % a second, or slowly near the capacity met.
//! - `loss`: a bound from loss, above 10 % of it.
//! - `limited`: whether less is sent than might be; then nothing grows by itself.
//! - `probing`, `cluster`: when to look upward with packets of our own, and what such a probe showed.
//!
//! The estimate is thus never far above what was sent or probed and arrived: a client that lies about arrivals gets no more
//! than was sent to it. What `tests` show on a virtual network (feedback each 60 ms, queue of 200 ms):
//!
//! | line | seen |
//! | --- | --- |
//! | 400 kbit/s for 20 s, renditions of 510 and 180 | below 400 after 0.5 s, no packet dropped, 2 switches, up again after 7 s |
//! | the same for 5 to 55 s, with jitter to 15 ms, at 20 and 30 fps | up again after 0.1 to 14.1 s |
//! | 2 M → 250 k → 2 M, renditions of 1200, 400, 120 | lowest after 0.5 s, best again after 12 s |
//! | 300 k, 1 M, 5 M, 20 M, a greedy sender | 92 to 94 % in the mean, 3/4 reached within 1.1 s |
//! | the same, loss by chance of 2 % / 10 % / 20 % (1 M) | 94 % / 46 % / 47 % |
//! | 5 M with jitter of 15 ms, renditions as above | the best after 0.6 s, kept |
//!
//! Without transport-wide feedback the client's own estimate (REMB) counts, and nothing is probed.

mod cluster;
mod control;
mod estimator;
mod group;
mod history;
mod limited;
mod loss;
mod probing;
mod queue;
mod rate;
#[cfg(test)]
mod tests;
mod trend;

pub use estimator::Estimator;

/// Microseconds: ours since the estimator began, or the receiver's since whenever.
type Micros = i64;

/// The estimate is never below or above these, bits per second.
const MIN: f64 = 30_000.0;
const MAX: f64 = 100_000_000.0;

/// Names a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ProbeId(u32);

/// A look upward: send padding or old packets beside the media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// To be told with each of its packets (`Estimator::on_sent`).
    pub id: ProbeId,
    /// Bits per second at which its packets go out, the media not counted.
    pub bits: u64,
    /// Bytes in all.
    pub bytes: usize,
}

/// Feedback about one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its transport-wide sequence number.
    pub sequence: u16,
    /// When it arrived, µs on the receiver's clock, of any epoch; `None`: it has not arrived.
    pub arrival: Option<i64>,
}
