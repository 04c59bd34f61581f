//! Who is in: clients that were let in, and the streams they watch.
//!
//! Decides how many there may be, that all who watch the same share one stream, and when a stream that nobody watches is let
//! go. Each client's server knows one path, the one it was let in for.

use super::factory::{Grant, Server};
use super::stream::Stream;
use super::{Door, Sound, door};
use crate::media::MediaError;
use crate::media::feed::Feed;
use crate::media::rendition::Renditions;
use crate::model::FeedId;
use gst::glib;
use gst_rtsp_server::prelude::*;
use gst_rtsp_server::{RTSPClient, RTSPMountPoints, gio};
use parking_lot::Mutex;
use socket2::{SockRef, TcpKeepalive};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// A stream stays so long after its last client.
const LINGER: Duration = Duration::from_secs(5);
/// Clients of a feed that is over have so long to go by themselves.
const FAREWELL: Duration = Duration::from_secs(2);
/// A client that takes nothing for so long is cut off.
const STALL: Duration = Duration::from_secs(10);

/// Finds feeds.
pub type Feeds = Box<dyn Fn(FeedId) -> Option<Arc<Feed>> + Send + Sync>;

type Key = (FeedId, Sound);

/// All clients and streams.
pub struct House {
    door: Arc<dyn Door>,
    feeds: Feeds,
    renditions: Arc<Renditions>,
    server: Server,
    places: Arc<Semaphore>,
    streams: Mutex<HashMap<Key, Weak<Stream>>>,
    clients: Mutex<HashMap<u64, Client>>,
    next: AtomicU64,
    /// One connection is handed over at a time.
    handing: Mutex<()>,
}

struct Client {
    client: glib::WeakRef<RTSPClient>,
    stream: Arc<Stream>,
    _place: OwnedSemaphorePermit,
}

impl House {
    /// An empty one for so many clients at most.
    pub fn new(door: Arc<dyn Door>, feeds: Feeds, renditions: Arc<Renditions>, most: usize) -> Arc<Self> {
        Arc::new(Self {
            door,
            feeds,
            renditions,
            server: Server::new(),
            places: Arc::new(Semaphore::new(most)),
            streams: Mutex::default(),
            clients: Mutex::default(),
            next: AtomicU64::new(0),
            handing: Mutex::default(),
        })
    }

    /// Serves until `closing`, then lets everybody go.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, closing: CancellationToken) {
        door::listen(listener, self.clone(), closing).await;
        let clients: Vec<RTSPClient> = self.clients.lock().values().filter_map(|c| c.client.upgrade()).collect();
        let _ = tokio::task::spawn_blocking(move || clients.iter().for_each(RTSPClientExt::close)).await;
        self.clients.lock().clear();
    }

    /// Clients that are in, and streams they share.
    pub fn counts(&self) -> (usize, usize) {
        let streams = self.streams.lock().values().filter(|stream| stream.strong_count() > 0).count();
        (self.clients.lock().len(), streams)
    }

    pub(super) fn door(&self) -> &Arc<dyn Door> {
        &self.door
    }

    /// `None`: full.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().try_acquire_owned().ok()
    }

    /// Sessions whose clients are silent end here.
    pub(super) fn tidy(&self) {
        if let Some(pool) = self.server.session_pool() {
            pool.cleanup();
        }
        self.streams.lock().retain(|_, stream| stream.strong_count() > 0);
    }

    /// The stream of a feed, made for the first who asks. `NotReady`: there is no such feed.
    pub(super) async fn stream(self: &Arc<Self>, feed: FeedId, sound: Sound) -> Result<Arc<Stream>, MediaError> {
        let house = self.clone();
        let made = tokio::task::spawn_blocking(move || house.find_or_make((feed, sound))).await;
        let (stream, is_new) = made.unwrap_or_else(|error| Err(MediaError::Fatal(error.to_string())))?;
        if is_new {
            tokio::spawn(attend(Arc::downgrade(self), Arc::downgrade(&stream)));
        }
        Ok(stream)
    }

    fn find_or_make(&self, key: Key) -> Result<(Arc<Stream>, bool), MediaError> {
        let feed = (self.feeds)(key.0).ok_or_else(|| MediaError::NotReady("no such feed".into()))?;
        let mut streams = self.streams.lock();
        if let Some(known) = streams.get(&key).and_then(Weak::upgrade).filter(|stream| stream.is_live()) {
            return Ok((known, false));
        }
        let stream = Arc::new(Stream::start(feed, &self.renditions, key.1)?);
        streams.insert(key, Arc::downgrade(&stream));
        Ok((stream, true))
    }

    /// gst-rtsp-server goes on with a connection, from what was `read` of it.
    pub(super) async fn hand_over(
        self: &Arc<Self>,
        (socket, from): (TcpStream, SocketAddr),
        read: String,
        (stream, path): (Arc<Stream>, String),
        place: OwnedSemaphorePermit,
    ) {
        let (house, runtime) = (self.clone(), tokio::runtime::Handle::current());
        let done = tokio::task::spawn_blocking(move || {
            let socket = ready(socket)?;
            house.let_in((socket, from), &read, (stream, path), place, &runtime).map_err(std::io::Error::other)
        });
        match done.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "an RTSP connection was not taken over"),
            Err(error) => tracing::warn!(%error, "an RTSP connection was not taken over"),
        }
    }

    fn let_in(
        self: &Arc<Self>,
        (socket, from): (gio::Socket, SocketAddr),
        read: &str,
        (stream, path): (Arc<Stream>, String),
        place: OwnedSemaphorePermit,
        runtime: &tokio::runtime::Handle,
    ) -> Result<(), glib::BoolError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mounts = RTSPMountPoints::new();
        mounts.add_factory(&path, stream.factory.clone());
        let (house, gone, runtime) = (self.clone(), runtime.clone(), runtime.clone());
        let made = Box::new(move |client: &RTSPClient| {
            let (left, plays) = (Arc::downgrade(&house), Arc::downgrade(&stream));
            client.connect_play_request(move |_, _| plays.upgrade().into_iter().for_each(|s| s.wants_keyframe()));
            client.connect_closed(move |_| left.upgrade().into_iter().for_each(|house| house.left(id, &runtime)));
            metrics::gauge!("media_rtsp_clients").increment(1.0);
            tracing::debug!(client = id, %from, "an RTSP client is in");
            house.clients.lock().insert(id, Client { client: client.downgrade(), stream, _place: place });
        });
        let _one_at_a_time = self.handing.lock();
        self.server.grant(Grant { mounts, made });
        let port = i32::from(from.port());
        let taken = self.server.transfer_connection(socket, &from.ip().to_string(), port, Some(read));
        if taken.is_err() {
            // Whatever was made of it by then.
            self.server.revoke();
            self.left(id, &gone);
        }
        taken
    }

    /// A client is gone; what it watched stays a little, for who comes again.
    fn left(&self, id: u64, runtime: &tokio::runtime::Handle) {
        let Some(client) = self.clients.lock().remove(&id) else { return };
        metrics::gauge!("media_rtsp_clients").decrement(1.0);
        tracing::debug!(client = id, "an RTSP client has left");
        let stream = client.stream;
        runtime.spawn(async move {
            tokio::time::sleep(LINGER).await;
            drop(stream);
        });
    }

    fn watching(&self, stream: &Weak<Stream>) -> Vec<RTSPClient> {
        let clients = self.clients.lock();
        let watching = clients.values().filter(|client| std::ptr::eq(Arc::as_ptr(&client.stream), stream.as_ptr()));
        watching.filter_map(|client| client.client.upgrade()).collect()
    }
}

/// Waits for a stream's end, and sends home who still watches it then.
async fn attend(house: Weak<House>, stream: Weak<Stream>) {
    loop {
        let Some(live) = stream.upgrade() else { return };
        // Let go in between, so that a stream that nobody watches can end.
        if tokio::time::timeout(LINGER / 5, live.over()).await.is_ok() {
            break;
        }
    }
    tokio::time::sleep(FAREWELL).await;
    let Some(watching) = house.upgrade().map(|house| house.watching(&stream)) else { return };
    let _ = tokio::task::spawn_blocking(move || watching.iter().for_each(RTSPClientExt::close)).await;
}

/// As GLib takes it. A client that does not read is cut off by the kernel.
fn ready(socket: TcpStream) -> std::io::Result<gio::Socket> {
    let socket = socket.into_std()?;
    socket.set_nodelay(true)?;
    let settings = SockRef::from(&socket);
    settings.set_tcp_user_timeout(Some(STALL))?;
    settings.set_tcp_keepalive(&TcpKeepalive::new().with_time(STALL).with_interval(STALL / 4))?;
    gio::Socket::from_fd(OwnedFd::from(socket)).map_err(std::io::Error::other)
}
