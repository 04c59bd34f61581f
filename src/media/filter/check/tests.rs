use super::*;

/// What a stranger asks for; critical messages of GLib end the test's process.
fn ask(command: &str) -> Checked<(gst::Element, Kind)> {
    crate::media::start().unwrap();
    glib::log_set_always_fatal(glib::LogLevels::LEVEL_CRITICAL);
    let mut elements = FilterElement::read_all(command).unwrap();
    assert_eq!(elements.len(), 1);
    make(&elements.remove(0))
}

fn refused(command: &str) -> String {
    match ask(command) {
        Err(FilterRefused::NotAllowed(words)) => words,
        other => panic!("{command}: {other:?}"),
    }
}

#[test]
fn what_is_allowed_is_set() {
    let (balance, kind) = ask("videobalance saturation=0.0 brightness=0.2").unwrap();
    assert_eq!((kind, balance.property::<f64>("saturation")), (Kind::Video, 0.0));
    let (echo, kind) = ask("audioecho delay=40000000 intensity=0.6 feedback=0.4").unwrap();
    assert_eq!((kind, echo.property::<u64>("delay")), (Kind::Audio, 40_000_000));
    let (text, _) =
        ask(r#"textoverlay text="<b>&Co" font-desc="Cantarell 25" valignment=top draw-shadow=false color=0xff00ff00"#)
            .unwrap();
    assert_eq!(text.property::<String>("text"), "&lt;b&gt;&amp;Co");
    assert_eq!(text.property::<u32>("color"), 0xff00_ff00);
    assert!(!text.property::<bool>("draw-shadow"));
    let (flip, _) = ask("videoflip method=vertical-flip").unwrap();
    assert!(set(&flip, "videoflip", "method", "4").is_ok());
    assert_eq!(ask("videobox fill=black top=20 bottom=20 left=-75 right=-75").unwrap().0.property::<i32>("left"), -75);
    assert_eq!(ask("pitch pitch=0.6").unwrap().1, Kind::Audio);
}

#[test]
fn what_is_not_is_refused_in_words() {
    for (command, says) in [
        ("filesrc location=/etc/passwd", "filesrc is no filter"),
        ("filesink location=/tmp/x", "filesink is no filter"),
        ("tee", "tee is no filter"),
        ("identity", "identity is no filter"),
        ("rtspsrc", "is no filter"),
        ("webrtcbin", "is no filter"),
        ("nothinglikethis", "no element"),
        ("videobalance saturation=99", "from 0 to 2"),
        ("videobalance saturation=NaN", "from 0 to 2"),
        ("videobalance saturation=inf", "from 0 to 2"),
        ("videobalance saturation=1e400", "from 0 to 2"),
        ("videobalance saturation=abc", "from 0 to 2"),
        ("videobalance name=x", "may be set: brightness, contrast, hue, saturation"),
        ("videobalance parent=x", "may be set"),
        ("videobalance qos=true", "may be set"),
        ("edgetv x=1", "may be set: nothing"),
        ("videoflip method=upside", "vertical-flip"),
        ("videoflip method=99", "vertical-flip"),
        ("audioecho delay=18446744073709551615", "to 2000000000"),
        ("audioecho delay=NaN", "from 1"),
        ("audioecho delay=-1", "from 1"),
        ("audioecho delay=99999999999999999999999999", "from 1"),
        ("textoverlay font-desc=\"Sans 99999\"", "a size up to"),
        ("textoverlay font-desc=\"Sans 9px99999px\"", "a size up to"),
        ("textoverlay silent=true", "may be set"),
        ("clockoverlay time-format=%9999999d", "may be set"),
        ("textoverlay draw-shadow=perhaps", "true or false"),
        ("pitch tempo=4", "may be set: pitch"),
    ] {
        let words = refused(command);
        assert!(words.contains(says), "{command}: {words}");
    }
    let name = |name: &str| FilterElement { name: name.into(), settings: Vec::new() };
    for odd in ["", "a\0b", "video balance", "ü", "a(b", "../x"] {
        assert!(matches!(make(&name(odd)), Err(FilterRefused::NotAllowed(_))), "{odd:?}");
        let (flip, _) = ask("videoflip").unwrap();
        assert!(matches!(set(&flip, "videoflip", odd, "1"), Err(FilterRefused::NotAllowed(_))), "{odd:?}");
    }
    assert!(refused(&format!("textoverlay text=\"{}\"", "x".repeat(300))).contains("at most 200"));
}

#[test]
fn what_an_operator_adds_takes_plain_values_alone() {
    // Not among those known by default.
    let (overlay, _) = ask("gdkpixbufoverlay offset-x=3").unwrap();
    assert_eq!(overlay.property::<i32>("offset-x"), 3);
    assert!(refused("gdkpixbufoverlay location=/etc/passwd").starts_with("location of gdkpixbufoverlay cannot be set"));
    assert!(!refused("gdkpixbufoverlay location=/etc/passwd").contains("pixbuf,"));
    assert!(refused("smooth name=x").contains("may be set: "));
}

#[test]
fn garbage_is_never_taken_by_gstreamer() {
    let odd = ["", " ", "-", "0x", "0xzz", "1e309", "-0", "+1", "1_0", "\u{0}", "ü", "9".repeat(500).as_str()]
        .map(str::to_owned);
    crate::media::start().unwrap();
    glib::log_set_always_fatal(glib::LogLevels::LEVEL_CRITICAL);
    for name in crate::config::FILTERS {
        let (element, _) = make(&FilterElement { name: name.into(), settings: Vec::new() }).unwrap();
        for property in may_be_set(&element, name) {
            for value in &odd {
                let _refused_or_plain = set(&element, name, &property, value);
            }
        }
    }
}
