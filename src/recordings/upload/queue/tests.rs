use super::*;
use crate::recordings::index::Index;

/// A queue with files of one recording that is over.
fn queue(files: &[&str]) -> (tempfile::TempDir, Index) {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open(dir.path()).unwrap();
    let row = "INSERT INTO recordings VALUES ('r', 'hall', 'ready', 1, NULL, NULL, '{}', 2, 3)";
    index.with(|db| db.execute(row, [])).unwrap();
    index.with(|db| files.iter().try_for_each(|file| add(db, "r", file, "primary", "s3://b/r/f"))).unwrap();
    (dir, index)
}
fn next(index: &Index) -> Option<Job> {
    index.with(|db| claim(db, "primary")).unwrap()
}

#[test]
fn the_manifest_comes_after_all_else_is_done_or_given_up() {
    let (_dir, index) = queue(&[MANIFEST, "a.webm", "b.webm"]);
    let first = next(&index).unwrap();
    assert_eq!(first.file, "a.webm");
    index.with(|db| first.done(db, 3, "ab")).unwrap();
    let second = next(&index).unwrap();
    assert_eq!(second.file, "b.webm");
    let later = |_| Some(Duration::from_secs(60));
    index.with(|db| second.failed(db, "later", later)).unwrap();
    assert_eq!(next(&index), None, "the second file is still to come");
    assert!(index.with(|db| next_at(db, "primary")).unwrap().unwrap() > now_ms());
    index.with(|db| second.failed(db, "never", |_| None)).unwrap();
    assert_eq!(next(&index).unwrap().file, MANIFEST);
}

#[test]
fn failures_count_while_nothing_gets_farther_even_if_all_is_sent_again() {
    let (_dir, index) = queue(&["a.webm"]);
    let job = next(&index).unwrap();
    let mut attempt = |sent: u64| {
        let under_way = UnderWay { id: "u".into(), size: 100, part_bytes: 10, parts: vec![] };
        assert!(index.with(|db| job.begun(db, &under_way)).unwrap());
        assert!(index.with(|db| job.part_sent(db, 0, "p", sent)).unwrap());
        index.with(|db| job.failed(db, "no", |_| Some(Duration::ZERO))).unwrap()
    };
    assert_eq!([10, 10, 10, 20, 20, 10].map(&mut attempt), [1, 2, 3, 1, 2, 3]);
}

#[test]
fn what_is_under_way_is_found_again_and_called_off_when_its_recording_goes() {
    let (_dir, index) = queue(&["a.webm"]);
    let job = next(&index).unwrap();
    let under_way = UnderWay { id: "u".into(), size: 30, part_bytes: 10, parts: vec![] };
    index.with(|db| job.begun(db, &under_way)).unwrap();
    for (number, part) in ["x", "y"].into_iter().enumerate() {
        assert!(index.with(|db| job.part_sent(db, number, part, 10)).unwrap());
    }
    let parts = vec!["x".to_owned(), "y".to_owned()];
    assert_eq!(next(&index).unwrap().under_way, Some(UnderWay { parts, ..under_way }));
    index.remove("r").unwrap();
    index.with(|db| forget(db, "r")).unwrap();
    assert!(!index.with(|db| job.part_sent(db, 2, "z", 30)).unwrap(), "its sender is told");
    let abandoned = vec![("s3://b/r/f".to_owned(), "u".to_owned())];
    assert_eq!(index.with(|db| super::abandoned(db, "primary")).unwrap(), abandoned);
    index.with(|db| called_off(db, "s3://b/r/f", "u")).unwrap();
    assert!(index.with(|db| super::abandoned(db, "primary")).unwrap().is_empty());
}

#[test]
fn a_manifest_that_changes_while_it_is_sent_is_sent_once_more() {
    let (_dir, index) = queue(&[MANIFEST]);
    let before = next(&index).unwrap();
    index.with(|db| add_again(db, "r", MANIFEST)).unwrap();
    index.with(|db| before.done(db, 3, "ab")).unwrap();
    let after = next(&index).unwrap();
    assert_eq!(after.file, MANIFEST);
    index.with(|db| after.done(db, 4, "cd")).unwrap();
    assert_eq!(next(&index), None);
}
