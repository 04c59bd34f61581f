//! Kinds of streams: screens beside cameras, tracks that are replaced, sound alone, pictures alone, switched off, looped.

use super::visitor::{NEW, OLD, calm, service, visitor};
use crate::browser::Browser;
use crate::stage::PATIENCE;

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_shares_a_screen_beside_its_camera() {
    share(OLD, NEW).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_shares_a_screen_beside_its_camera() {
    share(NEW, OLD).await;
}

/// Two connections of one page; then the screen's track is replaced by one of another size.
async fn share(sharing: &'static str, watching: &'static str) {
    let service = service().await;
    let (ann, bob) = tokio::join!(visitor("ann", &service, sharing), visitor("bob", &service, watching));
    bob.value("await join('bob', 'S', 'SUBSCRIBER')").await;
    for who in ["camera", "screen"] {
        ann.value(&format!("await join('{who}', 'S')")).await;
    }
    ann.value("await publish('camera')").await;
    let screen = "await publish('screen', { videoSource: 'screen', publishAudio: false, audioSource: false })";
    let stream = ann.value(screen).await;
    assert!(stream.as_str().is_some_and(|name| name.starts_with("str_SCR_")), "{stream}");
    bob.wait(PATIENCE, "both play", "plays(2)").await;
    let kinds = "told('bob', 'streamCreated').map((one) => one.type).sort().join()";
    assert_eq!(bob.value(kinds).await, "CAMERA,SCREEN");
    bob.receives(PATIENCE, "the screen in its size", |now| (now.width, now.height) == (640, 360)).await;
    ann.value("await all.screen.publisher.replaceTrack(picture(800, 600))").await;
    bob.receives(PATIENCE, "the other size", |now| (now.width, now.height) == (800, 600)).await;
    let changed = "told('bob', 'streamPropertyChanged').find((one) => one.property === 'videoDimensions')";
    bob.wait(PATIENCE, "it is told", &format!("{changed}?.reason === 'trackReplaced'")).await;
    assert_eq!(bob.value(&format!("{changed}.value.width")).await, 800);
    ann.value("all.screen.session.disconnect()").await;
    bob.wait(PATIENCE, "the screen is gone", "told('bob', 'streamDestroyed').length === 1").await;
    calm(&bob, "bob").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_publishes_every_kind() {
    every_kind(OLD, NEW).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_publishes_every_kind() {
    every_kind(NEW, OLD).await;
}

async fn every_kind(publishing: &'static str, watching: &'static str) {
    let service = service().await;
    let (ann, bob) = tokio::join!(visitor("ann", &service, publishing), visitor("bob", &service, watching));
    ann.value("await join('ann', 'S')").await;
    bob.value("await join('bob', 'S', 'SUBSCRIBER')").await;

    ann.value("await publish('ann', { videoSource: false })").await;
    created(&bob, 0, "one.audio && !one.video").await;
    bob.receives(PATIENCE, "sound alone", |now| now.audio_energy > 0.0).await;
    unpublish(&ann, &bob, 1).await;

    ann.value("await publish('ann', { audioSource: false })").await;
    created(&bob, 1, "!one.audio && one.video && one.active").await;
    bob.receives(PATIENCE, "pictures alone", |now| now.frames_decoded > 20).await;
    unpublish(&ann, &bob, 2).await;

    ann.value("await publish('ann', { publishVideo: false })").await;
    created(&bob, 2, "one.video && one.active === false").await;
    bob.receives(PATIENCE, "its sound", |now| now.audio_energy > 0.0).await;
    ann.value("all.ann.publisher.publishVideo(true)").await;
    bob.receives(PATIENCE, "its pictures", |now| now.frames_decoded > 20).await;
    unpublish(&ann, &bob, 3).await;

    ann.value("await publish('ann', {}, (publisher) => publisher.subscribeToRemote())").await;
    created(&bob, 3, "one.video").await;
    for page in [&ann, &bob] {
        page.receives(PATIENCE, "the loop", |now| now.frames_decoded > 20 && now.audio_energy > 0.0).await;
    }
    calm(&ann, "ann").await;
    calm(&bob, "bob").await;
}

async fn created(bob: &Browser, number: usize, fits: &str) {
    let fits = format!("[told('bob', 'streamCreated')[{number}]].some((one) => {fits})");
    bob.wait(PATIENCE, &format!("stream {number}: {fits}"), &fits).await;
}

async fn unpublish(ann: &Browser, bob: &Browser, count: usize) {
    ann.value("await all.ann.session.unpublish(all.ann.publisher)").await;
    bob.wait(PATIENCE, "it is gone", &format!("told('bob', 'streamDestroyed').length === {count}")).await;
    assert_eq!(bob.value("told('bob', 'streamDestroyed').at(-1).reason").await, "unpublish");
}
