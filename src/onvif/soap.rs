//! SOAP envelopes: around what we ask, and what was in the one that came back. Both versions, 1.2 and the older 1.1.

use super::xml::{self, Node};

/// A device's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The innermost code, without prefix: `NotAuthorized`, `NoProfile`…
    pub code: String,
    /// Its words; may be empty.
    pub reason: String,
}

impl Fault {
    /// Whether user and password are the matter. Devices choose among several codes, and some only tell it in words.
    pub fn is_credentials(&self) -> bool {
        const CODES: [&str; 3] = ["NotAuthorized", "FailedAuthentication", "InvalidSecurity"];
        const WORDS: [&str; 4] = ["not authorized", "unauthorized", "not authenticated", "authentication fail"];
        let words = self.reason.to_ascii_lowercase();
        CODES.contains(&self.code.as_str()) || WORDS.iter().any(|known| words.contains(known))
    }
}

/// An envelope with this header and body.
pub fn envelope(header: &str, body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\">\
         <s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
}

/// What a device answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The element in the body.
    Response(Node),
    /// A refusal.
    Fault(Fault),
}

/// Reads an envelope.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(bytes: &[u8]) -> Result<Answer, String> {
    let envelope = xml::read(bytes)?;
    if envelope.name != "Envelope" {
        return Err("it is not a SOAP envelope".into());
    }
    let body = envelope.child("Body").ok_or("its envelope has no body")?;
    if let Some(fault) = body.child("Fault") {
        return Ok(Answer::Fault(fault_of(fault)));
    }
    body.children.first().cloned().map(Answer::Response).ok_or_else(|| "its envelope is empty".to_owned())
}

fn fault_of(fault: &Node) -> Fault {
    let mut code = fault.child("Code");
    while let Some(inner) = code.and_then(|code| code.child("Subcode")) {
        code = Some(inner);
    }
    let code = code.and_then(|code| code.child("Value")).or_else(|| fault.child("faultcode"));
    let reason = fault.path(&["Reason", "Text"]).or_else(|| fault.child("faultstring"));
    let code = code.map_or("", |code| code.text.rsplit(':').next().unwrap_or_default());
    Fault { code: shown(code), reason: shown(reason.map_or("", |reason| reason.text.as_str())) }
}

/// A device's text as it may be shown: one line, not endless.
pub fn shown(text: &str) -> String {
    const LONGEST: usize = 200;
    let line: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    line.join(" ").chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_code_is_told() {
        let text = "<e:Envelope><e:Body><e:Fault><e:Code><e:Value>e:Sender</e:Value><e:Subcode><e:Value>ter:NotAuthorized\
                    </e:Value></e:Subcode></e:Code><e:Reason><e:Text xml:lang='en'>Sender\n not  authorized</e:Text></e:Reason>\
                    </e:Fault></e:Body></e:Envelope>";
        let Ok(Answer::Fault(fault)) = read(text.as_bytes()) else { panic!("no fault") };
        assert_eq!(fault, Fault { code: "NotAuthorized".into(), reason: "Sender not authorized".into() });
        assert!(fault.is_credentials());
    }

    #[test]
    fn older_faults_are_read_too() {
        let text = "<s:Envelope><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>no</faultstring></s:Fault>\
                    </s:Body></s:Envelope>";
        assert_eq!(read(text.as_bytes()), Ok(Answer::Fault(Fault { code: "Client".into(), reason: "no".into() })));
    }
}
