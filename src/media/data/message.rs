//! A message and its form in SCTP (RFC 8831 6.6).

use super::{MESSAGE, OVERHEAD, dropped};
use bytes::Bytes;
use sctp_proto::PayloadProtocolIdentifier as Ppi;

/// A message. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// It is UTF-8, else just bytes.
    pub text: bool,
    /// At most 64 KiB; may be empty.
    pub data: Bytes,
}

impl Message {
    /// Of what came; `None`: it is none that may be passed on.
    pub fn read(ppi: Ppi, data: Bytes) -> Option<Self> {
        let (text, data) = match ppi {
            Ppi::String => (true, data),
            Ppi::Binary => (false, data),
            Ppi::StringEmpty => (true, Bytes::new()),
            Ppi::BinaryEmpty => (false, Bytes::new()),
            Ppi::Dcep | Ppi::Unknown => return None,
        };
        if data.len() > MESSAGE as usize {
            dropped("too_long");
            return None;
        }
        if text && std::str::from_utf8(&data).is_err() {
            dropped("not_text");
            return None;
        }
        Some(Self { text, data })
    }

    /// As SCTP sends it, which knows no empty messages: one byte stands for nothing.
    pub fn written(&self) -> (Ppi, Bytes) {
        let nothing = || Bytes::from_static(&[0]);
        match (self.text, self.data.is_empty()) {
            (true, false) => (Ppi::String, self.data.clone()),
            (false, false) => (Ppi::Binary, self.data.clone()),
            (true, true) => (Ppi::StringEmpty, nothing()),
            (false, true) => (Ppi::BinaryEmpty, nothing()),
        }
    }

    /// What it costs to keep, in bytes.
    pub fn cost(&self) -> usize {
        self.data.len() + OVERHEAD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written() {
        for (text, data) in [(true, &b"hi"[..]), (false, &[0, 255]), (true, b""), (false, b"")] {
            let message = Message { text, data: Bytes::copy_from_slice(data) };
            let (ppi, bytes) = message.written();
            assert!(!bytes.is_empty());
            assert_eq!(Message::read(ppi, bytes), Some(message));
        }
    }

    #[test]
    fn what_is_no_message_is_not_passed_on() {
        let long = Bytes::from(vec![b'x'; MESSAGE as usize + 1]);
        for (ppi, data) in [
            (Ppi::Dcep, Bytes::from_static(&[3])),
            (Ppi::Unknown, Bytes::from_static(&[3])),
            (Ppi::String, Bytes::from_static(&[0xff])),
            (Ppi::Binary, long.clone()),
        ] {
            assert_eq!(Message::read(ppi, data), None);
        }
        assert!(Message::read(Ppi::Binary, long.slice(1..)).is_some());
    }
}
