//! A session's task: a participant of a room, its event stream, and the requests to its resource, one after another.

use super::fragment::{self, Fragment};
use super::{Dialect, Heard, Problem};
use crate::model::{ParticipantId, Sdp, ViewChange, ViewLimits};
use crate::room::negotiation::ufrags;
use crate::room::{Command, Event, EventStream, Reply, RoomError, RoomHandle};
use axum::http::StatusCode;
use tokio::sync::{mpsc, oneshot};

/// What may be asked of a session.
pub enum Ask {
    /// Candidates, or an ICE restart.
    Change {
        /// The `If-Match` header.
        if_match: Option<String>,
        /// The body.
        fragment: Fragment,
        /// The outcome.
        reply: oneshot::Sender<Result<Changed, Problem>>,
    },
    /// What it watches at most.
    Limit(ViewChange, oneshot::Sender<Result<ViewLimits, Problem>>),
    /// End it.
    End(oneshot::Sender<()>),
}

/// What a change led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Changed {
    /// Candidates were passed on.
    Trickled,
    /// ICE begins anew.
    Restarted {
        /// Our new names and candidates.
        fragment: String,
        /// The new tag.
        tag: String,
    },
}

/// Who waits for the room's answer to an offer.
enum Waiting {
    First(oneshot::Sender<Result<Sdp, RoomError>>),
    Restart(Sdp, oneshot::Sender<Result<Changed, Problem>>),
}

/// One participant.
pub struct Member<D> {
    room: RoomHandle,
    me: ParticipantId,
    events: EventStream,
    dialect: D,
    tag: String,
    /// The client's newest description.
    offer: Sdp,
    waiting: Option<Waiting>,
}

/// How the task goes on.
enum Next {
    GoOn,
    /// The participant leaves the room.
    Leave(String),
    /// It is out of the room already, or another connection has its place.
    Gone(String),
}

impl<D: Dialect> Member<D> {
    /// One that has just joined. `tag` names its first ICE generation.
    pub fn new(room: RoomHandle, me: ParticipantId, events: EventStream, dialect: D, tag: String) -> Self {
        Self { room, me, events, dialect, tag, offer: Sdp::new(""), waiting: None }
    }

    /// Carries the first offer to the room, then serves until the session is over.
    pub async fn run(
        mut self,
        offer: Sdp,
        reply: oneshot::Sender<Result<Sdp, RoomError>>,
        mut asks: mpsc::Receiver<Ask>,
    ) {
        tracing::info!("connected");
        self.offer = offer.clone();
        self.waiting = Some(Waiting::First(reply));
        let mut next = self.put(offer).await;
        let reason = loop {
            match next {
                Next::GoOn => {}
                Next::Gone(reason) => break reason,
                Next::Leave(reason) => {
                    let _out_already = self.room.request(Some(&self.me), Command::Leave).await;
                    break reason;
                }
            }
            next = tokio::select! {
                event = self.events.recv() => self.on_event(event),
                ask = asks.recv() => match ask {
                    Some(ask) => self.on_ask(ask).await,
                    None => Next::Leave("nobody can ask any more".into()),
                },
            };
        };
        tracing::info!(reason, "disconnected");
    }

    async fn put(&mut self, offer: Sdp) -> Next {
        for command in self.dialect.introduced().into_iter().chain([self.dialect.offered(offer)]) {
            if let Err(error) = self.room.request(Some(&self.me), command).await {
                return self.refused(error);
            }
        }
        Next::GoOn
    }

    fn on_event(&mut self, event: Option<Event>) -> Next {
        let Some(event) = event else { return Next::Gone("the same name has connected again".into()) };
        match self.dialect.heard(&self.me, event.kind) {
            Heard::Answered(answer) => self.answered(answer),
            Heard::Refused(error) => self.refused(error),
            Heard::Over(words) => {
                self.refused(RoomError::Internal(words.clone()));
                Next::Leave(words)
            }
            Heard::Removed(words) => {
                self.refused(RoomError::WrongState(words.clone()));
                Next::Gone(words)
            }
            Heard::Nothing => Next::GoOn,
        }
    }

    /// A client that is gone before its answer leaves no session behind: it could not end it.
    fn answered(&mut self, answer: Sdp) -> Next {
        match self.waiting.take() {
            Some(Waiting::First(reply)) => match reply.send(Ok(answer)) {
                Ok(()) => Next::GoOn,
                Err(_) => Next::Leave("the client did not wait for the answer".into()),
            },
            Some(Waiting::Restart(offer, reply)) => {
                self.offer = offer;
                let outcome = random::<8>().map_err(|error| Problem::of::<D>(&error));
                let _gone = reply.send(outcome.map(|tag| self.restarted(&answer, tag)));
                Next::GoOn
            }
            None => Next::GoOn,
        }
    }

    fn restarted(&mut self, answer: &Sdp, tag: String) -> Changed {
        self.tag.clone_from(&tag);
        Changed::Restarted { fragment: fragment::of_answer(answer), tag }
    }

    fn refused(&mut self, error: RoomError) -> Next {
        match self.waiting.take() {
            Some(Waiting::First(reply)) => {
                let _gone = reply.send(Err(error));
                Next::Leave("the offer was refused".into())
            }
            Some(Waiting::Restart(_, reply)) => {
                let _gone = reply.send(Err(Problem::of::<D>(&error)));
                Next::GoOn
            }
            None => Next::GoOn,
        }
    }

    async fn on_ask(&mut self, ask: Ask) -> Next {
        match ask {
            Ask::Change { if_match, fragment, reply } => self.change(if_match.as_deref(), fragment, reply).await,
            Ask::Limit(change, reply) => {
                let _gone = reply.send(self.limit(change).await);
                Next::GoOn
            }
            Ask::End(reply) => {
                let _out_already = self.room.request(Some(&self.me), Command::Leave).await;
                let _gone = reply.send(());
                Next::Gone("the client ended it".into())
            }
        }
    }

    async fn change(
        &mut self,
        if_match: Option<&str>,
        fragment: Fragment,
        reply: oneshot::Sender<Result<Changed, Problem>>,
    ) -> Next {
        let names = ufrags(&self.offer);
        let restart = fragment.ufrag.as_ref().is_some_and(|ufrag| !names.contains(ufrag));
        let outcome = match check(if_match, &self.tag).and_then(|()| self.check_free(restart)) {
            Err(problem) => Err(problem),
            Ok(()) if !restart => {
                self.trickle(fragment).await;
                Ok(Changed::Trickled)
            }
            Ok(()) => match fragment::restarted(&self.offer, &fragment) {
                Some(offer) => {
                    self.waiting = Some(Waiting::Restart(offer.clone(), reply));
                    return self.put(offer).await;
                }
                None => Err(Problem::bad_request("an ICE restart needs a=ice-pwd beside a=ice-ufrag")),
            },
        };
        let _gone = reply.send(outcome);
        Next::GoOn
    }

    async fn limit(&self, change: ViewChange) -> Result<ViewLimits, Problem> {
        let Some(command) = self.dialect.limited(change) else {
            let words = "this session watches nothing: its PATCH takes application/trickle-ice-sdpfrag";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", words));
        };
        match self.room.request(Some(&self.me), command).await {
            Ok(Reply::Limits(limits)) => Ok(limits),
            Ok(_) => Err(Problem::of::<D>(&RoomError::Internal("the room answered something else".into()))),
            Err(error) => Err(Problem::of::<D>(&error)),
        }
    }

    fn check_free(&self, restart: bool) -> Result<(), Problem> {
        match restart && self.waiting.is_some() {
            true => Err(Problem::new(StatusCode::CONFLICT, "wrong_state", "an ICE restart is under way")),
            false => Ok(()),
        }
    }

    async fn trickle(&self, fragment: Fragment) {
        for candidate in fragment.candidates {
            let command = Command::Candidate { side: D::SIDE, candidate };
            let _out_of_the_room = self.room.request(Some(&self.me), command).await;
        }
    }
}

/// `If-Match` against the tag (RFC 9110 13.1.1, RFC 9725 4.3.1): strong comparison, `*` fits any.
fn check(if_match: Option<&str>, tag: &str) -> Result<(), Problem> {
    let Some(if_match) = if_match else {
        let words = "send If-Match with the session's ETag, or with * to restart ICE";
        return Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, "no_if_match", words));
    };
    let quoted = format!("\"{tag}\"");
    match if_match.split(',').map(str::trim).any(|given| given == "*" || given == quoted) {
        true => Ok(()),
        false => {
            Err(Problem::new(StatusCode::PRECONDITION_FAILED, "stale", "ICE was restarted since: take the newest ETag"))
        }
    }
}

/// Random bytes as hexadecimal digits.
pub fn random<const N: usize>() -> Result<String, RoomError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| RoomError::Internal("no random numbers".into()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_compared_strongly() {
        let status = |header| check(header, "ab").map_err(|problem| problem.status().as_u16());
        assert_eq!(status(Some("\"ab\"")), Ok(()));
        assert_eq!(status(Some("\"x\", \"ab\"")), Ok(()));
        assert_eq!(status(Some("*")), Ok(()));
        assert_eq!(status(Some("W/\"ab\"")), Err(412));
        assert_eq!(status(Some("\"old\"")), Err(412));
        assert_eq!(status(None), Err(428));
    }
}
