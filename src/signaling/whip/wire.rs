//! What a WHIP client may say in its address.

use crate::signaling::session::Problem;
use crate::signaling::session::member::random;
use serde::Deserialize;

/// Longest name.
const MAX_NAME: usize = 64;

/// `?name=…`
#[derive(Debug, Default, Deserialize)]
pub struct Query {
    /// What it is called in the room; the same name again takes over.
    name: Option<String>,
}

impl Query {
    /// The name asked for, or a made one.
    pub fn name(self) -> Result<String, Problem> {
        match self.name.filter(|name| !name.is_empty()) {
            Some(name) if name.len() > MAX_NAME || name.contains(char::is_control) => Err(Problem::bad_request(
                format!("name must have at most {MAX_NAME} bytes, none of them control characters"),
            )),
            Some(name) => Ok(name),
            None => random::<4>().map_err(|_| Problem::bad_request("no name could be made: give one by ?name=")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> Result<String, u16> {
        Query { name: Some(name.into()) }.name().map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn names_are_taken_made_or_refused() {
        assert_eq!(name("Bühne 1"), Ok("Bühne 1".into()));
        assert_eq!(name("").map(|made| made.len()), Ok(8));
        assert_eq!((name("a\nb"), name(&"x".repeat(65))), (Err(400), Err(400)));
    }
}
