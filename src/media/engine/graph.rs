//! Many pipelines' graphs as one: a cluster for each, and what joins them outside GStreamer. Pure.

use crate::model::FeedId;
use std::fmt::Write;

/// How a peer and a feed are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// A publisher.
    Into(FeedId),
    /// A subscriber.
    From(FeedId),
    /// Both on one connection: a publisher that faces another feed, or nothing.
    Both(FeedId, Option<FeedId>),
    /// A transport: others on it are joined to feeds.
    Beside,
}

impl Direction {
    /// For metrics.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Into(_) => "publisher",
            Self::From(_) => "subscriber",
            Self::Both(..) => "conversation",
            Self::Beside => "transport",
        }
    }

    /// What it gets.
    pub fn gets(self) -> Option<FeedId> {
        match self {
            Self::Into(_) | Self::Beside => None,
            Self::From(feed) => Some(feed),
            Self::Both(_, faced) => faced,
        }
    }

    /// What it publishes.
    fn publishes(self) -> Option<FeedId> {
        match self {
            Self::Into(feed) | Self::Both(feed, _) => Some(feed),
            Self::From(_) | Self::Beside => None,
        }
    }
}

/// A graph being put together.
#[derive(Default)]
pub struct Graph {
    body: String,
    clusters: usize,
    /// Those that are there: peers on a transport share its own.
    known: Vec<String>,
}

impl Graph {
    /// A feed's node.
    pub fn feed(&mut self, feed: FeedId) {
        let _ =
            writeln!(self.body, "  \"{feed}\" [shape=hexagon, style=filled, fillcolor=\"#ffd966\", label=\"{feed}\"];");
    }

    /// A peer's pipeline, and its way into or out of the feed.
    pub fn peer(&mut self, name: &str, direction: Direction, dot: &str) {
        let node = format!("\"{name}\"");
        if !self.known.iter().any(|known| known == name) {
            self.known.push(name.to_owned());
            self.cluster(name, dot);
        }
        if let Some(feed) = direction.publishes() {
            let _ = writeln!(self.body, "  {node} -> \"{feed}\" [label=\"RTP before the jitter buffer\"];");
        }
        if let Some(feed) = direction.gets() {
            let _ = writeln!(self.body, "  \"{feed}\" -> {node} [label=\"egress\"];");
        }
    }

    /// A recorder's pipeline.
    pub fn branch(&mut self, feed: FeedId, dot: &str) {
        let name = format!("recorder-{}-{}", feed.0, self.clusters);
        self.cluster(&name, dot);
        let _ = writeln!(self.body, "  \"{feed}\" -> \"{name}\" [label=\"tap\"];");
    }

    /// The pipeline's own graph without its frame; its legend's name would be the same in all.
    fn cluster(&mut self, name: &str, dot: &str) {
        self.clusters += 1;
        let inside = dot.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}')).map_or("", |(inside, _)| inside);
        let inside = inside.replace("\n  legend [", &format!("\n  legend_{} [", self.clusters));
        let _ = writeln!(
            self.body,
            "  subgraph \"cluster_{name}\" {{\n  \"{name}\" [shape=box3d, label=\"{name}\"];{inside}\n  label=\"{name}\";\n  }}"
        );
    }

    /// The text.
    pub fn finish(self) -> String {
        format!("digraph millrace {{\n  rankdir=LR;\n  compound=true;\n{}}}\n", self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_and_edges_make_one_digraph() {
        let mut graph = Graph::default();
        let dot = "digraph pipeline {\n  rankdir=LR;\n  legend [\n  label=\"x\"\n  ];\n  a -> b;\n}\n";
        graph.feed(FeedId(3));
        graph.peer("publisher-1", Direction::Into(FeedId(3)), dot);
        graph.peer("subscriber-2", Direction::From(FeedId(3)), dot);
        graph.peer("conversation-4", Direction::Both(FeedId(5), Some(FeedId(3))), dot);
        graph.peer("transport-6", Direction::From(FeedId(3)), dot);
        graph.peer("transport-6", Direction::Into(FeedId(7)), dot);
        graph.branch(FeedId(3), dot);
        let text = graph.finish();
        assert_eq!(text.matches("digraph").count(), 1);
        assert_eq!(text.matches("a -> b").count(), 5);
        assert_eq!(text.matches('{').count(), text.matches('}').count());
        assert!(text.contains("legend_1 [") && text.contains("legend_2 [") && !text.contains(" legend ["));
        assert!(text.contains("\"publisher-1\" -> \"feed-3\"") && text.contains("\"feed-3\" -> \"subscriber-2\""));
        assert!(text.contains("\"feed-3\" -> \"transport-6\"") && text.contains("\"transport-6\" -> \"feed-7\""));
        assert!(text.contains("-> \"feed-5\"") && text.contains("\"feed-3\" -> \"conversation-4\""));
    }
}
