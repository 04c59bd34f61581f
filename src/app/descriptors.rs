//! How many files and sockets this process may have open at once.

use crate::config;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What is open beside relays: signaling, media, recordings, and clients of TURN that have no relay yet.
const OTHERS: u64 = 1024;

/// Raises the limit as far as the system lets: the usual one of 1024 is for programs that cannot count further. Returns what it
/// is then, and whether that is enough, in words for the operator.
pub fn raise(turn: &config::Turn) -> Result<String, String> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(|error| format!("open files: {error}"))?;
    let raised = soft >= hard || setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    judge(if raised { hard } else { soft }, turn)
}

fn judge(limit: u64, turn: &config::Turn) -> Result<String, String> {
    // A relay is one, its client's connection another.
    let relays = if turn.relay { turn.max_allocations as u64 } else { 0 };
    let needed = relays.saturating_mul(2).saturating_add(OTHERS);
    if limit < needed {
        return Err(format!(
            "{limit} open files are too few: turn.max_allocations = {relays} needs {needed}; raise the hard limit \
             (ulimit -Hn, LimitNOFILE= of systemd, --ulimit of docker) or lower turn.max_allocations"
        ));
    }
    Ok(format!("{limit} open files at once, {needed} may be needed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_for_all_relays_is_told_with_the_remedy() {
        let turn = config::Turn { max_allocations: 1000, ..config::Turn::default() };
        assert!(judge(3024, &turn).is_ok());
        let told = judge(3023, &turn).unwrap_err();
        assert!(told.contains("turn.max_allocations = 1000 needs 3024") && told.contains("LimitNOFILE"), "{told}");
        assert!(judge(3023, &config::Turn { relay: false, ..turn }).is_ok());
    }

    #[test]
    fn the_limit_is_as_high_as_the_system_lets() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let few = config::Turn { relay: false, ..config::Turn::default() };
        assert_eq!(raise(&few).is_ok(), hard >= OTHERS);
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap().0, hard);
    }
}
