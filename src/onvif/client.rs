//! One device: its streams, pictures and movements.
//!
//! Decides the order of questions, and that a device is only believed about itself: whatever host it names, requests go to
//! the one it was reached at. Cameras behind a router name their inner address, and strangers would name somebody else's.

use super::http::Wire;
use super::read::{self, Information, Preset, Profile};
use super::request::{Request, Service, Velocity};
use super::security::{self, Credentials};
use super::soap::Answer;
use super::xml::Node;
use super::{Gate, OnvifError, address};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use url::Url;

/// All that is asked about a camera, together.
const DESCRIBE_LIMIT: Duration = Duration::from_secs(25);
/// A shorter password may well stand in an address by chance.
const TELLING: usize = 4;

/// What a camera is and offers.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Camera {
    /// Address of its device service, complete; to be kept for later movements.
    pub address: String,
    /// Who made it.
    #[serde(flatten)]
    pub information: Information,
    /// Seconds by which its clock is ahead of ours.
    pub clock_ahead_s: i64,
    /// Its streams.
    pub profiles: Vec<Profile>,
}

/// A device that may be asked.
pub struct Client {
    address: Url,
    wire: Wire,
    gate: Gate,
    session: Mutex<Option<Arc<Session>>>,
}

/// What is asked once.
struct Session {
    /// The device's clock ahead of ours.
    ahead: SignedDuration,
    services: Vec<(Service, Url)>,
}

impl Client {
    /// A device at this address: `192.168.1.20`, `camera.local:8000`, or the complete one of its device service. Nothing is
    /// sent yet.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn new(address: &str, credentials: Credentials, gate: Gate) -> Result<Self, OnvifError> {
        let address = address::parse(address)?;
        Ok(Self { address, wire: Wire::new(Arc::clone(&gate), credentials), gate, session: Mutex::default() })
    }

    /// What it is and offers, within 25 s.
    ///
    /// # Errors
    /// Any; a profile without a usable stream is no error, but says so.
    pub async fn camera(&self) -> Result<Camera, OnvifError> {
        let late = || OnvifError::Unreachable("the camera is too slow: it did not tell its streams within 25 s".into());
        tokio::time::timeout(DESCRIBE_LIMIT, self.describe()).await.map_err(|_| late())?
    }

    async fn describe(&self) -> Result<Camera, OnvifError> {
        let information = read::information(&self.call(&Request::information()).await?);
        let session = self.session().await?;
        let (media, mut profiles) = self.profiles().await?;
        for profile in &mut profiles {
            profile.ptz &= session.of(Service::Ptz).is_some();
            self.locate(media, profile).await?;
        }
        let address = self.address.to_string();
        Ok(Camera { address, information, clock_ahead_s: session.ahead.as_secs(), profiles })
    }

    /// Version 2 knows H265; some devices have it in name only.
    async fn profiles(&self) -> Result<(Service, Vec<Profile>), OnvifError> {
        if self.session().await?.of(Service::Media2).is_some() {
            match self.call(&Request::profiles(Service::Media2)).await.map(|response| read::profiles(&response)) {
                Ok(profiles) if !profiles.is_empty() => return Ok((Service::Media2, profiles)),
                Err(error) if error.is_credentials() => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        let response = self.call(&Request::profiles(Service::Media)).await?;
        Ok((Service::Media, read::profiles(&response)))
    }

    /// Asks for a profile's addresses; only trouble with all of the device is an error.
    async fn locate(&self, media: Service, profile: &mut Profile) -> Result<(), OnvifError> {
        match self.call(&Request::stream_uri(media, &profile.token)).await {
            Ok(response) => self.keep_stream(profile, read::uri(&response)).await,
            Err(error @ (OnvifError::Credentials(_) | OnvifError::Unreachable(_))) => return Err(error),
            Err(error) => profile.problem = Some(error.to_string()),
        }
        let snapshot = self.call(&Request::snapshot_uri(media, &profile.token)).await.ok();
        let snapshot = snapshot.and_then(|response| address::web(&self.address, &read::uri(&response)?));
        profile.snapshot = snapshot.map(String::from).filter(|uri| !self.tells_password(uri));
        Ok(())
    }

    async fn keep_stream(&self, profile: &mut Profile, told: Option<String>) {
        let found = told.and_then(|told| address::stream(&self.address, &told));
        let Some(uri) = found else {
            profile.problem = Some("the camera names no address that can be used for this stream".into());
            return;
        };
        if self.tells_password(uri.as_str()) {
            let words = "the camera puts the password into this stream's address, where it would be shown to everybody: give \
                         the camera a user of its own for streams, and enter the address by hand";
            profile.problem = Some(words.into());
            return;
        }
        profile.problem = (self.gate)(uri.clone()).await.err().map(|error| error.to_string());
        profile.uri = Some(uri.into());
    }

    fn tells_password(&self, uri: &str) -> bool {
        let password = self.wire.credentials().password.reveal();
        password.len() >= TELLING && [uri, &address::decoded(uri)].iter().any(|text| text.contains(password))
    }

    /// A picture, now, as JPEG.
    ///
    /// # Errors
    /// Any; `Unreadable` when it is something else.
    pub async fn snapshot(&self, profile: &str) -> Result<Vec<u8>, OnvifError> {
        let response = self.of_media(|media| Request::snapshot_uri(media, profile)).await?;
        let told = read::uri(&response).and_then(|told| address::web(&self.address, &told));
        let picture = self.wire.picture(&told.ok_or(OnvifError::Unsupported("pictures"))?).await?;
        if !picture.starts_with(&[0xff, 0xd8, 0xff]) {
            return Err(OnvifError::Unreadable("the camera's picture is no JPEG".into()));
        }
        Ok(picture)
    }

    /// Asks for a keyframe of a profile's stream.
    ///
    /// # Errors
    /// Any; many cameras refuse it.
    pub async fn synchronize(&self, profile: &str) -> Result<(), OnvifError> {
        self.of_media(|media| Request::synchronize(media, profile)).await.map(drop)
    }

    /// Moves until it is told to stop, or for 5 s: say it again while a button is held. No speed at all stops it.
    ///
    /// # Errors
    /// `Invalid` for a speed beyond -1 to 1; `Unsupported` when it cannot be moved.
    pub async fn move_by(&self, profile: &str, velocity: Velocity) -> Result<(), OnvifError> {
        if !velocity.is_valid() {
            return Err(OnvifError::Invalid("move: x, y and zoom are numbers from -1 to 1".into()));
        }
        if velocity.is_zero() {
            return self.stop(profile).await;
        }
        match self.call(&Request::moving(profile, velocity, true)).await {
            // Some know no limit of time, or want it within one of their own.
            Err(OnvifError::Refused { code, .. }) if code.starts_with("InvalidArg") || code.contains("Timeout") => {
                self.call(&Request::moving(profile, velocity, false)).await.map(drop)
            }
            other => other.map(drop),
        }
    }

    /// Stops all movement.
    ///
    /// # Errors
    /// `Unsupported` when it cannot be moved.
    pub async fn stop(&self, profile: &str) -> Result<(), OnvifError> {
        self.call(&Request::stop(profile)).await.map(drop)
    }

    /// Positions that it keeps.
    ///
    /// # Errors
    /// `Unsupported` when it cannot be moved.
    pub async fn presets(&self, profile: &str) -> Result<Vec<Preset>, OnvifError> {
        Ok(read::presets(&self.call(&Request::presets(profile)).await?))
    }

    /// Moves to a position that it keeps.
    ///
    /// # Errors
    /// `Refused` when it does not know it.
    pub async fn goto_preset(&self, profile: &str, preset: &str) -> Result<(), OnvifError> {
        self.call(&Request::goto_preset(profile, preset)).await.map(drop)
    }

    /// By version 2 of media, or 1 where that does not know it.
    async fn of_media(&self, request: impl Fn(Service) -> Request) -> Result<Node, OnvifError> {
        match self.call(&request(Service::Media2)).await {
            Err(OnvifError::Unsupported(_) | OnvifError::Refused { .. } | OnvifError::Unreadable(_)) => {
                self.call(&request(Service::Media)).await
            }
            other => other,
        }
    }

    async fn call(&self, request: &Request) -> Result<Node, OnvifError> {
        let session = self.session().await?;
        let url = session.of(request.service).ok_or(OnvifError::Unsupported(request.service.words()))?;
        let called = self.ask(url, request, session.ahead).await;
        if called.as_ref().is_err_and(OnvifError::is_credentials) {
            // Its clock may have been set since.
            *self.session.lock().await = None;
        }
        called
    }

    async fn ask(&self, url: &Url, request: &Request, ahead: SignedDuration) -> Result<Node, OnvifError> {
        let credentials = self.wire.credentials();
        let token = || {
            let at = Timestamp::now().checked_add(ahead).unwrap_or(Timestamp::now());
            if credentials.user.is_empty() { String::new() } else { security::token(credentials, rand::random(), at) }
        };
        match self.wire.soap(url, request, token).await? {
            Answer::Response(node) => Ok(node),
            Answer::Fault(fault) => Err(OnvifError::Refused {
                action: request.action,
                reason: if fault.reason.is_empty() { fault.code.clone() } else { fault.reason },
                code: fault.code,
            }),
        }
    }

    async fn session(&self) -> Result<Arc<Session>, OnvifError> {
        let mut held = self.session.lock().await;
        if let Some(session) = &*held {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(self.begin().await?);
        *held = Some(Arc::clone(&session));
        Ok(session)
    }

    /// The clock is asked for as nobody, since without it no token is right.
    async fn begin(&self) -> Result<Session, OnvifError> {
        let ahead = match self.wire.soap(&self.address, &Request::date(), String::new).await {
            Ok(Answer::Response(response)) => read::date(&response).map(|at| at.duration_since(Timestamp::now())),
            Ok(Answer::Fault(_)) | Err(OnvifError::Credentials(_)) => None,
            Err(error) => return Err(error),
        };
        let ahead = ahead.unwrap_or_default();
        let mut told = match self.ask(&self.address, &Request::services(), ahead).await {
            Ok(response) => read::services(&response),
            Err(OnvifError::Refused { .. } | OnvifError::Unreadable(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        if told.is_empty() {
            told = read::capabilities(&self.ask(&self.address, &Request::capabilities(), ahead).await?);
        }
        told.retain(|(service, _)| *service != Service::Device);
        let own = |(service, told): (Service, String)| Some((service, address::web(&self.address, &told)?));
        let services = told.into_iter().filter_map(own).chain([(Service::Device, self.address.clone())]).collect();
        Ok(Session { ahead, services })
    }
}

impl Session {
    fn of(&self, wanted: Service) -> Option<&Url> {
        self.services.iter().find(|(service, _)| *service == wanted).map(|(_, url)| url)
    }
}
