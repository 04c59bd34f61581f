//! End to end: the served pages in Chromium, with the whole service behind them.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

#[path = "harness/browser.rs"]
mod browser;
#[path = "e2e/call.rs"]
mod call;
#[path = "harness/camera.rs"]
mod camera;
#[path = "e2e/cameras.rs"]
mod cameras;
#[path = "e2e/check.rs"]
mod check;
#[path = "e2e/conference.rs"]
mod conference;
#[path = "e2e/conference_crowd.rs"]
mod conference_crowd;
#[path = "e2e/conversation.rs"]
mod conversation;
#[path = "harness/driver.rs"]
mod driver;
#[path = "e2e/home.rs"]
mod home;
#[path = "e2e/judge.rs"]
mod judge;
#[path = "harness/line.rs"]
mod line;
#[path = "e2e/lines.rs"]
mod lines;
#[path = "e2e/looks.rs"]
mod looks;
#[path = "e2e/loss.rs"]
mod loss;
#[path = "e2e/meeting.rs"]
mod meeting;
#[path = "e2e/meeting_page.rs"]
mod meeting_page;
#[path = "e2e/meeting_parts.rs"]
mod meeting_parts;
#[path = "e2e/networks.rs"]
mod networks;
#[path = "e2e/openvidu.rs"]
mod openvidu;
#[path = "e2e/openvidu_clients.rs"]
mod openvidu_clients;
#[path = "e2e/openvidu_filters.rs"]
mod openvidu_filters;
#[path = "e2e/openvidu_recording.rs"]
mod openvidu_recording;
#[path = "harness/page.rs"]
mod page;
#[path = "e2e/recording.rs"]
mod recording;
#[path = "harness/relay.rs"]
mod relay;
#[path = "e2e/ring.rs"]
mod ring;
#[path = "e2e/sender_viewer.rs"]
mod sender_viewer;
#[path = "harness/service.rs"]
mod service;
#[path = "e2e/simulcast.rs"]
mod simulcast;
#[path = "e2e/stage.rs"]
mod stage;
#[path = "e2e/trouble.rs"]
mod trouble;
#[path = "harness/turn.rs"]
mod turn;
#[path = "e2e/turn.rs"]
mod turn_pages;
#[path = "e2e/viewing.rs"]
mod viewing;
#[path = "e2e/viewing_live.rs"]
mod viewing_live;
#[path = "e2e/viewing_pages.rs"]
mod viewing_pages;
#[path = "e2e/voice.rs"]
mod voice;
#[path = "e2e/watch.rs"]
mod watch;
#[path = "e2e/whip.rs"]
mod whip;
