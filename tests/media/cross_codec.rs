//! Decoders that do not have the feed's codec: it is transcoded for them.

use crate::several_codecs::Watched;

/// An offer as a client reads it that does not know this codec.
fn without(offer: &str, codec: &str) -> String {
    let number = |line: &str| line.split([':', ' ']).nth(1).unwrap_or_default().to_owned();
    let named = format!(" {codec}/90000");
    let mut unknown: Vec<String> = offer.lines().filter(|line| line.ends_with(&named)).map(number).collect();
    let repeats = |line: &&str| unknown.iter().any(|pt| line.ends_with(&format!(" apt={pt}")));
    let rtx: Vec<String> = offer.lines().filter(repeats).map(number).collect();
    unknown.extend(rtx);
    let of_unknown = |line: &str| {
        let described = ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"].iter().any(|name| line.starts_with(name));
        described && unknown.contains(&number(line))
    };
    let known = |line: &str| match line.starts_with("m=video") {
        true => line.split(' ').filter(|word| unknown.iter().all(|pt| pt != word)).collect::<Vec<_>>().join(" "),
        false => line.to_owned(),
    };
    offer.lines().filter(|line| !of_unknown(line)).map(|line| known(line) + "\r\n").collect()
}

#[test]
fn a_viewer_of_h264_alone_decodes_a_vp8_feed() {
    let watched = Watched::by(|offer| {
        let read = without(offer, "VP8");
        assert!(read.contains("SAVPF 102 103\r\n") && !read.contains("VP8"), "{read}");
        read
    });
    watched.follows();
}
