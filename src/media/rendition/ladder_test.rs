//! What is a ladder and what is not, and what an edit does.

use super::*;

fn own() -> String {
    text(FILE, None).unwrap().unwrap()
}

#[test]
fn the_ladder_that_comes_along_is_good() {
    let ladder = Ladder::read(None).unwrap();
    let of = |content| ladder.rungs(content).iter().map(|r| (r.name.clone(), r.height)).collect::<Vec<_>>();
    let camera = [("720p", 720), ("360p", 360), ("180p", 180)].map(|(name, height)| (name.to_owned(), Some(height)));
    assert_eq!(of(Content::Camera), camera);
    assert!(of(Content::Screen).iter().all(|(_, height)| *height == Some(1080)), "a screen keeps its resolution");
    assert_eq!(ladder.rungs(Content::Screen).last().unwrap().group(), 120);
}

#[test]
fn what_is_wrong_is_named() {
    let refused = |from: &str, to: &str| parse(&own().replace(from, to)).unwrap_err();
    for (from, to, words) in [
        ("height = 180", "height = 18", "rung 180p: height is 18, must be 90 to 4320"),
        ("kbps = 120\n", "kbps = 10\n", "rung 180p: kbps is 10"),
        ("framerate = 15", "framerate = 0", "framerate is 0"),
        ("keyframe_interval = 20", "keyframe_interval = 0", "keyframe_interval is 0"),
        ("kbps = 400", "kbps = 4000", "rung 360p: kbps must be less than that of 720p"),
        ("\"360p\"", "\"720p\"", "rung 720p: name: another rung"),
        ("\"360p\"", "\"source\"", "no good name"),
        ("content = \"screen\"", "content = \"cinema\"", "cinema"),
        ("framerate = 15", "framerat = 15", "framerat"),
    ] {
        let told = refused(from, to);
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn an_edit_serves_the_next_use_and_a_broken_one_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(FILE);
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    let folder = Some(dir.path().to_owned());
    let ladder = Ladder::read(folder.clone()).unwrap();
    let edit = |text: &str| {
        std::fs::write(&file, text).unwrap();
        ladder.now.lock().looked = Instant::now().checked_sub(LOOK).unwrap();
        ladder.rungs(Content::Camera)[1].bitrate
    };
    assert_eq!(edit(&own().replacen("kbps = 400", "kbps = 500", 1)), 500_000);
    assert_eq!(edit(&own().replacen("kbps = 400", "kbps = 4", 1)), 500_000);
    let told = Ladder::read(folder).err().unwrap().to_string();
    assert!(told.contains("ladder.toml: rung 360p: kbps is 4"), "{told}");
    assert_eq!(edit(&own()), 400_000);
}
