//! A feed's running presentation: the outlet that feeds it, and the requests that wait.

use super::names::File;
use super::packager::Packager;
use super::shelves::{Answer, Shelves};
use crate::config::Hls;
use crate::media::feed::Feed;
use crate::media::outlet::{Framing, Outlet, Sound, Wants};
use crate::media::rendition::Renditions;
use crate::media::{HlsReply, HlsRequest, MediaError};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The first request waits so long for the first segment, and one for a part for the part.
const PATIENCE: Duration = Duration::from_secs(10);
/// Media does not change; nobody asks for it much later.
const MEDIA_AGE: Duration = Duration::from_secs(60);

/// Dropped, it ends: its threads within a moment.
pub struct Presentation {
    shelves: Arc<Shelves>,
    used: Mutex<Instant>,
    _outlet: Outlet,
}

impl Presentation {
    /// Starts one. `NotReady`: the feed has no track yet.
    pub fn start(feed: &Arc<Feed>, renditions: &Arc<Renditions>, settings: &Hls) -> Result<Self, MediaError> {
        let shelves = Arc::new(Shelves::new(settings.clone()));
        let weak = Arc::downgrade(feed);
        let ask = Box::new(move || weak.upgrade().iter().for_each(|feed| feed.request_keyframe()));
        let mut packager = Packager::new(&format!("hls-{}", feed.id()), settings, shelves.clone(), ask);
        let wants = Wants { sound: Sound::Aac, framing: Framing::Avc };
        let outlet = Outlet::start(feed.clone(), renditions, wants, Box::new(move |unit| packager.take(unit)))?;
        metrics::gauge!("media_hls_presentations").increment(1.0);
        Ok(Self { shelves, used: Mutex::new(Instant::now()), _outlet: outlet })
    }

    /// Nothing more comes: who waits hears of it.
    pub fn end(&self) {
        self.shelves.end();
    }

    /// Whether nothing more comes: its feed ended, or its outlet failed.
    pub fn is_over(&self) -> bool {
        self.shelves.is_ended()
    }

    /// How long nobody has asked for anything.
    pub fn idle(&self) -> Duration {
        self.used.lock().elapsed()
    }

    /// One of its files, once it is there. `NotReady`: no such file (any more). `Transient`: it did not come in time.
    pub async fn file(&self, request: &HlsRequest) -> Result<HlsReply, MediaError> {
        *self.used.lock() = Instant::now();
        let file = File::parse(&request.file).ok_or_else(|| not_found("no file of a presentation has this name"))?;
        metrics::counter!("media_hls_requests_total", "kind" => file.kind()).increment(1);
        let reply = tokio::time::timeout(PATIENCE, self.wait(file, request)).await;
        // Who waited used it all the time.
        *self.used.lock() = Instant::now();
        reply.unwrap_or_else(|_| Err(MediaError::Transient("no media came in time: ask again".into())))
    }

    async fn wait(&self, file: File, request: &HlsRequest) -> Result<HlsReply, MediaError> {
        let mut news = self.shelves.news();
        let after = request.msn.map(|msn| (msn, request.part));
        loop {
            news.mark_unchanged();
            match self.shelves.answer(file, after) {
                Answer::Here(body) => return Ok(reply(file, body)),
                Answer::Never(why) => return Err(not_found(why)),
                Answer::Later => {}
            }
            if news.changed().await.is_err() {
                return Err(not_found("the presentation has ended"));
            }
        }
    }
}

fn reply(file: File, body: bytes::Bytes) -> HlsReply {
    let max_age = if matches!(file, File::Media(..)) { MEDIA_AGE } else { Duration::ZERO };
    HlsReply { body, content_type: file.content_type(), max_age }
}

fn not_found(why: &str) -> MediaError {
    MediaError::NotReady(why.into())
}

impl Drop for Presentation {
    fn drop(&mut self) {
        metrics::gauge!("media_hls_presentations").decrement(1.0);
    }
}
