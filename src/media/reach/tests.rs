//! The nasty spellings.

use super::*;

fn reach() -> Reach {
    Reach::default()
}

async fn verdict(reach: &Reach, uri: &str) -> &'static str {
    match target(reach, uri, 554, Way::Connect).await {
        Ok(_) => "ok",
        Err(ReachError::Forbidden(_)) => "forbidden",
        Err(ReachError::Invalid(_)) => "invalid",
        Err(ReachError::Unknown(_)) => "unknown",
    }
}

#[tokio::test]
async fn every_spelling_of_this_machine_is_refused() {
    let hosts = [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "127.0.0.1.",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "127%2E0%2E0%2E1",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "0",
        "0.0.0.0",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:1:2:3:4:80ff:fffe]",
        "[fe80::5efe:127.0.0.1]",
        "user@127.0.0.1",
        "example.org@127.0.0.1",
        "example.org:80@127.0.0.1",
        "example.org%40@127.0.0.1",
    ];
    for scheme in ["rtsp", "http", "srt", "rtmp", "https"] {
        for host in hosts {
            let uri = format!("{scheme}://{host}/live");
            assert_eq!(verdict(&reach(), &uri).await, "forbidden", "{uri}");
        }
    }
}

#[tokio::test]
async fn metadata_link_and_groups_are_refused() {
    for host in [
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "[::ffff:a9fe:a9fe]",
        "[fd00:ec2::254]",
        "[fd20:ce::254]",
        "100.100.100.200",
        "192.0.0.192",
        "[fe80::1]",
        "169.254.1.1",
        "255.255.255.255",
        "240.0.0.1",
        "239.1.1.1",
        "[ff02::1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::1]",
    ] {
        let uri = format!("rtsp://{host}:554/");
        assert_eq!(verdict(&reach(), &uri).await, "forbidden", "{uri}");
    }
}

#[tokio::test]
async fn ordinary_addresses_pass_and_are_the_ones_to_use() {
    let found = target(&reach(), "rtsp://u:p%40ss@192.168.1.20/a?b=c", 554, Way::Connect).await.unwrap();
    assert_eq!(found.addresses, [SocketAddr::from(([192, 168, 1, 20], 554))]);
    assert_eq!(found.located(), "rtsp://192.168.1.20:554/a?b=c");
    assert!(!format!("{found:?}").contains("p%40ss"), "{found:?}");
    let six = target(&reach(), "https://[2001:db8::1]/x", 0, Way::Connect).await.unwrap();
    assert_eq!((six.located().as_str(), six.host.as_str()), ("https://[2001:db8::1]:443/x", "2001:db8::1"));
}

#[tokio::test]
async fn special_networks_open_what_they_name_only() {
    let special = Reach { special: vec!["127.0.0.0/8".parse().unwrap()], ..reach() };
    for uri in ["rtsp://127.0.0.1/", "rtsp://[::ffff:127.0.0.1]/", "http://0x7f.1/"] {
        assert_eq!(verdict(&special, uri).await, "ok", "{uri}");
    }
    for uri in ["rtsp://169.254.169.254/", "rtsp://[::1]/", "rtsp://0.0.0.0/"] {
        assert_eq!(verdict(&special, uri).await, "forbidden", "{uri}");
    }
}

#[tokio::test]
async fn schemes_hosts_and_networks_are_lists() {
    let narrow = Reach {
        schemes: vec!["rtsp".into()],
        hosts: vec!["*.example.org".into(), "10.0.0.7".into(), "192.0.2.1".into()],
        networks: vec!["10.0.0.0/8".parse().unwrap()],
        ..reach()
    };
    assert_eq!(verdict(&narrow, "rtsp://10.0.0.7/").await, "ok");
    assert_eq!(verdict(&narrow, "rtsp://10.7/").await, "ok");
    for uri in [
        "http://10.0.0.7/",
        "rtsp://10.0.0.8/",
        "rtsp://192.0.2.1/",
        "rtsp://example.org.evil.test/",
        "rtsp://badexample.org/",
    ] {
        assert_eq!(verdict(&narrow, uri).await, "forbidden", "{uri}");
    }
}

#[test]
fn of_several_addresses_only_the_allowed_are_given() {
    let found = ["127.0.0.1", "192.0.2.9", "169.254.169.254"].map(|ip| ip.parse().unwrap());
    assert_eq!(choose(&reach(), "mixed", &found, Way::Connect).unwrap(), [found[1]]);
    let error = choose(&reach(), "bad", &found[..1], Way::Connect).unwrap_err();
    assert!(error.to_string().contains("[reach] special"), "{error}");
    assert!(matches!(choose(&reach(), "none", &[], Way::Connect), Err(ReachError::Unknown(_))));
}

#[tokio::test]
async fn listeners_and_groups() {
    let open =
        |uri: &'static str, way| async move { target(&Reach::default(), uri, 0, way).await.map(|t| t.addresses[0]) };
    let any = SocketAddr::from(([0, 0, 0, 0], 9000));
    assert_eq!(open("srt://:9000?mode=listener", Way::Listen).await, Ok(any));
    assert_eq!(open("udp://@:9000", Way::Listen).await, Ok(any));
    let group = SocketAddr::from(([239, 1, 1, 1], 9000));
    assert_eq!(open("udp://@239.1.1.1:9000", Way::Group).await, Ok(group));
    assert_eq!(open("udp://239.1.1.1:9000", Way::Listen).await, Ok(group));
    assert!(matches!(open("udp://239.1.1.1:9000", Way::Connect).await, Err(ReachError::Forbidden(_))));
    assert!(matches!(open("udp://127.0.0.1:9000", Way::Listen).await, Err(ReachError::Forbidden(_))));
    assert!(matches!(open("udp://192.0.2.1", Way::Group).await, Err(ReachError::Invalid(_))));
    assert!(matches!(open("srt://:9000", Way::Connect).await, Err(ReachError::Forbidden(_))));
}

#[test]
fn credentials_are_moved_out() {
    let (url, user, password) = parse("rtsp://ad%20min:p%3Aw%2F!%20%2A@cam.example/1?x=y").unwrap();
    assert_eq!((url.as_str(), user.as_str(), password.as_str()), ("rtsp://cam.example/1?x=y", "ad min", "p:w/! *"));
    let error = parse("rtsp://user:hunter2@ho st/").unwrap_err().to_string();
    assert!(!error.contains("hunter2"), "{error}");
    assert!(parse("no uri").is_err());
    assert_eq!(percent_decode("%zz%4"), "%zz%4");
}
