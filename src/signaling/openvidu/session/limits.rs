//! How much of pictures a connection of this session may send and get.

use super::super::bandwidth::{Bandwidths, at_most};
use super::super::wire::new_connection::Kind;
use super::State;
use super::state::Ask;
use crate::model::{FeedId, Sdp, ViewChange};
use crate::room::{Command, Watched};

impl State {
    /// With what the deployment allows connections that say nothing themselves.
    pub fn within(mut self, deployment: Bandwidths) -> Self {
        self.bandwidths = deployment;
        self
    }

    fn bandwidths(&self, connection: &str) -> Bandwidths {
        let options = match self.find(connection).map(|connection| &connection.new.kind) {
            Some(Kind::WebRtc { options, .. }) => options.as_ref(),
            _ => None,
        };
        self.bandwidths.with(options)
    }

    /// The answer to a publisher, with what we take of it.
    pub(super) fn limited(&self, me: &str, answer: &Sdp) -> String {
        let answer = answer.as_str();
        self.bandwidths(me).recv.map_or_else(|| answer.to_owned(), |kbits| at_most(answer, kbits))
    }

    /// A new subscription gets no more than its viewer may be sent.
    pub(super) fn limit(&mut self, me: &str, feed: FeedId) {
        if let Some(kbits) = self.bandwidths(me).send {
            let change = ViewChange { max_kbps: Some(Some(kbits)), ..ViewChange::default() };
            self.ask(me, Ask::Other, Command::Limit { of: Watched::Feed(feed), change });
        }
    }
}
