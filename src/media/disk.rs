//! Whether a recording may go on writing, for all who write: recorders and mixes.

use crate::model::EndReason;
use std::path::Path;

/// Looks at the folder of a file: gone, or less free than is to stay free, in bytes, ends what writes there.
pub fn check(file: &Path, min_free_bytes: u64) -> Result<(), (EndReason, Option<String>)> {
    match fs4::available_space(file.parent().unwrap_or(file)) {
        Ok(free) if free < min_free_bytes => {
            let words = format!("only {free} bytes are free, {min_free_bytes} are to stay free");
            Err((EndReason::DiskFull, Some(words)))
        }
        Ok(_) => Ok(()),
        Err(error) => Err((EndReason::StorageFailed, Some(format!("the recording's folder is gone: {error}")))),
    }
}
