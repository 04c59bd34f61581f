//! The names that this dialect gives: clients cut them apart, so their forms are part of the contract.

use url::Url;

const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Characters of an ingest's name.
const MOST_OF_INGEST: usize = 64;
/// Characters of a stream's name between its kind and its connection.
const MARK: usize = 4;

/// `ses_` and ten characters.
pub fn session() -> String {
    format!("ses_{}", mixed(9))
}

/// `con_` and ten characters, or what the connection's own data asks for.
pub fn connection(server_data: &str) -> String {
    custom(server_data).map_or_else(|| format!("con_{}", mixed(9)), |name| format!("con_{name}"))
}

/// `tok_` and sixteen characters.
pub fn token() -> String {
    format!("tok_{}", mixed(15))
}

/// Whose an account at a TURN server is: nobody's in particular.
pub fn account() -> String {
    random(ALNUM, 8)
}

/// The secret that resumes a connection.
pub fn rpc() -> String {
    random(ALNUM, 26)
}

/// `str_CAM_Z0qp_con_…`; the kind is the first three letters of the video's type, `MIC` without video.
pub fn stream(type_of_video: Option<&str>, connection: &str) -> String {
    let kind: String = type_of_video.unwrap_or("MIC").chars().take(3).collect();
    format!("str_{kind}_{}_{connection}", mixed(MARK - 1))
}

/// The connection in a stream's name.
pub fn owner(stream: &str) -> Option<&str> {
    let (_, rest) = stream.strip_prefix("str_")?.split_once('_')?;
    let (mark, owner) = rest.split_once('_')?;
    (mark.len() == MARK && !owner.is_empty()).then_some(owner)
}

/// The name of a camera's ingest in its room: as much of the connection's as such a name may have. What makes it unique
/// stands in front.
pub fn ingest(connection: &str) -> String {
    connection.chars().take(MOST_OF_INGEST).collect()
}

/// `ipc_IPCAM_rtsp_G8MD_10_0_0_7_554_cam`
pub fn camera(uri: &str) -> String {
    let (scheme, rest) = Url::parse(uri).map_or_else(
        |_| ("rtsp".to_owned(), String::new()),
        |url| {
            let port = url.port().map(|port| format!("_{port}")).unwrap_or_default();
            (url.scheme().to_owned(), format!("{}{port}{}", url.host_str().unwrap_or_default(), url.path()))
        },
    );
    let plain: String = rest.chars().filter(|c| *c != '-').map(|c| if is_word(c) { c } else { '_' }).collect();
    format!("ipc_IPCAM_{scheme}_{}_{}", random(UPPER, MARK), plain.trim_end_matches('_'))
}

/// The recording's name: the session's, then with `~1`, `~2`, the first that is not taken.
pub fn recording(session: &str, taken: impl Fn(&str) -> bool) -> String {
    let numbered = (1_u64..).map(|n| format!("{session}~{n}"));
    std::iter::once(session.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
}

/// Whether a client may choose this name for a session.
pub fn is_custom_session(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn custom(server_data: &str) -> Option<String> {
    let data: serde_json::Value = serde_json::from_str(server_data).ok()?;
    let wanted = data.get("openviduCustomConnectionId")?.as_str()?;
    let word: String = wanted.chars().filter(|c| is_word(*c)).collect();
    Some(word.replace("con_", "")).filter(|word| !word.is_empty())
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// One upper-case letter, then `rest` of any kind.
fn mixed(rest: usize) -> String {
    random(UPPER, 1) + &random(ALNUM, rest)
}

fn random(from: &[u8], length: usize) -> String {
    use rand::Rng;
    let mut rng = rand::rng();
    (0..length).map(|_| char::from(from[rng.random_range(0..from.len())])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_streams_name_leads_to_its_connection() {
        let name = stream(Some("CAMERA"), "con_B7aPq0c9Xe");
        assert!(name.starts_with("str_CAM_") && name.len() == "str_CAM_Z0qp_con_B7aPq0c9Xe".len(), "{name}");
        assert_eq!(owner(&name), Some("con_B7aPq0c9Xe"));
        assert!(stream(None, "con_A").starts_with("str_MIC_"));
        assert_eq!(owner(&stream(Some("SCREEN"), "con_al_ice")), Some("con_al_ice"));
        for wrong in ["", "str_CAM", "str_CAM_abc_con_x", "con_x"] {
            assert_eq!(owner(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_connection_may_ask_for_its_name() {
        assert_eq!(connection(r#"{"openviduCustomConnectionId": "con_al ice!"}"#), "con_alice");
        for data in ["", "x", "{}", r#"{"openviduCustomConnectionId": "!"}"#] {
            assert_eq!(connection(data).len(), 14, "{data}");
        }
    }

    #[test]
    fn a_cameras_name_is_made_of_its_address() {
        let name = camera("rtsp://user:pw@10.0.0.7:554/cam-1/x");
        let (head, tail) = name.split_at("ipc_IPCAM_rtsp_".len());
        assert_eq!((head, &tail[4..]), ("ipc_IPCAM_rtsp_", "_10_0_0_7_554_cam1_x"));
    }

    #[test]
    fn recordings_are_numbered_from_the_second() {
        assert_eq!(recording("S", |_| false), "S");
        assert_eq!(recording("S", |name| ["S", "S~1"].contains(&name)), "S~2");
    }
}
