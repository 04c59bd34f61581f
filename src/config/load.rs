//! Where settings come from: file < environment < flags. Finds the key, the source and a remedy for what is wrong.

use super::{Config, openvidu_env};
use config::builder::DefaultState;
use config::{ConfigBuilder, ConfigError, File, FileFormat, Value, ValueKind};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Prefix of the environment variables, e.g. `MILLRACE_SERVER__HTTP`.
const PREFIX: &str = "MILLRACE_";
/// Variables with the prefix that are no settings: the file's path, read by the command line.
const NOT_SETTINGS: [&str; 1] = ["MILLRACE_CONFIG"];
/// Settings that are lists: in the environment and in flags their items stand between commas.
const LISTS: [&str; 18] = [
    "openvidu.filters",
    "openvidu.filter_templates",
    "openvidu.ice_servers",
    "openvidu.webhook_headers",
    "openvidu.webhook_events",
    "server.allow_origins",
    "server.trusted_proxies",
    "guests.dialects",
    "media.public_ips",
    "turn.listen",
    "turn.listen_tls",
    "turn.peers",
    "turn.servers",
    "webhook.events",
    "reach.schemes",
    "reach.hosts",
    "reach.networks",
    "reach.special",
];

/// A setting from outside the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Dotted key, e.g. `server.http`.
    pub key: String,
    /// Its value as text; what it means is the setting's to say.
    pub value: String,
    /// For errors: the variable's or the flag's name.
    pub origin: String,
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file is not there or cannot be read.
    #[error(
        "cannot read the settings file {path}: {cause}\n  remedy: check the path given by --config or MILLRACE_CONFIG"
    )]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not TOML: {cause}\n  remedy: compare with the commented sample millrace.toml")]
    Syntax {
        /// Which.
        path: PathBuf,
        /// Where and what.
        cause: String,
    },
    /// A key or its value is wrong.
    #[error("wrong setting `{key}` (from {origin}): {cause}\n  remedy: {remedy}")]
    Setting {
        /// Dotted key.
        key: String,
        /// File, variable or flag.
        origin: String,
        /// What was found and what was expected.
        cause: String,
        /// What to do.
        remedy: String,
    },
}

/// Loads the file (if one), then the environment, then flags; the later wins. Does not [`check`](Config::check).
pub fn load(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
    flags: Vec<Source>,
) -> Result<Config, LoadError> {
    let environment: HashMap<String, String> = environment.collect();
    let mut sources: Vec<Source> = environment.iter().filter_map(setting_of_variable).collect();
    sources.extend(flags);
    let mut builder = config::Config::builder();
    if let Some(path) = file {
        builder = add_file(builder, path)?;
    }
    for source in &sources {
        builder = add_source(builder, source)?;
    }
    let own = builder.build_cloned().map_err(|e| syntax_error(file, &e))?;
    let mut names = Vec::new();
    for taken in openvidu_env::take(&environment, &own)? {
        builder = add_value(builder, &taken.source, taken.value)?;
        sources.push(taken.source);
        names.extend(taken.names.iter().filter(|name| environment.contains_key(**name)));
    }
    let read = builder.build().map_err(|e| syntax_error(file, &e))?;
    let mut read: Config = serde_path_to_error::deserialize(read).map_err(|e| setting_error(&e, file, &sources))?;
    read.openvidu.taken = names;
    Ok(read)
}

fn add_file(builder: ConfigBuilder<DefaultState>, path: &Path) -> Result<ConfigBuilder<DefaultState>, LoadError> {
    let text = std::fs::read_to_string(path).map_err(|cause| LoadError::File { path: path.into(), cause })?;
    Ok(builder.add_source(File::from_str(&text, FileFormat::Toml)))
}

fn add_source(builder: ConfigBuilder<DefaultState>, source: &Source) -> Result<ConfigBuilder<DefaultState>, LoadError> {
    add_value(builder, source, value_of(source))
}

fn add_value(
    builder: ConfigBuilder<DefaultState>,
    source: &Source,
    value: Value,
) -> Result<ConfigBuilder<DefaultState>, LoadError> {
    builder.set_override(&source.key, value).map_err(|e| LoadError::Setting {
        key: source.key.clone(),
        origin: source.origin.clone(),
        cause: e.to_string(),
        remedy: format!("remove it, or see `millrace.toml` for the keys there are; variables are {PREFIX}SECTION__KEY"),
    })
}

/// Text as it is: numbers, switches and durations are read out of it where the setting asks for one.
fn value_of(source: &Source) -> Value {
    let text = |t: &str| ValueKind::String(t.trim().to_owned());
    let kind = if LISTS.contains(&source.key.as_str()) {
        let items = source.value.split(',').filter(|item| !item.trim().is_empty());
        ValueKind::Array(items.map(|item| Value::new(None, text(item))).collect())
    } else {
        ValueKind::String(source.value.clone())
    };
    Value::new(None, kind)
}

fn setting_of_variable((name, value): (&String, &String)) -> Option<Source> {
    let rest = name.strip_prefix(PREFIX)?;
    if NOT_SETTINGS.contains(&name.as_str()) {
        return None;
    }
    let key = rest.to_ascii_lowercase().replace("__", ".");
    Some(Source { key, value: value.clone(), origin: format!("environment variable {name}") })
}

fn syntax_error(file: Option<&Path>, error: &ConfigError) -> LoadError {
    let cause = match error {
        ConfigError::FileParse { cause, .. } => cause.to_string(),
        other => other.to_string(),
    };
    LoadError::Syntax { path: file.map_or_else(PathBuf::new, Path::to_path_buf), cause }
}

fn setting_error(
    error: &serde_path_to_error::Error<ConfigError>,
    file: Option<&Path>,
    sources: &[Source],
) -> LoadError {
    let cause = plain_cause(error.inner());
    let key = full_key(&error.path().to_string(), &cause);
    let origin = sources
        .iter()
        .rev()
        .find(|s| s.key == key || key.strip_prefix(s.key.as_str()).is_some_and(|rest| rest.starts_with('[')))
        .map(|s| s.origin.clone())
        .or_else(|| file.map(|f| f.display().to_string()))
        .unwrap_or_default();
    let remedy = remedy(&key, &cause);
    LoadError::Setting { key, origin, cause, remedy }
}

/// The innermost message, without the library's own naming of key and source.
fn plain_cause(error: &ConfigError) -> String {
    match error {
        ConfigError::At { error, .. } => plain_cause(error),
        ConfigError::Type { unexpected, expected, .. } => format!("found {unexpected}, expected {expected}"),
        other => other.to_string(),
    }
}

/// An unknown key is reported at its section: append its name.
fn full_key(path: &str, cause: &str) -> String {
    let section = if path == "." { "" } else { path };
    let unknown = cause.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
    match unknown {
        Some(name) if section.is_empty() => name.to_owned(),
        Some(name) if section != name && !section.ends_with(&format!(".{name}")) => format!("{section}.{name}"),
        _ => section.to_owned(),
    }
}

fn remedy(key: &str, cause: &str) -> String {
    if cause.starts_with("unknown field") {
        return "correct the name, or remove it; the commented sample millrace.toml has every key".into();
    }
    let last = key.rsplit('.').next().unwrap_or_default();
    let form = match last {
        "http" | "https" => "an address with a port, e.g. `0.0.0.0:8080`, `[::]:8080` or `127.0.0.1:0`",
        "bind" => "an IP address without a port, e.g. `0.0.0.0` or `::`",
        "port" => "a port from 0 to 65535; 0 picks a free one",
        "format" => "`text` or `json`",
        "demo" | "insecure_open" | "tcp" => "`true` or `false`",
        _ if key.starts_with("media.public_ips") => {
            "IP addresses, e.g. `[\"192.0.2.7\"]`, or `192.0.2.7,2001:db8::7`, or the word `auto` alone"
        }
        _ if cause.contains("duration") || cause.contains("time unit") => "a duration, e.g. `500ms`, `10s` or `2m`",
        _ => "a value of the kind that the commented sample millrace.toml shows",
    };
    format!("give {form}")
}

#[cfg(test)]
mod tests {
    use super::super::PublicIps;
    use super::*;
    use std::io::Write;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn from_file(text: &str) -> Result<Config, LoadError> {
        load(Some(file(text).path()), std::iter::empty(), Vec::new())
    }

    fn from_env(pairs: &[(&str, &str)]) -> Result<Config, LoadError> {
        load(None, pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())), Vec::new())
    }

    #[test]
    fn nothing_given_means_defaults() {
        assert_eq!(load(None, std::iter::empty(), Vec::new()).unwrap(), Config::default());
    }

    #[test]
    fn flags_win_over_environment_and_environment_over_file() {
        let file = file("[media]\nport = 1\nworkers = 1\n[rooms]\nmax_rooms = 1");
        let env = [("MILLRACE_MEDIA__PORT".to_owned(), "2".to_owned()), ("MILLRACE_MEDIA__WORKERS".into(), "2".into())];
        let flag = Source { key: "media.port".into(), value: "3".into(), origin: "--media-port".into() };
        let config = load(Some(file.path()), env.into_iter(), vec![flag]).unwrap();
        assert_eq!((config.media.port, config.media.workers, config.rooms.max_rooms), (3, 2, 1));
    }

    #[test]
    fn environment_has_every_kind_of_value() {
        let config = from_env(&[
            ("MILLRACE_SERVER__HTTP", "127.0.0.1:0"),
            ("MILLRACE_SERVER__HTTPS", ""),
            ("MILLRACE_AUTH__SECRET", "0012345678901234"),
            ("MILLRACE_MEDIA__PUBLIC_IPS", "192.0.2.7, 2001:db8::7"),
            ("MILLRACE_ROOMS__RECONNECT_GRACE", "1500ms"),
            ("MILLRACE_LOG__FORMAT", "json"),
            ("MILLRACE_REACH__SPECIAL", "127.0.0.0/8,::1/128"),
            ("MILLRACE_DEMO", "true"),
            ("MILLRACE_CONFIG", "/somewhere"),
            ("PATH", "/bin"),
        ])
        .unwrap();
        assert_eq!(config.server.https, None);
        assert_eq!(config.auth.secret.as_deref(), Some("0012345678901234"), "a secret of digits stays as it is");
        assert_eq!(config.media.public_ips.listed().len(), 2);
        assert_eq!(config.reach.special, ["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
        assert_eq!(config.rooms.reconnect_grace.as_millis(), 1500);
        assert_eq!(config.log.format, super::super::LogFormat::Json);
        assert!(config.demo);
    }

    #[test]
    fn public_addresses_may_be_found_out() {
        for text in ["public_ips = \"auto\"", "public_ips = [\"auto\"]"] {
            let config = from_file(&format!("[media]\n{text}")).unwrap();
            assert_eq!(config.media.public_ips, PublicIps::Auto, "{text}");
        }
        let config = from_env(&[("MILLRACE_MEDIA__PUBLIC_IPS", "auto")]).unwrap();
        assert_eq!(config.media.public_ips, PublicIps::Auto);
        assert_told(from_file("[media]\npublic_ips = [\"auto\", \"192.0.2.7\"]"), &["`media.public_ips", "alone"]);
    }

    #[track_caller]
    fn assert_told(result: Result<Config, LoadError>, parts: &[&str]) {
        let text = result.unwrap_err().to_string();
        for part in parts {
            assert!(text.contains(part), "`{part}` is missing in:\n{text}");
        }
        assert!(text.contains("remedy:"), "no remedy in:\n{text}");
    }

    #[test]
    fn wrong_settings_in_a_file_are_named() {
        assert_told(from_file("[server]\nhtpp = 1"), &["`server.htpp`", "unknown field", "http"]);
        assert_told(from_file("[sever]\nhttp = 1"), &["`sever`", "unknown field"]);
        assert_told(from_file("[media]\nport = 99999"), &["`media.port`", "99999", "0 to 65535"]);
        assert_told(from_file("[media]\nport = \"many\""), &["`media.port`", "many"]);
        assert_told(from_file("[server]\nhttp = \"8080\""), &["`server.http`", "0.0.0.0:8080"]);
        assert_told(from_file("[media]\npublic_ips = [\"here\"]"), &["`media.public_ips", "192.0.2.7"]);
        assert_told(from_file("[rooms]\nheartbeat = \"soon\""), &["`rooms.heartbeat`", "10s"]);
        assert_told(from_file("[log]\nformat = \"xml\""), &["`log.format`", "xml", "`json`"]);
        assert_told(from_file("[server"), &["is not TOML"]);
    }

    #[test]
    fn wrong_variables_and_flags_are_named_as_such() {
        assert_told(from_env(&[("MILLRACE_MEDIA__PORT", "x")]), &["`media.port`", "MILLRACE_MEDIA__PORT"]);
        assert_told(from_env(&[("MILLRACE_MEDA__PORT", "1")]), &["`meda`", "unknown field"]);
        assert_told(
            from_env(&[("MILLRACE_MEDIA__PUBLIC_IPS", "192.0.2.7,x")]),
            &["media.public_ips", "MILLRACE_MEDIA__PUBLIC_IPS"],
        );
        let flag = Source { key: "server.http".into(), value: "here".into(), origin: "--http".into() };
        assert_told(load(None, std::iter::empty(), vec![flag]), &["`server.http`", "--http", "127.0.0.1:0"]);
    }

    #[test]
    fn a_missing_file_is_named() {
        let missing = Path::new("/nonexistent/millrace.toml");
        assert_told(load(Some(missing), std::iter::empty(), Vec::new()), &["/nonexistent/millrace.toml", "--config"]);
    }
}
