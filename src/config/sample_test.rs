//! The sample `millrace.toml` is complete and true: every setting once, and its values are the defaults.

use super::{Config, load};
use serde::Deserialize;
use std::collections::BTreeSet;

const SAMPLE: &str = include_str!("../../millrace.toml");

/// The sample with its settings switched on: `#key = value` (no space after the `#`) is a setting.
fn uncommented() -> String {
    let switch_on = |line: &'static str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') && rest.contains('=') => rest,
        _ => line,
    };
    SAMPLE.lines().map(switch_on).collect::<Vec<_>>().join("\n")
}

/// The names of a settings struct's fields, as serde knows them.
fn fields<'de, T: Deserialize<'de>>() -> BTreeSet<&'static str> {
    struct Spy<'a>(&'a mut BTreeSet<&'static str>);
    impl<'de> serde::Deserializer<'de> for Spy<'_> {
        type Error = serde::de::value::Error;
        fn deserialize_any<V: serde::de::Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(serde::de::Error::custom("only structs are spied upon"))
        }
        fn deserialize_struct<V: serde::de::Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Self::Error> {
            self.0.extend(fields);
            Err(serde::de::Error::custom("seen"))
        }
        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }
    let mut found = BTreeSet::new();
    let _ = T::deserialize(Spy(&mut found));
    found
}

fn keys(table: &toml::Table) -> BTreeSet<&str> {
    table.keys().map(String::as_str).collect()
}

#[test]
fn the_sample_has_every_key_once() {
    // TOML refuses a key that is there twice.
    let table: toml::Table = uncommented().parse().expect("the uncommented sample is TOML");
    assert_eq!(keys(&table), fields::<Config>());
    let sections: [(&str, BTreeSet<&str>); 17] = [
        ("server", fields::<super::Server>()),
        ("auth", fields::<super::Auth>()),
        ("guests", fields::<super::Guests>()),
        ("openvidu", fields::<super::OpenVidu>()),
        ("media", fields::<super::Media>()),
        ("turn", fields::<super::Turn>()),
        ("rooms", fields::<super::Rooms>()),
        ("recording", fields::<super::Recording>()),
        ("storage", fields::<super::Storage>()),
        ("webhook", fields::<super::Webhook>()),
        ("reach", fields::<super::Reach>()),
        ("ingest", fields::<super::Ingests>()),
        ("onvif", fields::<super::Onvif>()),
        ("rtsp", fields::<super::Rtsp>()),
        ("hls", fields::<super::Hls>()),
        ("renditions", fields::<super::Renditions>()),
        ("log", fields::<super::Log>()),
    ];
    for (name, expected) in &sections {
        assert_eq!(&keys(table[*name].as_table().unwrap()), expected, "section [{name}]");
    }
    for name in ["primary", "backup"] {
        let destination = table["storage"][name].as_table().unwrap();
        assert_eq!(keys(destination), fields::<super::Destination>(), "section [storage.{name}]");
    }
    let known = sections.iter().map(|(name, _)| *name).chain(["cameras", "demo"]).collect();
    assert_eq!(fields::<Config>(), known, "a new section needs a line in this test");
}

#[test]
fn the_samples_values_are_the_defaults() {
    let dir = tempfile::tempdir().unwrap();
    for text in [uncommented(), SAMPLE.to_owned()] {
        let path = dir.path().join("millrace.toml");
        std::fs::write(&path, text).unwrap();
        assert_eq!(load(Some(&path), std::iter::empty(), Vec::new()).unwrap(), Config::default());
    }
}
