//! An offer cut down to one video codec, as the original does it: before anybody reads it.

/// The offer with only this codec (and its retransmissions) in each video section; `None` when a section has none of it.
pub fn only(sdp: &str, codec: &str) -> Option<String> {
    let mut out = String::with_capacity(sdp.len());
    let mut sections = split(sdp).into_iter();
    sections.next().into_iter().flatten().for_each(|line| push(&mut out, line));
    for section in sections {
        let video = section.first().is_some_and(|line| line.starts_with("m=video "));
        match video {
            true => cut(&section, codec)?.iter().for_each(|line| push(&mut out, line)),
            false => section.iter().for_each(|line| push(&mut out, line)),
        }
    }
    Some(out)
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push_str("\r\n");
}

/// The session's lines, then each section's.
fn split(sdp: &str) -> Vec<Vec<&str>> {
    let mut sections = vec![Vec::new()];
    for line in sdp.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        if line.starts_with("m=") {
            sections.push(Vec::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push(line);
        }
    }
    sections
}

fn cut(section: &[&str], codec: &str) -> Option<Vec<String>> {
    let maps = |line: &&str, name: &str| {
        let (payload_type, format) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
        format.to_ascii_uppercase().starts_with(&format!("{name}/90000")).then(|| payload_type.to_owned())
    };
    let mut kept: Vec<String> = section.iter().filter_map(|line| maps(line, codec)).collect();
    if kept.is_empty() {
        return None;
    }
    let rtx: Vec<String> = section.iter().filter_map(|line| maps(line, "RTX")).collect();
    let repairs = |line: &&str| {
        let (payload_type, parameters) = line.strip_prefix("a=fmtp:")?.split_once(' ')?;
        let apt = parameters.split(';').find_map(|part| part.trim().strip_prefix("apt="))?;
        (rtx.iter().any(|known| known == payload_type) && kept.iter().any(|known| known == apt))
            .then(|| payload_type.to_owned())
    };
    let repairing: Vec<String> = section.iter().filter_map(repairs).collect();
    kept.extend(repairing);
    Some(section.iter().filter_map(|line| keep(line, &kept)).collect())
}

fn keep(line: &str, kept: &[String]) -> Option<String> {
    if line.starts_with("m=") {
        let mut words = line.split(' ');
        let head: Vec<&str> = words.by_ref().take(3).collect();
        let listed: Vec<&str> = words.filter(|word| kept.iter().any(|known| known == word)).collect();
        return Some(format!("{} {}", head.join(" "), listed.join(" ")));
    }
    let of = ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"].iter().find_map(|name| line.strip_prefix(name));
    let payload_type = of.and_then(|rest| rest.split(' ').next());
    let goes = payload_type.is_some_and(|of| of != "*" && !kept.iter().any(|known| known == of));
    (!goes).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n\
        a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:102 H264/90000\r\na=fmtp:102 packetization-mode=1\r\n\
        a=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\n";

    #[test]
    fn one_codec_and_its_retransmissions_stay() {
        let cut = only(OFFER, "H264").unwrap();
        assert!(cut.contains("m=video 9 UDP/TLS/RTP/SAVPF 102 103\r\na=mid:1\r\na=rtpmap:102 H264/90000\r\n"), "{cut}");
        assert!(cut.contains("a=rtpmap:111 opus") && cut.contains("apt=102"));
        assert!(!cut.contains("VP8") && !cut.contains(":97 ") && !cut.contains(":96 "), "{cut}");
    }

    #[test]
    fn a_codec_that_is_not_there_is_told() {
        assert_eq!(only(OFFER, "VP9"), None);
        assert!(only("v=0\r\nm=audio 9 X 111\r\n", "VP8").is_some(), "sound alone");
    }
}
