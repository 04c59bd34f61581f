//! Subscriptions' limits and explanations, and transcodes, by REST.

use super::support::{Service, answer};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn what_is_not_there_is_named_and_an_idle_service_transcodes_nothing() {
    let service = Service::open().await;
    let (status, transcodes) = service.call(Method::GET, "/api/v1/transcodes").await;
    assert_eq!((status, &transcodes["running"]), (StatusCode::OK, &json!([])));
    let explain = "/api/v1/rooms/hall/subscriptions/1/explain";
    let (status, error) = service.call(Method::GET, explain).await;
    assert_eq!((status, error["code"].as_str()), (StatusCode::NOT_FOUND, Some("room_not_found")), "{error}");
    service.make_room("hall").await;
    let (status, error) = service.call(Method::GET, explain).await;
    assert_eq!((status, error["code"].as_str()), (StatusCode::NOT_FOUND, Some("subscription_not_found")), "{error}");
    let change = |change| service.request(Method::PATCH, "/api/v1/rooms/hall/subscriptions/1").json(&change);
    let (status, error) = answer(change(json!({ "max_widht": 3 }))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(error["message"].as_str().unwrap().contains("max_widht"), "{error}");
    assert_eq!(answer(change(json!({ "paused": true }))).await.0, StatusCode::NOT_FOUND);
}
