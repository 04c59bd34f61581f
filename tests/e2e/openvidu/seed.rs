//! The application that guides of 2020 teach: jQuery, the secret in the page, a session that may be there already.

use super::visitor::{OLD, open, service};
use crate::page;
use crate::stage::PATIENCE;

const PAGE: &str = include_str!("seed.html");
const JQUERY: &str = include_str!("jquery-3.5.1.js");

#[tokio::test(flavor = "multi_thread")]
async fn two_pages_of_an_old_guide_meet_where_the_session_may_be_there() {
    let service = service().await;
    let page = page::serve_all(PAGE, &[("/script.js", OLD), ("/jquery.js", JQUERY)]).await;
    let woman = open("woman", &service, &page, true).await;
    woman.wait(PATIENCE, "it publishes", "app.said.join() === 'created,published'").await;
    let man = open("man", &service, &page, true).await;
    man.wait(PATIENCE, "the session was there", "app.said.join() === '409,published'").await;
    for page in [&woman, &man] {
        page.receives(PATIENCE, "pictures and sound", |now| now.frames_decoded > 20 && now.audio_energy > 0.0).await;
    }
}
