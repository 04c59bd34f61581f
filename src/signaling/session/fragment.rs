//! Pure: SDP fragments (RFC 8840, `application/trickle-ice-sdpfrag`) read, written, and put into a description.

use crate::model::{Candidate, Sdp};

/// Longest fragment taken.
pub const MAX_BYTES: usize = 16 * 1024;
/// Most candidates taken at once.
const MAX_CANDIDATES: usize = 64;

/// What a client sent by `PATCH`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fragment {
    /// ICE user name fragment.
    pub ufrag: Option<String>,
    /// ICE password.
    pub password: Option<String>,
    /// Candidates; `None` is the end of them.
    pub candidates: Vec<Option<Candidate>>,
}

/// Reads one; the error says what is wrong with it.
pub fn read(text: &str) -> Result<Fragment, String> {
    let mut fragment = Fragment::default();
    let (mut mid, mut sections) = (None, 0u32);
    for (number, line) in text.lines().map(str::trim_end).enumerate().filter(|(_, line)| !line.is_empty()) {
        let Some((kind, value)) = line.split_once('=').filter(|(kind, _)| kind.len() == 1) else {
            return Err(format!("line {} is not of the form a=…", number + 1));
        };
        match (kind, value.split_once(':').unwrap_or((value, ""))) {
            ("m", _) => (mid, sections) = (None, sections + 1),
            ("a", ("mid", name)) => mid = Some(name.to_owned()),
            ("a", ("ice-ufrag", name)) => fragment.ufrag = Some(word(name, 4).ok_or("a=ice-ufrag is malformed")?),
            ("a", ("ice-pwd", name)) => fragment.password = Some(word(name, 22).ok_or("a=ice-pwd is malformed")?),
            ("a", ("candidate", _)) => {
                let (candidate, mline) = (value.to_owned(), sections.checked_sub(1));
                fragment.candidates.push(Some(Candidate { candidate, mid: mid.clone(), mline, ufrag: None }));
            }
            ("a", ("end-of-candidates", _)) => fragment.candidates.push(None),
            _ => {}
        }
    }
    if fragment.candidates.len() > MAX_CANDIDATES {
        return Err(format!("it has more than {MAX_CANDIDATES} candidates"));
    }
    for candidate in fragment.candidates.iter_mut().flatten() {
        candidate.ufrag.clone_from(&fragment.ufrag);
    }
    Ok(fragment)
}

/// ICE names are of ice-char (RFC 8839 5.4), so that they can be written into a description.
fn word(text: &str, least: usize) -> Option<String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
    ((least..=256).contains(&text.len()) && text.bytes().all(allowed)).then(|| text.to_owned())
}

/// The description with the fragment's ICE names; `None` without both.
pub fn restarted(offer: &Sdp, fragment: &Fragment) -> Option<Sdp> {
    let (ufrag, password) = (fragment.ufrag.as_ref()?, fragment.password.as_ref()?);
    let line = |line: &str| match line {
        _ if line.starts_with("a=ice-ufrag:") => format!("a=ice-ufrag:{ufrag}\r\n"),
        _ if line.starts_with("a=ice-pwd:") => format!("a=ice-pwd:{password}\r\n"),
        _ => format!("{line}\r\n"),
    };
    Some(Sdp::new(offer.as_str().lines().map(line).collect::<String>()))
}

/// Our side of a restart: what the answer says of ICE, in its first section that lives.
pub fn of_answer(answer: &Sdp) -> String {
    const WANTED: [&str; 5] = ["a=mid:", "a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "a=end-of-candidates"];
    let (mut out, mut section, mut done) = (String::new(), false, false);
    for line in answer.as_str().lines() {
        let begins = line.starts_with("m=");
        done |= begins && section;
        section |= begins && line.split(' ').nth(1) != Some("0");
        let session = !section && (line == "a=ice-lite" || line.starts_with("a=group:BUNDLE"));
        let ours = section && !done && (begins || WANTED.iter().any(|wanted| line.starts_with(wanted)));
        if session || ours {
            out.push_str(line);
            out.push_str("\r\n");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRICKLE: &str = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n\
        a=mid:0\r\na=candidate:1 1 udp 2130706431 198.51.100.1 39132 typ host\r\na=end-of-candidates\r\n";

    #[test]
    fn candidates_carry_their_section_and_name() {
        let fragment = read(TRICKLE).unwrap();
        let [Some(candidate), None] = &fragment.candidates[..] else { panic!("one, and the end") };
        assert_eq!(candidate.candidate, "candidate:1 1 udp 2130706431 198.51.100.1 39132 typ host");
        assert_eq!(
            (candidate.mid.as_deref(), candidate.mline, candidate.ufrag.as_deref()),
            (Some("0"), Some(0), Some("EsAw"))
        );
        assert_eq!(fragment.password.as_deref(), Some("P2uYro0UCOQ4zxjKXaWCBui1"));
    }

    #[test]
    fn names_may_stand_in_the_section() {
        let text = "m=audio 9 UDP/TLS/RTP/SAVPF 0\na=mid:0\na=ice-ufrag:EsAw\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\n";
        assert_eq!(read(text).unwrap().ufrag.as_deref(), Some("EsAw"));
        assert_eq!(read("").unwrap(), Fragment::default());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let many = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\n".repeat(65);
        for (text, words) in [
            ("candidate:1 1 udp", "line 1"),
            ("a=mid:0\n{}", "line 2"),
            ("a=ice-ufrag:a b", "ice-ufrag"),
            ("a=ice-pwd:short", "ice-pwd"),
            (many.as_str(), "more than 64"),
        ] {
            let error = read(text).expect_err(words);
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_restart_changes_the_names_everywhere_and_nothing_else() {
        let fragment = read(TRICKLE).unwrap();
        let offer = Sdp::new("v=0\r\na=ice-ufrag:old1\r\nm=audio 9 X 0\r\na=ice-pwd:older\r\na=mid:0\r\n");
        let text = restarted(&offer, &fragment).unwrap();
        let expected = "v=0\r\na=ice-ufrag:EsAw\r\nm=audio 9 X 0\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=mid:0\r\n";
        assert_eq!(text.as_str(), expected);
        assert_eq!(restarted(&offer, &Fragment { password: None, ..fragment }), None);
    }

    #[test]
    fn our_fragment_is_that_of_the_first_living_section() {
        let answer = Sdp::new(
            "v=0\r\no=- 1 1 IN IP4 0\r\na=group:BUNDLE 1 2\r\na=ice-lite\r\nm=audio 0 X 0\r\na=mid:0\r\n\
             m=video 9 X 96\r\na=mid:1\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=setup:passive\r\n\
             a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\nm=video 9 X 97\r\na=mid:2\r\na=ice-ufrag:u\r\n",
        );
        assert_eq!(
            of_answer(&answer),
            "a=group:BUNDLE 1 2\r\na=ice-lite\r\nm=video 9 X 96\r\na=mid:1\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n\
             a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\n"
        );
    }
}
