//! HLS (RFC 8216), live and finished: segments of a playlist, one after the other, into one demuxer.
//!
//! Takes the variant with the most bits whose pictures are H264, else the one with the most. Live ones begin three segments
//! before their end. Encrypted segments are refused, and sound in a playlist of its own is left out.

use super::client::{Span, trouble};
use super::pipe::Pipe;
use super::{Reading, first_bytes};
use crate::media::camera::container::{Container, unknown};
use crate::media::camera::trouble::Trouble;
use crate::model::IngestReason;
use bytes::{Bytes, BytesMut};
use m3u8_rs::{ByteRange, KeyMethod, MasterPlaylist, MediaPlaylist, MediaSegment, Playlist, VariantStream};
use std::sync::atomic::Ordering;
use std::time::Duration;
use url::Url;

/// A playlist larger than this is none.
const PLAYLIST_LIMIT: usize = 4 << 20;
/// A live one is begun so many segments before its end.
const BEHIND: usize = 3;

/// Plays what `head` and the rest of `answer` are the playlist of.
///
/// # Errors
/// When it cannot be read on.
pub async fn play(reading: &Reading, url: &Url, head: Bytes, answer: reqwest::Response) -> Result<(), Trouble> {
    let (mut url, mut playlist) = (url.clone(), parse(&body(head, answer).await?)?);
    if let Playlist::MasterPlaylist(master) = &playlist {
        let variant = choose(master).ok_or_else(|| odd("it lists no stream"))?;
        url = join(&url, &variant.uri)?;
        playlist = fetch(reading, &mut url).await?;
    }
    let Playlist::MediaPlaylist(playlist) = playlist else { return Err(odd("its playlists lead in a circle")) };
    Player { reading, url, pipe: None, map: None, after: None }.run(playlist).await
}

struct Player<'a> {
    reading: &'a Reading,
    url: Url,
    pipe: Option<Pipe>,
    /// The initialisation section that was pushed last.
    map: Option<String>,
    /// End of the last byte range, for those that do not say where they begin.
    after: Option<(String, u64)>,
}

impl Player<'_> {
    async fn run(mut self, mut playlist: MediaPlaylist) -> Result<(), Trouble> {
        let mut next = first(&playlist);
        loop {
            let begin = next;
            for (number, segment) in numbered(&playlist).filter(|(number, _)| *number >= begin) {
                self.segment(segment).await?;
                next = number + 1;
            }
            if playlist.end_list {
                return self.end().await;
            }
            let wait = Duration::from_secs(playlist.target_duration.clamp(1, 20)) / 2;
            tokio::time::sleep(wait).await;
            playlist = match fetch(self.reading, &mut self.url).await? {
                Playlist::MediaPlaylist(playlist) => playlist,
                Playlist::MasterPlaylist(_) => return Err(odd("its playlist changed into another kind")),
            };
            // It was begun anew: what it has now is wanted.
            if numbered(&playlist).last().is_some_and(|(last, _)| last + 1 < next) {
                next = first(&playlist);
            }
        }
    }

    /// Its end is the source's; the pipeline plays what waits, and then says so.
    async fn end(self) -> Result<(), Trouble> {
        self.reading.finite.store(true, Ordering::SeqCst);
        let pipe = self.pipe.ok_or_else(|| odd("its playlist is empty"))?;
        pipe.end();
        Ok(())
    }

    async fn segment(&mut self, segment: &MediaSegment) -> Result<(), Trouble> {
        if segment.key.as_ref().is_some_and(|key| key.method != KeyMethod::None) {
            return Err(odd("it is encrypted, and keys of HLS are not supported"));
        }
        if let Some(map) = &segment.map {
            let name = format!("{} {:?}", map.uri, map.byte_range);
            if self.map.as_ref() != Some(&name) {
                self.pour(&map.uri, map.byte_range.as_ref()).await?;
                self.map = Some(name);
            }
        }
        self.pour(&segment.uri, segment.byte_range.as_ref()).await
    }

    /// One resource, from its first byte to its last.
    async fn pour(&mut self, uri: &str, range: Option<&ByteRange>) -> Result<(), Trouble> {
        let url = join(&self.url, uri)?;
        let span = range.map(|range| self.span(uri, range));
        let (mut answer, _) = self.reading.client.get(&url, span).await?;
        let head = first_bytes(&mut answer).await?;
        if self.pipe.is_none() {
            let container = Container::of(&head).filter(|c| matches!(c, Container::Ts | Container::Mp4));
            let container = container.ok_or_else(unknown)?;
            self.pipe = Some(Pipe::open(&self.reading.pipeline, &self.reading.attach, container, None)?);
        }
        let Some(pipe) = &self.pipe else { return Ok(()) };
        pipe.push(head).await;
        while let Some(bytes) = answer.chunk().await.map_err(|error| trouble(&error))? {
            pipe.push(bytes).await;
        }
        Ok(())
    }

    fn span(&mut self, uri: &str, range: &ByteRange) -> Span {
        let after = self.after.as_ref().filter(|(of, _)| of == uri).map_or(0, |(_, end)| *end);
        let from = range.offset.unwrap_or(after);
        self.after = Some((uri.to_owned(), from.saturating_add(range.length)));
        Span { from, length: Some(range.length) }
    }
}

fn numbered(playlist: &MediaPlaylist) -> impl Iterator<Item = (u64, &MediaSegment)> {
    (playlist.media_sequence..).zip(&playlist.segments)
}

/// Number of the segment to begin with.
fn first(playlist: &MediaPlaylist) -> u64 {
    let behind = if playlist.end_list { 0 } else { playlist.segments.len().saturating_sub(BEHIND) };
    playlist.media_sequence + behind as u64
}

fn choose(master: &MasterPlaylist) -> Option<&VariantStream> {
    let all = || master.variants.iter().filter(|variant| !variant.is_i_frame);
    let is_h264 = |v: &&VariantStream| v.codecs.as_deref().is_none_or(|c| c.contains("avc1") || c.contains("avc3"));
    all().filter(is_h264).max_by_key(|v| v.bandwidth).or_else(|| all().max_by_key(|v| v.bandwidth))
}

async fn fetch(reading: &Reading, url: &mut Url) -> Result<Playlist, Trouble> {
    let (mut answer, at) = reading.client.get(url, None).await?;
    let head = first_bytes(&mut answer).await?;
    *url = at;
    parse(&body(head, answer).await?)
}

async fn body(head: Bytes, mut answer: reqwest::Response) -> Result<Vec<u8>, Trouble> {
    let mut body = BytesMut::from(head.as_ref());
    while let Some(bytes) = answer.chunk().await.map_err(|error| trouble(&error))? {
        body.extend_from_slice(&bytes);
        if body.len() > PLAYLIST_LIMIT {
            return Err(odd("its playlist has no end"));
        }
    }
    Ok(body.to_vec())
}

fn parse(text: &[u8]) -> Result<Playlist, Trouble> {
    m3u8_rs::parse_playlist_res(text).map_err(|_| odd("its playlist cannot be read"))
}

fn join(base: &Url, uri: &str) -> Result<Url, Trouble> {
    base.join(uri).map_err(|_| odd("its playlist leads to nowhere"))
}

fn odd(detail: &str) -> Trouble {
    Trouble::new(IngestReason::Unsupported, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_variant_that_passes_is_taken() {
        let text = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9000,CODECS=\"hvc1.1.6.L93.90\"\nh265.m3u8\n\
            #EXT-X-STREAM-INF:BANDWIDTH=3000,CODECS=\"avc1.64001f,mp4a.40.2\"\nhigh.m3u8\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1000,CODECS=\"avc1.42001f\"\nlow.m3u8\n";
        let Ok(Playlist::MasterPlaylist(master)) = parse(text) else { panic!("no master") };
        assert_eq!(choose(&master).map(|v| v.uri.as_str()), Some("high.m3u8"));
    }

    #[test]
    fn live_ones_begin_near_their_end() {
        let mut playlist = MediaPlaylist { media_sequence: 10, ..Default::default() };
        playlist.segments = vec![MediaSegment::empty(); 6];
        assert_eq!(first(&playlist), 13);
        playlist.end_list = true;
        assert_eq!(first(&playlist), 10);
        assert_eq!(numbered(&playlist).last().map(|(number, _)| number), Some(15));
    }
}
