//! Why the store refused, each with what to do about it.

use std::path::PathBuf;

/// Why the store refused.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Less free space than configured.
    #[error(
        "only {free} bytes are free under {dir}; {need} are needed: free some space or lower recording.min_free_bytes"
    )]
    NoSpace {
        /// Where.
        dir: PathBuf,
        /// Bytes free.
        free: u64,
        /// Bytes asked for.
        need: u64,
    },
    /// The recordings take all that they may.
    #[error(
        "the recordings take {used} bytes of the {limit} of recording.max_total_bytes, and none may be removed to make \
         room: delete some, let the uploads finish, or raise the limit"
    )]
    Quota {
        /// Bytes taken.
        used: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The disk said no.
    #[error(
        "cannot write under {dir}: {source}; the folder of recording.dir has to exist and be writable for the service"
    )]
    Io {
        /// Where.
        dir: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// The index said no. Manifests are the truth: it may be removed while the service is stopped, and is made again.
    #[error(
        "the index {file} cannot be used: {source}; stop the service and remove it, it is made again from the manifests"
    )]
    Index {
        /// Its path.
        file: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A destination's settings are no use.
    #[error("storage.{name} cannot be used: {cause}")]
    Destination {
        /// `primary` or `backup`.
        name: &'static str,
        /// In words.
        cause: String,
    },
}
