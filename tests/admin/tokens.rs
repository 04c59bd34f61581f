//! Who may do what, with a secret set.

use crate::support::{SECRET, Service, answer};
use millrace::auth::TokenRole;
use millrace::config::{Config, GuestDialect};
use millrace::model::RoomId;
use reqwest::{Method, StatusCode};
use std::time::Duration;

fn token(service: &Service, role: TokenRole, room: Option<&str>) -> String {
    service.running.auth().issue(role, room.map(RoomId::new), Duration::from_secs(60)).unwrap()
}

async fn status(service: &Service, method: Method, path: &str, token: &str) -> StatusCode {
    answer(service.request(method, path).bearer_auth(token)).await.0
}

async fn make_rooms(service: &Service, admin: &str) {
    for name in ["mine", "other"] {
        let body = serde_json::json!({ "id": name });
        let made = service.request(Method::POST, "/api/v1/rooms").bearer_auth(admin).json(&body);
        assert_eq!(answer(made).await.0, StatusCode::CREATED);
    }
}

#[tokio::test]
async fn without_a_good_token_nothing_is_told_but_health() {
    let service = Service::with_secret().await;
    for path in ["/api/v1/rooms", "/api/v1/recordings", "/api/v1/devices", "/metrics"] {
        let bare = service.get(path).send().await.unwrap();
        assert_eq!(bare.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(bare.headers()["www-authenticate"], "Bearer");
        assert_eq!(status(&service, Method::GET, path, "nonsense").await, StatusCode::UNAUTHORIZED, "{path}");
    }
    let device = token(&service, TokenRole::Device, None);
    assert_eq!(status(&service, Method::GET, "/api/v1/rooms", &device).await, StatusCode::FORBIDDEN);
    let guest = token(&service, TokenRole::Guest, Some("mine"));
    for path in ["/api/v1/rooms", "/api/v1/rooms/mine", "/api/v1/recordings"] {
        assert_eq!(status(&service, Method::GET, path, &guest).await, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(service.call(Method::GET, "/health").await.0, StatusCode::OK);
}

#[tokio::test]
async fn health_says_what_asks_for_no_token() {
    let told = async |service: &Service| {
        let (_, health) = service.call(Method::GET, "/health").await;
        (health["open"].as_bool(), health["guests"].clone(), health["demo"].as_bool())
    };
    let all = serde_json::json!(["sender-viewer", "call", "ringing", "conference"]);
    assert_eq!(told(&Service::open().await).await, (Some(true), all, Some(false)));
    assert_eq!(told(&Service::with_secret().await).await, (Some(false), serde_json::json!([]), Some(false)));
    let lets_callers_in = |config: &mut Config| {
        config.auth.secret = Some(SECRET.into());
        config.guests.dialects = vec![GuestDialect::Call];
    };
    let service = Service::start(tempfile::tempdir().unwrap(), lets_callers_in).await;
    assert_eq!(told(&service).await, (Some(false), serde_json::json!(["call"]), Some(false)));
}

#[tokio::test]
async fn an_admin_may_do_everything_a_console_what_it_needs() {
    let service = Service::with_secret().await;
    let (admin, web) = (token(&service, TokenRole::Admin, None), token(&service, TokenRole::Web, None));
    make_rooms(&service, &admin).await;
    for path in ["/api/v1/rooms", "/api/v1/rooms/mine", "/api/v1/devices", "/api/v1/recordings"] {
        assert_eq!(status(&service, Method::GET, path, &web).await, StatusCode::OK, "{path}");
    }
    assert_eq!(status(&service, Method::POST, "/api/v1/rooms/mine/invite", &web).await, StatusCode::OK);
    assert_eq!(status(&service, Method::DELETE, "/api/v1/rooms/mine", &web).await, StatusCode::FORBIDDEN);
    assert_eq!(status(&service, Method::GET, "/metrics", &web).await, StatusCode::FORBIDDEN);
    assert_eq!(status(&service, Method::GET, "/metrics", &admin).await, StatusCode::OK);
    assert_eq!(status(&service, Method::DELETE, "/api/v1/rooms/mine", &admin).await, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_token_for_one_room_sees_no_other() {
    let service = Service::with_secret().await;
    make_rooms(&service, &token(&service, TokenRole::Admin, None)).await;
    let mine = token(&service, TokenRole::Web, Some("mine"));
    let (_, list) = answer(service.get("/api/v1/rooms").bearer_auth(&mine)).await;
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    assert_eq!(status(&service, Method::GET, "/api/v1/rooms/mine/feeds", &mine).await, StatusCode::OK);
    for path in ["/api/v1/rooms/other", "/api/v1/rooms/other/feeds", "/api/v1/rooms/other/graph"] {
        assert_eq!(status(&service, Method::GET, path, &mine).await, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn a_token_in_the_address_is_for_reading_only() {
    let service = Service::with_secret().await;
    let path = format!("/api/v1/rooms?token={}", token(&service, TokenRole::Admin, None));
    assert_eq!(service.call(Method::GET, &path).await.0, StatusCode::OK);
    assert_eq!(service.call(Method::POST, &path).await.0, StatusCode::UNAUTHORIZED);
}
