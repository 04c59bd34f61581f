//! The pages fit a phone's width in dark and light; with `MILLRACE_SCREENSHOTS` set they are also photographed.

use crate::browser::Browser;
use crate::stage::{PATIENCE, Stage};

/// Colours do not change any more.
pub const SETTLED: &str =
    "!document.getAnimations().some((one) => one instanceof CSSTransition && one.transitionProperty !== 'transform')";
const OVERFLOW: &str = "document.documentElement.scrollWidth - document.documentElement.clientWidth";

#[tokio::test(flavor = "multi_thread")]
async fn pages_fit_a_phone_and_a_desk_in_dark_and_light() {
    let stage = Stage::live().await;
    let welcome = stage.viewer("welcome").await;
    for (page, name) in [(&welcome, "welcome"), (&stage.console, "console"), (&stage.device, "device")] {
        for (width, height) in [(360, 780), (1280, 900)] {
            for scheme in ["light", "dark"] {
                fits(page, name, width, height, scheme).await;
            }
        }
    }
}

async fn fits(page: &Browser, name: &str, width: u32, height: u32, scheme: &str) {
    page.look(width, height, scheme).await;
    page.wait(PATIENCE, "colours settle", SETTLED).await;
    let overflow = page.value(OVERFLOW).await;
    page.screenshot(&format!("{name}-{width}-{scheme}")).await;
    assert_eq!(overflow, 0, "{name} at {width} px is wider than the screen");
    let dark = page.value("matchMedia('(prefers-color-scheme: dark)').matches").await;
    assert_eq!(dark, scheme == "dark", "the page was shown in {scheme}");
}
