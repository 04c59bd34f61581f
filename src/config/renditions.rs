//! Smaller pictures made of feeds: `[renditions]`.

use serde::Deserialize;

/// `[renditions]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Renditions {
    /// Share of all cores that transcodes for viewers may take; the rest is for receiving and sending.
    pub cpu_percent: u32,
}

impl Default for Renditions {
    fn default() -> Self {
        Self { cpu_percent: 60 }
    }
}

impl Renditions {
    /// What is out of range, with the remedy.
    pub(super) fn problem(&self) -> Option<String> {
        (self.cpu_percent > 100).then(|| {
            format!(
                "renditions.cpu_percent is {}: 0 (no transcodes for viewers) to 100; 60 leaves enough for the rest",
                self.cpu_percent
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_there_is() {
        assert_eq!(Renditions::default().problem(), None);
        assert!(Renditions { cpu_percent: 101 }.problem().is_some_and(|words| words.contains("cpu_percent is 101")));
    }
}
