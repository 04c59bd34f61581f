use super::schema::MIGRATIONS;
use super::*;

fn tables(db: &Connection) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut asked = db.prepare(sql).unwrap();
    asked.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_database_of_version_1_is_migrated_and_keeps_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    let old = Connection::open(dir.path().join(FILE)).unwrap();
    old.execute_batch(MIGRATIONS[0]).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    let row = "INSERT INTO recordings VALUES ('r', 'hall', 'ready', 1, NULL, NULL, '{}', 2, 3)";
    old.execute(row, []).unwrap();
    assert!(!tables(&old).contains(&"uploads".to_owned()));
    drop(old);
    let index = Index::open(dir.path()).unwrap();
    assert_eq!(index.stamps().unwrap(), [("r".to_owned(), (2, 3))].into());
    let (tables, version): (_, u32) =
        index.with(|db| Ok((tables(db), db.pragma_query_value(None, "user_version", |row| row.get(0))?))).unwrap();
    assert_eq!(tables, ["abandoned", "events", "files", "participants", "parts", "recordings", "uploads"]);
    assert_eq!(version as usize, MIGRATIONS.len());
}

#[test]
fn a_step_that_fails_leaves_the_version_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let old = Connection::open(dir.path().join(FILE)).unwrap();
    old.execute_batch(MIGRATIONS[0]).unwrap();
    // The second step cannot make this table.
    old.execute_batch("PRAGMA user_version = 1; CREATE TABLE parts (x TEXT)").unwrap();
    drop(old);
    assert!(matches!(Index::open(dir.path()), Err(StoreError::Index { .. })));
    let after = Connection::open(dir.path().join(FILE)).unwrap();
    assert_eq!(after.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0)).unwrap(), 1);
    assert!(!tables(&after).contains(&"uploads".to_owned()));
}
