//! JPEG of a picture.

use super::{Picture, decode::Run};
use crate::media::MediaError;
use crate::media::files::fatal;
use bytes::Bytes;
use std::time::Duration;

/// Encoding takes milliseconds.
const LIMIT: Duration = Duration::from_secs(5);

/// The picture as a JPEG file. `Fatal`: the encoder failed; `Transient`: the machine is too busy.
pub(in crate::media) fn jpeg(picture: &Picture) -> Result<Bytes, MediaError> {
    let run =
        Run::start("jpegenc quality=82", &picture.info.to_caps().map_err(|error| fatal("picture", error))?, LIMIT)?;
    run.push(gst::Buffer::from_slice(picture.data.clone()), 0);
    run.end();
    let sample = run.next()?.ok_or_else(|| fatal("picture", "the encoder made nothing of it"))?;
    let buffer = sample.buffer().ok_or_else(|| fatal("picture", "the encoder gave nothing"))?;
    let map = buffer.map_readable().map_err(|error| fatal("picture", error))?;
    Ok(Bytes::copy_from_slice(&map))
}
