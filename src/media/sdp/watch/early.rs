//! A viewer's own offer for a feed whose tracks are not known yet: a camera that is switched off.
//!
//! Each section gets all that the client takes of what the service forwards, so that whatever comes one day needs no further
//! offer. A kind that never comes stays silent.

use super::super::converse::{self, Receiving, receives};
use super::{Plan, Viewing, served};
use crate::media::MediaError;
use crate::media::egress::OutStream;
use crate::media::sdp::codec::{choose, kind};
use crate::model::{FeedId, Sdp};
use sdp_types::Media;

impl Viewing {
    /// Reads and judges an offer for a feed of unknown tracks; `random` gives SSRCs.
    ///
    /// # Errors
    /// `BadSdp`; `NoCommonCodec` when it takes nothing that could ever be sent.
    pub fn early(offer: &Sdp, feed: FeedId, mut random: impl FnMut() -> u32) -> Result<Self, MediaError> {
        let judged = Self::judge(offer, feed, |media, before| Ok(plan(media, before, &mut random)))?;
        judged.ok_or_else(|| {
            MediaError::NoCommonCodec(
                "it asks for nothing that can be sent: offer recvonly sections with Opus, VP8 or H264".into(),
            )
        })
    }

    /// What its streams may carry, whichever feed they show.
    pub fn receiving(&self) -> Receiving {
        let sent = self.sections.iter().filter_map(|(media, plan)| Some((plan.stream()?.clone(), media)));
        let (streams, sections): (Vec<OutStream>, Vec<&Media>) = sent.unzip();
        Receiving::of(streams, &sections, &self.subscription.cname)
    }
}

fn plan(media: &Media, before: &[(Media, Plan)], random: &mut impl FnMut() -> u32) -> Plan {
    let wanted = kind(media).is_some_and(|kind| receives(media) && !served(kind, before));
    match converse::stream(media, random).filter(|_| wanted) {
        // Whether the feed's own pictures fit is known when it has some.
        Some(stream) => Plan::Sent { stream, own: true },
        None => choose(media).map_or(Plan::Rejected, Plan::Inactive),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::track;
    use super::*;
    use crate::media::sdp::Local;
    use crate::model::{Codec, Kind};

    const OFFER: &str = include_str!("../fixtures/chromium_recvonly.sdp");
    /// What a camera's pictures are announced as.
    const CAMERA: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";

    fn early(offer: &str) -> Result<Viewing, MediaError> {
        let mut next = 100;
        Viewing::early(&Sdp::new(offer), FeedId(5), || {
            next += 1;
            next
        })
    }

    #[test]
    fn all_that_the_client_takes_is_agreed_on() {
        let viewing = early(OFFER).unwrap();
        let [sound, pictures] = &viewing.accepted.streams[..] else { panic!("two streams") };
        assert_eq!((sound.kind(), sound.mid.as_str(), sound.rtx_ssrc), (Kind::Audio, "0", None));
        assert!([Codec::Opus, Codec::Pcmu, Codec::Pcma].iter().all(|codec| sound.carries(*codec).is_some()));
        assert_eq!((pictures.first.codec, pictures.first.payload_type, pictures.first.rtx), (Codec::Vp8, 96, Some(97)));
        assert!(pictures.carries(Codec::H264).is_some() && pictures.rtx_ssrc.is_some());
        let receiving = viewing.receiving();
        assert_eq!(receiving.streams, viewing.accepted.streams);
        assert!(receiving.takes_pictures(&[track(Codec::H264, CAMERA)]));
        assert_eq!((receiving.cname.as_str(), receiving.extensions), ("feed-5", viewing.accepted.extensions));
    }

    #[test]
    fn an_offer_of_one_codec_says_that_others_are_not_taken() {
        let vp8 = OFFER.replace(" H264/90000", " X264/90000");
        let receiving = early(&vp8).unwrap().receiving();
        assert!(!receiving.takes_pictures(&[track(Codec::H264, CAMERA)]));
        assert!(receiving.takes_pictures(&[track(Codec::Opus, "")]), "no pictures, no trouble");
    }

    #[test]
    fn sections_keep_their_order_and_those_that_send_get_nothing() {
        let sending = OFFER.replacen("a=recvonly", "a=sendonly", 1);
        let viewing = early(&sending).unwrap();
        assert_eq!(viewing.accepted.streams.iter().map(OutStream::kind).collect::<Vec<_>>(), [Kind::Video]);
        let local = Local {
            name: "n".into(),
            password: "p".into(),
            fingerprint: "sha-256 AB".into(),
            setup: "actpass".into(),
            mid: "audio0".into(),
        };
        let answer = viewing.answer(&viewing.local(&local), &[], 7, 1);
        let words: Vec<&str> = answer
            .as_str()
            .lines()
            .filter(|line| line.starts_with("m=") || line.ends_with("ive") || line.ends_with("only"))
            .collect();
        assert!(words[0].starts_with("m=audio ") && words[1] == "a=setup:passive", "{words:?}");
        assert!(words.contains(&"a=inactive") && words.contains(&"a=sendonly"), "{words:?}");
    }

    #[test]
    fn nothing_to_receive_is_refused() {
        assert!(matches!(early(&OFFER.replace("a=recvonly", "a=sendonly")), Err(MediaError::NoCommonCodec(_))));
        assert!(matches!(early("v=0"), Err(MediaError::BadSdp(_))));
    }
}
