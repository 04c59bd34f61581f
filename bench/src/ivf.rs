//! Frames of an IVF file: what `ffmpeg -f ivf` writes. Pure.

use anyhow::{Context, Result, ensure};

/// Bytes of the file's header and of each frame's: size (32 bits), timestamp (64 bits), little endian.
const FILE_HEADER: usize = 32;
const FRAME_HEADER: usize = 12;

/// The frames in order. An error when it is no IVF file, or cut off.
pub fn frames(file: &[u8]) -> Result<Vec<&[u8]>> {
    ensure!(file.starts_with(b"DKIF") && file.len() >= FILE_HEADER, "no IVF file");
    let (mut rest, mut frames) = (&file[FILE_HEADER..], Vec::new());
    while !rest.is_empty() {
        let (header, after) = rest.split_at_checked(FRAME_HEADER).context("a frame's header is cut off")?;
        let size = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let (frame, after) = after.split_at_checked(size).context("a frame is cut off")?;
        frames.push(frame);
        rest = after;
    }
    Ok(frames)
}

/// A file of VP8 frames in their order, one a tick of 1/30 s; the size is what players are told before the first keyframe.
pub fn file(size: (u16, u16), frames: &[&[u8]]) -> Vec<u8> {
    let mut file = b"DKIF\0\0\x20\0VP80".to_vec();
    file.extend([size.0.to_le_bytes(), size.1.to_le_bytes()].concat());
    file.extend([30u32, 1, frames.len() as u32, 0].map(u32::to_le_bytes).concat());
    for (number, frame) in frames.iter().enumerate() {
        file.extend((frame.len() as u32).to_le_bytes());
        file.extend((number as u64).to_le_bytes());
        file.extend_from_slice(frame);
    }
    file
}

#[cfg(test)]
mod tests {
    use super::file as written;
    use super::*;

    fn file(frames: &[&[u8]]) -> Vec<u8> {
        written((960, 540), frames)
    }

    #[test]
    fn frames_come_out_as_they_went_in() {
        let some: [&[u8]; 3] = [b"key", b"", &[7; 300]];
        assert_eq!(frames(&file(&some)).expect("a good file"), some);
        assert!(frames(&file(&[])).expect("an empty one").is_empty());
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        let good = file(&[b"one", b"two"]);
        for length in [0, 3, FILE_HEADER - 1, FILE_HEADER + 5, good.len() - 1] {
            assert!(frames(&good[..length]).is_err(), "{length} bytes");
        }
        assert!(frames(&[0; 64]).is_err());
    }
}
