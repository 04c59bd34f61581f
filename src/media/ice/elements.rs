//! The transport's two elements, as nicesrc and nicesink are libnice's: a source without a thread, pushed by the
//! link's worker, and a sink that sends to the link's selected address.

use super::link::Link;
use crate::media::census;
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use std::sync::{Arc, LazyLock, OnceLock};

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct Src {
        pub pad: OnceLock<gst::Pad>,
        pub link: OnceLock<Arc<Link>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Src {
        const NAME: &'static str = "MillraceIceSrc";
        type Type = super::Src;
        type ParentType = gst::Element;
    }

    impl ObjectImpl for Src {
        fn constructed(&self) {
            self.parent_constructed();
            let element = self.obj();
            element.set_element_flags(gst::ElementFlags::SOURCE);
            let Some(template) = element.pad_template("src") else { return };
            let pad = gst::Pad::builder_from_template(&template).query_function(live_latency).build();
            if element.add_pad(&pad).is_ok() {
                let _ = self.pad.set(pad);
            }
        }
    }

    /// A network source is live and adds nothing.
    fn live_latency(pad: &gst::Pad, parent: Option<&gst::Object>, query: &mut gst::QueryRef) -> bool {
        match query.view_mut() {
            gst::QueryViewMut::Latency(latency) => {
                latency.set(true, gst::ClockTime::ZERO, gst::ClockTime::NONE);
                true
            }
            _ => gst::Pad::query_default(pad, parent, query),
        }
    }

    impl GstObjectImpl for Src {}

    impl ElementImpl for Src {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
                gst::subclass::ElementMetadata::new("ICE source", "Source/Network", "One peer of the port", "Millrace")
            });
            Some(&METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
                LazyLock::new(|| any_template("src", gst::PadDirection::Src));
            &TEMPLATES
        }

        fn change_state(&self, change: gst::StateChange) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
            // Before the pad waits for its stream lock, or it would wait for a worker.
            if let (gst::StateChange::PausedToReady, Some(link)) = (change, self.link.get()) {
                link.close();
            }
            let result = self.parent_change_state(change)?;
            match change {
                gst::StateChange::ReadyToPaused => {
                    self.link.get().inspect(|link| link.activate());
                    Ok(gst::StateChangeSuccess::NoPreroll)
                }
                gst::StateChange::PlayingToPaused => Ok(gst::StateChangeSuccess::NoPreroll),
                _ => Ok(result),
            }
        }
    }

    #[derive(Default)]
    pub struct Sink {
        pub link: OnceLock<Arc<Link>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Sink {
        const NAME: &'static str = "MillraceIceSink";
        type Type = super::Sink;
        type ParentType = gst::Element;
    }

    impl Sink {
        fn send(&self, buffer: &gst::BufferRef) {
            if let (Some(link), Ok(data)) = (self.link.get(), buffer.map_readable()) {
                link.send_one(&data);
            }
        }
    }

    type Flow = Result<gst::FlowSuccess, gst::FlowError>;

    impl ObjectImpl for Sink {
        fn constructed(&self) {
            self.parent_constructed();
            let element = self.obj();
            element.set_element_flags(gst::ElementFlags::SINK);
            let Some(template) = element.pad_template("sink") else { return };
            let guarded = |parent: Option<&gst::Object>, send: &dyn Fn(&Self)| -> Flow {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |sink| {
                        send(sink);
                        Ok(gst::FlowSuccess::Ok)
                    },
                )
            };
            let pad = gst::Pad::builder_from_template(&template)
                .chain_function(move |_, parent, buffer| guarded(parent, &|sink| sink.send(&buffer)))
                .chain_list_function(move |_, parent, list| {
                    guarded(parent, &|sink| list.iter().for_each(|buffer| sink.send(buffer)))
                })
                .event_function(|_, _, _| true)
                .build();
            if let Err(error) = element.add_pad(&pad) {
                tracing::error!(%error, "ICE sink has no pad");
            }
        }
    }

    impl GstObjectImpl for Sink {}

    impl ElementImpl for Sink {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
                gst::subclass::ElementMetadata::new("ICE sink", "Sink/Network", "To one peer of the port", "Millrace")
            });
            Some(&METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
                LazyLock::new(|| any_template("sink", gst::PadDirection::Sink));
            &TEMPLATES
        }
    }

    fn any_template(name: &str, direction: gst::PadDirection) -> Vec<gst::PadTemplate> {
        gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &gst::Caps::new_any()).into_iter().collect()
    }
}

glib::wrapper! {
    pub struct Src(ObjectSubclass<imp::Src>) @extends gst::Element, gst::Object;
}
glib::wrapper! {
    pub struct Sink(ObjectSubclass<imp::Sink>) @extends gst::Element, gst::Object;
}

/// Both ends of a link.
pub(super) fn pair(link: &Arc<Link>) -> (Src, Sink) {
    let (src, sink): (Src, Sink) = (glib::Object::new(), glib::Object::new());
    census::count("ice_element", &src);
    census::count("ice_element", &sink);
    let _ = src.imp().link.set(link.clone());
    let _ = sink.imp().link.set(link.clone());
    (src, sink)
}

impl Src {
    /// The link behind it.
    pub(super) fn link(&self) -> Option<&Arc<Link>> {
        self.imp().link.get()
    }
    pub(super) fn is_linked(&self) -> bool {
        self.imp().pad.get().is_some_and(|pad| pad.is_linked())
    }
    /// One packet, stamped with the running time as nicesrc does it.
    pub(super) fn push(&self, datagram: Vec<u8>, decoder: Option<&gst::Pad>) {
        let Some(pad) = decoder.or(self.imp().pad.get()) else { return };
        let deliver = Delivery { pad, directly: decoder.is_some() };
        // Asked of the pad, not remembered: an element that was not ready yet has let them go.
        if pad.sticky_event::<gst::event::StreamStart>(0).is_none() {
            deliver.start_stream();
        }
        let now = self.current_running_time();
        let mut buffer = gst::Buffer::from_mut_slice(datagram);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(now);
            buffer.set_dts(now);
        }
        deliver.buffer(buffer);
    }
}

/// Where packets go: into the decoder's sink pad directly, or out of our own pad.
struct Delivery<'a> {
    pad: &'a gst::Pad,
    directly: bool,
}

impl Delivery<'_> {
    /// The events that must come before the first packet.
    fn start_stream(&self) {
        let caps = gst::Caps::new_empty_simple("application/x-rtp");
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        let start = gst::event::StreamStart::builder("ice").build();
        for event in [start, gst::event::Caps::new(&caps), gst::event::Segment::new(&segment)] {
            if self.directly {
                self.pad.send_event(event)
            } else {
                self.pad.push_event(event)
            };
        }
    }

    /// The flow's result is of no use: a closing webrtcbin flushes, and nobody upstream could stop.
    fn buffer(&self, buffer: gst::Buffer) {
        let _ = if self.directly { self.pad.chain(buffer) } else { self.pad.push(buffer) };
    }
}
