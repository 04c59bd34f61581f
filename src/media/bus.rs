//! What a bus message means for the pipeline's owner; and the bus of one whose owner asks only whether it has failed.

use gst::MessageView;
use gst::prelude::*;
use std::sync::{Arc, OnceLock};

/// What to do about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Ignore,
    /// The pipeline cannot go on, and why.
    Fail(String),
    /// Worth a line in the log.
    Warn(String),
    /// Its latency must be worked out again.
    RecalculateLatency,
}

/// The action a message asks for.
pub fn action(message: &gst::MessageRef) -> Action {
    let source =
        || message.src().map(|src| gst::prelude::GstObjectExt::path_string(src).to_string()).unwrap_or_default();
    match message.view() {
        MessageView::Error(error) => Action::Fail(format!("{}: {}", source(), error.error())),
        MessageView::Warning(warning) => Action::Warn(format!("{}: {}", source(), warning.error())),
        MessageView::Latency(_) => Action::RecalculateLatency,
        _ => Action::Ignore,
    }
}

/// Where a pipeline tells its first failure; its bus keeps nothing.
pub fn first_failure(pipeline: &gst::Pipeline) -> Arc<OnceLock<String>> {
    let failed = Arc::new(OnceLock::new());
    let told = failed.clone();
    if let Some(bus) = pipeline.bus() {
        bus.set_sync_handler(move |_, message| {
            if let Action::Fail(why) = action(message) {
                let _ = told.set(why);
            }
            gst::BusSyncReply::Drop
        });
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_has_its_action() {
        gst::init().unwrap();
        let error = gst::message::Error::new(gst::CoreError::Failed, "broken");
        assert!(matches!(action(&error), Action::Fail(why) if why.ends_with("broken")));
        let warning = gst::message::Warning::new(gst::CoreError::Failed, "odd");
        assert!(matches!(action(&warning), Action::Warn(why) if why.ends_with("odd")));
        assert_eq!(action(&gst::message::Latency::new()), Action::RecalculateLatency);
        assert_eq!(action(&gst::message::Eos::new()), Action::Ignore);
    }
}
