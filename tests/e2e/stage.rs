//! What every end-to-end test begins with: a device and a console that sees it live.

use crate::browser::Browser;
use crate::service::{Service, start_server};
use std::time::Duration;

/// Long enough for a busy machine; the tests of speed have limits of their own.
pub const PATIENCE: Duration = Duration::from_secs(20);

const LIVE: &str = "document.querySelector('[data-testid=tile][data-state=live] video')?.videoWidth > 0";

/// A room with one device live and one console watching.
pub struct Stage {
    /// The server.
    pub service: Service,
    /// The device page.
    pub device: Browser,
    /// The console page that made the room.
    pub console: Browser,
    /// The room's number.
    pub room: String,
    /// The device's name, of this test alone.
    pub name: String,
}

impl Stage {
    /// Opens both pages, invites, and waits for the picture.
    pub async fn live() -> Self {
        let (device, console) = tokio::join!(Browser::start("device"), Browser::start("console"));
        Self::live_with(device, console).await
    }

    /// The same in browsers of the caller's.
    pub async fn live_with(device: Browser, console: Browser) -> Self {
        Self::live_on(start_server().await, device, console).await
    }

    /// The same on this server.
    pub async fn live_on(service: Service, device: Browser, console: Browser) -> Self {
        let name = format!("cam-{}", std::process::id());
        device.open(&service.at(&format!("/device?id={name}"))).await;
        connected(&device).await;
        console.open(&service.at("/console")).await;
        console.press("create-and-invite").await;
        device
            .wait(PATIENCE, "the device is live", "document.querySelector('[data-testid=lens][data-state=live]')")
            .await;
        live(&console).await;
        let room = console.text("room-id").await;
        Self { service, device, console, room, name }
    }

    /// A further viewer's browser, connected and in no room yet.
    pub async fn viewer(&self, name: &str) -> Browser {
        let viewer = Browser::start(name).await;
        viewer.open(&self.service.at("/console")).await;
        connected(&viewer).await;
        viewer
    }

    /// Enters the room by its number.
    pub async fn enter(&self, viewer: &Browser) {
        viewer.type_into("room-number", &self.room).await;
        viewer.press("enter-room").await;
    }
}

/// Waits until a page's socket is open.
pub async fn connected(page: &Browser) {
    page.wait(PATIENCE, "the socket is open", "document.querySelector('[data-testid=connection][data-state=open]')")
        .await;
}

/// Waits until a console shows a live picture.
pub async fn live(console: &Browser) {
    console.wait(PATIENCE, "a live picture", LIVE).await;
}

/// Waits for `count` more decoded frames.
pub async fn plays_on(viewer: &Browser, count: u64) {
    let before = viewer.received().await.frames_decoded;
    viewer
        .receives(PATIENCE, &format!("{count} more frames than {before}"), |now| now.frames_decoded >= before + count)
        .await;
}

/// No page may have logged an error.
pub async fn quiet(pages: &[&Browser]) {
    for page in pages {
        let severe = page.severe().await;
        assert!(severe.is_empty(), "the browser's console holds errors: {severe:#?}");
    }
}
