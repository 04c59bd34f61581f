//! Two pages of one session, of the oldest and the newest client: media, signals, properties, roles and their endings.

use super::visitor::{NEW, OLD, calm, service, text, visitor};
use crate::browser::Browser;
use crate::service::Service;
use crate::stage::PATIENCE;

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_moderates_the_newest() {
    meet(OLD, NEW).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_moderates_the_oldest() {
    meet(NEW, OLD).await;
}

/// One has a moderator's rights, the other a publisher's.
async fn meet(moderator: &'static str, publisher: &'static str) {
    let service = service().await;
    let (ann, bob) = tokio::join!(visitor("ann", &service, moderator), visitor("bob", &service, publisher));
    let ann_id = text(&ann, "await join('ann', 'S', 'MODERATOR')").await;
    ann.value("await publish('ann')").await;
    let bob_id = text(&bob, "await join('bob', 'S')").await;
    let stream = text(&bob, "await publish('bob')").await;
    for page in [&ann, &bob] {
        page.wait(PATIENCE, "the other's picture plays", "plays()").await;
        page.receives(PATIENCE, "pictures and sound", |now| now.frames_decoded > 30 && now.audio_energy > 0.0).await;
    }
    println!("from joining to the first picture: {} ms", bob.value("Math.round(all.bob.first)").await);
    signals(&ann, &bob, [&ann_id, &bob_id]).await;
    mutes(&ann, &bob).await;
    refusals(&bob, &ann_id).await;
    calm(&ann, "ann").await;
    calm(&bob, "bob").await;
    ends(&ann, &bob, [&bob_id, &stream]).await;
    tokens(&service, &bob, publisher).await;
}

async fn signals(ann: &Browser, bob: &Browser, [ann_id, bob_id]: [&str; 2]) {
    bob.value("await all.bob.session.signal({ type: 'chat', data: 'to all' })").await;
    for (page, who) in [(ann, "ann"), (bob, "bob")] {
        page.wait(PATIENCE, "a signal to all", &format!("told('{who}', 'signal:chat')[0]?.data === 'to all'")).await;
    }
    let to_ann = format!("to: [{{ connectionId: '{ann_id}' }}]");
    ann.value(&format!("await all.ann.session.signal({{ {to_ann}, type: 'chat', data: 'to me' }})")).await;
    let from_itself = format!("told('ann', 'signal:chat')[1]?.from === '{ann_id}'");
    ann.wait(PATIENCE, "a signal to oneself", &from_itself).await;
    ann.value(&format!(
        "await rest('POST', '/signal', {{ session: 'S', to: ['{bob_id}'], type: 'srv', data: 'verbatim' }})"
    ))
    .await;
    bob.wait(PATIENCE, "a signal of the application", "told('bob', 'srv')[0]?.data === 'verbatim'").await;
    assert_eq!(bob.value("told('bob', 'signal:srv').length + told('bob', 'signal:chat').length").await, 1);
}

/// What one switches off, the other is told and sees.
async fn mutes(ann: &Browser, bob: &Browser) {
    ann.value("all.ann.publisher.publishVideo(false)").await;
    ann.value("all.ann.publisher.publishAudio(false)").await;
    for property in ["videoActive", "audioActive"] {
        let told = format!(
            "told('bob', 'streamPropertyChanged').some((one) => one.property === '{property}' && one.value === false)"
        );
        bob.wait(PATIENCE, property, &told).await;
    }
    assert_eq!(bob.value("all.bob.watched[0].stream.videoActive").await, false);
    ann.value("all.ann.publisher.publishVideo(true)").await;
    let back =
        "told('bob', 'streamPropertyChanged').some((one) => one.property === 'videoActive' && one.value === true)";
    bob.wait(PATIENCE, "its picture is back", back).await;
}

/// The server says no, whatever a client would have said itself.
async fn refusals(bob: &Browser, ann_id: &str) {
    let force = "all.bob.session.forceUnpublish(all.bob.watched[0].stream)";
    assert_eq!(text(bob, &format!("await refused({force})")).await, "OPENVIDU_PERMISSION_DENIED");
    for (method, params) in [
        ("forceUnpublish", "{ streamId: all.bob.watched[0].stream.streamId }".to_owned()),
        ("forceDisconnect", format!("{{ connectionId: '{ann_id}' }}")),
    ] {
        assert_eq!(bob.value(&format!("await asks('bob', '{method}', {params})")).await, 401, "{method}");
    }
    bob.value("await join('guest', 'S', 'SUBSCRIBER')").await;
    assert_eq!(text(bob, "await refused(publish('guest'))").await, "OPENVIDU_PERMISSION_DENIED");
    let offer = "{ sdpOffer: 'v=0', hasAudio: true, hasVideo: true }";
    assert_eq!(bob.value(&format!("await asks('guest', 'publishVideo', {offer})")).await, 401);
    bob.value("all.guest.session.disconnect()").await;
    bob.wait(PATIENCE, "the guest has left", "told('guest', 'sessionDisconnected').length > 0").await;
}

/// A stream is taken away, then its publisher, who comes back; then the moderator leaves.
async fn ends(ann: &Browser, bob: &Browser, [bob_id, stream]: [&str; 2]) {
    let by_user = |event: &str| format!("told('bob', '{event}')[0]?.reason === 'forceUnpublishByUser'");
    ann.value(&format!(
        "await all.ann.session.forceUnpublish(all.ann.watched.find((one) => one.stream.streamId === '{stream}').stream)"
    ))
    .await;
    bob.wait(PATIENCE, "its stream was taken", &by_user("mineDestroyed")).await;
    ann.wait(PATIENCE, "it is gone", "told('ann', 'streamDestroyed').length > 0").await;
    ann.value(&format!(
        "await all.ann.session.forceDisconnect(all.ann.watched.find((one) => one.stream.streamId === '{stream}').stream.connection)"
    ))
    .await;
    bob.wait(PATIENCE, "it was sent away", "told('bob', 'sessionDisconnected')[0]?.reason === 'forceDisconnectByUser'")
        .await;
    let gone = format!("told('ann', 'connectionDestroyed').some((one) => one.who === '{bob_id}')");
    ann.wait(PATIENCE, "all hear of it", &gone).await;
    bob.value("await join('again', 'S')").await;
    bob.wait(PATIENCE, "it is back and watches", "all.again.first !== undefined").await;
    ann.value("all.ann.session.disconnect()").await;
    bob.wait(PATIENCE, "the moderator has left", "told('again', 'streamDestroyed')[0]?.reason === 'disconnect'").await;
}

async fn tokens(service: &Service, bob: &Browser, client: &'static str) {
    let other = visitor("other tab", service, client).await;
    let token = text(bob, "window.given = await token('S')").await;
    bob.value("await join('first', 'S', '', window.given)").await;
    let refused = other.value(&format!("await refused(join('second', 'S', '', '{token}'))")).await;
    assert_eq!(refused, 401, "a token is good once");
}
