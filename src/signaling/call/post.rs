//! What waits for one side of a line until it asks: bounded, in order, each once.

use crate::model::Opaque;

/// Candidates that may wait.
pub const MAX_HELD: usize = 200;
/// Bytes of them.
const MAX_BYTES: usize = 128 * 1024;
/// Words beside them (`say`) that may wait.
const MAX_SAID: usize = 32;

/// What waits.
#[derive(Debug, Default)]
pub struct Post {
    routes: Vec<Opaque>,
    said: Vec<Opaque>,
    bytes: usize,
}

impl Post {
    /// One more candidate; false if there are too many.
    #[must_use]
    pub fn route(&mut self, written: Opaque) -> bool {
        let fits = self.routes.len() < MAX_HELD && self.weigh(&written);
        if fits {
            self.routes.push(written);
        }
        fits
    }

    /// One more word; false if there are too many.
    #[must_use]
    pub fn say(&mut self, written: Opaque) -> bool {
        let fits = self.said.len() < MAX_SAID && self.weigh(&written);
        if fits {
            self.said.push(written);
        }
        fits
    }

    fn weigh(&mut self, written: &Opaque) -> bool {
        let bytes = self.bytes + written.as_str().len();
        if bytes <= MAX_BYTES {
            self.bytes = bytes;
        }
        bytes <= MAX_BYTES
    }

    /// All of it, candidates and words; nothing waits then.
    pub fn take(&mut self) -> (Vec<Opaque>, Vec<Opaque>) {
        self.bytes = 0;
        (std::mem::take(&mut self.routes), std::mem::take(&mut self.said))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_and_the_bytes_are_bounded_until_it_is_taken() {
        let mut post = Post::default();
        assert!((0..MAX_HELD).all(|_| post.route(Opaque::new("{}"))));
        assert!(!post.route(Opaque::new("{}")) && post.say(Opaque::new("{}")));
        assert_eq!(post.take().0.len(), MAX_HELD);
        let large = Opaque::new("x".repeat(60_000));
        assert!(post.route(large.clone()) && post.route(large.clone()) && !post.route(large.clone()));
        assert!(!post.say(large));
        assert!((0..MAX_SAID).all(|_| post.say(Opaque::new("{}"))) && !post.say(Opaque::new("{}")));
    }
}
