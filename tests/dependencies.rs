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

/// `scripts/vendor.sh` names each file with its SHA-256.
#[test]
fn scripts_of_others_are_what_they_were() {
    let sums = include_str!("../scripts/vendor.sh").lines().filter_map(|line| line.split('"').nth(1)?.split_once("  "));
    let files: Vec<_> = sums.collect();
    assert_eq!(files.len(), std::fs::read_dir("web/vendor").expect("the folder").count(), "each file has its checksum");
    for (sum, path) in files {
        let bytes = std::fs::read(path).expect("the file");
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
        let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, sum, "{path}: run scripts/vendor.sh");
    }
}
