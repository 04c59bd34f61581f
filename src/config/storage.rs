//! Where finished recordings are copied to: `[storage]`.
//!
//! Decides what a destination consists of and which are sound; leaves reaching it to `recordings`.

use serde::Deserialize;
use std::fmt;

/// The forms an address may have.
const SCHEMES: [&str; 4] = ["s3://", "gs://", "az://", "file:///"];

/// `[storage]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// Where finished recordings are copied to.
    pub primary: Destination,
    /// A second copy.
    pub backup: Destination,
    /// Remove a file from the local folder once all destinations have it, verified.
    pub delete_local: bool,
}

/// `[storage.primary]`, `[storage.backup]`; empty texts mean "not set".
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Destination {
    /// `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix` or `file:///folder`; empty: none.
    pub url: String,
    /// Address of an S3-compatible server (or of an emulator), `https://host:port`; empty: the provider's own.
    pub endpoint: String,
    /// Region; empty: `us-east-1`, which most S3-compatible servers accept.
    pub region: String,
    /// Access key (S3), account (Azure). Empty: what the environment or the machine's role gives.
    pub access_key: String,
    /// Secret key (S3), account key (Azure), service account key as JSON or the path of its file (Google).
    pub secret_key: String,
    /// Talk to an endpoint without TLS.
    pub allow_http: bool,
}

/// Keys stay out of logs.
impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |text: &str| if text.is_empty() { "" } else { "(hidden)" };
        f.debug_struct("Destination")
            .field("url", &self.url)
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("access_key", &hidden(&self.access_key))
            .field("secret_key", &hidden(&self.secret_key))
            .field("allow_http", &self.allow_http)
            .finish()
    }
}

impl Destination {
    /// Whether there is one.
    pub fn is_set(&self) -> bool {
        !self.url.is_empty()
    }

    /// Bucket, container or nothing, and the path after it without slashes at its ends.
    pub fn bucket_and_prefix(&self) -> (&str, &str) {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        (bucket, prefix.trim_matches('/'))
    }

    /// What is wrong with it, in words with its key.
    fn problem(&self, key: &str) -> Option<String> {
        if !self.is_set() {
            return self.unused_problem(key);
        }
        if !SCHEMES.iter().any(|scheme| self.url.starts_with(scheme)) {
            return Some(format!("{key}.url is `{}`: it has to begin with one of {}", self.url, SCHEMES.join(", ")));
        }
        let (bucket, prefix) = self.bucket_and_prefix();
        if if self.url.starts_with("file") { prefix.is_empty() } else { bucket.is_empty() } {
            return Some(format!("{key}.url is `{}`: name a bucket or folder after the `://`", self.url));
        }
        if !self.access_key.is_empty() && self.secret_key.is_empty() {
            return Some(format!("{key}.access_key is set but {key}.secret_key is not: set both"));
        }
        if self.endpoint.starts_with("http://") && !self.allow_http {
            return Some(format!("{key}.endpoint is without TLS: use https, or set {key}.allow_http = true"));
        }
        let whole =
            self.endpoint.is_empty() || self.endpoint.starts_with("http://") || self.endpoint.starts_with("https://");
        (!whole).then(|| format!("{key}.endpoint is `{}`: it has to begin with https:// or http://", self.endpoint))
    }

    fn unused_problem(&self, key: &str) -> Option<String> {
        (*self != Self::default())
            .then(|| format!("{key} has settings but {key}.url is not set: set it, or remove them"))
    }
}

impl Storage {
    /// The destinations there are, with their names.
    pub fn destinations(&self) -> impl Iterator<Item = (&'static str, &Destination)> {
        [("primary", &self.primary), ("backup", &self.backup)].into_iter().filter(|(_, d)| d.is_set())
    }

    /// What is wrong with them, in words with the key.
    pub(super) fn problem(&self) -> Option<String> {
        let one = self.primary.problem("storage.primary").or_else(|| self.backup.problem("storage.backup"));
        one.or_else(|| {
            let lonely = self.delete_local && self.destinations().next().is_none();
            lonely.then(|| "storage.delete_local is set but nothing is uploaded: set storage.primary.url".into())
        })
        .or_else(|| {
            let same = self.primary.is_set()
                && (&self.primary.url, &self.primary.endpoint) == (&self.backup.url, &self.backup.endpoint);
            same.then(|| "storage.primary and storage.backup are the same place: give the backup another".into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s3() -> Destination {
        let text = |t: &str| t.to_owned();
        Destination {
            url: text("s3://b/p/q/"),
            access_key: text("AKIA"),
            secret_key: text("s3cr3t"),
            ..Default::default()
        }
    }
    fn problem(change: impl FnOnce(&mut Storage)) -> String {
        let mut storage = Storage { primary: s3(), ..Storage::default() };
        change(&mut storage);
        storage.problem().unwrap_or_default()
    }

    #[test]
    fn a_sound_destination_is_taken_apart_and_keeps_its_secrets() {
        assert_eq!(problem(|_| ()), "");
        assert_eq!(s3().bucket_and_prefix(), ("b", "p/q"));
        let shown = format!("{:?}", Storage { primary: s3(), ..Storage::default() });
        assert!(!shown.contains("AKIA") && !shown.contains("s3cr3t") && shown.contains("(hidden)"), "{shown}");
        assert!(Storage::default().problem().is_none() && Storage::default().destinations().next().is_none());
    }

    #[test]
    fn each_problem_names_its_key() {
        let url = |text: &'static str| move |s: &mut Storage| s.primary.url = text.into();
        for text in ["ftp://x", "s3:/b", "file://relative", "file:///", "s3://"] {
            assert!(problem(url(text)).contains("storage.primary.url"), "{text}: {}", problem(url(text)));
        }
        assert!(problem(|s| s.primary.secret_key.clear()).contains("storage.primary.secret_key"));
        assert!(problem(|s| s.primary.endpoint = "http://h".into()).contains("storage.primary.allow_http"));
        assert!(problem(|s| s.primary.endpoint = "h:9000".into()).contains("storage.primary.endpoint"));
        assert!(problem(|s| s.backup.region = "eu".into()).contains("storage.backup.url"));
        assert!(problem(|s| s.backup = s.primary.clone()).contains("same place"));
        assert!(problem(|s| *s = Storage { delete_local: true, ..Storage::default() }).contains("delete_local"));
    }
}
