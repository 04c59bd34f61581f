//! What must survive: pauses, silence, missing pictures, crashes, reconnects; and that the facts tell of it.

use super::*;

fn until(what: &str, seconds: u64, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !done() {
        assert!(Instant::now() < deadline, "not within {seconds} s: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What a crash would leave now: until when each kind is readable.
fn readable(path: &Path, kind: &str) -> f64 {
    let copy = path.with_extension("copy");
    std::fs::copy(path, &copy).unwrap();
    let out =
        Command::new("ffprobe").args(["-v", "quiet", "-of", "json", "-show_packets"]).arg(&copy).output().unwrap();
    let probe: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap_or_default();
    let all = probe["packets"].as_array().into_iter().flatten().filter(|p| p["codec_type"] == kind);
    all.filter_map(|p| p["pts_time"].as_str()?.parse().ok()).fold(0.0, f64::max)
}

fn gaps(report: &BranchReport) -> Vec<(&str, u64, u64)> {
    report.facts.gaps.iter().map(|gap| (gap.why.as_str(), gap.at_ms, gap.length_ms)).collect()
}

type Tracks = Vec<Vec<(Duration, Packet)>>;

fn between(track: &[(Duration, Packet)], from: u64, to: u64) -> Vec<(Duration, Packet)> {
    track.iter().filter(|(due, _)| (from..to).contains(&due.as_secs())).map(|(due, p)| (*due, copy(p))).collect()
}

fn copy(p: &Packet) -> Packet {
    let (data, payload) = (p.data.clone(), p.payload.clone());
    Packet { data, payload, ..*p }
}

/// Hands packets over and waits until the recorder has taken and let go of all.
fn feed_and_wait(run: &Run, begin: Instant, tracks: Tracks) {
    let mut all: Vec<_> = tracks.into_iter().flatten().collect();
    all.sort_by_key(|(due, _)| *due);
    let all: Vec<_> = all.into_iter().map(|(due, p)| Arc::new(Packet { at: begin + due, ..p })).collect();
    all.iter().for_each(|packet| run.tap.send(TapItem::Packet(packet.clone())).unwrap());
    until("all packets taken", 10, || all.iter().all(|packet| Arc::strong_count(packet) == 1));
}

/// Reports by which RTP times of both tracks' first packets are one instant.
fn report(run: &Run, codecs: &[Codec], tracks: &[&[(Duration, Packet)]]) {
    for (codec, track) in codecs.iter().zip(tracks) {
        let (ntp, rtp) = (3_900_000_000 << 32, track[0].1.timestamp);
        run.tap.send(TapItem::SenderReport { codec: *codec, ntp, rtp }).unwrap();
    }
}

/// 2 s written, 2 s paused, 2 s written; keyframes are each 2 s.
fn pauses(video: Codec, names: &[&str]) {
    let run = start(&[Codec::Opus, video]);
    let (sound, picture) = (encode(Codec::Opus, 6, (0, 0)), encode(video, 6, (320, 240)));
    report(&run, &[Codec::Opus, video], &[&sound, &picture]);
    let part = |from, to| vec![between(&sound, from, to), between(&picture, from, to)];
    let begin = Instant::now();
    feed_and_wait(&run, begin, part(0, 2));
    run.recorder.pause(true);
    feed_and_wait(&run, begin, part(2, 4));
    run.recorder.pause(false);
    feed_and_wait(&run, begin, part(4, 6));
    let (reason, report, dir) = run.finish();
    assert_eq!(reason, EndReason::FeedEnded, "{report:?}");
    let probe = assert_good(dir.path(), &report, 4.0, names);
    assert_eq!(packets(&probe, "video").len(), 100);
    assert!((199..=201).contains(&packets(&probe, "audio").len()));
    let found = gaps(&report);
    assert!(matches!(found[..], [("paused", 1900..2100, 1900..2100)]), "{found:?}");
    assert!(report.facts.offset_end_ms.unwrap().abs() < 5.0, "{:?}", report.facts);
}

#[test]
fn a_pause_takes_no_time_in_a_webm() {
    pauses(Codec::Vp8, &["opus", "vp8"]);
}

#[test]
fn a_pause_takes_no_time_in_an_mp4() {
    pauses(Codec::H264, &["opus", "h264"]);
}

#[test]
fn a_recording_may_begin_paused() {
    let run = start_as(tempfile::tempdir().unwrap(), vec![source(Codec::Vp8, 96)], 0, true);
    let picture = encode(Codec::Vp8, 4, (320, 240));
    let begin = Instant::now();
    feed_and_wait(&run, begin, vec![between(&picture, 0, 2)]);
    assert!(run.events.try_recv().is_err() && run.keyframes.load(Ordering::SeqCst) == 0, "nothing is written or asked");
    run.recorder.pause(false);
    feed_and_wait(&run, begin, vec![between(&picture, 2, 4)]);
    let (_, report, dir) = run.finish();
    assert_good(dir.path(), &report, 2.0, &["vp8"]);
}

#[test]
fn sender_reports_put_sound_where_it_belongs() {
    let run = start(&[Codec::Opus, Codec::Vp8]);
    let (mut sound, picture) = (encode(Codec::Opus, 4, (0, 0)), encode(Codec::Vp8, 4, (320, 240)));
    let sounds = sound.len();
    // The sound of an instant comes 300 ms after the picture; the reports come a second after both.
    sound.iter_mut().for_each(|(due, _)| *due += Duration::from_millis(300));
    let begin = Instant::now();
    run.feed_from(begin, vec![between(&sound, 0, 1), between(&picture, 0, 1)]);
    report(&run, &[Codec::Opus, Codec::Vp8], &[&sound, &picture]);
    run.feed_from(begin, vec![between(&sound, 1, 9), between(&picture, 1, 9)]);
    let (_, report, dir) = run.finish();
    let probe = assert_good(dir.path(), &report, 4.0, &["opus", "vp8"]);
    assert!((first_time(&probe, "audio") - first_time(&probe, "video")).abs() <= 0.010);
    assert_eq!(packets(&probe, "audio").len(), sounds, "{report:?}");
    assert!(report.facts.offset_start_ms.unwrap().abs() < 5.0, "{report:?}");
}

/// While one track is away the other one reaches the disk, and nothing of what comes back is lost.
fn away(video: Codec, missing: Codec, extension: &str) {
    let run = start(&[Codec::Opus, video]);
    let (sound, picture) = (encode(Codec::Opus, 20, (0, 0)), encode(video, 20, (320, 240)));
    report(&run, &[Codec::Opus, video], &[&sound, &picture]);
    let (there, gone) = if missing == Codec::Opus { (&picture, &sound) } else { (&sound, &picture) };
    let begin = Instant::now();
    run.feed_from(begin, vec![between(there, 0, 2), between(gone, 0, 2)]);
    run.feed_from(begin, vec![between(there, 2, 16)]);
    let path = run.dir.path().join(format!("feed-7.{extension}"));
    let kind = if missing == Codec::Opus { "video" } else { "audio" };
    until("14 s of the track that is there", 20, || readable(&path, kind) >= 14.0);
    let mut back = between(gone, 16, 20);
    let shift = between(gone, 2, 16).len() as u64;
    back.iter_mut().for_each(|(_, packet)| packet.sequence -= shift);
    run.feed_from(begin, vec![between(there, 16, 20), back]);
    if missing == Codec::H264 {
        let (reason, report) = run.ended();
        assert_eq!(reason, EndReason::CodecChanged, "mp4mux has no way back: the next file goes on");
        assert_good(run.dir.path(), &report, 16.0, &["opus", "h264"]);
        return;
    }
    let (reason, report, dir) = run.finish();
    assert_eq!(reason, EndReason::FeedEnded, "{report:?}");
    let probe = assert_good(dir.path(), &report, 20.0, &["opus", if video == Codec::Vp8 { "vp8" } else { "h264" }]);
    let pictures = packets(&probe, "video").len();
    match missing {
        Codec::Opus => {
            assert_eq!(pictures, 500);
            let found = gaps(&report);
            assert!(matches!(found[..], [("muted", 1900..2100, 13_900..14_100)]), "{found:?}");
        }
        _ => {
            assert_eq!(pictures, 150, "2 s and 4 s");
            assert_eq!(packets(&probe, "audio").len(), sound.len());
        }
    }
}

#[test]
fn sound_reaches_a_webm_without_pictures() {
    away(Codec::Vp8, Codec::Vp8, "webm");
}

#[test]
fn sound_reaches_an_mp4_without_pictures() {
    away(Codec::H264, Codec::H264, "mp4");
}

#[test]
fn pictures_reach_a_webm_without_sound() {
    away(Codec::Vp8, Codec::Opus, "webm");
}

#[test]
fn pictures_reach_an_mp4_without_sound() {
    away(Codec::H264, Codec::Opus, "mp4");
}

#[test]
fn a_reconnect_goes_on_in_the_same_file_and_is_told() {
    let run = start(&[Codec::Opus, Codec::Vp8]);
    let (sound, picture) = (encode(Codec::Opus, 3, (0, 0)), encode(Codec::Vp8, 3, (320, 240)));
    let begin = Instant::now();
    run.feed_from(begin, vec![between(&sound, 0, 9), between(&picture, 0, 9)]);
    // Another peer connection: other SSRC, sequence and RTP time, 4 s later.
    let anew = |track: &[(Duration, Packet)]| -> Vec<_> {
        let change = |p: Packet| {
            let mut data = p.data.clone();
            data[11] ^= 0x77;
            Packet { data, sequence: p.sequence + 500_000, timestamp: p.timestamp.wrapping_add(777_777_777), ..p }
        };
        between(track, 0, 9).into_iter().map(|(due, p)| (due + Duration::from_secs(7), change(p))).collect()
    };
    run.feed_from(begin, vec![anew(&sound), anew(&picture)]);
    let (reason, report, dir) = run.finish();
    assert_eq!(reason, EndReason::FeedEnded);
    let probe = assert_good(dir.path(), &report, 10.0, &["opus", "vp8"]);
    assert_eq!((packets(&probe, "video").len(), packets(&probe, "audio").len()), (150, 2 * sound.len()));
    let found = gaps(&report);
    assert!(matches!(found[..], [("reconnect", 2900..3100, 3900..4100)]), "{found:?}");
    assert_eq!((report.facts.pictures, report.facts.packets_lost), (150, 0));
    assert!((14.0..26.0).contains(&report.facts.framerate) && report.facts.bitrate > 10_000, "{:?}", report.facts);
}

#[test]
fn a_file_that_is_taken_away_ends_the_recording_in_words() {
    let run = start(&[Codec::Opus]);
    feed_and_wait(&run, Instant::now(), vec![encode(Codec::Opus, 2, (0, 0))]);
    assert!(matches!(run.events.recv_timeout(Duration::from_secs(5)), Ok(RecorderEvent::Started(_))));
    std::fs::remove_dir_all(run.dir.path()).unwrap();
    let (reason, report) = run.ended();
    assert_eq!(reason, EndReason::StorageFailed);
    assert!(report.detail.unwrap().contains("is gone"));
}
