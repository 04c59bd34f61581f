//! Snapshots of real feeds, judged by a JPEG decoder that is not ours.

use super::*;
use crate::media::branch::testing::{encode, source};
use crate::media::egress::Pool;
use crate::media::feed::{Source, Upstream};
use crate::media::files::testing::{decode, probe};
use std::sync::mpsc::{Receiver, Sender, channel};
use tokio::runtime::Handle;

/// Tells that the publisher was asked for something.
struct Back(Mutex<Sender<()>>);

impl Upstream for Back {
    fn send_rtcp(&self, _packet: &[u8]) {
        let _ = self.0.lock().send(());
    }
}

fn feed(codecs: &[Codec]) -> (Arc<Feed>, Receiver<()>) {
    gst::init().unwrap();
    let (asked, upstream) = channel();
    let feed = Feed::new(FeedId::next(), Pool::start(1).unwrap(), Duration::from_millis(100), Box::new(|_| {}));
    let payload_type = |codec: Codec| if codec == Codec::Opus { 111 } else { 96 };
    let tracks = codecs.iter().map(|codec| source(*codec, payload_type(*codec))).collect();
    feed.set_source(Source { tracks, upstream: Arc::new(Back(Mutex::new(asked))) });
    (feed, upstream)
}

/// Pictures from the time `begin` to `end` in seconds, their numbers later by `later`.
fn publish(feed: &Feed, codec: Codec, begin: f64, end: f64, later: u16) {
    for (due, mut packet) in encode(codec, 1, (320, 240)) {
        if (begin..end).contains(&due.as_secs_f64()) {
            packet.data[2..4].copy_from_slice(&(packet.sequence as u16).wrapping_add(later).to_be_bytes());
            packet.data[4..6].copy_from_slice(&later.to_be_bytes());
            packet.data[8..12].copy_from_slice(&7u32.to_be_bytes());
            feed.on_rtp(packet.data, Instant::now());
        }
    }
}

fn judge(jpeg: &[u8], size: (u64, u64)) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("snapshot.jpg");
    std::fs::write(&path, jpeg).unwrap();
    let stream = &probe(&path)["streams"][0];
    assert_eq!((stream["codec_name"].as_str(), stream["width"].as_u64()), (Some("mjpeg"), Some(size.0)));
    assert_eq!((stream["height"].as_u64(), decode(&path).as_str()), (Some(size.1), ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_young_keyframe_is_shown_at_once_in_any_size() {
    for codec in [Codec::Vp8, Codec::H264] {
        for (width, size) in
            [(None, (320, 240)), (Some(160), (160, 120)), (Some(641), (640, 480)), (Some(16), (16, 12))]
        {
            let (feed, upstream) = feed(&[Codec::Opus, codec]);
            publish(&feed, codec, 0.0, 0.2, 0);
            let jpeg = Snapshots::default().take(feed, width, &Handle::current()).await.unwrap();
            judge(&jpeg, size);
            assert!(upstream.try_recv().is_err(), "{codec:?}: no keyframe had to be asked for");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keyframe_is_asked_for_when_there_is_none() {
    for codec in [Codec::Vp8, Codec::H264] {
        let (feed, upstream) = feed(&[codec]);
        // Pictures that cannot be decoded alone.
        publish(&feed, codec, 0.03, 0.4, 0);
        while upstream.try_recv().is_ok() {}
        let publisher = feed.clone();
        let answering = std::thread::spawn(move || {
            upstream.recv_timeout(Duration::from_secs(2)).expect("no keyframe was asked for");
            publish(&publisher, codec, 0.0, 0.2, 1000);
        });
        let jpeg = Snapshots::default().take(feed.clone(), Some(320), &Handle::current()).await;
        answering.join().unwrap();
        judge(&jpeg.unwrap(), (320, 240));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_at_the_same_time_gets_the_same_picture() {
    let (feed, _upstream) = feed(&[Codec::Vp8]);
    publish(&feed, Codec::Vp8, 0.0, 0.2, 0);
    let snapshots = Snapshots::default();
    let asked = (0..50).map(|_| snapshots.take(feed.clone(), Some(64), &Handle::current()));
    let pictures: Vec<_> = futures::future::join_all(asked).await.into_iter().map(|picture| picture.unwrap()).collect();
    assert!(pictures.iter().all(|picture| picture.as_ptr() == pictures[0].as_ptr()), "one decode for all");
    let other = snapshots.take(feed.clone(), Some(66), &Handle::current()).await.unwrap();
    assert_ne!(other.as_ptr(), pictures[0].as_ptr());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_picture_is_told_in_words() {
    let take = async |feed: &Arc<Feed>, width| {
        let begun = Instant::now();
        let error = Snapshots::default().take(feed.clone(), width, &Handle::current()).await.unwrap_err();
        assert!(begun.elapsed() < LIMIT + Duration::from_secs(2), "it took {:?}", begun.elapsed());
        error
    };
    let (sound, _upstream) = feed(&[Codec::Opus]);
    assert_eq!(take(&sound, None).await, MediaError::NotReady("the feed has no video".into()));
    let (silent, _upstream) = feed(&[Codec::Vp8]);
    assert!(matches!(take(&silent, None).await, MediaError::NotReady(words) if words.contains("3 s")));
    for width in [0, 15, 1921, u32::MAX] {
        assert!(matches!(take(&silent, Some(width)).await, MediaError::Fatal(_)));
    }
    silent.close();
    assert!(matches!(take(&silent, None).await, MediaError::NotReady(_)));
}

#[test]
fn a_picture_with_a_hole_is_not_shown() {
    let packets: Vec<_> = encode(Codec::Vp8, 1, (960, 540)).into_iter().map(|(_, packet)| Arc::new(packet)).collect();
    let first = packets.iter().position(|packet| packet.marker).unwrap() + 1;
    let mut keyframe = Keyframe::default();
    let mut shuffled: Vec<_> = packets[..first].to_vec();
    shuffled.reverse();
    let last = shuffled.remove(first / 2);
    assert!(first > 2, "{first} packets");
    assert!(shuffled.into_iter().all(|packet| keyframe.push(packet).is_none()));
    assert_eq!(keyframe.push(last).map(|whole| whole.len()), Some(first));
    let holed: Vec<_> = packets.iter().filter(|packet| packet.sequence != packets[first].sequence).cloned().collect();
    assert_eq!(whole_pictures(holed).len(), first);
}
