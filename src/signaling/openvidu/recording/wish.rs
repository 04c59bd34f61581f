//! What the room is asked to record: kinds, layout, size. A layout that does not exist is refused, never replaced.

use super::super::wire::recording::{Mode, Properties};
use super::NotStarted;
use crate::config;
use crate::model::{FeedId, Layout, PictureWish, RecordingKind, RecordingWish};
use std::path::Path;

/// The compositor makes no more pictures a second; a finished recording says what it has.
const MOST_FPS: u32 = 60;
/// In a folder of `openvidu.layouts`: our layout as JSON.
const FILE: &str = "layout.json";

/// Of these feeds, which count for individual recordings alone.
pub async fn of(
    settings: &config::OpenVidu,
    properties: &Properties,
    feeds: Vec<FeedId>,
) -> Result<RecordingWish, NotStarted> {
    let plain = RecordingWish { only: properties.only(), ..RecordingWish::default() };
    match (properties.mode, properties.video) {
        (Mode::Individual, _) => Ok(RecordingWish { feeds: Some(feeds), ..plain }),
        (_, false) => Ok(RecordingWish { kind: RecordingKind::Audio, only: None, ..plain }),
        (_, true) => {
            let layout = layout(settings.layouts.as_deref(), properties).await.map_err(NotStarted::Wrong)?;
            Ok(RecordingWish { kind: RecordingKind::Composed, layout, picture: Some(picture(properties)), ..plain })
        }
    }
}

/// Pictures have even sides: odd ones lose a row.
fn picture(properties: &Properties) -> PictureWish {
    let (width, height) = properties.size;
    PictureWish { width: width & !1, height: height & !1, fps: properties.frame_rate.clamp(1, MOST_FPS) }
}

async fn layout(folder: Option<&Path>, properties: &Properties) -> Result<Layout, String> {
    let named = |name: &str| Ok(Layout::Named(name.to_owned()));
    match properties.layout {
        "PICTURE_IN_PICTURE" => named("picture-in-picture"),
        "HORIZONTAL_PRESENTATION" | "VERTICAL_PRESENTATION" => named("speaker"),
        "CUSTOM" => custom(folder, &properties.custom_layout).await,
        _ => named("grid"),
    }
}

/// The operator's own, else one of ours by its name, which the rooms know.
async fn custom(folder: Option<&Path>, name: &str) -> Result<Layout, String> {
    let clean = name.split('/').all(|part| part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'));
    if !clean {
        return Err(format!("customLayout {name:?} may have letters, digits, _, - and /"));
    }
    if let Some(folder) = folder {
        match tokio::fs::read(folder.join(name).join(FILE)).await {
            Ok(text) => return read(&text).map_err(|why| format!("customLayout {name:?}: its {FILE}: {why}")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("customLayout {name:?}: its {FILE} cannot be read: {error}")),
        }
    }
    match name {
        "" => Err(format!("customLayout is missing: name a layout, or put a {FILE} into openvidu.layouts")),
        name => Ok(Layout::Named(name.to_owned())),
    }
}

fn read(text: &[u8]) -> Result<Layout, String> {
    serde_json::from_slice(text)
        .map_err(|_| "it must be a layout's name or a list of boxes, see docs/RECORDING.md".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn wish(properties: Properties, folder: Option<&Path>) -> Result<RecordingWish, NotStarted> {
        let settings = config::OpenVidu { layouts: folder.map(Into::into), ..config::OpenVidu::default() };
        of(&settings, &properties, vec![FeedId(1)]).await
    }

    #[tokio::test]
    async fn kinds_and_sizes_reach_the_room() {
        let odd = Properties { size: (1279, 719), frame_rate: 120, audio: false, ..Properties::default() };
        let composed = wish(odd, None).await.unwrap();
        assert_eq!(composed.picture, Some(PictureWish { width: 1278, height: 718, fps: 60 }));
        assert!(composed.film().silent && composed.feeds.is_none());
        let individual = Properties { mode: Mode::Individual, video: false, ..Properties::default() };
        let individual = wish(individual, None).await.unwrap();
        assert_eq!((individual.only, individual.feeds), (Some(crate::model::Kind::Audio), Some(vec![FeedId(1)])));
        let sound = wish(Properties { video: false, ..Properties::default() }, None).await.unwrap();
        assert_eq!((sound.kind, sound.only), (RecordingKind::Audio, None));
    }

    #[tokio::test]
    async fn custom_layouts_are_the_operators_then_ours() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("stage/left")).unwrap();
        let boxes = r#"[{"x":0,"y":0,"width":0.5,"height":1}]"#;
        std::fs::write(folder.path().join("stage/left").join(FILE), boxes).unwrap();
        std::fs::write(folder.path().join("stage").join(FILE), "{}").unwrap();
        let ask = |name: &str| Properties { layout: "CUSTOM", custom_layout: name.into(), ..Properties::default() };
        let own = wish(ask("stage/left"), Some(folder.path())).await.unwrap();
        assert!(matches!(own.layout, Layout::Custom(boxes) if boxes.len() == 1));
        let ours = wish(ask("speaker"), Some(folder.path())).await.unwrap();
        assert_eq!(ours.layout, Layout::Named("speaker".into()));
        for wrong in ["stage", "../stage", ""] {
            let refused = wish(ask(wrong), Some(folder.path())).await;
            assert!(matches!(refused, Err(NotStarted::Wrong(_))), "{wrong}");
        }
    }
}
