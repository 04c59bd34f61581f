//! Why an attempt ended: sorted by what to do next.

use object_store::Error;

/// Longest text kept of an error.
const MOST_WORDS: usize = 500;

/// Why an attempt ended.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Try again soon.
    Transient(String),
    /// A person has to do something; try again, but slowly.
    Refused(String),
    /// There is nothing like that there: an upload under way that was forgotten, or a bucket that does not exist.
    Missing(String),
    /// No attempt could help: the local file is gone.
    Hopeless(String),
    /// The recording was removed meanwhile.
    Withdrawn,
}

impl Trouble {
    /// What a store said; `name` is the destination's.
    pub fn of_store(error: &Error, name: &str) -> Self {
        let said = shortened(&error.to_string());
        match error {
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Self::Refused(format!(
                "the destination refuses the credentials, or they may not write there: check storage.{name}.access_key \
                 and storage.{name}.secret_key: {said}"
            )),
            Error::NotFound { .. } => Self::Missing(format!("not there: check storage.{name}.url: {said}")),
            _ => Self::Transient(said),
        }
    }

    /// What this disk, or a folder that copies go to, said.
    pub fn of_disk(error: &std::io::Error, path: &std::path::Path) -> Self {
        let words = format!("{}: {error}", path.display());
        match error.kind() {
            std::io::ErrorKind::PermissionDenied => Self::Refused(words),
            std::io::ErrorKind::NotFound => Self::Missing(words),
            _ => Self::Transient(words),
        }
    }

    /// Whether the destination answered, with a no.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Missing(_) | Self::Refused(_))
    }

    /// In words.
    pub fn words(&self) -> &str {
        match self {
            Self::Transient(words) | Self::Refused(words) | Self::Missing(words) | Self::Hopeless(words) => words,
            Self::Withdrawn => "the recording was removed",
        }
    }
}

fn shortened(text: &str) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    flat.chars().take(MOST_WORDS).collect()
}
