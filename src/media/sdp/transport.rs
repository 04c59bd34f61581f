//! Both ends of a transport that is described by parameters: what a client is told of ours, and its own put into the words that
//! webrtcbin knows.
//!
//! A lite agent sends no checks, so it needs neither the client's ICE name nor its password: webrtcbin is told made-up ones.

use super::candidate::HostCandidate;
use super::inner::{self, Local};
use super::offered::{Fingerprint, Remote, bad};
use crate::media::MediaError;
use crate::model::{Codec, DataPort, Secret, TransportLocal, TransportRemote};

/// The stream that stands for the transport toward webrtcbin, which wants one: codec and payload type. Nothing is sent on it.
pub const STAND_IN: (Codec, u8) = (Codec::Opus, 111);
/// Fingerprints that a client may announce.
const MOST: usize = 16;

impl Remote {
    /// A client's end of a transport.
    pub fn of_transport(told: &TransportRemote) -> Result<Self, MediaError> {
        let known = told.fingerprints.iter().take(MOST).filter_map(|text| Fingerprint::parse(text));
        let fingerprints: Vec<Fingerprint> = known.collect();
        if fingerprints.is_empty() {
            return Err(bad("the client's certificate needs a fingerprint of sha-256, sha-384 or sha-512"));
        }
        let setup = if told.waits { "passive" } else { "active" };
        // Nobody compares them: see above.
        let (name, password) = ("unknown".to_owned(), "unknown-to-everybody-here".to_owned());
        Ok(Self { name, password, setup: setup.to_owned(), fingerprints, session: String::new() })
    }
}

impl Local {
    /// What the client is told; `data` if there may be data channels.
    pub fn transport(&self, announced: &[HostCandidate], data: Option<DataPort>) -> TransportLocal {
        TransportLocal {
            name: self.name.clone(),
            password: Secret::new(&self.password),
            addresses: announced.iter().map(|candidate| (candidate.address, candidate.tcp)).collect(),
            fingerprint: self.fingerprint.clone(),
            data,
        }
    }
}

/// The client's end as the answer to an offer of the stand-in.
pub fn inner_answer(remote: &Remote, mid: &str) -> Result<String, MediaError> {
    inner::answer(remote, mid, STAND_IN.1, STAND_IN.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(waits: bool, fingerprints: &[&str]) -> TransportRemote {
        TransportRemote { waits, fingerprints: fingerprints.iter().map(|text| (*text).to_owned()).collect() }
    }

    #[test]
    fn a_client_has_a_role_and_a_certificate() {
        let certificate = format!("sha-256 {}", ["AB"; 32].join(":"));
        for (waits, setup) in [(true, "a=setup:passive"), (false, "a=setup:active")] {
            let remote = Remote::of_transport(&told(waits, &["md5 AB", &certificate])).unwrap();
            let answer = inner_answer(&remote, "audio0").unwrap();
            assert!(
                answer.contains(setup) && answer.contains(&certificate) && answer.contains("a=mid:audio0"),
                "{answer}"
            );
        }
        for none in [&[][..], &["sha-256 AB"], &["nonsense"]] {
            let error = Remote::of_transport(&told(false, none)).unwrap_err().to_string();
            assert!(error.contains("fingerprint"), "{error}");
        }
    }
}
