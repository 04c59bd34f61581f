//! Addresses: those people type, and those devices name. Pure.
//!
//! Decides that a device speaks for its own host alone; whether that host may be reached is the gate's.

use super::OnvifError;
use url::Url;

/// Where devices have their service when nobody says otherwise.
const USUAL_PATH: &str = "/onvif/device_service";
const LONGEST: usize = 2048;

/// What somebody typed.
///
/// # Errors
/// `Invalid`; the text is not repeated, as it may hold a password.
pub fn parse(text: &str) -> Result<Url, OnvifError> {
    let invalid =
        |why: &str| OnvifError::Invalid(format!("address: {why}, as in 192.168.1.20 or http://192.168.1.20:8000"));
    let text = text.trim();
    if text.is_empty() || text.len() > LONGEST {
        return Err(invalid("the camera's name or IP address, with its port if that is not 80"));
    }
    let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let mut url = Url::parse(&full).map_err(|_| invalid("it cannot be read: give the camera's name or IP address"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("ONVIF is spoken over http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("user and password have fields of their own"));
    }
    if url.path() == "/" {
        url.set_path(USUAL_PATH);
    }
    url.set_fragment(None);
    Ok(url)
}

/// An address of HTTP that a device names: at its own host, or else at the one it was reached at.
pub fn web(device: &Url, told: &str) -> Option<Url> {
    let mut url = readable(told)?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    if url.host() != device.host() {
        let (path, query) = (url.path().to_owned(), url.query().map(str::to_owned));
        url = device.clone();
        url.set_path(&path);
        url.set_query(query.as_deref());
    }
    Some(url)
}

/// An address of a stream that a device names: at its own host; the port stays what it says.
pub fn stream(device: &Url, told: &str) -> Option<Url> {
    let mut url = readable(told)?;
    if !matches!(url.scheme(), "rtsp" | "rtsps") {
        return None;
    }
    if url.host_str() != device.host_str() {
        url.set_host(device.host_str()).ok()?;
    }
    Some(url)
}

/// Without percent escapes.
pub fn decoded(text: &str) -> String {
    // The reader of form fields takes `+` for a space and `&` for an end.
    let field = format!("v={}", text.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(field.as_bytes()).next().map_or_else(String::new, |(_, value)| value.into_owned())
}

fn readable(told: &str) -> Option<Url> {
    let mut url = Url::parse(told.trim()).ok().filter(|url| url.has_host() && told.len() <= LONGEST)?;
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    url.set_fragment(None);
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_understood() {
        for (text, url) in [
            ("192.168.1.20", "http://192.168.1.20/onvif/device_service"),
            (" camera.local:8000 ", "http://camera.local:8000/onvif/device_service"),
            ("https://[fe80::1]/x?y", "https://[fe80::1]/x?y"),
            ("http://h/onvif/services#z", "http://h/onvif/services"),
        ] {
            assert_eq!(parse(text).unwrap().as_str(), url);
        }
        for text in ["", "ftp://h", "http://u:secret@h", "http://", "a b", &"h".repeat(LONGEST + 1)] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("192.168.1.20") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn devices_speak_for_themselves_alone() {
        let device = parse("https://door.example:8443").unwrap();
        let ours = |told| web(&device, told).map(String::from);
        assert_eq!(ours("http://door.example/onvif/media"), Some("http://door.example/onvif/media".into()));
        assert_eq!(
            ours("http://10.0.0.9:80/onvif/media?x=1"),
            Some("https://door.example:8443/onvif/media?x=1".into())
        );
        assert_eq!(ours("file:///etc/passwd"), None);
        let stream = |told| stream(&device, told).map(String::from);
        assert_eq!(stream("rtsp://u:p@10.0.0.9:554/live?a=b"), Some("rtsp://door.example:554/live?a=b".into()));
        assert_eq!(stream("rtsp://door.example/live"), Some("rtsp://door.example/live".into()));
        assert_eq!((stream("http://10.0.0.9/live"), stream("rtsp:///x"), stream("")), (None, None, None));
    }
}
