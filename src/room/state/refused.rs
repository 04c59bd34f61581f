//! The engine's errors in the room's words.

use crate::media::MediaError;
use crate::room::command::RoomError;

impl From<MediaError> for RoomError {
    fn from(error: MediaError) -> Self {
        match error {
            MediaError::BadSdp(detail) => Self::BadSdp(detail),
            MediaError::NoCommonCodec(detail) => Self::NoCommonCodec(detail),
            MediaError::NotReady(detail) | MediaError::Transient(detail) | MediaError::Fatal(detail) => {
                Self::Internal(detail)
            }
        }
    }
}
