//! A place that copies go to, reached through `object_store` or as a folder.
//!
//! Decides how the settings are put to each provider; leaves when and what to `transfer`. Uploads in parts are made with
//! the store's own ids, so that another process can go on with them.

use super::folder::Folder;
use super::trouble::Trouble;
use crate::config;
use bytes::Bytes;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig};
use std::ops::Range;
use std::time::Duration;

/// A part, on a slow line.
const REQUEST_LIMIT: Duration = Duration::from_secs(300);
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// A store that knows uploads in parts.
pub(super) trait Cloud: ObjectStore + MultipartStore {}
impl<T: ObjectStore + MultipartStore> Cloud for T {}

enum Store {
    Cloud(Box<dyn Cloud>),
    Folder(Folder),
}

/// A place that copies go to.
pub(super) struct Destination {
    /// `primary` or `backup`.
    pub name: &'static str,
    /// Its address, without a slash at the end.
    base: String,
    /// Prefix of all keys.
    prefix: Path,
    store: Store,
}

impl Destination {
    /// Takes the settings; reaches out to nothing. The error is in words.
    pub fn open(name: &'static str, settings: &config::Destination) -> Result<Self, String> {
        let (bucket, prefix) = settings.bucket_and_prefix();
        let store = match settings.url.split_once("://").map(|(scheme, _)| scheme) {
            Some("s3") => Store::Cloud(Box::new(s3(settings, bucket)?)),
            Some("gs") => Store::Cloud(Box::new(google(settings, bucket)?)),
            Some("az") => Store::Cloud(Box::new(azure(settings, bucket)?)),
            Some("file") => Store::Folder(Folder::new(format!("/{prefix}").into())),
            _ => return Err(format!("`{}` is no address of a store", settings.url)),
        };
        let prefix = if matches!(store, Store::Folder(_)) { Path::default() } else { Path::from(prefix) };
        Ok(Self { name, base: settings.url.trim_end_matches('/').to_owned(), prefix, store })
    }

    /// Address of a file's copy.
    pub fn url(&self, recording: &str, file: &str) -> String {
        format!("{}/{recording}/{file}", self.base)
    }

    /// The key of an address that [`Destination::url`] made; `None` if it was made for another place.
    pub fn key(&self, url: &str) -> Option<Path> {
        let rest = url.strip_prefix(&self.base)?.strip_prefix('/')?;
        Some(rest.split('/').fold(self.prefix.clone(), |path, part| path.join(part)))
    }

    /// Writes a small object whole.
    pub async fn put(&self, key: &Path, data: Bytes) -> Result<(), Trouble> {
        match &self.store {
            Store::Cloud(store) => self.said(store.put(key, data.into()).await).map(drop),
            Store::Folder(folder) => folder.put(key, &data).await,
        }
    }

    /// Begins an upload in parts and returns its id.
    pub async fn begin(&self, key: &Path) -> Result<String, Trouble> {
        match &self.store {
            Store::Cloud(store) => self.said(store.create_multipart(key).await),
            Store::Folder(folder) => folder.begin(key).await,
        }
    }

    /// Sends part `number` (from 0), `data`, which lies at `offset` in the file; returns the part's id.
    pub async fn part(&self, key: &Path, id: &str, number: usize, offset: u64, data: Bytes) -> Result<String, Trouble> {
        match &self.store {
            Store::Cloud(store) => {
                let sent = store.put_part(key, &id.to_owned(), number, data.into()).await;
                self.said(sent).map(|part| part.content_id)
            }
            Store::Folder(folder) => folder.part(key, id, offset, &data).await,
        }
    }

    /// Makes the parts one object.
    pub async fn complete(&self, key: &Path, id: &str, parts: Vec<String>) -> Result<(), Trouble> {
        match &self.store {
            Store::Cloud(store) => {
                let parts = parts.into_iter().map(|content_id| PartId { content_id }).collect();
                self.said(store.complete_multipart(key, &id.to_owned(), parts).await).map(drop)
            }
            Store::Folder(folder) => folder.complete(key, id).await,
        }
    }

    /// Forgets the parts. That they are not there is as good.
    pub async fn abort(&self, key: &Path, id: &str) -> Result<(), Trouble> {
        let aborted = match &self.store {
            Store::Cloud(store) => self.said(store.abort_multipart(key, &id.to_owned()).await),
            Store::Folder(folder) => folder.abort(key, id).await,
        };
        aborted.or_else(|trouble| if matches!(trouble, Trouble::Missing(_)) { Ok(()) } else { Err(trouble) })
    }

    /// Size of an object, in bytes.
    pub async fn size(&self, key: &Path) -> Result<u64, Trouble> {
        match &self.store {
            Store::Cloud(store) => self.said(store.head(key).await).map(|meta| meta.size),
            Store::Folder(folder) => folder.size(key).await,
        }
    }

    /// Bytes of an object.
    pub async fn read(&self, key: &Path, range: Range<u64>) -> Result<Bytes, Trouble> {
        match &self.store {
            Store::Cloud(store) => self.said(store.get_range(key, range).await),
            Store::Folder(folder) => folder.read(key, range).await,
        }
    }

    fn said<T>(&self, result: object_store::Result<T>) -> Result<T, Trouble> {
        result.map_err(|error| Trouble::of_store(&error, self.name))
    }
}

/// The queue repeats, and tells people: the client underneath only bridges a hiccup.
fn retry() -> RetryConfig {
    RetryConfig { backoff: BackoffConfig::default(), max_retries: 1, retry_timeout: CONNECT_LIMIT }
}

fn client(settings: &config::Destination) -> ClientOptions {
    ClientOptions::new()
        .with_timeout(REQUEST_LIMIT)
        .with_connect_timeout(CONNECT_LIMIT)
        .with_allow_http(settings.allow_http)
}

fn s3(settings: &config::Destination, bucket: &str) -> Result<impl Cloud + use<>, String> {
    let given = !settings.access_key.is_empty();
    let mut builder = if given { AmazonS3Builder::new() } else { AmazonS3Builder::from_env() };
    builder = builder.with_bucket_name(bucket).with_retry(retry()).with_client_options(client(settings));
    if given {
        builder = builder.with_access_key_id(&settings.access_key).with_secret_access_key(&settings.secret_key);
    }
    if !settings.endpoint.is_empty() {
        builder = builder.with_endpoint(settings.endpoint.trim_end_matches('/'));
    }
    if !settings.region.is_empty() {
        builder = builder.with_region(&settings.region);
    }
    builder.build().map_err(|e| e.to_string())
}

fn google(settings: &config::Destination, bucket: &str) -> Result<impl Cloud + use<>, String> {
    let mut builder = GoogleCloudStorageBuilder::from_env();
    builder = builder.with_bucket_name(bucket).with_retry(retry()).with_client_options(client(settings));
    builder = match settings.secret_key.trim() {
        "" => builder,
        json if json.starts_with('{') => builder.with_service_account_key(json),
        path => builder.with_service_account_path(path),
    };
    if !settings.endpoint.is_empty() {
        builder = builder.with_base_url(settings.endpoint.trim_end_matches('/'));
    }
    builder.build().map_err(|e| e.to_string())
}

fn azure(settings: &config::Destination, container: &str) -> Result<impl Cloud + use<>, String> {
    let mut builder = MicrosoftAzureBuilder::from_env();
    builder = builder.with_container_name(container).with_retry(retry()).with_client_options(client(settings));
    builder = builder.with_allow_http(settings.allow_http);
    if !settings.access_key.is_empty() {
        builder = builder.with_account(&settings.access_key).with_access_key(&settings.secret_key);
    }
    if !settings.endpoint.is_empty() {
        builder = builder.with_endpoint(settings.endpoint.trim_end_matches('/').to_owned());
    }
    builder.build().map_err(|e| e.to_string())
}
