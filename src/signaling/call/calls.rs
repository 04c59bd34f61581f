//! The lines behind their lock, and what it takes to open one: a room, a place in its address's quota, a task.
//!
//! Decides what a dial costs. `lines` has the state of the lines, `task` the task of each.

use super::lines::{Lines, Side, Wish};
use super::problem::Problem;
use super::task::{Ask, Call};
use crate::model::{Grants, RoomId};
use crate::room::RoomError;
use crate::signaling::Shared;
use crate::signaling::client::ClientAddress;
use crate::signaling::quota::Kind;
use crate::signaling::session::member::random;
use axum::http::StatusCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument;

/// Requests that may wait for a call's task.
const ASKS: usize = 16;

/// The way to a call's task. When its line is gone, all of them are, and the task knows.
pub type Way = mpsc::Sender<Ask>;

/// All lines. Cheap to clone.
#[derive(Clone)]
pub struct Calls {
    shared: Shared,
    lines: Arc<Mutex<Lines<Way>>>,
}

/// The time, as tests can pause it.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Calls {
    /// None yet.
    pub fn new(shared: Shared) -> Self {
        Self { shared, lines: Arc::default() }
    }

    /// What every dialect works with.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Never held across an await; a panic elsewhere leaves the lines whole.
    pub fn lines(&self) -> MutexGuard<'_, Lines<Way>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a dialler through, or lets it wait; its secret name. It is in the call's room by then.
    pub async fn dial(&self, from: ClientAddress, grants: Grants, code: &str, wish: Wish) -> Result<String, Problem> {
        self.shared.quotas.made(from).map_err(|over| Problem::too_often(&over))?;
        let user = random::<32>()?;
        let (way, side) = self.put_through(from, code, wish, &user)?;
        let (reply, joined) = oneshot::channel();
        let asked = way.send(Ask::Join(side, grants, reply)).await;
        let joined = if asked.is_ok() { joined.await.unwrap_or(Err(RoomError::RoomNotFound)) } else { gone() };
        joined.map(|()| user).map_err(Problem::from)
    }

    fn put_through(&self, from: ClientAddress, code: &str, wish: Wish, user: &str) -> Result<(Way, Side), Problem> {
        let mut lines = self.lines();
        if let Some((_, way)) = lines.pair(code, wish, user, now()) {
            return Ok((way, Side::Subscriber));
        }
        let held = self.shared.quotas.hold(from, Kind::Room).map_err(|over| Problem::too_often(&over))?;
        let room = self.shared.rooms.create(Some(RoomId::new(format!("call-{}", random::<12>()?))))?;
        let span = tracing::info_span!("connection", dialect = super::NAME, room.id = %room.id());
        let (way, asks) = mpsc::channel(ASKS);
        let line = lines.open(code, wish, user, now(), |_| way.clone());
        let call = Call::new(self.clone(), line, room);
        tokio::spawn(
            async move {
                call.run(asks).await;
                drop(held);
            }
            .instrument(span),
        );
        Ok((way, Side::Initiator))
    }

    /// Asks a call's task, and waits for what comes of it.
    pub async fn ask<T>(way: &Way, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, Problem> {
        let over = || Problem::new(StatusCode::BAD_REQUEST, "the call is over: dial again");
        let (reply, answer) = oneshot::channel();
        way.send(ask(reply)).await.map_err(|_| over())?;
        answer.await.map_err(|_| over())
    }
}

fn gone() -> Result<(), RoomError> {
    Err(RoomError::RoomNotFound)
}
