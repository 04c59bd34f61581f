//! HTTP for sources: every address is checked, of redirects too, and connected to as checked.
//!
//! Decides on credentials (basic and digest, for the first origin only), the pinned certificate and what a failure means.
//! GStreamer's own HTTP elements would follow redirects and playlists anywhere.

use super::pin;
use crate::config::Reach;
use crate::media::camera::plan::Plan;
use crate::media::camera::trouble::Trouble;
use crate::media::reach::{self, ReachError, Way};
use crate::model::IngestReason;
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, HeaderValue, LOCATION, RANGE, WWW_AUTHENTICATE};
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

const REDIRECTS: usize = 5;

/// Makes requests for one source.
pub struct Client {
    http: reqwest::Client,
    reach: Arc<Reach>,
    origin: url::Origin,
    user: String,
    password: String,
    limit: Duration,
}

/// Part of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub from: u64,
    /// How many; `None`: to the end.
    pub length: Option<u64>,
}

/// What is answered to a 401.
enum Auth {
    Digest(HeaderValue),
    Basic,
}

/// What the connector asks: names become addresses that passed.
struct Resolver(Arc<Reach>);

impl reqwest::dns::Resolve for Resolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let reach = self.0.clone();
        Box::pin(async move {
            let host = Host::Domain(name.as_str().to_owned());
            let found = reach::resolve(&reach, &host, 0, Way::Connect).await?;
            Ok(Box::new(found.into_iter()) as Box<dyn Iterator<Item = SocketAddr> + Send>)
        })
    }
}

impl Client {
    /// For this source.
    ///
    /// # Errors
    /// `Certificate`: the fingerprint is none.
    pub fn new(plan: &Plan) -> Result<Self, Trouble> {
        let failed = |error: reqwest::Error| Trouble::new(IngestReason::Failed, error.to_string());
        let mut builder = reqwest::Client::builder()
            .dns_resolver(Resolver(plan.reach.clone()))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(plan.settings.connect_limit);
        if !plan.wish.fingerprint.is_empty() {
            builder = builder.tls_backend_preconfigured(pin::config(&plan.wish.fingerprint)?);
        }
        Ok(Self {
            http: builder.build().map_err(failed)?,
            reach: plan.reach.clone(),
            origin: plan.url.origin(),
            user: plan.user.clone(),
            password: plan.password.clone(),
            limit: plan.settings.connect_limit,
        })
    }

    /// The answer to a GET, after redirects and authentication; and where it came from.
    ///
    /// # Errors
    /// By what is to be done about it.
    pub async fn get(&self, url: &Url, span: Option<Span>) -> Result<(reqwest::Response, Url), Trouble> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS {
            let answer = self.authorised(&url, span).await?;
            match answer.status() {
                status if status.is_redirection() => url = redirect(&url, &answer)?,
                status if status.is_success() => return Ok((answer, url)),
                status => return Err(refused(status)),
            }
        }
        Err(Trouble::new(IngestReason::Failed, "it redirects again and again"))
    }

    async fn authorised(&self, url: &Url, span: Option<Span>) -> Result<reqwest::Response, Trouble> {
        let answer = self.ask(url, span, None).await?;
        let known = !self.user.is_empty() && url.origin() == self.origin;
        if answer.status() != StatusCode::UNAUTHORIZED || !known {
            return Ok(answer);
        }
        match self.credentials(url, &answer) {
            Some(credentials) => self.ask(url, span, Some(credentials)).await,
            None => Ok(answer),
        }
    }

    async fn ask(&self, url: &Url, span: Option<Span>, auth: Option<Auth>) -> Result<reqwest::Response, Trouble> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Trouble::new(IngestReason::Forbidden, "it leads to something that is not HTTP"));
        }
        reach::scheme(&self.reach, url)?;
        // Addresses written as such never reach the resolver.
        reach::resolve(&self.reach, &reach::host_of(url)?, 0, Way::Connect).await?;
        let mut request = self.http.get(url.clone());
        if let Some(span) = span {
            let last = span.length.map_or_else(String::new, |n| (span.from + n).saturating_sub(1).to_string());
            request = request.header(RANGE, format!("bytes={}-{last}", span.from));
        }
        request = match auth {
            Some(Auth::Digest(answer)) => request.header(AUTHORIZATION, answer),
            Some(Auth::Basic) => request.basic_auth(&self.user, Some(&self.password)),
            None => request,
        };
        match tokio::time::timeout(self.limit, request.send()).await {
            Ok(answer) => answer.map_err(|error| trouble(&error)),
            Err(_) => Err(Trouble::new(IngestReason::Unreachable, "it does not answer: check its address and port")),
        }
    }

    /// For what it asks: digest if it can, else basic.
    fn credentials(&self, url: &Url, answer: &reqwest::Response) -> Option<Auth> {
        let asked = answer.headers().get_all(WWW_AUTHENTICATE);
        let asked: Vec<&str> = asked.iter().filter_map(|header| header.to_str().ok()).collect();
        let is = |text: &str, scheme: &str| text.get(..scheme.len()).is_some_and(|t| t.eq_ignore_ascii_case(scheme));
        let Some(digest) = asked.iter().find(|text| is(text, "digest ")) else {
            return asked.iter().any(|text| is(text, "basic")).then_some(Auth::Basic);
        };
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let context = digest_auth::AuthContext::new(self.user.as_str(), self.password.as_str(), path);
        let text = digest_auth::parse(digest).ok()?.respond(&context).ok()?.to_header_string();
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(Auth::Digest(value))
    }
}

fn redirect(from: &Url, answer: &reqwest::Response) -> Result<Url, Trouble> {
    let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok()).and_then(|to| from.join(to).ok());
    to.ok_or_else(|| Trouble::new(IngestReason::Failed, "it redirects to nowhere"))
}

fn refused(status: StatusCode) -> Trouble {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Trouble::new(
            IngestReason::Credentials,
            "it refuses user and password: set `user` and `password` as it knows them",
        ),
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            Trouble::new(IngestReason::NotFound, "it has no such stream: check the path of the URI")
        }
        status => Trouble::new(IngestReason::Failed, format!("it answers {status}")),
    }
}

/// What a failed request means. Texts of reqwest hold the URL: they are not shown.
pub fn trouble(error: &reqwest::Error) -> Trouble {
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(at) = cause {
        if let Some(refusal) = at.downcast_ref::<ReachError>() {
            return refusal.clone().into();
        }
        let text = at.to_string().to_ascii_lowercase();
        if text.contains("certificate") || text.contains("tls") {
            let detail = "its certificate is not trusted, or not the pinned one: compare it and set `fingerprint` to its SHA-256";
            return Trouble::new(IngestReason::Certificate, detail);
        }
        cause = at.source();
    }
    if error.is_connect() || error.is_timeout() {
        let detail = "it cannot be reached: check its address and port, and that it is switched on";
        return Trouble::new(IngestReason::Unreachable, detail);
    }
    Trouble::new(IngestReason::Closed, "it closed the connection")
}
