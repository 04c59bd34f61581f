//! Networks that are not as one would wish.

use crate::browser::Browser;
use crate::stage::{PATIENCE, Stage, plays_on, quiet};
use crate::turn::Turn;

#[tokio::test(flavor = "multi_thread")]
async fn where_udp_is_blocked_media_goes_over_tcp() {
    let (device, console) = tokio::join!(Browser::start_without_udp("device"), Browser::start_without_udp("console"));
    let stage = Stage::live_with(device, console).await;
    plays_on(&stage.console, 150).await;
    for page in [&stage.device, &stage.console] {
        assert_eq!(page.received().await.protocols, ["tcp"], "the device sends and the console receives over TCP");
    }
    stage.console.press("sound").await; // pictures start muted, as browsers demand
    stage.console.receives(PATIENCE, "sound with energy", |now| now.audio_energy > 0.0).await;
    quiet(&[&stage.device, &stage.console]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_udp_works_it_is_preferred() {
    let stage = Stage::live().await;
    plays_on(&stage.console, 60).await;
    for page in [&stage.device, &stage.console] {
        assert_eq!(page.received().await.protocols, ["udp"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_need_a_turn_server_come_through_the_same_port() {
    let turn = Turn::start().await;
    let (device, console) =
        tokio::join!(Browser::start_behind("device", &turn), Browser::start_behind("console", &turn));
    let stage = Stage::live_with(device, console).await;
    plays_on(&stage.console, 60).await;
    for page in [&stage.device, &stage.console] {
        assert_eq!(page.received().await.ways, ["relay"], "media goes through the TURN server");
    }
    quiet(&[&stage.device, &stage.console]).await;
}
