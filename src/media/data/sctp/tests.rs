//! An association with a client: what arrives, what is lost, and those who mean no good.

use super::*;
use crate::media::data::testing::{Caller, Pair};

fn stream(id: u16, max_retransmits: Option<u16>) -> DataStream {
    DataStream { id, ordered: max_retransmits.is_none(), max_packet_life_time: None, max_retransmits }
}
fn message(text: bool, data: &[u8]) -> Message {
    Message { text, data: Bytes::copy_from_slice(data) }
}

#[test]
fn messages_come_whole_and_in_order_both_ways() {
    let mut pair = Pair::up();
    pair.server.open(stream(3, None));
    let large = vec![9; 60_000];
    let sent = [message(true, "grüße".as_bytes()), message(false, &large), message(true, b""), message(false, b"")];
    sent.iter().for_each(|message| pair.say(3, message));
    pair.run();
    assert_eq!(pair.heard(), sent.clone().map(|message| Heard::Message(3, message)));
    sent.iter().for_each(|message| pair.server.write(3, message));
    assert!(pair.server.held(3) > Some(60_000));
    pair.run();
    assert_eq!(pair.client_heard(3), sent);
    assert_eq!(pair.server.held(3), Some(0));
}

#[test]
fn what_is_lost_is_sent_again_unless_the_stream_says_otherwise() {
    let mut pair = Pair::up();
    pair.server.open(stream(1, None));
    pair.server.open(stream(2, Some(0)));
    pair.say(1, &message(true, b"open"));
    pair.say(2, &message(true, b"open"));
    pair.run();
    for id in [1, 2] {
        pair.server.write(id, &message(true, b"lost"));
    }
    pair.lose();
    for id in [1, 2] {
        pair.server.write(id, &message(true, b"comes"));
    }
    pair.run();
    assert_eq!(pair.client_heard(1), [message(true, b"lost"), message(true, b"comes")]);
    assert_eq!(pair.client_heard(2), [message(true, b"comes")]);
}

#[test]
fn a_stream_s_number_is_good_again_after_its_end() {
    let mut pair = Pair::up();
    for round in 0..20u8 {
        pair.server.open(stream(5, None));
        pair.say(5, &message(false, &[round]));
        pair.run();
        pair.server.close(5);
        pair.run();
        assert!(pair.heard().contains(&Heard::Message(5, message(false, &[round]))), "{round}");
        assert_eq!(pair.server.held(5), None);
    }
}

#[test]
fn streams_that_nobody_announced_say_nothing_and_many_end_it() {
    let mut pair = Pair::up();
    pair.say(9, &message(true, b"who?"));
    pair.run();
    assert_eq!(pair.heard(), []);
    pair.server.open(stream(9, None));
    pair.say(9, &message(true, b"me"));
    pair.run();
    assert_eq!(pair.heard(), [Heard::Message(9, message(true, b"me"))]);
    (0..200).for_each(|id| pair.say(1000 + id, &message(true, b"x")));
    pair.run();
    assert!(matches!(&pair.heard()[..], [Heard::Lost(why)] if why.contains("announced")));
    assert_eq!((pair.server.held(9), pair.server.deadline()), (None, None));
}

#[test]
fn a_message_that_is_too_long_is_dropped_and_one_without_end_ends_it() {
    let mut pair = Pair::up();
    pair.server.open(stream(1, None));
    pair.say(1, &message(false, &vec![1; MESSAGE as usize + 1]));
    pair.say(1, &message(true, b"next"));
    pair.run();
    assert_eq!(pair.heard(), [Heard::Message(1, message(true, b"next"))]);
    pair.say(1, &message(false, &vec![1; ASSEMBLED as usize + 2000]));
    pair.run();
    assert!(matches!(pair.heard()[..], [Heard::Lost(_)]));
}

#[test]
fn noise_and_cut_packets_break_nothing() {
    let mut pair = Pair::up();
    pair.server.open(stream(1, None));
    pair.say(1, &message(false, &[5; 3000]));
    let now = Instant::now();
    for packet in pair.client_datagrams() {
        for length in 0..packet.len() {
            pair.server.take(now, packet.slice(..length));
        }
        for at in 0..packet.len() {
            let mut wrong = packet.to_vec();
            wrong[at] ^= 0x5a;
            pair.server.take(now, wrong.into());
        }
        pair.server.take(now, packet);
    }
    pair.run();
    assert_eq!(pair.heard(), [Heard::Message(1, message(false, &[5; 3000]))]);
    let mut strange = Sctp::default();
    (0..=255u8).for_each(|byte| strange.take(now, vec![byte; 100].into()));
    assert!(strange.heard().is_none() && strange.datagrams(now).is_empty() && strange.deadline().is_none());
}

#[test]
fn who_begins_again_and_again_costs_nothing() {
    let mut pair = Pair::up();
    let now = Instant::now();
    for _ in 0..1000 {
        let mut stranger = Caller::new();
        stranger.datagrams().into_iter().for_each(|packet| pair.server.take(now, packet));
    }
    pair.server.open(stream(1, None));
    pair.say(1, &message(true, b"still"));
    pair.run();
    assert_eq!(pair.heard(), [Heard::Message(1, message(true, b"still"))]);
}
