//! Viewers that are offered several codecs in one stream.

use crate::engine::{Room, somebody};
use crate::rtc::Client;
use millrace::media::{Engine, MediaEvent, MediaRequest};
use millrace::model::{PeerId, Sdp};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A transcode begins, a keyframe passes, all on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A white feed in VP8 with sound, and a viewer that reads the offer so; brightness of the pictures that it decodes.
pub struct Watched {
    room: Room,
    peer: PeerId,
    painter: Client,
    _viewer: Client,
    pictures: Receiver<(Instant, u8)>,
}

impl Watched {
    pub fn by(reads: impl Fn(&str) -> String) -> Self {
        let mut room = Room::new();
        let painter = Client::painter("white");
        let (publishing, feed, answer) = room.publish(&painter.offer());
        painter.take_answer(&answer.expect("an answer"));
        room.connected(publishing);
        room.live(feed);
        let peer = PeerId::next();
        room.ask(MediaRequest::Subscribe { peer, feed, viewer: somebody() });
        let offer = room.expect("an offer", |event| match event {
            MediaEvent::SubscribeOffered { offer, .. } => Some(offer.as_str().to_owned()),
            _ => None,
        });
        let (told, pictures) = channel();
        let viewer = Client::watcher(told);
        let answer = viewer.answer(&reads(&offer));
        room.ask(MediaRequest::Answer { peer, answer: Sdp::new(answer) });
        room.connected(peer);
        Self { room, peer, painter, _viewer: viewer, pictures }
    }

    /// Waits for so many pictures in a row that fit.
    fn shows(&self, what: &str, count: u32, fits: impl Fn(u8) -> bool) {
        let (end, mut row) = (Instant::now() + PATIENCE, 0);
        while row < count {
            let left = end.saturating_duration_since(Instant::now());
            let picture = self.pictures.recv_timeout(left);
            let (_, brightness) = picture.unwrap_or_else(|_| panic!("no {count} {what} pictures, {row} at last"));
            row = if fits(brightness) { row + 1 } else { 0 };
        }
    }

    /// It sees the feed, and sees it change.
    pub fn follows(&self) {
        self.shows("white", 25, |brightness| brightness > 200);
        self.painter.paint("black");
        self.shows("black", 25, |brightness| brightness < 50);
        assert!(self.room.engine.peer_stats(self.peer).is_some());
    }
}

#[test]
fn a_viewer_of_several_codecs_decodes_the_feeds_own() {
    Watched::by(str::to_owned).follows();
}
