//! What the port's tests share: a port on loopback and checks as clients send them.

use super::mux::Mux;
use super::stun;
use crate::config::Media;
use aws_lc_rs::hmac;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Every wait ends after this.
pub const LIMIT: Duration = Duration::from_secs(5);

/// A port of the test's own.
pub fn mux() -> Mux {
    mux_on("127.0.0.1")
}

/// The same on another address.
pub fn mux_on(bind: &str) -> Mux {
    let config = Media { port: 0, bind: bind.parse().expect("an address"), workers: 1, ..Media::default() };
    Mux::start(&config).expect("a port")
}

/// A binding request with integrity and a transaction of its own, nominating when asked to.
pub fn request(user: &str, password: &str, nominate: bool) -> Vec<u8> {
    static TRANSACTION: AtomicU64 = AtomicU64::new(1);
    let mut out = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 7, 7, 7, 7];
    out.extend_from_slice(&TRANSACTION.fetch_add(1, Relaxed).to_be_bytes());
    out.extend_from_slice(&[0, 6, 0, user.len() as u8]);
    out.extend_from_slice(user.as_bytes());
    out.resize(out.len().next_multiple_of(4), 0);
    if nominate {
        out.extend_from_slice(&[0, 0x25, 0, 0]);
    }
    let length = (out.len() - 20 + 24) as u16;
    out[2..4].copy_from_slice(&length.to_be_bytes());
    let tag = hmac::sign(&stun::key(password), &out);
    out.extend_from_slice(&[0, 8, 0, 20]);
    out.extend_from_slice(tag.as_ref());
    out
}

/// Waits until it is so.
#[track_caller]
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !done() {
        assert!(Instant::now() < end, "still waiting for: {what}");
        std::thread::yield_now();
    }
}
