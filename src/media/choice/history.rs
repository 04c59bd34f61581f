//! What a subscription got in the last two minutes, and its last switches. Bounded: about 10 kB. Pure.

use crate::model::{Switch, ViewSample};
use jiff::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;

const SWITCHES: usize = 20;
/// One a second.
const SAMPLES: usize = 120;

struct Sample {
    at: Timestamp,
    estimate_kbps: Option<u32>,
    sent_kbps: u32,
    rendition: Arc<str>,
}

/// What has been.
#[derive(Default)]
pub struct History {
    switches: VecDeque<Switch>,
    samples: VecDeque<Sample>,
    name: Option<Arc<str>>,
}

impl History {
    /// Another rendition was chosen.
    pub fn switched(&mut self, switch: Switch) {
        self.switches.truncate(SWITCHES - 1);
        self.switches.push_front(switch);
    }

    /// A second is over.
    pub fn second(&mut self, at: Timestamp, estimate_kbps: Option<u32>, sent_kbps: u32, rendition: &str) {
        // One name for all samples in a row.
        let known = self.name.take().filter(|name| **name == *rendition);
        let name = known.unwrap_or_else(|| rendition.into());
        self.name = Some(name.clone());
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample { at, estimate_kbps, sent_kbps, rendition: name });
    }

    /// Newest first.
    pub fn switches(&self) -> Vec<Switch> {
        self.switches.iter().cloned().collect()
    }

    /// Oldest first.
    pub fn samples(&self) -> Vec<ViewSample> {
        let whole = |sample: &Sample| ViewSample {
            at: sample.at,
            estimate_kbps: sample.estimate_kbps,
            sent_kbps: sample.sent_kbps,
            rendition: sample.rendition.to_string(),
        };
        self.samples.iter().map(whole).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Why;

    #[test]
    fn it_forgets() {
        let (mut history, at) = (History::default(), Timestamp::UNIX_EPOCH);
        for n in 0..1000u32 {
            history.second(at, Some(n), n, "source");
            let words = "The line carries about 430 kbit/s; 720p needs 1380.".into();
            let (from, to) = ("source".to_owned(), n.to_string());
            history.switched(Switch { at, from, to, why: Why::Line, words });
        }
        assert_eq!((history.switches().len(), history.samples().len()), (20, 120));
        assert_eq!(history.switches()[0].to, "999");
        assert_eq!(history.samples()[119].sent_kbps, 999);
        let bytes = SWITCHES * (size_of::<Switch>() + 120) + SAMPLES * size_of::<Sample>();
        assert!(bytes < 12 << 10, "{bytes}");
    }
}
