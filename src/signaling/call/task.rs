//! A line's task: its room, the two participants in it, and the call's end.
//!
//! The room tells operators and webhooks of the call, and carries its media where the server is between (`talk`). Bodies
//! of the peer-to-peer call do not pass it: they wait in the line, in one copy, until they are asked for. A line that is
//! dropped closes the room, unless media runs through it: then the room lasts as long as both sides' media.

use super::calls::{Calls, Way, now};
use super::lines::{LineId, Side};
use super::talk::Talk;
use super::translate::{self, Heard};
use crate::model::{Candidate, EndReason, Grants, ParticipantId, Sdp};
use crate::room::registry::Joining;
use crate::room::{Command, Event, EventStream, RoomError, RoomHandle};
use std::future::pending;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

/// How a request came out.
pub type Reply = oneshot::Sender<Result<(), RoomError>>;

/// What a call's task is asked for.
#[derive(Debug)]
pub enum Ask {
    /// A dialler comes in.
    Join(Side, Grants, Reply),
    /// The initiator's offer, for the server.
    Offer(Sdp, Reply),
    /// The subscriber's answer to the server's offer.
    Answer(Sdp, Reply),
    /// A candidate for the server.
    Candidate(Side, Option<Candidate>, Reply),
    /// One of them has hung up.
    HangUp(Reply),
}

/// One call.
pub struct Call {
    calls: Calls,
    line: LineId,
    room: RoomHandle,
    streams: [Option<EventStream>; 2],
    talk: Talk,
}

impl Call {
    /// One without anybody yet.
    pub fn new(calls: Calls, line: LineId, room: RoomHandle) -> Self {
        let talk = Talk::new(calls.clone(), line, room.clone());
        Self { calls, line, room, streams: [None, None], talk }
    }

    /// Until it is over; the room is gone then.
    pub async fn run(mut self, mut asks: mpsc::Receiver<Ask>) {
        tracing::info!("a line was opened");
        let mut line_is_there = true;
        let reason = loop {
            let [first, second] = &mut self.streams;
            let wake = self.calls.lines().deadline(self.line).map(Instant::from_std);
            let wake = wake.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            let over = tokio::select! {
                ask = asks.recv(), if line_is_there => match ask {
                    Some(ask) => self.on_ask(ask).await,
                    None => {
                        line_is_there = false;
                        self.line_dropped(false)
                    }
                },
                event = next(first) => self.on_event(Side::Initiator, event).await,
                event = next(second) => self.on_event(Side::Subscriber, event).await,
                () = sleep_until(wake), if line_is_there => self.look_at_the_time(),
            };
            if let Some(reason) = over {
                break reason;
            }
        };
        self.calls.lines().remove(self.line);
        self.room.close(reason).await;
        tracing::info!(%reason, "the call is over");
    }

    async fn on_ask(&mut self, ask: Ask) -> Option<EndReason> {
        let (outcome, reply, fatal) = match ask {
            Ask::Join(side, grants, reply) => (self.join(side, grants).await, reply, true),
            Ask::Offer(offer, reply) => (self.talk.begin(offer).await, reply, true),
            Ask::Answer(answer, reply) => (self.talk.answer(answer).await, reply, true),
            Ask::Candidate(side, candidate, reply) => (self.talk.candidate(side, candidate).await, reply, false),
            Ask::HangUp(reply) => {
                let reason = EndReason::Left;
                let closing = self.room.request(None, Command::Close { reason }).await;
                let _gone = reply.send(closing.map(|_| ()));
                return Some(reason);
            }
        };
        let over = outcome.is_err() && fatal;
        let _gone = reply.send(outcome);
        over.then_some(EndReason::NegotiationFailed)
    }

    async fn join(&mut self, side: Side, grants: Grants) -> Result<(), RoomError> {
        let stream = self.room.join(joining(side, grants)).await?;
        self.streams[side as usize] = Some(stream);
        Ok(())
    }

    async fn on_event(&mut self, side: Side, event: Option<Event>) -> Option<EndReason> {
        let Some(event) = event else { return Some(EndReason::RoomClosed) };
        match translate::heard(event.kind) {
            Heard::Over(reason) => return Some(reason),
            Heard::Answered(feed, answer) => {
                self.calls.lines().server_answered(self.line, translate::written("answer", &answer));
                self.talk.publishes(side, feed).await;
            }
            Heard::Offered(feed, offer) => {
                self.calls.lines().server_offered(self.line, translate::written("offer", &offer));
                self.talk.publishes(side, feed).await;
            }
            // What everybody is told comes on both streams.
            Heard::Live if side == Side::Initiator => self.talk.record().await,
            Heard::Recording(recording) if side == Side::Initiator => self.talk.recording_changed(*recording).await,
            Heard::Live | Heard::Recording(_) | Heard::Nothing => {}
        }
        None
    }

    fn look_at_the_time(&mut self) -> Option<EndReason> {
        let mut lines = self.calls.lines();
        if lines.deadline(self.line).is_some_and(|at| at > now()) {
            return None;
        }
        let connected = lines.remove(self.line);
        drop(lines);
        self.line_dropped(connected)
    }

    /// Why the call is over by that, if it is.
    fn line_dropped(&self, connected: bool) -> Option<EndReason> {
        match (self.talk.runs(), connected) {
            (true, _) => None,
            // They have all they need: the rest is between the two.
            (false, true) => Some(EndReason::Left),
            (false, false) => Some(EndReason::ConnectionLost),
        }
    }
}

/// Who a side is in the room.
pub fn participant(side: Side) -> ParticipantId {
    ParticipantId::new(name(side))
}

fn name(side: Side) -> &'static str {
    match side {
        Side::Initiator => "initiator",
        Side::Subscriber => "subscriber",
    }
}

fn joining(side: Side, grants: Grants) -> Joining {
    Joining {
        id: participant(side),
        name: name(side).to_owned(),
        dialect: super::NAME,
        // A token's room is the code that it may dial, which has been looked at.
        grants: Grants { control: false, room: None, ..grants },
        leaves_with_its_feed: false,
        unique: true,
    }
}

async fn next(stream: &mut Option<EventStream>) -> Option<Event> {
    match stream {
        Some(stream) => stream.recv().await,
        None => pending().await,
    }
}

/// Hangs up on a call whose line is gone already.
pub async fn hang_up(way: &Way) {
    let (reply, closed) = oneshot::channel();
    if way.send(Ask::HangUp(reply)).await.is_ok() {
        let _gone = closed.await;
    }
}
