//! The architecture, proved by reading the sources: imports go one way, GStreamer stays in its corner, `unsafe` in the
//! listed files, files stay short.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use syn::visit::Visit;

/// Who may import whom, beside itself: `main → app → signaling, journal, admin → room → media, cluster, recordings,
/// onvif, auth → config, model`.
const LAYERS: &[(&str, &[&str])] = &[
    ("main", &["*"]),
    ("lib", &["*"]),
    ("cli", &["*"]),
    ("app", &["*"]),
    ("signaling", &["room", "recordings", "turn", "auth", "courier", "config", "model"]),
    ("journal", &["room", "courier", "config", "model"]),
    ("admin", &["room", "media", "recordings", "onvif", "auth", "config", "model", "web"]),
    ("web", &["config", "model"]),
    ("room", &["media", "cluster", "recordings", "auth", "config", "model"]),
    ("media", &["config", "model"]),
    ("cluster", &["config", "model"]),
    ("recordings", &["config", "model"]),
    ("onvif", &["config", "model"]),
    ("turn", &["config", "model"]),
    ("auth", &["config", "model"]),
    ("courier", &[]),
    ("config", &["model"]),
    ("demo", &["model"]),
    ("model", &[]),
];

/// What may be named of `media` outside it: the trait's side, never the engine's inside.
const TRAIT_SIDE: &[&str] = &[
    "Engine",
    "MediaRequest",
    "Viewer",
    "MediaEvent",
    "MediaError",
    "MediaSink",
    "BranchReport",
    "FeedStats",
    "TrackStats",
    "PeerStats",
    "HlsRequest",
    "HlsReply",
    "files",
    "check_broadcast",
    "check_layout",
    "check_picture",
    "layouts",
    "mix_cost",
];
/// Only these know GStreamer.
const GSTREAMER: &[&str] = &["media", "demo"];
/// Only these files may hold `unsafe`, each for the reason that its header tells.
const UNSAFE_FILES: &[&str] = &["src/media/ice/gobject.rs"];
const MAX_LINES: usize = 400;

#[derive(Default)]
struct Found {
    /// Paths that begin with `crate` (or `millrace`), or a crate's name: `["crate", "room", "Command"]`.
    paths: Vec<Vec<String>>,
    has_unsafe: bool,
}

impl<'ast> Visit<'ast> for Found {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.use_tree(&item.tree, &mut Vec::new());
    }
    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.paths.push(path.segments.iter().map(|s| s.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }
    fn visit_expr_unsafe(&mut self, block: &'ast syn::ExprUnsafe) {
        self.has_unsafe = true;
        syn::visit::visit_expr_unsafe(self, block);
    }
    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.has_unsafe |= item.unsafety.is_some();
        syn::visit::visit_item_impl(self, item);
    }
    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.has_unsafe |= signature.unsafety.is_some();
        syn::visit::visit_signature(self, signature);
    }
    /// Tests beside the code may name fakes and what they like.
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !item.attrs.iter().any(is_test) {
            syn::visit::visit_item_mod(self, item);
        }
    }
}

impl Found {
    fn use_tree(&mut self, tree: &syn::UseTree, prefix: &mut Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.use_tree(&path.tree, prefix);
                prefix.pop();
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.use_tree(item, prefix)),
            syn::UseTree::Name(name) => self.paths.push([prefix.clone(), vec![name.ident.to_string()]].concat()),
            syn::UseTree::Rename(name) => self.paths.push([prefix.clone(), vec![name.ident.to_string()]].concat()),
            syn::UseTree::Glob(_) => self.paths.push([prefix.clone(), vec!["*".into()]].concat()),
        }
    }
}

fn is_test(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
}

/// All that is wrong with one file, a sentence each.
fn problems(file: &str, text: &str) -> Vec<String> {
    let mut found = Found::default();
    found.visit_file(&syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}")));
    let layer = layer_of(file);
    let allowed = LAYERS.iter().find(|(name, _)| *name == layer).map(|(_, allowed)| *allowed);
    let Some(allowed) = allowed else { return vec![format!("{file}: `{layer}` is not in the map: add it to LAYERS")] };
    let mut problems: Vec<_> = found.paths.iter().filter_map(|path| wrong_import(file, layer, allowed, path)).collect();
    if found.has_unsafe && !UNSAFE_FILES.contains(&file) {
        problems.push(format!("{file}: `unsafe` is only for {UNSAFE_FILES:?}"));
    }
    if text.lines().count() > MAX_LINES {
        problems.push(format!("{file}: {} lines, more than {MAX_LINES}", text.lines().count()));
    }
    problems
}

fn wrong_import(file: &str, layer: &str, allowed: &[&str], path: &[String]) -> Option<String> {
    let shown = path.join("::");
    let first = path.first()?;
    if (first == "gst" || first.starts_with("gst_") || first.starts_with("gstreamer")) && !GSTREAMER.contains(&layer) {
        return Some(format!("{file}: {shown}: only {GSTREAMER:?} know GStreamer"));
    }
    let target = absolute(file, path)?;
    let top = target.first()?.as_str();
    // `crate::*` and items of the root are the library's own affair.
    let known = LAYERS.iter().any(|(name, _)| *name == top);
    if !known || top == layer || allowed.contains(&"*") {
        return None;
    }
    if !allowed.contains(&top) {
        return Some(format!("{file}: {shown}: `{layer}` may not import `{top}`"));
    }
    let inside = top == "media" && target.get(1).is_some_and(|name| !TRAIT_SIDE.contains(&name.as_str()));
    inside.then(|| format!("{file}: {shown}: outside of media only its trait side may be named"))
}

/// The path from the crate's root, `None` if it leads out of the crate.
fn absolute(file: &str, path: &[String]) -> Option<Vec<String>> {
    match path.first()?.as_str() {
        "crate" | "millrace" => Some(path[1..].to_vec()),
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            let mut module = module_of(file);
            module.truncate(module.len().saturating_sub(ups));
            module.extend_from_slice(&path[ups..]);
            Some(module)
        }
        _ => None,
    }
}

/// `src/room/state/mod.rs` → `room, state`.
fn module_of(file: &str) -> Vec<String> {
    let inside = file.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    inside.split('/').map(str::to_owned).collect()
}

fn layer_of(file: &str) -> &str {
    let inside = file.trim_start_matches("src/");
    inside.split(['/', '.']).next().unwrap_or(inside)
}

fn is_test_file(path: &Path) -> bool {
    let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name == "tests" || name.ends_with("_test") || path.components().any(|part| part.as_os_str() == "tests")
}

fn sources() -> Vec<PathBuf> {
    let all = walkdir::WalkDir::new("src").sort_by_file_name().into_iter().map(|entry| entry.unwrap().into_path());
    all.filter(|path| path.extension().is_some_and(|extension| extension == "rs") && !is_test_file(path)).collect()
}

#[test]
fn imports_go_one_way_and_files_are_short() {
    let sources = sources();
    assert!(sources.len() > 20, "only {} sources were found: is the test run at the top?", sources.len());
    let read = |path: &PathBuf| problems(&path.to_string_lossy(), &std::fs::read_to_string(path).unwrap());
    let problems: Vec<_> = sources.iter().flat_map(read).collect();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn wrong_imports_are_found() {
    let wrong = [
        ("src/signaling/device/mod.rs", "use crate::media::Engine;"),
        ("src/signaling/device/mod.rs", "use crate::{model::Sdp, media::{MediaEvent}};"),
        ("src/signaling/device/mod.rs", "fn f() { crate::onvif::Onvif::new(); }"),
        ("src/room/state/mod.rs", "use super::super::signaling::socket::Socket;"),
        ("src/room/actor.rs", "use crate::media::feed::Feed;"),
        ("src/room/actor.rs", "use gst::prelude::*;"),
        ("src/media/peer.rs", "use crate::room::Command;"),
        ("src/model.rs", "use crate::config::Config;"),
        ("src/demo/mod.rs", "use crate::room::Rooms;"),
        ("src/room/actor.rs", "fn f() { unsafe { g() } }"),
        ("src/surprise.rs", ""),
    ];
    for (file, text) in wrong {
        assert_eq!(problems(file, text).len(), 1, "{file}: {text}: {:?}", problems(file, text));
    }
    assert_eq!(problems("src/model.rs", &"\n".repeat(MAX_LINES + 1)).len(), 1);
}

#[test]
fn right_imports_are_let_through() {
    let right = [
        ("src/signaling/device/mod.rs", "use super::super::Shared; use crate::room::Command; use axum::Router;"),
        ("src/room/actor.rs", "use crate::media::{Engine, MediaEvent}; use super::state::State;"),
        ("src/room/actor.rs", "#[cfg(test)] mod tests { use crate::media::fake::FakeEngine; }"),
        ("src/media/peer.rs", "use gst::prelude::*; use super::feed::Feed; use crate::model::Sdp;"),
        ("src/app.rs", "use crate::media::feed::Feed; use crate::signaling::router;"),
    ];
    for (file, text) in right {
        assert_eq!(problems(file, text), [""; 0], "{file}: {text}");
    }
}
