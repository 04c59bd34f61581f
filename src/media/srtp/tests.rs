//! Against the RFC's vectors, libsrtp's reference packets and `rtc-srtp`.

use super::*;
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;

const LIBSRTP_KEY: &str = "e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

fn key(text: &str) -> MasterKey {
    hex(text).try_into().unwrap()
}

fn oracle(master: &MasterKey) -> Context {
    let crypto = rtc_srtp::crypto::default_provider().unwrap();
    let profile = ProtectionProfile::Aes128CmHmacSha1_80;
    Context::new(&master[..16], &master[16..], profile, None, None, crypto.crypto()).unwrap()
}

fn packet(sequence: u16, payload: usize) -> Vec<u8> {
    let mut data = vec![0x80, 96, 0, 0, 0, 0, 0, 9, 0xca, 0xfe, 0xba, 0xbe];
    data[2..4].copy_from_slice(&sequence.to_be_bytes());
    data.extend((0..payload).map(|i| (i as u8) ^ sequence as u8));
    data
}

#[test]
fn rfc3711_b3_key_derivation() {
    let master = key("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6");
    let derived = |label, length| {
        let mut out = vec![0; length];
        derive(&master, label, &mut out).unwrap();
        out
    };
    assert_eq!(derived(0, 16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(derived(2, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
    assert_eq!(derived(1, 20), hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
}

#[test]
fn rfc3711_b2_key_stream() {
    let half = Half {
        cipher: counter_mode(&hex("2B7E151628AED2A6ABF7158809CF4F3C")).unwrap(),
        salt: hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD").try_into().unwrap(),
        mac: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &[0; 20]),
    };
    let mut stream = vec![0; 48];
    half.apply([0; 4], 0, &mut stream).unwrap();
    let expected = "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0";
    assert_eq!(stream, hex(expected));
}

#[test]
fn libsrtp_reference_packets() {
    let sender = Sender::new(&key(LIBSRTP_KEY)).unwrap();
    let mut rtp = hex("800f1234decafbadcafebabe abababababababababababababababab");
    sender.protect(&mut rtp, 0, 12, 0).unwrap();
    assert_eq!(rtp, hex("800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb"));
    let mut rtcp = hex("81c8000bcafebabe abababababababababababababababab");
    sender.protect_rtcp(&mut rtcp).unwrap();
    assert_eq!(rtcp, hex("81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798"));
}

#[test]
fn an_independent_implementation_follows_us_over_three_roll_overs() {
    let master = key(LIBSRTP_KEY);
    let (sender, mut oracle) = (Sender::new(&master).unwrap(), oracle(&master));
    // every 97th packet: loss does not confuse the counter, wraps are crossed at odd places
    for extended in (0x7f00u64..0x3_8000).step_by(97) {
        let plain = packet(extended as u16, 20);
        let mut wire = plain.clone();
        sender.protect(&mut wire, 0, 12, (extended >> 16) as u32).unwrap();
        assert_eq!(&oracle.decrypt_rtp(&wire).unwrap()[..], plain, "packet {extended:#x}");
    }
}

#[test]
fn packets_of_a_batch_are_protected_in_place() {
    let master = key(LIBSRTP_KEY);
    let sender = Sender::new(&master).unwrap();
    let (mut batch, mut alone) = (b"before".to_vec(), packet(2, 30));
    batch.extend_from_slice(&alone);
    sender.protect(&mut batch, 6, 12, 0).unwrap();
    sender.protect(&mut alone, 0, 12, 0).unwrap();
    assert_eq!((&batch[..6], &batch[6..]), (&b"before"[..], &alone[..]));
    assert!(sender.protect(&mut vec![0; 11], 0, 12, 0).is_err(), "no header");
}

#[test]
fn rtcp_both_ways_with_the_oracle() {
    let master = key(LIBSRTP_KEY);
    let (sender, mut theirs) = (Sender::new(&master).unwrap(), oracle(&master));
    let plain = hex("81ce0002 cafebabe 00000001");
    for _ in 0..3 {
        let mut wire = plain.clone();
        sender.protect_rtcp(&mut wire).unwrap();
        assert_eq!(&theirs.decrypt_rtcp(&wire).unwrap()[..], plain);
    }
    let mut receiver = Receiver::new(&master).unwrap();
    let wire = oracle(&master).encrypt_rtcp(&plain).unwrap();
    assert_eq!(receiver.unprotect_rtcp(&wire).unwrap(), plain);
    assert!(receiver.unprotect_rtcp(&wire).is_err(), "a replay");
}

#[test]
fn forged_or_truncated_rtcp_is_refused() {
    let master = key(LIBSRTP_KEY);
    let mut wire = hex("81ce0002 cafebabe 00000001");
    Sender::new(&master).unwrap().protect_rtcp(&mut wire).unwrap();
    let mut receiver = Receiver::new(&master).unwrap();
    for at in 0..wire.len() {
        let mut forged = wire.clone();
        forged[at] ^= 1;
        assert!(receiver.unprotect_rtcp(&forged).is_err(), "byte {at}");
        assert!(receiver.unprotect_rtcp(&wire[..at]).is_err(), "cut at {at}");
    }
    assert!(receiver.unprotect_rtcp(&wire).is_ok(), "forgeries did not move the window");
}

#[test]
fn senders_of_one_key_count_together() {
    let master = key(LIBSRTP_KEY);
    let index = RtcpIndex::default();
    let senders = [0, 1].map(|_| Sender::sharing(&master, index.clone()).unwrap());
    let (plain, mut receiver) = (hex("81ce0002 cafebabe 00000001"), Receiver::new(&master).unwrap());
    for round in 0..10 {
        let mut wire = plain.clone();
        senders[round % 2].protect_rtcp(&mut wire).unwrap();
        assert_eq!(receiver.unprotect_rtcp(&wire).unwrap(), plain, "an index that came before is a replay");
    }
}

/// Chromium reports on sound and picture with an SSRC each, both counting from 1.
#[test]
fn each_sender_has_indices_of_its_own() {
    let master = key(LIBSRTP_KEY);
    let wires =
        ["81c90001 00000001", "81c90001 00000002"].map(|plain| oracle(&master).encrypt_rtcp(&hex(plain)).unwrap());
    let mut receiver = Receiver::new(&master).unwrap();
    assert!(wires.iter().all(|wire| receiver.unprotect_rtcp(wire).is_ok()), "the same index of another SSRC");
    assert!(wires.iter().all(|wire| receiver.unprotect_rtcp(wire).is_err()), "replays");
}

#[test]
fn the_replay_window_takes_late_ones_once() {
    let mut window = Window::default();
    let taken: Vec<u64> = [1, 5, 3, 3, 5, 200, 72, 73, 73, 5, 500, 499, 200]
        .into_iter()
        .filter(|index| window.admit(*index).is_ok())
        .collect();
    assert_eq!(taken, [1, 5, 3, 200, 73, 500, 499], "72 is 128 behind 200");
}

#[test]
fn we_follow_an_independent_sender_over_three_roll_overs() {
    let master = key(LIBSRTP_KEY);
    let (mut receiver, mut oracle) = (Receiver::new(&master).unwrap(), oracle(&master));
    for extended in (0x7f00u64..0x3_8000).step_by(97) {
        let plain = packet(extended as u16, 20);
        let mut wire = oracle.encrypt_rtp(&plain).unwrap().to_vec();
        let again = wire.clone();
        receiver.unprotect(&mut wire, 12).unwrap_or_else(|_| panic!("packet {extended:#x}"));
        assert_eq!(wire, plain);
        assert!(receiver.unprotect(&mut again.clone(), 12).is_err(), "a replay of {extended:#x}");
    }
}

#[test]
fn late_packets_around_a_roll_over_are_opened() {
    let master = key(LIBSRTP_KEY);
    let (mut receiver, sender) = (Receiver::new(&master).unwrap(), Sender::new(&master).unwrap());
    for extended in [0x7fffu64, 0xffff, 0x1_0001, 0xfffe, 0x1_0000] {
        let plain = packet(extended as u16, 20);
        let mut wire = plain.clone();
        sender.protect(&mut wire, 0, 12, (extended >> 16) as u32).unwrap();
        assert!(receiver.unprotect(&mut wire, 12).is_ok(), "{extended:#x}");
        assert_eq!(wire, plain);
    }
}

#[test]
fn forged_or_truncated_rtp_is_refused() {
    let master = key(LIBSRTP_KEY);
    let mut wire = packet(9, 20);
    Sender::new(&master).unwrap().protect(&mut wire, 0, 12, 0).unwrap();
    let mut receiver = Receiver::new(&master).unwrap();
    for at in 0..wire.len() {
        let mut forged = wire.clone();
        forged[at] ^= 1;
        assert!(receiver.unprotect(&mut forged, 12).is_err(), "byte {at}");
        assert!(receiver.unprotect(&mut wire[..at].to_vec(), 12).is_err(), "cut at {at}");
    }
    assert!(receiver.unprotect(&mut wire, 12).is_ok(), "forgeries did not move the window");
}

#[test]
fn one_that_was_retired_gives_its_place_when_all_are_taken() {
    let master = [3; 30];
    let (sender, mut receiver) = (Sender::new(&master).unwrap(), Receiver::new(&master).unwrap());
    let sealed = |ssrc: u32, sequence: u8| {
        let mut packet = vec![0x80, 96, 0, sequence, 0, 0, 0, 0];
        packet.extend_from_slice(&ssrc.to_be_bytes());
        packet.push(1);
        sender.protect(&mut packet, 0, 12, 0).unwrap();
        packet
    };
    let takes = |receiver: &mut Receiver, ssrc, sequence| receiver.unprotect(&mut sealed(ssrc, sequence), 12).is_ok();
    for ssrc in 0..SENDERS as u32 {
        assert!(takes(&mut receiver, ssrc, 1));
    }
    assert!(!takes(&mut receiver, 1000, 1), "no room");
    receiver.retire(&[5, 6]);
    assert!(!takes(&mut receiver, 5, 1), "a replay all the same");
    assert!(takes(&mut receiver, 5, 2), "it goes on after all");
    assert!(takes(&mut receiver, 1000, 1), "the other gives its place");
    assert!(!takes(&mut receiver, 1001, 1), "no room again");
    assert!(takes(&mut receiver, 5, 3));
}
