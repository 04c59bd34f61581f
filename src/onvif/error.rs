//! Why a camera's service cannot be used, by what to do about it. No text holds a password.

/// What went wrong with an ONVIF device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OnvifError {
    /// What was asked cannot be understood: an address, a name.
    #[error("{0}")]
    Invalid(String),
    /// The settings do not allow to talk to it (`[reach]`).
    #[error("{0}")]
    Forbidden(String),
    /// No way to it, or it does not answer in time.
    #[error("{0}")]
    Unreachable(String),
    /// User or password are wrong or missing.
    #[error("{0}")]
    Credentials(String),
    /// It has no such service.
    #[error("the camera has no {0}")]
    Unsupported(&'static str),
    /// It understood and said no.
    #[error("the camera refused {action}: {reason}")]
    Refused {
        /// What was asked, ONVIF's name.
        action: &'static str,
        /// Its code, e.g. `NoProfile`; empty when it told none.
        code: String,
        /// Its words.
        reason: String,
    },
    /// It answered something else than ONVIF.
    #[error("{0}")]
    Unreadable(String),
    /// Too many requests at once.
    #[error("too many cameras are being asked at once: try again in a moment")]
    Busy,
}

impl OnvifError {
    /// Whether it is a matter of user and password.
    pub fn is_credentials(&self) -> bool {
        matches!(self, Self::Credentials(_))
    }
}
