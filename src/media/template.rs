//! Loads pipeline templates: trusted launch text and typed parameters, from `pipelines/` (embedded, or a folder that
//! overrides it file by file).
//!
//! Decides what a template is and that nothing from outside gets into its text: parameters and paths are *set as
//! properties after parsing*. Leaves to each branch what flows through it.

use super::MediaError;
use gst::glib;
use gst::prelude::*;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(rust_embed::RustEmbed)]
#[folder = "pipelines/"]
struct Embedded;

/// What lies among the templates and is none.
const DATA: [&str; 1] = ["rendition/ladder"];

/// A pipeline's text and what may be set in it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// One sentence for the operator.
    pub purpose: String,
    /// File name extension of what comes out.
    pub extension: String,
    /// The part that is always there, in `gst-launch` syntax; ends in an element named `out`.
    pub launch: String,
    /// Per codec, the part that is there when such a track comes in; begins with `in_audio` or `in_video`.
    pub inputs: BTreeMap<String, String>,
    /// What may be set, with defaults.
    #[serde(default)]
    pub params: Vec<Param>,
    /// The element that encodes, in templates of renditions.
    #[serde(default)]
    pub encoder: Option<Encoder>,
}

/// How an encoder is told what is wanted of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoder {
    /// Name of the element's factory; the element itself is named `encoder`.
    pub factory: String,
    /// Takes the bit rate.
    pub bitrate: Setting,
    /// Takes the most pictures from keyframe to keyframe.
    pub keyframes: Setting,
}

/// A property that takes a number.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Its name.
    pub property: String,
    /// What it counts in: 1000 for kbit/s. At least 1.
    #[serde(default = "one")]
    pub unit: u32,
    /// The property is a list of controls (Video4Linux), and this is the name of the one.
    #[serde(default)]
    pub control: Option<String>,
}

fn one() -> u32 {
    1
}

impl Setting {
    /// Sets it on the element.
    pub fn apply(&self, element: &gst::Element, value: u32) -> Result<(), MediaError> {
        let (name, number) = (&self.property, value / self.unit.max(1));
        let spec = element.find_property(name).ok_or_else(|| fatal(name, "no such property"))?;
        let Some(control) = &self.control else {
            let value = glib::Value::deserialize_with_pspec(&number.to_string(), &spec).map_err(|e| fatal(name, e))?;
            element.set_property(name, &value);
            return Ok(());
        };
        if spec.value_type() != gst::Structure::static_type() {
            return Err(fatal(name, "takes no controls"));
        }
        let known = element.property::<Option<gst::Structure>>(name);
        let mut controls = known.unwrap_or_else(|| gst::Structure::new_empty("controls"));
        controls.set(control.as_str(), i32::try_from(number).unwrap_or(i32::MAX));
        element.set_property(name, controls);
        Ok(())
    }
}

/// One settable property of an element.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Param {
    /// Name of the element in the launch text.
    pub element: String,
    /// Its property.
    pub property: String,
    /// `int`, `bool` or `enum`.
    #[serde(rename = "type")]
    pub kind: ParamKind,
    /// Least and greatest number.
    #[serde(default)]
    pub range: Option<[i64; 2]>,
    /// Names of an enum's values.
    #[serde(default)]
    pub values: Vec<String>,
    /// Value used.
    pub default: toml::Value,
}

/// Type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParamKind {
    /// A whole number.
    Int,
    /// True or false.
    Bool,
    /// One of the element's nicks.
    Enum,
}

impl Template {
    /// Reads `KIND/NAME.toml`: from the folder when it has the file, else the embedded one. Read anew each time, so
    /// that an edited template serves the next branch.
    pub fn load(name: &str, folder: Option<&Path>) -> Result<Self, MediaError> {
        let text = text(&format!("{name}.toml"), folder).map_err(|error| fatal(name, error))?;
        let text = text.ok_or_else(|| fatal(name, "no such template"))?;
        toml::from_str(&text).map_err(|error| fatal(name, error))
    }

    /// Names of all embedded templates, `KIND/NAME`; what lies deeper is data of another kind (layouts).
    pub fn names() -> Vec<String> {
        let names = Embedded::iter().filter_map(|path| path.strip_suffix(".toml").map(str::to_owned));
        names.filter(|name| name.matches('/').count() == 1 && !DATA.contains(&name.as_str())).collect()
    }

    /// Makes the pipeline with the inputs of these codecs (lower-case names), parameters at their defaults.
    pub fn build<'a>(&self, codecs: impl IntoIterator<Item = &'a str>) -> Result<gst::Pipeline, MediaError> {
        super::start()?;
        let mut launch = self.launch.clone();
        for codec in codecs {
            let input =
                self.inputs.get(codec).ok_or_else(|| fatal(&self.extension, format!("no input for {codec}")))?;
            launch.push(' ');
            launch.push_str(input);
        }
        let pipeline = gst::parse::launch(&launch)
            .map_err(|error| fatal(&self.extension, error))?
            .downcast::<gst::Pipeline>()
            .map_err(|_| fatal(&self.extension, "the text makes a single element, not a pipeline"))?;
        element(&pipeline, "out")?;
        self.params.iter().try_for_each(|param| param.apply(&pipeline))?;
        Ok(pipeline)
    }
}

impl Param {
    fn apply(&self, pipeline: &gst::Pipeline) -> Result<(), MediaError> {
        let element = element(pipeline, &self.element)?;
        let what = format!("{}.{}", self.element, self.property);
        let spec = element.find_property(&self.property).ok_or_else(|| fatal(&what, "no such property"))?;
        let text = self.text().ok_or_else(|| fatal(&what, "the default is outside its type or range"))?;
        let value = glib::Value::deserialize_with_pspec(&text, &spec).map_err(|error| fatal(&what, error))?;
        element.set_property(&self.property, &value);
        Ok(())
    }

    /// The default as GStreamer writes values, if it keeps to its own type and range.
    fn text(&self) -> Option<String> {
        match (self.kind, &self.default) {
            (ParamKind::Int, toml::Value::Integer(n)) => {
                self.range.is_none_or(|[least, most]| (least..=most).contains(n)).then(|| n.to_string())
            }
            (ParamKind::Bool, toml::Value::Boolean(on)) => Some(on.to_string()),
            (ParamKind::Enum, toml::Value::String(name)) => self.values.contains(name).then(|| name.clone()),
            _ => None,
        }
    }
}

/// An element by its name in the launch text.
pub fn element(pipeline: &gst::Pipeline, name: &str) -> Result<gst::Element, MediaError> {
    pipeline.by_name(name).ok_or_else(|| fatal(name, "the template has no element of this name"))
}

/// A file of `pipelines/`: the folder's when it has it, else the embedded one.
pub fn text(path: &str, folder: Option<&Path>) -> std::io::Result<Option<String>> {
    match folder.map(|folder| std::fs::read_to_string(folder.join(path))) {
        Some(Ok(text)) => Ok(Some(text)),
        // Meant to be used, but cannot be: not a reason to use another one silently.
        Some(Err(error)) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(embedded(path)),
    }
}

/// Paths of the embedded files that begin so.
pub fn paths(prefix: &str) -> Vec<String> {
    Embedded::iter().filter(|path| path.starts_with(prefix)).map(|path| path.into_owned()).collect()
}

fn embedded(path: &str) -> Option<String> {
    String::from_utf8(Embedded::get(path)?.data.into_owned()).ok()
}

fn fatal(what: &str, why: impl std::fmt::Display) -> MediaError {
    MediaError::Fatal(format!("pipeline template {what}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_parses_with_each_of_its_inputs() {
        gst::init().unwrap();
        let names = Template::names();
        assert!(names.contains(&"recording/webm".into()) && names.contains(&"recording/mp4".into()), "{names:?}");
        for name in names {
            let template = Template::load(&name, None).unwrap();
            assert!(!template.purpose.is_empty(), "{name} has no purpose");
            let is_sound = |codec: &str| template.inputs[codec].contains("in_audio");
            let (sound, pictures): (Vec<_>, Vec<_>) =
                template.inputs.keys().map(String::as_str).partition(|codec| is_sound(codec));
            // Alone, and a picture with sound: a feed has one of each.
            let alone = sound.iter().chain(&pictures).map(|codec| vec![*codec]);
            let both = pictures.iter().flat_map(|picture| sound.iter().map(|sound| vec![*picture, *sound]));
            for set in alone.chain(both) {
                let pipeline = template.build(set.clone()).unwrap_or_else(|e| panic!("{name} with {set:?}: {e}"));
                let ends = set.iter().map(|c| if is_sound(c) { "in_audio" } else { "in_video" });
                ends.for_each(|end| assert!(pipeline.by_name(end).is_some(), "{name} has no {end}"));
            }
        }
    }

    #[test]
    fn parameters_are_set_and_checked() {
        gst::init().unwrap();
        let mut template = Template::load("recording/mp4", None).unwrap();
        let pipeline = template.build(["opus"]).unwrap();
        assert_eq!(pipeline.by_name("mux").unwrap().property::<u32>("fragment-duration"), 1000);
        template.params[0].default = toml::Value::Integer(1);
        let error = template.build(["opus"]).unwrap_err().to_string();
        assert!(error.contains("mux.fragment-duration") && error.contains("range"), "{error}");
    }

    #[test]
    fn what_is_missing_is_named() {
        gst::init().unwrap();
        let mut template = Template::load("recording/webm", None).unwrap();
        assert!(template.build(["h264"]).unwrap_err().to_string().contains("no input for h264"));
        template.launch = "nosuchelement name=out".into();
        assert!(template.build([]).unwrap_err().to_string().contains("nosuchelement"));
    }

    #[test]
    fn a_folder_overrides_the_embedded_file() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("recording")).unwrap();
        let mut text = embedded("recording/webm.toml").unwrap();
        text = text.replace("default = 500000000", "default = 700000000");
        std::fs::write(dir.path().join("recording/webm.toml"), text).unwrap();
        let param = |folder| Template::load("recording/webm", folder).unwrap().params[0].default.as_integer();
        assert_eq!((param(Some(dir.path())), param(None)), (Some(700_000_000), Some(500_000_000)));
        assert!(Template::load("recording/mp4", Some(dir.path())).is_ok(), "others stay as embedded");
    }
}
