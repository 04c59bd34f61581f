//! Every dependency says what it is for: each line of `Cargo.toml` has its line in `docs/DEPENDENCIES.md`.

const MANIFEST: &str = include_str!("../Cargo.toml");
const TABLE: &str = include_str!("../docs/DEPENDENCIES.md");

#[test]
fn every_dependency_has_its_line() {
    let manifest: toml::Table = MANIFEST.parse().expect("Cargo.toml is TOML");
    let sections = ["dependencies", "dev-dependencies"].map(|name| manifest[name].as_table().expect("a table"));
    let names = sections.iter().flat_map(|section| section.iter());
    // What is in this repository explains itself.
    let names = names.filter(|(_, spec)| spec.get("path").is_none()).map(|(name, _)| name);
    let missing: Vec<_> = names.filter(|name| !TABLE.contains(&format!("\n| `{name}` | "))).collect();
    assert!(missing.is_empty(), "docs/DEPENDENCIES.md has no line for {missing:?}");
}
