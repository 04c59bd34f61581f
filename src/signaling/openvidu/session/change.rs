//! `PATCH …/connection/C`: another role, or another word on being recorded, for a connection that is there already.

use super::super::wire::fields::{Read, Wrong};
use super::super::wire::new_connection::{Change, Kind};
use super::State;
use super::state::Effect;
use serde_json::json;

impl State {
    /// Changes a connection, and tells its client what has changed. `None`: there is none of this name.
    pub fn change_connection(&mut self, id: &str, change: Change) -> Option<Read<()>> {
        let connection = self.connections.iter_mut().find(|connection| connection.id == id)?;
        let mut changed = Vec::new();
        if let Some(wanted) = change.role {
            let Kind::WebRtc { role, .. } = &mut connection.new.kind else {
                return Some(Err(Wrong("a camera has no role".into())));
            };
            if std::mem::replace(role, wanted) != wanted {
                changed.push(("role", wanted.as_str().to_owned()));
            }
        }
        if let Some(wanted) = change.record
            && std::mem::replace(&mut connection.new.record, wanted) != wanted
        {
            changed.push(("record", wanted.to_string()));
        }
        if connection.active.is_some() && !connection.is_camera() {
            self.tell_of_change(id, &changed);
        }
        Some(Ok(()))
    }

    /// To the client alone; the room follows its role.
    fn tell_of_change(&mut self, id: &str, changed: &[(&str, String)]) {
        if changed.iter().any(|(property, _)| *property == "role") {
            self.effects.push(Effect::Regrant(id.to_owned()));
        }
        for (property, value) in changed {
            self.notify(
                &[id.to_owned()],
                "connectionPropertyChanged",
                &json!({ "property": property, "newValue": value }),
            );
        }
    }
}
