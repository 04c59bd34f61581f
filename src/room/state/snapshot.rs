//! The room as the API shows it.

use super::{Feed, Participant, State, Subscription};
use crate::model::{FeedId, ParticipantId};
use crate::room::view::{FeedView, ParticipantView, RoomView, SubscriptionView};

impl State {
    /// Snapshot.
    pub fn view(&self) -> RoomView {
        RoomView {
            id: self.id.clone(),
            created_at: self.created_at,
            participants: self.participants.iter().map(participant).collect(),
            feeds: self.feeds.iter().map(feed).collect(),
            data_producers: self.data_views(),
            recordings: self.recorder.running(),
            ingests: self.ingest_views(),
            broadcasts: self.broadcast_views(),
            settings: self.recorder.settings.clone(),
        }
    }
}

fn participant((id, participant): (&ParticipantId, &Participant)) -> ParticipantView {
    let subscriptions = participant.subscriptions.iter();
    ParticipantView {
        id: id.clone(),
        name: participant.joining.name.clone(),
        dialect: participant.joining.dialect.into(),
        joined_at: participant.joined_at,
        connected: participant.lost_at.is_none(),
        publisher: participant.publisher.as_ref().map(|publisher| publisher.peer),
        subscriptions: subscriptions.map(subscription).collect(),
    }
}

fn subscription(subscription: &Subscription) -> SubscriptionView {
    SubscriptionView {
        peer: subscription.peer,
        feed: subscription.feed,
        limits: subscription.limits,
        rendition: subscription.rendition.clone(),
        state: subscription.stage.as_str().into(),
    }
}

fn feed((&id, feed): (&FeedId, &Feed)) -> FeedView {
    FeedView {
        id,
        publisher: feed.publisher.clone(),
        name: feed.name.clone(),
        live: feed.tracks.is_some(),
        tracks: feed.tracks.clone().unwrap_or_default(),
    }
}
