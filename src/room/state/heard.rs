//! What the engine tells, and whose matter it is.

use super::State;
use crate::media::MediaEvent;
use crate::model::{EndReason, PeerId};
use crate::room::event::TransportChange;

impl State {
    pub(super) fn media(&mut self, event: MediaEvent) {
        match event {
            MediaEvent::PublishAnswered { peer, answer } => self.publish_answered(peer, answer),
            MediaEvent::PublishOffered { peer, offer } => self.publish_offered(peer, offer),
            MediaEvent::TransportOpened { peer, local } => {
                self.transport_changed(peer, TransportChange::Opened(local));
            }
            MediaEvent::PublishRefused { peer, error } => self.publish_refused(peer, error.into()),
            MediaEvent::SubscribeAnswered { peer, answer } => self.subscribe_answered(peer, answer),
            MediaEvent::SubscribeRefused { peer, error } => self.subscribe_refused(peer, error.into()),
            MediaEvent::DataOpened { peer, stream } => self.data_opened(peer, stream),
            MediaEvent::DataRefused { peer, error } => self.data_refused(peer, error),
            MediaEvent::IngestChanged { peer, status } => self.ingest_changed(peer, *status),
            MediaEvent::BroadcastChanged { broadcast, status } => self.broadcast_changed(broadcast, *status),
            MediaEvent::SubscribeOffered { peer, offer } => self.subscribe_offered(peer, offer),
            MediaEvent::AnswerRefused { peer, error } => self.any_answer_refused(peer, error.into()),
            MediaEvent::Connected { peer } if self.is_transport(peer) => {
                self.transport_changed(peer, TransportChange::Connected);
            }
            MediaEvent::Connected { peer } => self.any_connected(peer),
            MediaEvent::Showing { peer, rendition, why, words } => self.showing(peer, rendition, why, words),
            MediaEvent::LayersWanted { peer, rids } => self.layers_wanted(peer, rids),
            MediaEvent::Voice { feed, speaking } => self.voice(feed, speaking),
            MediaEvent::FilterAnswered { feed, request, result } => self.filter_answered(feed, request, result),
            MediaEvent::FilterEnded { feed, detail } => self.filter_changed(feed, None, Some(detail)),
            MediaEvent::CodeSeen { feed, code } => self.code_seen(feed, code),
            MediaEvent::FeedLive { feed, tracks } => self.feed_live(feed, tracks),
            MediaEvent::PeerEnded { peer, reason, detail } => self.peer_ended(peer, reason, detail),
            MediaEvent::RecordingStarted { recording, feed, report } => {
                self.recording_started(&recording, feed, report);
            }
            MediaEvent::RecordingEnded { recording, feed, reason, report } => {
                self.recording_ended(&recording, feed, reason, report);
            }
        }
    }

    fn peer_ended(&mut self, peer: PeerId, reason: EndReason, detail: String) {
        if self.mix_ended(peer, reason, &detail) {
            return;
        }
        if self.is_transport(peer) {
            return self.end_transport(peer, reason, detail);
        }
        if self.is_data(peer) {
            return self.end_data(peer, reason, detail);
        }
        let feed = self.feeds.iter().find(|(_, feed)| feed.peer == peer).map(|(id, _)| *id);
        match feed {
            Some(feed) => self.publisher_ended(feed, reason, detail),
            None => self.subscription_ended(peer, reason, detail),
        }
    }
}
