//! What one client says to another through us.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A text that only its dialect reads. Its `Debug` hides it: it may hold descriptions, and stays out of logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Opaque(Arc<str>);

impl Opaque {
    /// Wraps a text.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().into())
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opaque({} bytes)", self.0.len())
    }
}
