//! Presence and ringing for pages that call each other (docs/RINGING.md): Socket.IO 5 at `/socket.io/`, and `/online`,
//! `/call`, `/decline` and `/status` by HTTP.
//!
//! Decides how news reaches pages, and at which pace. `presence` knows who is here and rings whom, `socket` has the
//! Socket.IO server (the crate `socketioxide`) and `http` the requests. No room is made here: the call that follows is
//! the pages' own.

mod http;
mod line;
mod presence;
mod socket;
mod wire;

use super::Shared;
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::routing::{get, post};
use presence::{Presence, Tell};
use serde::Serialize;
use socketioxide::SocketIo;
use socketioxide::service::SocketIoService;
use socketioxide::socket::Sid;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How often rings are looked for whose time is over.
const PRUNE: Duration = Duration::from_secs(10);
/// Time taken for each page that is told of a status: 10 000 pages hear of five users a second, a few of hundreds.
/// Who changes faster is told of by his newest status alone.
const PACE: Duration = Duration::from_micros(20);
/// Pages are told of a shutdown within this.
const FAREWELL: Duration = Duration::from_secs(2);

/// The dialect's routes. Needs a tokio runtime.
pub fn router(shared: Shared) -> Router {
    let limit = shared.limits.max_message_bytes;
    let desk = Desk::open(shared);
    tokio::spawn(desk.clone().spread());
    Router::new()
        .route("/socket.io/", get(socket::open))
        .route("/socket.io", get(socket::open))
        .route("/online", get(http::online))
        .route("/call", post(http::call))
        .route("/decline", post(http::decline))
        .route("/status", post(http::status))
        .layer(DefaultBodyLimit::max(limit))
        .with_state(desk)
}

/// What sockets and requests share. Cheap to clone.
#[derive(Clone)]
struct Desk(Arc<Inner>);

struct Inner {
    shared: Shared,
    presence: Mutex<Presence>,
    /// Statuses wait to be told.
    news: Notify,
    io: SocketIo,
    service: SocketIoService<()>,
}

impl FromRef<Desk> for Shared {
    fn from_ref(desk: &Desk) -> Self {
        desk.0.shared.clone()
    }
}

/// By tokio's clock, which tests may turn.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Desk {
    fn open(shared: Shared) -> Self {
        let (service, io) = socket::server(&shared.limits);
        let desk = Self(Arc::new(Inner { shared, presence: Mutex::default(), news: Notify::new(), io, service }));
        socket::listen(&desk.0.io);
        desk
    }

    /// Never held across an await.
    fn presence(&self) -> MutexGuard<'_, Presence> {
        self.0.presence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes who is here; what the others must know of it is told soon.
    fn change<T>(&self, change: impl FnOnce(&mut Presence) -> T) -> T {
        let outcome = change(&mut self.presence());
        self.0.news.notify_one();
        outcome
    }

    /// Sends to these sockets; to how many. One whose outbox is full misses it: its client does not read.
    fn send(&self, to: &[Sid], event: &str, data: &impl Serialize) -> usize {
        // The server has no namespace any more once it is closed.
        let Some(pages) = self.0.io.of("/") else { return 0 };
        let reached = to.iter().filter_map(|sid| pages.get_socket(*sid));
        reached.filter(|page| page.emit(event, data).is_ok()).count()
    }

    /// The same for a message that carries a login.
    fn tell(&self, event: &str, Tell { who, to }: &Tell) -> usize {
        self.send(to, event, &wire::Login { login: who.to_string() })
    }

    /// Tells statuses until shutdown, then closes all sockets.
    async fn spread(self) {
        let closing = self.0.shared.closing.clone();
        let mut pruning = tokio::time::interval(PRUNE);
        loop {
            tokio::select! {
                () = closing.cancelled() => break,
                () = self.tell_next() => {}
                _ = pruning.tick() => self.presence().prune(now()),
            }
        }
        let _late = tokio::time::timeout(FAREWELL, self.0.io.close()).await;
    }

    async fn tell_next(&self) {
        let next = self.presence().next_change();
        let Some((status, Tell { who, to })) = next else { return self.0.news.notified().await };
        self.send(&to, wire::ONLINE, &wire::Seen { login: &who, status: status.as_str() });
        tokio::time::sleep(PACE * to.len() as u32).await;
    }
}
