//! HTTP toward one device: to addresses that were checked and no others, bounded in time and size, without redirects.
//!
//! Decides how it is proved who asks: WS-Security at first, HTTP's digest once the device demands it. The password itself
//! is never sent, so a device that knows only HTTP's basic way is refused.

use super::request::Request;
use super::security::Credentials;
use super::soap::{self, Answer};
use super::{Gate, OnvifError};
use digest_auth::{AuthContext, HttpMethod, WwwAuthenticateHeader};
use parking_lot::Mutex;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use reqwest::{Method, Response, StatusCode};
use std::net::SocketAddr;
use std::time::Duration;
use url::{Position, Url};

/// A device that does not take a connection within this is not there.
const CONNECT_LIMIT: Duration = Duration::from_secs(4);
/// One request.
const LIMIT: Duration = Duration::from_secs(8);
/// A SOAP answer; the longest seen had some 100 kB.
const MAX_ANSWER: usize = 1024 * 1024;
/// A picture.
const MAX_PICTURE: usize = 8 * 1024 * 1024;

/// A way to a device.
pub struct Wire {
    gate: Gate,
    credentials: Credentials,
    /// Kept as long as the name leads to the same addresses.
    held: Mutex<Option<(String, Vec<SocketAddr>, reqwest::Client)>>,
    /// How the device wants to be answered by HTTP's digest, `None` as long as it did not demand it. Many demand it for
    /// pictures and refuse it for SOAP.
    soap: Prompt,
    pictures: Prompt,
}

type Prompt = Mutex<Option<WwwAuthenticateHeader>>;

/// One HTTP request, made anew when it has to be sent again.
struct Sending<'a> {
    method: Method,
    url: &'a Url,
    action: String,
    body: Vec<u8>,
}

impl Wire {
    /// To a device that knows these credentials; what may be reached is `gate`'s to say.
    pub fn new(gate: Gate, credentials: Credentials) -> Self {
        Self { gate, credentials, held: Mutex::default(), soap: Mutex::default(), pictures: Mutex::default() }
    }

    /// Whom the device knows.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Sends a SOAP request. `token` makes WS-Security's header; left out where HTTP's digest is in use.
    pub async fn soap(&self, url: &Url, request: &Request, token: impl Fn() -> String) -> Result<Answer, OnvifError> {
        let digest = self.soap.lock().is_some();
        let body = |header: &str| soap::envelope(header, &request.body()).into_bytes();
        let first = if digest { body("") } else { body(&token()) };
        let sending = Sending { method: Method::POST, url, action: request.action_uri(), body: first };
        let mut response = self.send(&sending).await?;
        if self.demands_digest(&response, &self.soap) {
            response = self.send(&Sending { body: body(""), ..sending }).await?;
        }
        let status = response.status();
        let answer = soap::read(&limited(response, MAX_ANSWER).await?);
        self.judged(status, answer)
    }

    /// Fetches a picture.
    pub async fn picture(&self, url: &Url) -> Result<Vec<u8>, OnvifError> {
        let sending = Sending { method: Method::GET, url, action: String::new(), body: Vec::new() };
        let mut response = self.send(&sending).await?;
        if self.demands_digest(&response, &self.pictures) {
            response = self.send(&sending).await?;
        }
        match response.status() {
            status if status.is_success() => limited(response, MAX_PICTURE).await,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(self.refused()),
            status => Err(OnvifError::Unreadable(format!("the camera answered {status} instead of a picture"))),
        }
    }

    fn judged(&self, status: StatusCode, answer: Result<Answer, String>) -> Result<Answer, OnvifError> {
        match (status, answer) {
            (_, Ok(Answer::Fault(fault))) if fault.is_credentials() => Err(self.refused()),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => Err(self.refused()),
            (_, Ok(answer)) => Ok(answer),
            (status, Err(_)) if status.is_redirection() => Err(OnvifError::Unreadable(
                "the camera sends us to another address: give that one, perhaps with https:// in front".into(),
            )),
            (status, Err(_)) if !status.is_success() => Err(OnvifError::Unreadable(format!(
                "there is no ONVIF service at this address (it answered {status}): check address and port, and that ONVIF \
                 is switched on in the camera's settings"
            ))),
            (_, Err(why)) => Err(OnvifError::Unreadable(format!("the camera's answer cannot be read: {why}"))),
        }
    }

    fn refused(&self) -> OnvifError {
        OnvifError::Credentials(if self.credentials.user.is_empty() {
            "the camera wants a user and a password".into()
        } else {
            "the camera does not accept this user and password: many cameras have users for ONVIF of their own, and their \
             clock must be right"
                .into()
        })
    }

    /// Whether the device wants HTTP's digest, for which `send` is then ready.
    fn demands_digest(&self, response: &Response, known: &Prompt) -> bool {
        if response.status() != StatusCode::UNAUTHORIZED || self.credentials.user.is_empty() {
            return false;
        }
        let headers = response.headers().get_all(WWW_AUTHENTICATE).into_iter().filter_map(|value| value.to_str().ok());
        let prompt = headers.into_iter().find_map(challenge);
        let demanded = prompt.is_some();
        *known.lock() = prompt;
        demanded
    }

    async fn send(&self, sending: &Sending<'_>) -> Result<Response, OnvifError> {
        let client = self.client(sending.url).await?;
        let mut request = client.request(sending.method.clone(), sending.url.clone());
        if !sending.body.is_empty() {
            let kind = format!("application/soap+xml; charset=utf-8; action=\"{}\"", sending.action);
            request = request.header(CONTENT_TYPE, kind).body(sending.body.clone());
        }
        if let Some(answer) = self.answered_prompt(sending) {
            request = request.header(AUTHORIZATION, answer);
        }
        request.send().await.map_err(unreachable)
    }

    fn answered_prompt(&self, sending: &Sending) -> Option<String> {
        let is_soap = sending.method == Method::POST;
        let mut prompt = if is_soap { self.soap.lock() } else { self.pictures.lock() };
        let Credentials { user, password } = &self.credentials;
        let uri = &sending.url[Position::BeforePath..Position::AfterQuery];
        let method = if is_soap { HttpMethod::POST } else { HttpMethod::GET };
        let context = AuthContext::new_with_method(user, password.reveal(), uri, Some(&sending.body[..]), method);
        prompt.as_mut()?.respond(&context).ok().map(|header| header.to_header_string())
    }

    /// Asks the gate each time: what a name leads to may have changed.
    async fn client(&self, url: &Url) -> Result<reqwest::Client, OnvifError> {
        let addresses = (self.gate)(url.clone()).await?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut held = self.held.lock();
        if let Some((_, _, client)) = held.as_ref().filter(|(name, known, _)| *name == host && *known == addresses) {
            return Ok(client.clone());
        }
        let client = build(&host, &addresses).map_err(unreachable)?;
        *held = Some((host, addresses, client.clone()));
        Ok(client)
    }
}

fn build(host: &str, addresses: &[SocketAddr]) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_LIMIT)
        .timeout(LIMIT)
        .resolve_to_addrs(host, addresses)
        .build()
}

/// A digest challenge, if this is one that can be answered.
pub fn challenge(header: &str) -> Option<WwwAuthenticateHeader> {
    let (scheme, rest) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("digest") {
        return None;
    }
    WwwAuthenticateHeader::parse(rest).ok()
}

async fn limited(mut response: Response, limit: usize) -> Result<Vec<u8>, OnvifError> {
    let mut all = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if all.len() + chunk.len() > limit {
            return Err(OnvifError::Unreadable(format!("the camera's answer is longer than {limit} bytes")));
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all)
}

fn unreachable(error: reqwest::Error) -> OnvifError {
    let chain = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let last = chain.last().map(ToString::to_string).unwrap_or_default();
    OnvifError::Unreachable(if error.is_timeout() {
        format!("the camera does not answer within {} s: check its address and port", LIMIT.as_secs())
    } else if last.contains("certificate") {
        "the camera's certificate is not trusted: use http://, or give it one that this machine trusts".into()
    } else if error.is_connect() {
        format!("no connection to the camera ({last}): check its address and port")
    } else {
        format!("the connection to the camera failed ({last})")
    })
}
