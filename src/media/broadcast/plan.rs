//! Where a broadcast goes, read from its wish. Pure: no name is looked up.

use crate::media::reach::{self, Way};
use crate::model::{BroadcastWish, Secret};
use url::Url;

/// SRT takes passphrases of these lengths in bytes.
const PASSPHRASE: std::ops::RangeInclusive<usize> = 10..=79;
/// SRT takes stream ids up to so many bytes.
const STREAM_ID: usize = 512;

/// A broadcast's address, understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    /// Scheme, host, port and path; no secrets.
    pub url: Url,
    pub to: To,
}

/// The protocol and what belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum To {
    Rtmp {
        key: Secret,
    },
    Srt(Srt),
    /// The port of pictures is the URL's; sound goes two above.
    Rtp,
}

/// An SRT connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Srt {
    /// Callers are waited for, instead of calling.
    pub listener: bool,
    /// Milliseconds; `None`: the element's own.
    pub latency: Option<i32>,
    pub stream_id: Secret,
    pub passphrase: Secret,
}

impl Plan {
    /// Understands a wish; else what is wrong with it, in words without secrets.
    pub(super) fn read(wish: &BroadcastWish) -> Result<Self, String> {
        let (url, _, password) = reach::parse(&wish.to).map_err(|error| error.to_string())?;
        let password = if wish.password.is_empty() { Secret::new(password) } else { wish.password.clone() };
        reach::host_of(&url).map_err(|error| error.to_string())?;
        match url.scheme() {
            "rtmp" | "rtmps" => rtmp(url, wish),
            "srt" => srt(url, wish, password),
            "rtp" => rtp(url),
            other => Err(format!("{other}:// is no way out: use rtmp://, rtmps://, srt:// or rtp://")),
        }
    }

    /// The port, when the address has none.
    pub(super) fn default_port(&self) -> u16 {
        match self.url.scheme() {
            "rtmp" => 1935,
            "rtmps" => 443,
            _ => 0,
        }
    }

    /// What its addresses are for.
    pub(super) fn way(&self) -> Way {
        match &self.to {
            To::Srt(srt) if srt.listener => Way::Listen,
            To::Rtp => Way::Group,
            To::Rtmp { .. } | To::Srt(_) => Way::Connect,
        }
    }
}

/// `rtmp://host/app/key`: the key is what follows the application, or stands in its own field.
fn rtmp(mut url: Url, wish: &BroadcastWish) -> Result<Plan, String> {
    let path = url.path().trim_matches('/').to_owned();
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let (app, key) = match path.rsplit_once('/') {
        _ if !wish.key.is_empty() => (path.clone(), format!("{}{query}", wish.key.reveal())),
        Some((app, key)) => (app.to_owned(), format!("{key}{query}")),
        None => (path.clone(), String::new()),
    };
    if app.is_empty() || key.is_empty() {
        return Err("the address needs an application, and a stream key in `key` or behind it: \
                    rtmp://live.example.org/app with key \"…\""
            .into());
    }
    url.set_query(None);
    url.set_fragment(None);
    url.set_path(&app);
    Ok(Plan { url, to: To::Rtmp { key: Secret::new(key) } })
}

fn srt(mut url: Url, wish: &BroadcastWish, passphrase: Secret) -> Result<Plan, String> {
    let mut srt = Srt { passphrase, stream_id: wish.key.clone(), ..Srt::default() };
    srt.listener = matches!(url.host_str(), Some("0.0.0.0" | "[::]"));
    for (name, value) in url.clone().query_pairs() {
        match (&*name, &*value) {
            ("mode", "listener") => srt.listener = true,
            ("mode", "caller") => srt.listener = false,
            ("latency", number) => srt.latency = Some(latency(number)?),
            ("streamid", id) if srt.stream_id.is_empty() => srt.stream_id = Secret::new(id),
            ("passphrase", words) if srt.passphrase.is_empty() => srt.passphrase = Secret::new(words),
            ("streamid" | "passphrase", _) => {}
            (name, _) => {
                return Err(format!(
                    "{name} is not understood: an SRT address takes mode=caller or mode=listener, latency=120, \
                     streamid=… and passphrase=…"
                ));
            }
        }
    }
    if url.port().is_none() {
        return Err("the address needs a port, as in srt://host:9000".into());
    }
    if !srt.passphrase.is_empty() && !PASSPHRASE.contains(&srt.passphrase.reveal().len()) {
        return Err("an SRT passphrase has 10 to 79 characters: give another password".into());
    }
    if srt.stream_id.reveal().len() > STREAM_ID {
        return Err(format!("an SRT stream id has at most {STREAM_ID} bytes: give a shorter key"));
    }
    url.set_query(None);
    url.set_path("");
    Ok(Plan { url, to: To::Srt(srt) })
}

fn latency(number: &str) -> Result<i32, String> {
    let read = number.parse::<i32>().ok().filter(|ms| (0..=60_000).contains(ms));
    read.ok_or_else(|| "latency is milliseconds, 0 to 60000, as in latency=120".into())
}

fn rtp(mut url: Url) -> Result<Plan, String> {
    match url.port() {
        Some(1..=65_532) => {
            url.set_query(None);
            url.set_path("");
            Ok(Plan { url, to: To::Rtp })
        }
        _ => {
            Err("the address needs a port up to 65532, as in rtp://host:5000; sound goes to the port two above".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(to: &str, key: &str, password: &str) -> Result<Plan, String> {
        let (key, password) = (Secret::new(key), Secret::new(password));
        Plan::read(&BroadcastWish { to: to.into(), key, password, ..BroadcastWish::default() })
    }

    fn key(plan: &Plan) -> &str {
        match &plan.to {
            To::Rtmp { key } => key.reveal(),
            To::Srt(srt) => srt.stream_id.reveal(),
            To::Rtp => "",
        }
    }

    #[test]
    fn the_key_of_rtmp_stands_in_its_field_or_behind_the_application() {
        for (to, field) in [
            ("rtmp://live.example.org/app", "k-1?a=b"),
            ("rtmp://live.example.org/app/", "k-1?a=b"),
            ("rtmp://live.example.org/app/k-1?a=b", ""),
        ] {
            let plan = read(to, field, "").unwrap();
            assert_eq!((plan.url.as_str(), key(&plan)), ("rtmp://live.example.org/app", "k-1?a=b"), "{to}");
            assert!(!format!("{plan:?}").contains("k-1"));
        }
        let nested = read("rtmps://live.example.org/app/instance", "k", "").unwrap();
        assert_eq!((nested.url.path(), nested.default_port()), ("/app/instance", 443));
        assert!(read("rtmp://live.example.org/app", "", "").unwrap_err().contains("stream key"));
    }

    #[test]
    fn srt_calls_or_listens() {
        let plan = read("srt://h:9000?latency=200", "publish/x", "0123456789").unwrap();
        let To::Srt(srt) = &plan.to else { panic!("{plan:?}") };
        assert_eq!((srt.listener, srt.latency, plan.way()), (false, Some(200), Way::Connect));
        assert_eq!((plan.url.as_str(), key(&plan)), ("srt://h:9000", "publish/x"));
        for to in ["srt://:9000", "srt://127.0.0.1:9000?mode=listener"] {
            assert_eq!(read(to, "", "").unwrap().way(), Way::Listen, "{to}");
        }
        for (to, password, told) in [
            ("srt://h", "", "port"),
            ("srt://h:1?mode=x", "", "mode"),
            ("srt://h:1?latency=-1", "", "latency"),
            ("srt://h:1", "short", "10 to 79"),
        ] {
            assert!(read(to, "", password).unwrap_err().contains(told), "{to}");
        }
    }

    #[test]
    fn other_addresses_are_refused_with_what_to_do() {
        assert_eq!(read("rtp://239.1.1.1:5000", "", "").unwrap().way(), Way::Group);
        for (to, told) in [
            ("rtp://h", "port"),
            ("rtp://h:65533", "65532"),
            ("http://h/x", "rtmp://"),
            ("nonsense", "URI"),
            ("", "URI"),
        ] {
            let words = read(to, "", "").unwrap_err();
            assert!(words.contains(told), "{to}: {words}");
        }
    }
}
