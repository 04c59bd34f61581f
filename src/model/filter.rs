//! A filter: what is done to a publisher's pictures or sound before anybody gets them.
//!
//! `command` reads the one-line form that people write. Which elements there may be, and what may be set, is decided elsewhere.

mod command;

pub use command::BadCommand;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One element with what is set of it, as a client asked: nothing here is trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterElement {
    /// Its name, `videobalance`.
    pub name: String,
    /// Properties and their values as text, in the order in which they were given.
    pub settings: Vec<(String, String)>,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FilterWish {
    /// These elements, one after the other: all of pictures, or all of sound.
    Elements(Vec<FilterElement>),
    /// Bar codes are looked for in the pictures, which stay as they are.
    Codes,
}

/// What becomes of a feed's filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FilterChange {
    /// There is none, and this one begins.
    Apply(FilterWish),
    /// A property of the running one, from now on: of the first element that has it.
    Set {
        /// Its name.
        property: String,
        /// Its value, as text.
        value: String,
    },
    /// It ends.
    Remove,
}

/// Why a filter is not as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum FilterRefused {
    /// The element, property or value is none that is allowed; in words that say which are.
    #[error("{0}")]
    NotAllowed(String),
    /// Too little computing power is left.
    #[error("no capacity: {0}")]
    NoCapacity(String),
    /// The feed cannot have it as it is.
    #[error("{0}")]
    NotPossible(String),
}

/// A bar code that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeSeen {
    /// Of which kind, `QR-Code`.
    pub kind: String,
    /// What it says.
    pub text: String,
}

impl fmt::Display for FilterWish {
    /// For people: names without what is set of them, which may be anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elements(elements) => {
                let names: Vec<&str> = elements.iter().map(|element| element.name.as_str()).collect();
                f.write_str(&names.join(" ! "))
            }
            Self::Codes => f.write_str("bar codes"),
        }
    }
}
