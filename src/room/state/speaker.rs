//! Who speaks: the one who began first of those who speak now; who has stopped stays it until another begins.

use super::State;
use crate::model::{FeedId, ParticipantId};
use crate::room::event::{Audience, EventKind};

/// Who speaks now, in the order they began, and who is the speaker.
#[derive(Debug, Default)]
pub(super) struct Voices {
    speaking: Vec<FeedId>,
    speaker: Option<FeedId>,
}

impl Voices {
    /// A feed has begun or ceased; whether there is another speaker.
    fn heard(&mut self, feed: FeedId, speaking: bool) -> bool {
        self.speaking.retain(|known| *known != feed);
        if speaking {
            self.speaking.push(feed);
        }
        let before = self.speaker;
        if !before.is_some_and(|speaker| self.speaking.contains(&speaker)) {
            self.speaker = self.speaking.first().copied().or(before);
        }
        self.speaker != before
    }

    /// A feed is gone; whether it was the speaker.
    fn left(&mut self, feed: FeedId) -> bool {
        self.speaking.retain(|known| *known != feed);
        let was = self.speaker == Some(feed);
        if was {
            self.speaker = self.speaking.first().copied();
        }
        was
    }
}

impl State {
    /// A publisher has begun or ceased to speak.
    pub(super) fn voice(&mut self, feed: FeedId, speaking: bool) {
        if self.feeds.contains_key(&feed) && self.voices.heard(feed, speaking) {
            self.tell_speaker();
        }
    }

    /// A feed is over.
    pub(super) fn fall_silent(&mut self, feed: FeedId) {
        if self.voices.left(feed) {
            self.tell_speaker();
        }
    }

    fn tell_speaker(&mut self) {
        let speaker = self.speaker();
        self.emit(Audience::Everyone, speaker);
    }

    /// A newcomer hears who speaks.
    pub(super) fn tell_speaker_to(&mut self, who: &ParticipantId) {
        if self.voices.speaker.is_some() {
            let speaker = self.speaker();
            self.tell(who, speaker);
        }
    }

    fn speaker(&self) -> EventKind {
        let feed = self.voices.speaker;
        let participant = feed.and_then(|feed| self.feeds.get(&feed)).map(|feed| feed.publisher.clone());
        EventKind::SpeakerChanged { feed, participant }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speaker_stays_until_another_speaks_and_it_does_not() {
        let (mut voices, [a, b, c]) = (Voices::default(), [1, 2, 3].map(FeedId));
        assert!(voices.heard(a, true));
        assert!(!voices.heard(b, true), "a speaks still");
        assert!(voices.heard(a, false));
        assert_eq!(voices.speaker, Some(b));
        assert!(!voices.heard(b, false), "nobody speaks: b spoke last");
        assert!(voices.heard(c, true));
        assert!(!voices.left(a));
        assert!(voices.left(c));
        assert_eq!(voices.speaker, None);
    }
}
