//! Time lines of recordings with late comers, pauses and layout changes.

use super::*;
use serde_json::json;

const SECOND: i64 = 1_000_000_000;

fn file(name: &str, feed: u64, started_at: &str, duration_ms: u64, gaps: serde_json::Value) -> serde_json::Value {
    json!({"name": name, "feed": feed, "publisher": format!("P{feed}"), "state": "ready", "codecs": ["vp8", "opus"],
        "started_at": started_at, "duration_ms": duration_ms, "bytes": 1, "width": null, "height": null, "reason": null,
        "detail": null, "facts": {"gaps": gaps}})
}

fn story(files: serde_json::Value, events: serde_json::Value) -> Result<Story, String> {
    let text = json!({"id": "r", "room": "7", "state": "ready", "started_at": "2026-11-21T10:00:00Z", "ended_at": null,
        "reason": null, "files": files, "events": events});
    Story::of(&serde_json::from_value(text).unwrap())
}

fn pause(at_ms: u64, length_ms: u64) -> serde_json::Value {
    json!([{"at_ms": at_ms, "length_ms": length_ms, "why": "paused"}])
}

#[test]
fn who_came_later_is_later_and_segments_are_one_person() {
    let files = json!([
        file("a", 1, "2026-11-21T10:00:01Z", 10_000, json!([])),
        file("b", 2, "2026-11-21T10:00:04.5Z", 5_000, json!([])),
        file("a2", 1, "2026-11-21T10:00:13Z", 2_000, json!([])),
    ]);
    let events =
        json!([{"at": "2026-11-21T10:00:03Z", "what": "published", "feed": 2, "participant": "x", "name": "Bob"}]);
    let story = story(files, events).unwrap();
    let spans: Vec<_> = story.people.iter().map(|p| (p.name.as_str(), p.from, p.to, p.files.len())).collect();
    assert_eq!(spans, [("P1", 0, 14 * SECOND, 2), ("Bob", 2 * SECOND, 8 * SECOND + SECOND / 2, 1)]);
    assert_eq!(
        (story.length, story.people[1].files[0].placement.place(SECOND)),
        (14 * SECOND, 4 * SECOND + SECOND / 2)
    );
    assert_eq!(story.people[0].files[1].placement.place(0), 12 * SECOND);
}

#[test]
fn pauses_take_no_time_and_each_file_resumes_where_it_did() {
    // Paused from 5 s to 65 s; the first file goes on 0.5 s after that, at its next keyframe, the second begins in the pause.
    let files = json!([
        file("a", 1, "2026-11-21T10:00:00Z", 9_500, pause(5_000, 60_500)),
        file("b", 2, "2026-11-21T10:00:30Z", 3_000, json!([])),
    ]);
    let events = json!([
        {"at": "2026-11-21T10:00:05Z", "what": "paused"},
        {"at": "2026-11-21T10:01:05Z", "what": "resumed"},
    ]);
    let with_events = story(files.clone(), events).unwrap();
    let placement = &with_events.people[0].files[0].placement;
    assert_eq!(
        [0, 4, 5, 9].map(|at| placement.place(at * SECOND)),
        [0, 4, 5, 9].map(|at: i64| at * SECOND + if at < 5 { 0 } else { SECOND / 2 })
    );
    assert_eq!((with_events.length, with_events.people[1].from), (10 * SECOND, 5 * SECOND));
    let by_gaps = story(files, json!([])).unwrap();
    assert_eq!(by_gaps.people[0].files[0].placement.place(5 * SECOND), 5 * SECOND, "without events the gaps count");
}

#[test]
fn layouts_follow_the_events() {
    let files = json!([file("a", 1, "2026-11-21T10:00:00Z", 10_000, json!([]))]);
    let events = json!([{"at": "2026-11-21T10:00:05Z", "what": "layout_changed", "layout": "speaker"}]);
    let story = story(files, events).unwrap();
    let name = |at: i64| story.layout_at(at * SECOND).cloned();
    assert_eq!(name(0), Some(Layout::default()));
    assert_eq!(name(5), Some(Layout::Named("speaker".into())));
}

#[test]
fn nothing_to_compose_is_said() {
    assert!(story(json!([]), json!([])).unwrap_err().contains("nothing to compose"));
    let empty = json!([file("a", 1, "2026-11-21T10:00:00Z", 0, json!([]))]);
    assert!(story(empty, json!([])).is_err());
}
