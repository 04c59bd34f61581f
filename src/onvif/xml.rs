//! XML as cameras write it: a small tree, names without their prefixes, since every maker chooses others.
//!
//! Decides what is too large or too deep to be read. Document types are refused: with them go entities that grow.

use quick_xml::Reader;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesRef, BytesStart, Event};

/// Elements within elements; what cameras send has about ten.
const MAX_DEPTH: usize = 48;
/// Elements in a document.
const MAX_NODES: usize = 50_000;
/// Attributes of an element.
const MAX_ATTRIBUTES: usize = 64;

/// An element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Without prefix.
    pub name: String,
    /// Names without prefix; namespace declarations are left out.
    pub attributes: Vec<(String, String)>,
    /// All of its own text, trimmed.
    pub text: String,
    /// Elements in it.
    pub children: Vec<Node>,
}

impl Node {
    /// The first child of this name.
    pub fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.name == name)
    }
    /// All children of this name.
    pub fn children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |child| child.name == name)
    }
    /// Down through children of these names.
    pub fn path(&self, names: &[&str]) -> Option<&Node> {
        names.iter().try_fold(self, |node, name| node.child(name))
    }
    /// The first element of this name at any depth, itself included.
    pub fn find(&self, name: &str) -> Option<&Node> {
        if self.name == name { Some(self) } else { self.children.iter().find_map(|child| child.find(name)) }
    }
    /// The text of the first element of this name at any depth, unless it is empty.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.find(name).map(|node| node.text.as_str()).filter(|text| !text.is_empty())
    }
    /// An attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a document: its outermost element.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(bytes: &[u8]) -> Result<Node, String> {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}').trim());
    let (mut open, mut nodes) = (Vec::<Node>::new(), 0);
    loop {
        match reader.read_event().map_err(|e| format!("it is not XML ({e})"))? {
            Event::Start(start) => {
                nodes = counted(nodes, open.len())?;
                open.push(begin(&start));
            }
            Event::Empty(start) => {
                nodes = counted(nodes, open.len())?;
                if let Some(root) = closed(&mut open, begin(&start)) {
                    return Ok(root);
                }
            }
            Event::End(_) => {
                let node = open.pop().ok_or("it ends an element that never began")?;
                if let Some(root) = closed(&mut open, node) {
                    return Ok(root);
                }
            }
            Event::Text(text) => add(&mut open, &String::from_utf8_lossy(&text)),
            Event::CData(text) => add(&mut open, &String::from_utf8_lossy(&text)),
            Event::GeneralRef(reference) => add(&mut open, &resolved(&reference)),
            Event::DocType(_) => return Err("it has a document type, which is not read".into()),
            Event::Eof => return Err("it ends too early".into()),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
}

/// Text as it may stand in an element or attribute.
pub fn escape(text: &str) -> String {
    let allowed: String = text.chars().filter(|c| !c.is_control()).collect();
    quick_xml::escape::escape(allowed).into_owned()
}

fn counted(nodes: usize, depth: usize) -> Result<usize, String> {
    if depth >= MAX_DEPTH || nodes >= MAX_NODES {
        return Err("it is larger than anything a camera says".into());
    }
    Ok(nodes + 1)
}

/// Ends an element: given to its parent, or returned when it has none.
fn closed(open: &mut [Node], mut node: Node) -> Option<Node> {
    let trimmed = node.text.trim();
    if trimmed.len() != node.text.len() {
        node.text = trimmed.to_owned();
    }
    match open.last_mut() {
        Some(parent) => {
            parent.children.push(node);
            None
        }
        None => Some(node),
    }
}

fn begin(start: &BytesStart) -> Node {
    let local = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    let mut all = start.attributes();
    let attributes = all.with_checks(false).flatten().take(MAX_ATTRIBUTES);
    let attributes = attributes.filter(|a| a.key.as_namespace_binding().is_none()).map(|a| {
        let raw = String::from_utf8_lossy(&a.value).into_owned();
        (local(a.key.local_name().as_ref()), unescape(&raw).map_or_else(|_| raw.clone(), |text| text.into_owned()))
    });
    Node { name: local(start.local_name().as_ref()), attributes: attributes.collect(), ..Node::default() }
}

fn add(open: &mut [Node], text: &str) {
    if let Some(node) = open.last_mut() {
        node.text.push_str(text);
    }
}

/// `&amp;`, `&#65;`; what is not known stays away.
fn resolved(reference: &BytesRef) -> String {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return character.to_string();
    }
    reference.decode().ok().and_then(|name| resolve_predefined_entity(&name)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_prefixes_and_texts_their_escapes() {
        let node = read(
            "\u{feff}<?xml version='1.0'?><!-- x --><a:b xmlns:a='u' a:token='1&amp;2'> x <a:c/>&lt;y&#62;<c>z</c></a:b>"
                .as_bytes(),
        );
        let node = node.unwrap();
        assert_eq!((node.name.as_str(), node.text.as_str(), node.attribute("token")), ("b", "x <y>", Some("1&2")));
        assert_eq!(
            (node.children("c").count(), node.text_of("c"), node.path(&["c"]).unwrap().text.as_str()),
            (2, None, "")
        );
        assert!(node.attribute("a").is_none(), "namespace declarations are no attributes");
    }

    #[test]
    fn what_grows_or_never_ends_is_refused() {
        let deep = "<a>".repeat(100_000);
        let wide = format!("<a>{}</a>", "<b/>".repeat(MAX_NODES));
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\">]><a>&b;</a>";
        for text in [deep.as_str(), &wide, bomb, "", "<a>", "</a>", "text", "<a></b>"] {
            assert!(read(text.as_bytes()).is_err(), "{}", &text[..text.len().min(60)]);
        }
    }
}
