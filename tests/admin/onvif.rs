//! ONVIF cameras over REST: three makers' ways, found, asked, moved; what lies is not believed.

use crate::onvif_camera::{Camera, Maker, PASSWORD, PICTURE, USER};
use crate::support::{Service, answer};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A service that may talk to this machine, and looks for cameras here alone.
async fn service() -> Service {
    Service::start(tempfile::tempdir().unwrap(), |config| {
        config.reach.special = vec!["127.0.0.0/8".parse().unwrap()];
        config.onvif.interfaces = vec!["127.0.0.1".parse().unwrap()];
        config.onvif.search = std::time::Duration::from_millis(1200);
    })
    .await
}

impl Service {
    async fn onvif(&self, what: &str, body: Value) -> (StatusCode, Value) {
        answer(self.request(Method::POST, &format!("/api/v1/onvif/{what}")).json(&body)).await
    }
}

fn whom(camera: &Camera) -> Value {
    json!({ "address": camera.address.to_string(), "user": USER, "password": PASSWORD })
}

fn with(camera: &Camera, more: Value) -> Value {
    let mut all = whom(camera);
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

#[tokio::test]
async fn a_camera_on_the_network_is_found_once() {
    let (service, camera) = (service().await, Camera::start(Maker::Dahua).await.discoverable());
    let (status, found) = service.onvif("discover", Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{found}");
    let at = format!("http://{}/onvif/device_service", camera.address);
    let ours: Vec<_> = found.as_array().unwrap().iter().filter(|one| one["address"] == at.as_str()).collect();
    assert_eq!(ours.len(), 1, "{found}");
    let facts = [&ours[0]["name"], &ours[0]["hardware"], &ours[0]["from"]].map(|text| text.as_str().unwrap());
    assert_eq!(facts, ["Dahua", "IPC-HDW2431T", "127.0.0.1"]);
    assert_eq!(ours[0]["refused"], Value::Null, "127.0.0.0/8 is allowed here");
}

#[tokio::test]
async fn a_hikvisions_streams_are_told_though_its_clock_is_an_hour_behind() {
    let (service, camera) = (service().await, Camera::start(Maker::Hikvision).await);
    let (status, told) = service.onvif("profiles", whom(&camera)).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert_eq!((told["manufacturer"].as_str(), told["serial"].as_str()), (Some("Hikvision"), Some("S7")));
    let ahead = told["clock_ahead_s"].as_i64().unwrap();
    assert!((-3602..=-3598).contains(&ahead), "{ahead}");
    let main = &told["profiles"][0];
    assert_eq!((&main["encoding"], &main["width"], &main["ptz"]), (&json!("H265"), &json!(2560), &json!(true)));
    let host = camera.address.to_string();
    assert_eq!(main["uri"], "rtsp://127.0.0.1:554/Streaming/Channels/101?transportmode=unicast");
    assert_eq!(main["snapshot"], format!("http://{host}/picture?channel=1&sub=0"));
    assert_eq!((&told["profiles"][1]["encoding"], &told["profiles"][1]["ptz"]), (&json!("H264"), &json!(false)));
}

#[tokio::test]
async fn a_dahua_demands_https_digest_and_never_gets_its_password_shown() {
    let (service, camera) = (service().await, Camera::start(Maker::Dahua).await);
    let password = json!({ "address": camera.address.to_string(), "user": USER, "password": "wrong" });
    let (status, refusal) = service.onvif("profiles", password).await;
    assert_eq!(
        (status, &refusal["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("camera_credentials")),
        "{refusal}"
    );
    let (status, told) = service.onvif("profiles", whom(&camera)).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let [main, sub] = [0, 1].map(|at| &told["profiles"][at]);
    assert_eq!(main["uri"], "rtsp://127.0.0.1:554/cam/realmonitor?channel=1&subtype=0&unicast=true");
    assert_eq!((&main["audio"], &main["problem"]), (&json!("G711"), &Value::Null));
    assert_eq!(sub["uri"], Value::Null);
    assert!(sub["problem"].as_str().unwrap().contains("password"), "{sub}");
    assert!(!told.to_string().contains("hunter2"), "{told}");
}

#[tokio::test]
async fn an_axis_has_one_address_for_all_and_no_movement() {
    let (service, camera) = (service().await, Camera::start(Maker::Axis).await);
    let (status, told) = service.onvif("profiles", whom(&camera)).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let only = &told["profiles"][0];
    assert_eq!((&only["ptz"], &only["snapshot"], &only["problem"]), (&json!(false), &Value::Null, &Value::Null));
    assert!(only["uri"].as_str().unwrap().starts_with("rtsp://127.0.0.1/onvif-media/media.amp?profile="), "{only}");
    let stop = with(&camera, json!({ "profile": only["token"], "stop": true }));
    let (status, refusal) = service.onvif("ptz", stop).await;
    assert_eq!(
        (status, &refusal["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("camera_unsupported")),
        "{refusal}"
    );
}

#[tokio::test]
async fn pictures_are_fetched_for_the_console() {
    for maker in [Maker::Hikvision, Maker::Dahua] {
        let (service, camera) = (service().await, Camera::start(maker).await);
        let body = with(&camera, json!({ "profile": "Profile_1" }));
        let response = service.request(Method::POST, "/api/v1/onvif/snapshot").json(&body).send().await.unwrap();
        assert_eq!(
            (response.status(), &response.headers()["content-type"]),
            (StatusCode::OK, &"image/jpeg".parse().unwrap())
        );
        assert_eq!(response.bytes().await.unwrap(), PICTURE);
        let moved = with(&camera, json!({ "profile": "Profile_1", "move": { "x": 0.1 } }));
        let (status, refusal) = service.onvif("ptz", moved).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "HTTP's digest is for pictures, not for all: {refusal}");
    }
}

#[tokio::test]
async fn cameras_move_stop_and_go_to_their_positions() {
    for (maker, limited) in [(Maker::Dahua, true), (Maker::Hikvision, false)] {
        let (service, camera) = (service().await, Camera::start(maker).await);
        let steps = [
            json!({ "move": { "x": 0.5, "y": -1.0 } }),
            json!({ "move": { "zoom": 0.25 } }),
            json!({ "stop": true }),
            json!({ "preset": "1" }),
        ];
        for step in steps {
            let mut body = with(&camera, step);
            body["profile"] = json!("MediaProfile00000");
            let (status, refusal) = service.onvif("ptz", body).await;
            assert_eq!(status, StatusCode::NO_CONTENT, "{refusal}");
        }
        let told = camera.told();
        let parts = [
            "<tt:PanTilt x=\"0.500\" y=\"-1.000\"/></Velocity>",
            "<Velocity><tt:Zoom x=\"0.250\"/>",
            "<PanTilt>true</PanTilt><Zoom>true</Zoom>",
            "<PresetToken>1</PresetToken>",
        ];
        assert_eq!(told.len(), parts.len(), "{told:?}");
        for (told, part) in told.iter().zip(parts) {
            assert!(told.contains(part) && told.contains("<ProfileToken>MediaProfile00000</ProfileToken>"), "{told}");
        }
        assert_eq!(
            told[0].contains("<Timeout>PT5S</Timeout>"),
            limited,
            "{maker:?} may know no limit of time: {told:?}"
        );
    }
}

#[tokio::test]
async fn positions_are_listed_and_wrong_movements_refused() {
    let (service, camera) = (service().await, Camera::start(Maker::Dahua).await);
    let (_, presets) = service.onvif("presets", with(&camera, json!({ "profile": "MediaProfile00000" }))).await;
    assert_eq!(presets, json!([{ "token": "1", "name": "Gate" }, { "token": "2", "name": "2" }]));
    for wrong in
        [json!({}), json!({ "stop": true, "preset": "1" }), json!({ "move": { "x": 2 } }), json!({ "turn": 1 })]
    {
        let (status, refusal) = service.onvif("ptz", with(&camera, wrong)).await;
        assert_eq!((status, &refusal["code"]), (StatusCode::BAD_REQUEST, &json!("bad_request")), "{refusal}");
    }
    assert_eq!(camera.told(), [""; 0]);
}

#[tokio::test]
async fn what_is_no_camera_is_told_in_words() {
    let service = service().await;
    for (maker, words) in
        [(Maker::Endless, "longer than"), (Maker::Redirecting, "https://"), (Maker::Page, "cannot be read")]
    {
        let camera = Camera::start(maker).await;
        let (status, refusal) = service.onvif("profiles", whom(&camera)).await;
        assert_eq!((status, &refusal["code"]), (StatusCode::BAD_GATEWAY, &json!("camera_unreadable")), "{refusal}");
        assert!(refusal["message"].as_str().unwrap().contains(words), "{refusal}");
    }
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (status, refusal) = service.onvif("profiles", json!({ "address": closed.to_string() })).await;
    assert_eq!((status, &refusal["code"]), (StatusCode::BAD_GATEWAY, &json!("camera_unreachable")), "{refusal}");
}

#[tokio::test]
async fn addresses_that_are_not_allowed_are_not_asked() {
    let service = Service::open().await;
    let camera = Camera::start(Maker::Axis).await;
    for address in
        [camera.address.to_string(), "169.254.169.254".into(), format!("http://2130706433:{}", camera.address.port())]
    {
        let (status, refusal) = service.onvif("profiles", json!({ "address": address })).await;
        assert_eq!((status, &refusal["code"]), (StatusCode::FORBIDDEN, &json!("address_forbidden")), "{refusal}");
    }
    let (status, refusal) = service.onvif("profiles", json!({ "address": "http://a:secret@192.168.1.1" })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(!refusal.to_string().contains("secret"), "{refusal}");
    let guarded = Service::with_secret().await;
    let (status, _) = guarded.onvif("discover", Value::Null).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}
