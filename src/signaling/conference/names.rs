//! What things are called: people, what they publish as, producers, consumers and transports. Pure: values ↔ text.
//!
//! A person is the participant `CONFERENCE:name`. A client may publish more than a camera: each further one is a participant of
//! its own, `CONFERENCE/screen:name`, so that the rest of the service sees feeds as it knows them.

use super::refusal::Refusal;
use crate::model::{FeedId, Kind, ParticipantId, PeerId};

const PREFIX: &str = "CONFERENCE";
/// The longest name of a person, in characters.
const LONGEST: usize = 64;

/// A name as it may be: trimmed, of 1 to 64 characters that can be seen.
pub fn person(name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    match !has_unseen(name) && (1..=LONGEST).contains(&name.chars().count()) {
        true => Ok(name.to_owned()),
        false => Err(Refusal::bad_request(format!("`username` must have 1 to {LONGEST} characters"))),
    }
}

/// Characters that nobody sees, by which a name could look as another's. Joiners are part of some scripts and of emoji.
fn has_unseen(name: &str) -> bool {
    let is_unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}')
            || matches!(c, '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(c, '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
    };
    let joins = |c: char| matches!(c, '\u{200c}' | '\u{200d}');
    let before = std::iter::once(' ').chain(name.chars());
    before.zip(name.chars()).any(|(before, c)| is_unseen(c) || (joins(c) && before.is_ascii()))
}

/// The participant that a person is, or what it publishes besides its camera (`label`).
pub fn participant(name: &str, label: Option<&str>) -> ParticipantId {
    match label {
        None => ParticipantId::new(format!("{PREFIX}:{name}")),
        Some(label) => ParticipantId::new(format!("{PREFIX}/{label}:{name}")),
    }
}

/// A participant's name, and what it publishes besides a camera; `None`: of another dialect.
pub fn parts(participant: &ParticipantId) -> Option<(&str, Option<&str>)> {
    let rest = participant.as_str().strip_prefix(PREFIX)?;
    match rest.strip_prefix('/') {
        Some(rest) => rest.split_once(':').map(|(label, name)| (name, Some(label))),
        None => rest.strip_prefix(':').map(|name| (name, None)),
    }
}

/// The person behind a participant: its identity and its name. One of another dialect stands for itself.
pub fn owner(participant: &ParticipantId) -> (ParticipantId, String) {
    match parts(participant) {
        Some((name, _)) => (self::participant(name, None), name.to_owned()),
        None => {
            let text = participant.as_str();
            let name = text.split_once(':').map_or(text, |(_, name)| name);
            (participant.clone(), name.to_owned())
        }
    }
}

/// Whom `target` means, a name or an identity.
pub fn target(text: &str) -> ParticipantId {
    match text.starts_with("CONFERENCE:") {
        true => ParticipantId::new(text),
        false => participant(text, None),
    }
}

/// A producer is one kind of a feed.
pub fn producer(feed: FeedId, kind: Kind) -> String {
    format!("{feed}-{}", kind.as_str())
}

/// The feed and kind that a producer's name means.
pub fn read_producer(text: &str) -> Result<(FeedId, Kind), Refusal> {
    let number = |feed: &str| feed.strip_prefix("feed-")?.parse().ok().map(FeedId);
    let parts = text.rsplit_once('-').and_then(|(feed, kind)| Some((number(feed)?, self::kind(kind)?)));
    parts.ok_or_else(|| Refusal::no_producer(text))
}

/// `audio` or `video`.
pub fn kind(text: &str) -> Option<Kind> {
    [Kind::Audio, Kind::Video].into_iter().find(|kind| kind.as_str() == text)
}

/// A transport's name, or a consumer's.
pub fn peer(prefix: &str, peer: PeerId) -> String {
    format!("{prefix}-{}", peer.0)
}

/// The peer that such a name means.
pub fn read_peer(prefix: &str, text: &str) -> Option<PeerId> {
    text.strip_prefix(prefix)?.strip_prefix('-')?.parse().ok().map(PeerId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_were_written() {
        let (ann, screen) = (participant("a:b/c", None), participant("a:b/c", Some("screen")));
        assert_eq!((parts(&ann), parts(&screen)), (Some(("a:b/c", None)), Some(("a:b/c", Some("screen")))));
        assert_eq!(owner(&screen), (ann, "a:b/c".to_owned()));
        let camera = ParticipantId::new("CAMERA:door");
        assert_eq!((parts(&camera), owner(&camera)), (None, (camera.clone(), "door".to_owned())));
        assert_eq!(read_producer(&producer(FeedId(7), Kind::Video)), Ok((FeedId(7), Kind::Video)));
        for bad in ["", "7", "feed-7", "feed-x-video", "feed-7-data", "feed--video"] {
            assert!(read_producer(bad).is_err(), "{bad}");
        }
        assert_eq!(read_peer("transport", &peer("transport", PeerId(3))), Some(PeerId(3)));
        assert_eq!(read_peer("consumer", "transport-3"), None);
    }

    #[test]
    fn a_person_has_a_name_that_can_be_seen() {
        assert_eq!(person("  Ann "), Ok("Ann".to_owned()));
        for good in ["Zoë", "می\u{200c}خواهم", "👩\u{200d}🔧"] {
            assert_eq!(person(good), Ok(good.to_owned()));
        }
        for bad in ["", "  ", "a\nb", "ann\u{200b}", "\u{202e}nna", "an\u{200d}n", "\u{200d}ann", &"x".repeat(65)] {
            assert!(person(bad).is_err(), "{bad:?}");
        }
    }
}
