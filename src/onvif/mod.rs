//! ONVIF cameras: found on the network, asked for their streams and pictures, moved.
//!
//! Decides what is asked and what of the answers is believed; which addresses may be reached is the gate's, which `app`
//! makes of the settings. Knows no rooms: who adds a camera gives a stream's address to an ingest.

mod address;
mod client;
mod discovery;
mod error;
pub mod http;
pub mod probe;
pub mod read;
mod request;
mod security;
pub mod soap;
mod xml;

pub use client::{Camera, Client};
pub use discovery::{Search, search};
pub use error::OnvifError;
pub use probe::Found;
pub use read::{Information, Preset, Profile};
pub use request::Velocity;
pub use security::{Credentials, password_digest};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

/// Says where a URL leads and whether that may be reached: the addresses to connect to, or why not. Asked before every
/// request.
pub type Gate = Arc<dyn Fn(Url) -> BoxFuture<'static, Result<Vec<SocketAddr>, OnvifError>> + Send + Sync>;

/// What a device told of its clock and services is used again for this long: a movement is then one request.
const KEPT: Duration = Duration::from_secs(120);
const MAX_KEPT: usize = 64;
/// Requests at a time, all together.
const MAX_BUSY: usize = 16;

/// All that the service does with ONVIF. Cheap to clone.
#[derive(Clone)]
pub struct Onvif(Arc<Inner>);

struct Inner {
    gate: Gate,
    search: Search,
    kept: Mutex<Vec<Kept>>,
    busy: Semaphore,
}

struct Kept {
    address: String,
    credentials: Credentials,
    client: Arc<Client>,
    since: Instant,
}

impl Onvif {
    /// With the gate that decides what may be reached, and where cameras are looked for.
    pub fn new(gate: Gate, search: Search) -> Self {
        Self(Arc::new(Inner { gate, search, kept: Mutex::default(), busy: Semaphore::new(MAX_BUSY) }))
    }

    /// A place among those that may ask at once; to be held while asking.
    ///
    /// # Errors
    /// `Busy`.
    pub fn permit(&self) -> Result<SemaphorePermit<'_>, OnvifError> {
        self.0.busy.try_acquire().map_err(|_| OnvifError::Busy)
    }

    /// A device; the same as before if it was asked a short while ago with the same credentials. Nothing is sent yet.
    ///
    /// # Errors
    /// `Invalid` address.
    pub fn client(&self, address: &str, credentials: Credentials) -> Result<Arc<Client>, OnvifError> {
        let mut kept = self.0.kept.lock();
        kept.retain(|one| one.since.elapsed() < KEPT);
        if let Some(one) = kept.iter().find(|one| one.address == address && one.credentials == credentials) {
            return Ok(Arc::clone(&one.client));
        }
        let client = Arc::new(Client::new(address, credentials.clone(), Arc::clone(&self.0.gate))?);
        if kept.len() >= MAX_KEPT {
            kept.remove(0);
        }
        let (address, since) = (address.to_owned(), Instant::now());
        kept.push(Kept { address, credentials, client: Arc::clone(&client), since });
        Ok(client)
    }

    /// The devices on this machine's networks; takes as long as the settings say.
    pub async fn discover(&self) -> Vec<Found> {
        let mut all = search(&self.0.search).await;
        for found in &mut all {
            found.refused = match Url::parse(&found.address) {
                Ok(url) => (self.0.gate)(url).await.err().map(|error| error.to_string()),
                Err(_) => Some("its address cannot be read".into()),
            };
        }
        all
    }
}
