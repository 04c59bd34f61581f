//! The parts of other layers that are started here, each behind one small function.

use super::StartError;
use crate::config;
use crate::config::PublicIps;
use crate::demo::publisher::PublisherSpec;
use crate::demo::{self, DemoSpec};
use crate::media::reach::{self, ReachError, Way};
use crate::media::{GstEngine, files, ice};
use crate::onvif::{Onvif, OnvifError, Search};
use crate::recordings::{self, Pace, Recordings, Repair, Repaired};
use crate::room::Mixes;
use crate::signaling;
use axum::Router;
use futures::FutureExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

/// The start waits no longer for a STUN server.
pub const STUN_LIMIT: Duration = Duration::from_secs(3);

/// Of RTSP when a URI names none.
const RTSP_PORT: u16 = 554;
/// The same with TLS.
const RTSPS_PORT: u16 = 322;

/// The synthetic device of demo mode.
pub type Demo = demo::Demo;

/// The real engine.
pub fn start_engine(config: &config::Config) -> Result<Arc<GstEngine>, StartError> {
    GstEngine::start(config).map_err(|e| StartError::Media(e.to_string()))
}

/// With `public_ips = "auto"`, puts what the STUN server sees in its place; without an answer, nothing, which means
/// this machine's own addresses.
pub async fn find_public_ips(media: &mut config::Media) {
    if media.public_ips != PublicIps::Auto {
        return;
    }
    let found = ice::public_ips(&media.stun_server, media.bind, STUN_LIMIT).await;
    match &found {
        Ok(ips) => tracing::info!(?ips, server = media.stun_server, "public addresses found"),
        Err(error) => tracing::warn!(
            server = media.stun_server,
            %error,
            "the public addresses cannot be found out; clients are told this machine's own. Set media.public_ips"
        ),
    }
    media.public_ips = PublicIps::Listed(found.unwrap_or_default());
}

/// What the recordings are opened with.
pub fn store_options(config: &config::Config) -> recordings::Options {
    recordings::Options {
        dir: config.recording.folder(&config.server),
        settings: config.recording.clone(),
        storage: config.storage.clone(),
        repair: repair(),
        still: Arc::new(|path, at, width| files::still(path, at, width).map_err(|error| error.to_string())),
        pace: Pace::default(),
    }
}

/// What a crash left is finished by the engine's tools.
fn repair() -> Repair {
    Arc::new(|path| {
        let files::Repaired { duration_ms, bytes, codecs, width, height, facts, detail: _ } =
            files::repair(path).map_err(|error| error.to_string())?;
        Ok(Repaired { duration_ms, bytes, codecs, width, height, facts })
    })
}

/// ONVIF, within what `[reach]` allows.
pub fn onvif(config: &config::Config) -> Onvif {
    let allowed = config.reach.clone();
    let gate = move |url: Url| {
        let allowed = allowed.clone();
        async move {
            let usual = if url.scheme() == "rtsps" { RTSPS_PORT } else { RTSP_PORT };
            let target = reach::target(&allowed, url.as_str(), usual, Way::Connect).await;
            target.map(|target| target.addresses).map_err(|error| match error {
                ReachError::Invalid(words) => OnvifError::Invalid(words),
                ReachError::Forbidden(words) => OnvifError::Forbidden(words),
                ReachError::Unknown(words) => OnvifError::Unreachable(words),
            })
        }
        .boxed()
    };
    let config::Onvif { interfaces, search } = config.onvif.clone();
    Onvif::new(Arc::new(gate), Search { interfaces, limit: search })
}

/// What mixes may take together.
pub fn mixes(config: &config::Recording) -> Mixes {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Mixes { cores: cores as f64 * f64::from(config.mix_cpu_percent) / 100.0, templates: config.templates.clone() }
}

/// The tasks that look after the recordings; they end when `closing` is cancelled.
pub fn start_keepers(recordings: &Recordings, closing: &CancellationToken) -> Vec<JoinHandle<()>> {
    let mut tasks = recordings.start_uploads(closing);
    tasks.push(recordings.start_housekeeping(closing.clone()));
    tasks
}

/// The dialects' routes.
pub fn signaling_routes(shared: signaling::Shared) -> Router {
    signaling::router(shared)
}

/// A synthetic device that connects to this service like any other.
pub fn start_demo(url: String, token: String) -> Demo {
    demo::start(DemoSpec { url, id: "demo".into(), token, media: PublisherSpec::default() })
}

/// Ends the synthetic device.
pub async fn stop_demo(demo: Demo) {
    demo.stop().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::UdpSocket;

    fn auto(server: String) -> config::Media {
        let bind = [127, 0, 0, 1].into();
        config::Media { bind, public_ips: PublicIps::Auto, stun_server: server, ..config::Media::default() }
    }

    /// Answers as if we were behind 203.0.113.9 (RFC 8489 14.2).
    async fn stun_server() -> String {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let mut packet = [0; 64];
            let (_, from) = socket.recv_from(&mut packet).await.unwrap();
            let mut answer = [&[1, 1, 0, 12][..], &packet[4..20], &[0, 32, 0, 8, 0, 1, 0, 0]].concat();
            answer.extend([203, 0, 113, 9].iter().zip([0x21, 0x12, 0xa4, 0x42]).map(|(a, b)| a ^ b));
            socket.send_to(&answer, from).await.unwrap();
        });
        address
    }

    #[tokio::test]
    async fn what_the_stun_server_sees_is_announced() {
        let mut media = auto(stun_server().await);
        find_public_ips(&mut media).await;
        assert_eq!(media.announced(), ["203.0.113.9".parse::<std::net::IpAddr>().unwrap()]);
    }

    #[tokio::test]
    async fn without_an_answer_it_is_our_own_addresses() {
        let mut media = auto("127.0.0.1:1".into());
        find_public_ips(&mut media).await;
        assert_eq!(media.announced(), [media.bind]);
    }
}
