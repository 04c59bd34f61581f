//! The command line: what can be asked of the program, and how flags become settings.

mod compose;
mod doctor;
mod health;
mod measure;
mod serve;
mod token;

use crate::auth::TokenRole;
use crate::config::{self, Config, LoadError, Source};
use crate::model::RoomId;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// A WebRTC media service: devices publish, consoles watch, the server records.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Verb,
}

const EXAMPLES: &str = "\
Examples:
  millrace serve --demo                 see live video on http://localhost:8080, no camera needed
  millrace doctor                       is all there that the service needs? says what to install
  export MILLRACE_AUTH__SECRET=$(openssl rand -hex 32)
  millrace serve                        with a secret: reachable from other machines, asks for tokens
  millrace token --role device          a token for a device
  millrace COMMAND --help               more about a command

Settings come from ./millrace.toml (or --config FILE), then from the environment (MILLRACE_SERVER__HTTP=…),
then from flags; the last one wins. The sample millrace.toml of the repository explains all of them.";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Runs the service until Ctrl-C or SIGTERM; a second signal ends it at once.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(ServeArgs),
    /// Checks what the service needs (GStreamer, ports, addresses, disk) and says what to install or open.
    #[command(
        after_help = "Exit code 0: all is well; 1: something is missing. Start it with the flags or settings of `serve`."
    )]
    Doctor(ServeArgs),
    /// Makes a token and prints it, and nothing else, on standard output.
    #[command(after_help = TOKEN_EXAMPLES)]
    Token(TokenArgs),
    /// Makes one film of a recording's individual files, in any layout: change it after the meeting.
    #[command(after_help = compose::EXAMPLES)]
    Compose(compose::ComposeArgs),
    /// Measures what a smaller picture for weak viewers costs on this machine.
    #[command(after_help = measure::EXAMPLES)]
    Measure(measure::MeasureArgs),
    /// Asks the running service how it is; for containers' health checks. Exit code 0 when it is well.
    Health(ConfigArgs),
}

const SERVE_EXAMPLES: &str = "\
Examples:
  millrace serve --demo
  millrace serve --http 127.0.0.1:9000 --https ''           another port, no HTTPS
  millrace serve --public-ip 203.0.113.7 --media-port 8443   behind a NAT: what clients are told
  millrace serve --config /etc/millrace.toml --log info,millrace=debug

To open in a firewall: TCP 8080 (HTTP), TCP 4443 (HTTPS), UDP 8443 (media).";

const TOKEN_EXAMPLES: &str = "\
Examples (the secret is the service's auth.secret):
  export MILLRACE_AUTH__SECRET=…
  millrace token --role device                     a device may publish, for a day
  millrace token --role web --room 42 --ttl 2h     a console that sees room 42 only
  millrace token --role admin --ttl 10m            the REST API
  curl -H \"Authorization: Bearer $(millrace token --role admin)\" http://localhost:8080/api/v1/rooms";

#[derive(Debug, Args)]
struct ConfigArgs {
    /// Settings file; without it ./millrace.toml if there is one.
    #[arg(long, value_name = "FILE", env = "MILLRACE_CONFIG")]
    config: Option<PathBuf>,
    /// Address of plain HTTP, e.g. 0.0.0.0:8080.
    #[arg(long, value_name = "IP:PORT")]
    http: Option<String>,
}

#[derive(Debug, Args)]
struct ServeArgs {
    #[command(flatten)]
    common: ConfigArgs,
    /// A synthetic device inside the server: live video without a camera.
    #[arg(long)]
    demo: bool,
    /// Address of HTTPS, e.g. 0.0.0.0:4443; '' switches it off.
    #[arg(long, value_name = "IP:PORT")]
    https: Option<String>,
    /// The one UDP port of all media.
    #[arg(long, value_name = "PORT")]
    media_port: Option<String>,
    /// Address that clients are told to send media to; may be given several times. `auto` asks media.stun_server.
    #[arg(long, value_name = "IP")]
    public_ip: Vec<String>,
    /// Folder of the certificate and the recordings.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// Without a secret, serve other machines all the same: everybody may do everything.
    #[arg(long)]
    insecure_open: bool,
    /// What to log, e.g. debug or info,millrace=debug.
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

#[derive(Debug, Args)]
struct TokenArgs {
    /// Settings file; without it ./millrace.toml if there is one.
    #[arg(long, value_name = "FILE", env = "MILLRACE_CONFIG")]
    config: Option<PathBuf>,
    /// What its holder is.
    #[arg(long)]
    role: TokenRole,
    /// Restricts it to one room.
    #[arg(long, value_name = "ROOM", value_parser = room)]
    room: Option<RoomId>,
    /// How long it is good, e.g. 90s, 2h, 30d.
    #[arg(long, default_value = "1d", value_parser = humantime::parse_duration)]
    ttl: Duration,
}

impl Cli {
    /// Does what was asked. An error's text is for people and has the remedy.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Verb::Serve(args) => serve::run(args.load()?),
            Verb::Doctor(args) => Ok(doctor::run(args.load()?)),
            Verb::Token(args) => token::run(&args),
            Verb::Compose(args) => compose::run(&args),
            Verb::Measure(args) => measure::run(&args),
            Verb::Health(args) => health::run(&args.load(Vec::new())?),
        }
    }
}

impl ConfigArgs {
    fn load(&self, mut flags: Vec<Source>) -> Result<Config, LoadError> {
        flags.extend(self.http.as_deref().map(|value| flag("--http", "server.http", value)));
        let default = PathBuf::from("millrace.toml");
        let file = self.config.clone().or_else(|| default.exists().then_some(default));
        config::load(file.as_deref(), std::env::vars(), flags)
    }
}

impl ServeArgs {
    fn load(&self) -> Result<Config, LoadError> {
        let mut flags: Vec<Source> = [
            ("--https", "server.https", &self.https),
            ("--media-port", "media.port", &self.media_port),
            ("--data-dir", "server.data_dir", &self.data_dir),
            ("--log", "log.filter", &self.log),
        ]
        .into_iter()
        .filter_map(|(name, key, value)| Some(flag(name, key, value.as_deref()?)))
        .collect();
        flags.extend(self.demo.then(|| flag("--demo", "demo", "true")));
        flags.extend(self.insecure_open.then(|| flag("--insecure-open", "auth.insecure_open", "true")));
        if !self.public_ip.is_empty() {
            flags.push(flag("--public-ip", "media.public_ips", &self.public_ip.join(",")));
        }
        self.common.load(flags)
    }
}

fn flag(origin: &str, key: &str, value: &str) -> Source {
    Source { key: key.into(), value: value.into(), origin: origin.into() }
}

fn room(text: &str) -> Result<RoomId, String> {
    if RoomId::is_valid(text) { Ok(RoomId::new(text)) } else { Err("1 to 64 of A-Z, a-z, 0-9, _ and -".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn serve_config(arguments: &str) -> Result<Config, LoadError> {
        let empty = tempfile::NamedTempFile::new().unwrap();
        let words = ["millrace", "serve", "--config", empty.path().to_str().unwrap()];
        let Verb::Serve(args) = Cli::parse_from(words.into_iter().chain(arguments.split_whitespace())).command else {
            panic!("serve was asked for");
        };
        args.load()
    }

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_reaches_its_setting() {
        let config = serve_config(
            "--demo --http 127.0.0.1:1 --https [::1]:2 --media-port 3 --public-ip 192.0.2.1 --public-ip 192.0.2.2 \
             --data-dir d --insecure-open --log debug",
        )
        .unwrap();
        assert!(config.demo && config.auth.insecure_open);
        assert_eq!(config.server.http.port(), 1);
        assert_eq!(config.server.https.unwrap().port(), 2);
        assert_eq!((config.media.port, config.media.public_ips.listed().len()), (3, 2));
        assert_eq!((config.server.data_dir, config.log.filter), ("d".into(), "debug".to_owned()));
    }

    #[test]
    fn a_wrong_flag_is_named_as_it_was_given() {
        let text = serve_config("--media-port many").unwrap_err().to_string();
        assert!(text.contains("--media-port") && text.contains("media.port"), "{text}");
    }
}
