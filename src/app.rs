//! The one place where all is wired, by `main` and by every test.
//!
//! Decides the order of starting and of ending; what each part does is its own.

mod cameras;
mod descriptors;
mod either;
mod layers;
mod logs;
mod parts;
mod pictures;
mod rtsp;
mod serve;
mod tls;
mod turn;

pub use descriptors::raise as raise_descriptors;
pub use logs::{LogError, init as init_logs};

use crate::auth::{Auth, TokenRole};
use crate::config::{Config, DEMO_SECRET, Problems};
use crate::media::{Engine, GstEngine};
use crate::recordings::{Recordings, StoreError};
use crate::room::{Lobby, Rooms};
use crate::{admin, journal, signaling};
use serve::Server;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Why the service does not start, with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Settings that do not go together.
    #[error("the settings cannot be used:\n{0}")]
    Config(#[from] Problems),
    /// An address cannot be had.
    #[error(
        "cannot listen on {address} ({key}): {cause}\n  remedy: end what uses that port, or choose another by {flag} or in the settings"
    )]
    Bind {
        /// The setting.
        key: &'static str,
        /// The flag that changes it.
        flag: &'static str,
        /// Its address.
        address: SocketAddr,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The certificate cannot be used or made.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    /// The recordings' folder cannot be used.
    #[error("the recordings cannot be stored: {0}\n  remedy: see recording.dir and server.data_dir")]
    Store(#[from] StoreError),
    /// The STUN and TURN server does not start.
    #[error("the STUN and TURN server does not start: {0}\n  remedy: MILLRACE_TURN__LISTEN=\"\" switches it off")]
    Turn(String),
    /// The media engine does not start.
    #[error("the media engine does not start: {0}\n  remedy: run `millrace doctor`")]
    Media(String),
}

/// Starts the service.
pub struct App;

impl App {
    /// Starts everything. Listening is done when this returns.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        let mut config = ready(config)?;
        parts::find_public_ips(&mut config.media).await;
        let settings = config.clone();
        let started = tokio::task::spawn_blocking(move || parts::start_engine(&settings)).await;
        let engine = started.map_err(|e| StartError::Media(e.to_string()))??;
        let media = (engine.local_addr(), engine.clone());
        run(config, engine, Some(media)).await
    }

    /// The same with an engine of the caller's: tests of all that is not media.
    pub async fn start_with(config: Config, engine: Arc<dyn Engine>) -> Result<Running, StartError> {
        run(ready(config)?, engine, None).await
    }
}

/// Checks the settings once and, without a secret, keeps the service on this machine.
fn ready(mut config: Config) -> Result<Config, StartError> {
    config.check()?;
    if !config.openvidu.taken.is_empty() {
        tracing::info!(variables = config.openvidu.taken.join(" "), "settings were taken from OpenVidu's variables");
    }
    if config.demo && config.openvidu.secret.is_none() {
        tracing::warn!("demo mode: applications of OpenVidu may use the secret {DEMO_SECRET}, which everybody knows");
        config.openvidu.secret = Some(DEMO_SECRET.into());
    }
    let (config, warning) = config.confined();
    if let Some(warning) = warning {
        tracing::warn!("{warning}");
    }
    Ok(config)
}

/// `media`: the real engine, once more as itself.
async fn run(
    config: Config,
    engine: Arc<dyn Engine>,
    media: Option<(SocketAddr, Arc<GstEngine>)>,
) -> Result<Running, StartError> {
    let recordings = open_recordings(&config).await?;
    let auth = Auth::new(config.auth.secret.as_deref());
    let rooms = Rooms::new(config.rooms.clone(), Arc::clone(&engine), recordings.clone());
    rooms.allow_mixes(parts::mixes(&config.recording));
    let (lobby, closing) = (Lobby::new(config.rooms.invitation_limit), CancellationToken::new());
    let shared = admin::Shared {
        rooms: rooms.clone(),
        lobby: lobby.clone(),
        engine: Arc::clone(&engine),
        recordings: recordings.clone(),
        rtsp_port: config.rtsp.listen.map(|listen| listen.port()),
        guests: config.guests.dialects.clone(),
        demo: config.demo,
        auth: auth.clone(),
        closing: closing.clone(),
        started: Instant::now(),
        metrics: admin::install_metrics(),
        onvif: parts::onvif(&config),
    };
    let journal = tokio::spawn(journal::keep(rooms.journal()));
    let silent = CancellationToken::new();
    let webhook = tokio::spawn(journal::deliver(rooms.journal(), config.webhook.clone(), silent.clone()));
    let (turn, handout) = turn::start(&config, media.as_ref().map(|(address, _)| *address))?;
    let last = TaskTracker::new();
    let signaling = parts::signaling_routes(signaling::Shared {
        rooms: rooms.clone(),
        recordings: recordings.clone(),
        lobby,
        auth: auth.clone(),
        limits: config.rooms.clone(),
        handout,
        quotas: signaling::quota::Quotas::new(&config.guests),
        guests: Arc::new(config.guests.clone()),
        openvidu: Arc::new(config.openvidu.clone()),
        server: Arc::new(config.server.clone()),
        closing: closing.clone(),
        last: last.clone(),
    });
    let confined = auth.is_open() && !config.auth.insecure_open;
    let router = layers::around(admin::router(shared).merge(signaling), closing.clone(), confined);
    let router = if config.openvidu.secret.is_some() { signaling::openvidu::with_aliases(router) } else { router };
    let http = serve::http(config.server.http, router.clone())?;
    let https = serve::https(&config, router)?;
    let rtsp = media.as_ref().map(|(_, engine)| rtsp::start(&config, engine, (&auth, &rooms), &closing)).transpose()?;
    let demo = config.demo.then(|| start_demo(&auth, http.address()));
    let told = rooms.clone();
    recordings.on_change(Arc::new(move |recording| told.announce(recording.clone())));
    let mut keepers = parts::start_keepers(&recordings, &closing);
    keepers.push(pictures::start(rooms.clone(), recordings, closing.clone()));
    cameras::add(&rooms, &config).await;
    let limit = config.server.shutdown_limit;
    Ok(Running {
        auth,
        rooms,
        engine,
        media: media.map(|(address, _)| address),
        http,
        https,
        rtsp: rtsp.flatten(),
        turn,
        demo,
        journal,
        keepers,
        webhook: (webhook, silent),
        last,
        closing,
        limit,
    })
}

/// Off the async threads: the index is compared with all folders.
async fn open_recordings(config: &Config) -> Result<Recordings, StartError> {
    let options = parts::store_options(config);
    let opened = tokio::task::spawn_blocking(move || Recordings::open_with(options)).await;
    let failed = |e| StoreError::Io { dir: config.recording.folder(&config.server), source: std::io::Error::other(e) };
    Ok(opened.map_err(failed)??)
}

fn start_demo(auth: &Auth, http: SocketAddr) -> parts::Demo {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    let token = auth.issue(TokenRole::Device, None, YEAR).unwrap_or_else(|| "demo".into());
    parts::start_demo(format!("ws://{}", serve::reachable(http)), token)
}

/// A running service.
pub struct Running {
    auth: Auth,
    rooms: Rooms,
    engine: Arc<dyn Engine>,
    media: Option<SocketAddr>,
    http: Server,
    https: Option<Server>,
    rtsp: Option<rtsp::Server>,
    turn: Option<crate::turn::Server>,
    demo: Option<parts::Demo>,
    journal: JoinHandle<()>,
    /// With the token that tells it that no room is left.
    webhook: (JoinHandle<()>, CancellationToken),
    /// What dialects have to do at the end.
    last: TaskTracker,
    /// Housekeeping and uploads of the recordings.
    keepers: Vec<JoinHandle<()>>,
    closing: CancellationToken,
    limit: Duration,
}

impl Running {
    /// Where plain HTTP and WebSocket are.
    pub fn http(&self) -> SocketAddr {
        self.http.address()
    }
    /// Where HTTPS is, if it is on.
    pub fn https(&self) -> Option<SocketAddr> {
        self.https.as_ref().map(Server::address)
    }
    /// The one UDP port of media, with the real engine.
    pub fn media(&self) -> Option<SocketAddr> {
        self.media
    }
    /// Where the RTSP server is, if it is on.
    pub fn rtsp(&self) -> Option<SocketAddr> {
        self.rtsp.as_ref().map(|server| server.address)
    }
    /// Where the STUN and TURN server is, as far as it is on.
    pub fn turn(&self) -> crate::turn::Ports {
        self.turn.as_ref().map(crate::turn::Server::ports).unwrap_or_default()
    }
    /// Makes and checks this service's tokens.
    pub fn auth(&self) -> &Auth {
        &self.auth
    }
    /// The rooms of this service.
    pub fn rooms(&self) -> &Rooms {
        &self.rooms
    }
    /// The addresses to open in a browser.
    pub fn urls(&self) -> Vec<String> {
        let http = format!("http://{}", serve::reachable_name(self.http()));
        let https = self.https().map(|address| format!("https://{}", serve::reachable_name(address)));
        std::iter::once(http).chain(https).collect()
    }

    /// Ends in order: newcomers are refused, clients told, recordings finished, pipelines stopped, sockets closed.
    /// Returns within `server.shutdown_limit`.
    pub async fn shutdown(mut self) {
        let deadline = tokio::time::Instant::now() + self.limit;
        if tokio::time::timeout_at(deadline, self.end_in_order(deadline)).await.is_err() {
            tracing::warn!(duration_ms = self.limit.as_millis() as u64, "shutdown took too long and was cut short");
        }
        self.journal.abort();
    }

    async fn end_in_order(&mut self, deadline: tokio::time::Instant) {
        self.closing.cancel();
        if let Some(demo) = self.demo.take() {
            parts::stop_demo(demo).await;
        }
        // What follows needs time as well.
        self.rooms.shutdown(left(deadline).mul_f32(0.7)).await;
        self.webhook.1.cancel();
        let (engine, limit) = (Arc::clone(&self.engine), left(deadline).mul_f32(0.7));
        match tokio::task::spawn_blocking(move || engine.shutdown(limit)).await {
            Ok(0) => (),
            Ok(peers) => tracing::warn!(peers, "peers could not be ended in time"),
            Err(e) => tracing::warn!(reason = %e, "the media engine failed while it was stopped"),
        }
        let limit = left(deadline).mul_f32(0.7);
        let https = async {
            if let Some(server) = self.https.take() {
                server.stop(limit).await;
            }
        };
        let rtsp = async {
            if let Some(server) = self.rtsp.take() {
                server.ended(limit).await;
            }
        };
        // After the rooms: their clients may have been told through a relay.
        let turn = async {
            if let Some(server) = self.turn.take() {
                server.stop(limit).await;
            }
        };
        let webhook = tokio::time::timeout(limit, &mut self.webhook.0);
        let keepers = futures::future::join_all(self.keepers.drain(..));
        self.last.close();
        let last = tokio::time::timeout(limit, self.last.wait());
        let _ = tokio::join!(self.http.stop(limit), https, rtsp, turn, webhook, keepers, last);
    }
}

fn left(deadline: tokio::time::Instant) -> Duration {
    deadline.saturating_duration_since(tokio::time::Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_demo_mode_has_a_secret_that_everybody_knows() {
        let secret = |demo, own: Option<&str>| {
            let mut config = Config { demo, ..Config::default() };
            config.openvidu.secret = own.map(str::to_owned);
            ready(config).unwrap().openvidu.secret
        };
        assert_eq!(secret(false, None), None);
        assert_eq!(secret(true, None).as_deref(), Some(DEMO_SECRET));
        assert_eq!(secret(true, Some("own")).as_deref(), Some("own"));
    }
}
