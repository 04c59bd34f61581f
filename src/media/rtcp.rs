//! RTCP read (`rtcp-types`, and REMB which it lacks) and written.

use rtcp_types::prelude::*;
use rtcp_types::{
    Compound, FciFeedbackPacketType, Fir, Nack, Packet, PayloadFeedback, Pli, ReceiverReferenceTime, ReceiverReport,
    ReportBlock, RtcpParseError, TransportFeedback, Twcc, TwccPacketStatus, Xr,
};
use std::time::Duration;

/// Packets that the feedback of one compound tells of at most: some bytes can claim thousands.
const MOST_TOLD: usize = 2048;

/// What is used of a received compound.
#[derive(Clone, Debug, PartialEq)]
pub enum Feedback {
    /// How one of our streams arrives (RFC 3550 6.4.1).
    Report(Report),
    /// The sender's clocks.
    SenderReport {
        /// Stream.
        ssrc: u32,
        /// NTP timestamp, 32.32.
        ntp: u64,
        /// RTP timestamp of the same instant.
        rtp: u32,
    },
    /// Packets that are missing (RFC 4585).
    Nack {
        /// Stream.
        ssrc: u32,
        /// Sequence numbers.
        sequences: Vec<u16>,
    },
    /// PLI or FIR for this stream.
    Keyframe(u32),
    /// Transport-wide feedback: which packets came when, and which did not.
    TransportCc(Arrivals),
    /// Estimated bit rate (draft-alvestrand-rmcat-remb).
    Remb(u64),
    /// Receiver reference time (RFC 3611 4.4): wants a DLRR in answer.
    ReceiverTime {
        /// Who asks.
        ssrc: u32,
        /// Its NTP time.
        ntp: u64,
    },
}

/// What transport-wide feedback says (draft-holmer-rmcat-transport-wide-cc-extensions-01).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrivals {
    /// Reference time of the receiver, in 64 ms, 24 bits.
    pub reference: u32,
    /// Transport-wide numbers, and when each packet arrived in microseconds after the reference time; `None`: not at all.
    pub packets: Vec<(u16, Option<i64>)>,
}

impl Arrivals {
    /// How many did not arrive.
    pub fn lost(&self) -> usize {
        self.packets.iter().filter(|(_, arrival)| arrival.is_none()).count()
    }
}

/// A report block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Stream.
    pub ssrc: u32,
    /// Fraction lost, of 256.
    pub fraction_lost: u8,
    /// Middle 32 bits of the NTP time of our last sender report, 0 if none came.
    pub last_sender_report: u32,
    /// Time since then, 1/65536 s.
    pub delay: u32,
}

struct Remb(u64);

impl<'a> FciParser<'a> for Remb {
    const PACKET_TYPE: FciFeedbackPacketType = FciFeedbackPacketType::PAYLOAD;
    const FCI_FORMAT: u8 = 15;

    fn parse(data: &'a [u8]) -> Result<Self, RtcpParseError> {
        match data {
            [b'R', b'E', b'M', b'B', _, high, middle, low, ..] => {
                let mantissa = u64::from(high & 3) << 16 | u64::from(*middle) << 8 | u64::from(*low);
                Ok(Self(mantissa << (high >> 2).min(46)))
            }
            _ => Err(RtcpParseError::WrongImplementation),
        }
    }
}

/// Calls `found` for what a compound says; stops at the first packet that cannot be read and returns `false`.
pub fn read(compound: &[u8], mut found: impl FnMut(Feedback)) -> bool {
    let Ok(compound) = Compound::parse(compound) else { return false };
    let mut left = MOST_TOLD;
    for packet in compound {
        match packet {
            Ok(Packet::Rr(report)) => report.report_blocks().for_each(|block| found(read_report(&block))),
            Ok(Packet::Sr(report)) => {
                let (ntp, rtp) = (report.ntp_timestamp(), report.rtp_timestamp());
                found(Feedback::SenderReport { ssrc: report.ssrc(), ntp, rtp });
                report.report_blocks().for_each(|block| found(read_report(&block)));
            }
            Ok(Packet::TransportFeedback(feedback)) => read_transport(&feedback, &mut left, &mut found),
            Ok(Packet::PayloadFeedback(feedback)) => read_payload(&feedback, &mut found),
            Ok(Packet::Xr(report)) => read_extended(&report, &mut found),
            Ok(_) => {}
            Err(_) => return false,
        }
    }
    true
}

fn read_report(block: &ReportBlock) -> Feedback {
    Feedback::Report(Report {
        ssrc: block.ssrc(),
        fraction_lost: block.fraction_lost(),
        last_sender_report: block.last_sender_report_timestamp(),
        delay: block.delay_since_last_sender_report_timestamp(),
    })
}

fn read_transport(feedback: &TransportFeedback, left: &mut usize, found: &mut impl FnMut(Feedback)) {
    if let Ok(nack) = feedback.parse_fci::<Nack>() {
        let sequences: Vec<u16> = nack.entries().take(*left).collect();
        *left -= sequences.len();
        found(Feedback::Nack { ssrc: feedback.media_ssrc(), sequences });
    } else if let Ok(twcc) = feedback.parse_fci::<Twcc>() {
        let (mut after, mut packets) = (0, Vec::new());
        for packet in twcc.packets().take(*left) {
            match packet {
                Ok((sequence, TwccPacketStatus::Received { delta })) => {
                    after += i64::from(delta) * 250;
                    packets.push((sequence, Some(after)));
                }
                Ok((sequence, TwccPacketStatus::NotReceived)) => packets.push((sequence, None)),
                Err(_) => return,
            }
        }
        *left -= packets.len();
        if !packets.is_empty() {
            found(Feedback::TransportCc(Arrivals { reference: twcc.reference_time(), packets }));
        }
    }
}

fn read_payload(feedback: &PayloadFeedback, found: &mut impl FnMut(Feedback)) {
    if feedback.parse_fci::<Pli>().is_ok() {
        found(Feedback::Keyframe(feedback.media_ssrc()));
    } else if let Ok(fir) = feedback.parse_fci::<Fir>() {
        fir.entries().for_each(|entry| found(Feedback::Keyframe(entry.ssrc())));
    } else if let Ok(Remb(rate)) = feedback.parse_fci::<Remb>() {
        found(Feedback::Remb(rate));
    }
}

fn read_extended(report: &Xr, found: &mut impl FnMut(Feedback)) {
    for block in report.block_iter() {
        if let Ok(time) = block.parse_into::<ReceiverReferenceTime>() {
            found(Feedback::ReceiverTime { ssrc: report.sender_ssrc(), ntp: time.ntp_timestamp() });
        }
    }
}

fn words(out: &mut Vec<u8>, values: &[u32]) {
    values.iter().for_each(|value| out.extend_from_slice(&value.to_be_bytes()));
}

/// What a sender report says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport {
    /// Stream.
    pub ssrc: u32,
    /// Our wall clock, NTP 32.32.
    pub ntp: u64,
    /// The stream's RTP time at that instant.
    pub rtp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload bytes sent.
    pub bytes: u32,
}

/// Appends SR and SDES with the CNAME (RFC 3550 6.1).
pub fn write_sender_report(report: &SenderReport, cname: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0x80, 200, 0, 6]);
    let (high, low) = ((report.ntp >> 32) as u32, report.ntp as u32);
    words(out, &[report.ssrc, high, low, report.rtp, report.packets, report.bytes]);
    write_cname(report.ssrc, cname, out);
}

/// Appends an empty receiver report: what a compound begins with when there is nothing to report.
pub fn write_empty_report(ssrc: u32, cname: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0x80, 201, 0, 1]);
    words(out, &[ssrc]);
    write_cname(ssrc, cname, out);
}

fn write_cname(ssrc: u32, cname: &str, out: &mut Vec<u8>) {
    let name = &cname.as_bytes()[..cname.len().min(255)];
    // SSRC, item type and length, the name, at least one zero
    let length = (4 + 2 + name.len() + 1).next_multiple_of(4);
    let end = out.len() + 4 + length;
    out.extend_from_slice(&[0x81, 202, 0, (length / 4) as u8]);
    words(out, &[ssrc]);
    out.extend_from_slice(&[1, name.len() as u8]);
    out.extend_from_slice(name);
    out.resize(end, 0);
}

/// Appends an XR with one DLRR sub-block (RFC 3611 4.5), answered after `delay`.
pub fn write_dlrr(ssrc: u32, to: u32, ntp: u64, delay: Duration, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0x80, 207, 0, 5]);
    words(out, &[ssrc]);
    out.extend_from_slice(&[5, 0, 0, 3]);
    // a delay of 0 would say that no reference time came
    let units = (delay.as_secs_f64() * 65_536.0) as u32;
    words(out, &[to, (ntp >> 16) as u32, units.max(1)]);
}

/// A keyframe request, reduced size (RFC 4585 6.3.1, RFC 5506).
pub fn pli(sender: u32, media: u32) -> Vec<u8> {
    let mut out = vec![0x81, 206, 0, 2];
    words(&mut out, &[sender, media]);
    out
}

/// A NACK for these sequence numbers (RFC 4585 6.2.1), ascending; `None` when there are none.
pub fn nack(sender: u32, media: u32, sequences: &[u16]) -> Option<Vec<u8>> {
    let mut pairs: Vec<(u16, u16)> = Vec::new();
    for &sequence in sequences {
        match pairs.last_mut() {
            Some((first, mask)) if (1..=16).contains(&sequence.wrapping_sub(*first)) => {
                *mask |= 1 << (sequence.wrapping_sub(*first) - 1);
            }
            _ => pairs.push((sequence, 0)),
        }
    }
    // 300 pairs: a datagram's worth
    pairs.truncate(300);
    let mut out = vec![0x81, 205];
    out.extend_from_slice(&(2 + pairs.len() as u16).to_be_bytes());
    words(&mut out, &[sender, media]);
    pairs.iter().for_each(|(first, mask)| words(&mut out, &[u32::from(*first) << 16 | u32::from(*mask)]));
    (!pairs.is_empty()).then_some(out)
}

/// How a stream arrives (RFC 3550 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceptionBlock {
    /// Stream.
    pub ssrc: u32,
    /// Fraction lost since the last report, of 256.
    pub fraction_lost: u8,
    /// Packets lost in all.
    pub lost: u32,
    /// Highest sequence number, extended.
    pub highest: u32,
    /// Interarrival jitter in units of the stream's clock.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of its last sender report, 0 if none came.
    pub last_sender_report: u32,
    /// Time since then, 1/65536 s.
    pub delay: u32,
}

/// A receiver report with a CNAME; `None` when there is nothing to report.
pub fn receiver_report(sender: u32, blocks: &[ReceptionBlock]) -> Option<Vec<u8>> {
    let mut report = ReceiverReport::builder(sender);
    for block in blocks.iter().take(31) {
        let new = ReportBlock::builder(block.ssrc).fraction_lost(block.fraction_lost).cumulative_lost(block.lost);
        let new = new.extended_sequence_number(block.highest).interarrival_jitter(block.jitter);
        let new = new.last_sender_report_timestamp(block.last_sender_report);
        report = report.add_report_block(new.delay_since_last_sender_report_timestamp(block.delay));
    }
    let mut out = vec![0; report.calculate_size().ok().filter(|_| !blocks.is_empty())?];
    report.write_into(&mut out).ok()?;
    write_cname(sender, "millrace", &mut out);
    Some(out)
}

/// Transport-wide feedback; `head`: first sequence number, reference time (64 ms), count of feedbacks before. Returns the
/// packet and how many of `statuses` it tells; the rest needs another.
pub fn transport_feedback(
    sender: u32,
    media: u32,
    head: (u16, u32, u8),
    statuses: &[TwccPacketStatus],
) -> Option<(Vec<u8>, usize)> {
    let fci = Twcc::builder(head.0, head.1, head.2, statuses, Some(1100));
    let told = fci.packet_status_count();
    let packet = TransportFeedback::builder(&fci).sender_ssrc(sender).media_ssrc(media);
    let mut out = vec![0; packet.calculate_size().ok().filter(|_| told > 0)?];
    packet.write_into(&mut out).ok()?;
    Some((out, told))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(compound: &[u8]) -> Vec<Feedback> {
        let mut found = Vec::new();
        assert!(read(compound, |feedback| found.push(feedback)), "unreadable: {compound:02x?}");
        found
    }

    #[test]
    fn reports_read_back() {
        let report = SenderReport { ssrc: 7, ntp: 0x1234_5678_9abc_def0, rtp: 99, packets: 3, bytes: 4 };
        for cname in ["", "a", "ab", "abc", "abcd", "abcde"] {
            let mut out = Vec::new();
            write_sender_report(&report, cname, &mut out);
            write_dlrr(7, 8, 9, Duration::ZERO, &mut out);
            assert_eq!(all(&out), [Feedback::SenderReport { ssrc: 7, ntp: report.ntp, rtp: 99 }], "{cname}");
            let mut empty = Vec::new();
            write_empty_report(7, cname, &mut empty);
            assert_eq!(all(&empty), []);
        }
    }

    #[test]
    fn nack_packs_and_reads_back() {
        let wanted = [65_530, 65_531, 2, 10, 11, 400];
        let packet = nack(1, 2, &wanted).unwrap();
        assert_eq!(packet.len(), 12 + 4 * 3);
        assert_eq!(all(&packet), [Feedback::Nack { ssrc: 2, sequences: wanted.to_vec() }]);
        assert_eq!(nack(1, 2, &[]), None);
    }

    #[test]
    fn pli_and_remb() {
        assert_eq!(all(&pli(1, 2)), [Feedback::Keyframe(2)]);
        let mut remb = vec![0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0];
        remb.extend_from_slice(b"REMB\x01\x0b\x00\x01\0\0\0\x07");
        assert_eq!(all(&remb), [Feedback::Remb(0x3_0001 << 2)]);
    }

    #[test]
    fn report_block_receiver_time_and_transport_feedback() {
        let rr = [0x81, 201, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 64, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0, 6];
        let report = Report { ssrc: 2, fraction_lost: 64, last_sender_report: 5, delay: 6 };
        assert_eq!(all(&rr), [Feedback::Report(report)]);
        let xr = [0x80, 207, 0, 4, 0, 0, 0, 1, 4, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 8];
        assert_eq!(all(&xr), [Feedback::ReceiverTime { ssrc: 1, ntp: 7 << 32 | 8 }]);
        // a run of 3 small deltas: all received
        let cc = [0x8f, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 3, 0, 0, 0, 0, 0x20, 3, 1, 2, 3, 0, 0, 0];
        let packets = vec![(1, Some(250)), (2, Some(750)), (3, Some(1500))];
        assert_eq!(all(&cc), [Feedback::TransportCc(Arrivals { reference: 0, packets })]);
    }

    #[test]
    fn garbage_never_panics() {
        let mut state = 7u32;
        for round in 0..50_000 {
            let mut data: Vec<u8> = (0..round % 64)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            // a plausible head, so that the bodies are reached
            if data.len() >= 4 {
                data[0] = 0x80 | data[0] & 0x1f;
                data[1] = 200 + data[1] % 8;
                let words = (data.len() / 4 - 1) as u16;
                data[2..4].copy_from_slice(&words.to_be_bytes());
            }
            read(&data, |_| {});
        }
    }
}
