//! `millrace token`: a token and nothing else on standard output, so that scripts can use it.

use super::TokenArgs;
use crate::auth::Auth;
use crate::config::{self, Config};
use anyhow::{Context, bail};
use std::path::PathBuf;
use std::process::ExitCode;

pub fn run(args: &TokenArgs) -> anyhow::Result<ExitCode> {
    println!("{}", make(args, &load(args)?)?);
    Ok(ExitCode::SUCCESS)
}

fn load(args: &TokenArgs) -> anyhow::Result<Config> {
    let default = PathBuf::from("millrace.toml");
    let file = args.config.clone().or_else(|| default.exists().then_some(default));
    let config = config::load(file.as_deref(), std::env::vars(), Vec::new())?;
    config.check()?;
    Ok(config)
}

fn make(args: &TokenArgs, config: &Config) -> anyhow::Result<String> {
    let Some(secret) = config.auth.secret.as_deref() else {
        bail!(
            "no auth.secret is set, so there is nothing to sign a token with\n  remedy: give the service's own secret, \
             e.g. `MILLRACE_AUTH__SECRET=… millrace token …`, or --config FILE; a service without a secret accepts any token"
        );
    };
    Auth::new(Some(secret)).issue(args.role, args.room.clone(), args.ttl).context("the token could not be signed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::TokenRole;
    use crate::model::RoomId;
    use std::time::Duration;

    fn args() -> TokenArgs {
        let (role, room) = (TokenRole::Web, Some(RoomId::new("42")));
        TokenArgs { config: None, role, room, ttl: Duration::from_secs(60) }
    }

    #[test]
    fn the_service_accepts_what_is_made() {
        let mut config = Config::default();
        config.auth.secret = Some("0123456789abcdef".into());
        let token = make(&args(), &config).unwrap();
        let grants = Auth::new(config.auth.secret.as_deref()).check(&token, TokenRole::Web).unwrap();
        assert_eq!(grants.room, Some(RoomId::new("42")));
    }

    #[test]
    fn without_a_secret_it_says_what_to_do() {
        let text = make(&args(), &Config::default()).unwrap_err().to_string();
        assert!(text.contains("auth.secret") && text.contains("remedy"), "{text}");
    }
}
