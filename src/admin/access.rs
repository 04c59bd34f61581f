//! Who asks, and what they may see: a console's token opens its rooms, an admin token everything.

use super::Shared;
use super::error::ApiError;
use crate::auth::{Auth, AuthError, TokenRole};
use crate::model::{Grants, RoomId};
use crate::room::RoomHandle;
use axum::extract::{FromRef, FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{Method, header};
use serde::Deserialize;

/// The holder of a good token: a console's or an admin's.
pub struct Access {
    grants: Grants,
    admin: bool,
}

impl Access {
    /// Refuses whoever may not see this room.
    pub fn to_room(&self, room: &RoomId) -> Result<(), ApiError> {
        if self.sees(room) { Ok(()) } else { Err(AuthError::Forbidden.into()) }
    }
    /// Whether a room belongs into a list for this holder.
    pub fn sees(&self, room: &RoomId) -> bool {
        self.grants.allows_room(room)
    }
    /// The one room a token is restricted to.
    pub fn only_room(&self) -> Option<&RoomId> {
        self.grants.room.as_ref()
    }
    /// Refuses all but admins.
    pub fn admin_only(&self) -> Result<(), ApiError> {
        if self.admin { Ok(()) } else { Err(AuthError::Forbidden.into()) }
    }
    /// The room of this name, if it exists and the holder may enter.
    pub fn room(&self, shared: &Shared, id: &str) -> Result<RoomHandle, ApiError> {
        let id = RoomId::new(id);
        self.to_room(&id)?;
        Ok(shared.rooms.find(&id)?)
    }
}

impl<S> FromRequestParts<S> for Access
where
    Auth: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let auth = Auth::from_ref(state);
        let token = token(parts).unwrap_or_default();
        match auth.check(&token, TokenRole::Admin) {
            Ok(grants) => Ok(Self { grants, admin: true }),
            Err(AuthError::Forbidden) => Ok(Self { grants: auth.check(&token, TokenRole::Web)?, admin: false }),
            Err(error) => Err(error.into()),
        }
    }
}

#[derive(Deserialize)]
struct InAddress {
    token: Option<String>,
}

/// `Authorization: Bearer …`; when reading also `?token=…`, since a page's player and links cannot send headers.
fn token(parts: &Parts) -> Option<String> {
    if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned());
    }
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    reads.then(|| Query::<InAddress>::try_from_uri(&parts.uri).ok()?.0.token).flatten()
}
