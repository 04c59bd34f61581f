//! The API's description, collected from the handlers themselves, and the page to read it.

use super::{
    Shared, broadcasts, events, feeds, graph, health, ingests, onvif, people, players, ptz, recordings, rooms, viewing,
};
use axum::Router;
use utoipa::openapi::OpenApi as Description;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Millrace",
        description = "Rooms, participants, feeds and recordings of a Millrace service. With `auth.secret` set, \
                       requests need `Authorization: Bearer TOKEN`, made by `millrace token --role admin` (everything) \
                       or `--role web` (what a console needs). Refusals are `{code, message}`."
    ),
    security(("token" = [])),
    modifiers(&Security)
)]
struct About;

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut Description) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        openapi.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

/// Every route of the API; what is here is in the description.
pub fn router() -> OpenApiRouter<Shared> {
    let v1 = OpenApiRouter::new()
        .routes(routes!(rooms::list, rooms::create))
        .routes(routes!(rooms::get, rooms::close))
        .routes(routes!(rooms::settings))
        .routes(routes!(graph::graph))
        .routes(routes!(graph::svg))
        .routes(routes!(people::list))
        .routes(routes!(people::kick))
        .routes(routes!(people::clients))
        .routes(routes!(people::devices))
        .routes(routes!(people::invite))
        .routes(routes!(feeds::list))
        .routes(routes!(feeds::get))
        .routes(routes!(feeds::subscriptions))
        .routes(routes!(feeds::snapshot))
        .routes(routes!(viewing::explain))
        .routes(routes!(viewing::limit))
        .routes(routes!(viewing::transcodes))
        .routes(routes!(players::players))
        .routes(routes!(ingests::list, ingests::add))
        .routes(routes!(ingests::get, ingests::remove))
        .routes(routes!(ingests::restart))
        .routes(routes!(broadcasts::list, broadcasts::start))
        .routes(routes!(broadcasts::get, broadcasts::stop))
        .routes(routes!(recordings::of_room, recordings::control::start))
        .routes(routes!(recordings::list))
        .routes(routes!(recordings::get, recordings::delete))
        .routes(routes!(recordings::restore))
        .routes(routes!(recordings::upload))
        .routes(routes!(recordings::control::stop))
        .routes(routes!(recordings::control::pause))
        .routes(routes!(recordings::control::resume))
        .routes(routes!(recordings::control::layout))
        .routes(routes!(recordings::files::file))
        .routes(routes!(recordings::archive::archive))
        .routes(routes!(recordings::clip::of_file))
        .routes(routes!(recordings::clip::of_feed))
        .routes(routes!(recordings::cost::cost))
        .routes(routes!(recordings::cost::layouts))
        .routes(routes!(ptz::ptz))
        .routes(routes!(ptz::presets))
        .routes(routes!(onvif::discover))
        .routes(routes!(onvif::profiles))
        .routes(routes!(onvif::snapshot))
        .routes(routes!(onvif::presets))
        .routes(routes!(onvif::ptz))
        .routes(routes!(events::events));
    OpenApiRouter::with_openapi(About::openapi())
        .nest("/api/v1", v1)
        .routes(routes!(health::health))
        .routes(routes!(health::metrics))
}

/// `/api/docs` and `/api/openapi.json`.
pub fn viewer(description: Description) -> Router<Shared> {
    SwaggerUi::new("/api/docs").url("/api/openapi.json", description).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_name_of_its_own_and_says_what_it_does() {
        let (_, description) = router().split_for_parts();
        let json = serde_json::to_value(&description).unwrap();
        let operations: Vec<_> =
            json["paths"].as_object().unwrap().values().flat_map(|p| p.as_object().unwrap()).collect();
        assert!(operations.len() >= 20, "only {} operations are described", operations.len());
        for (verb, operation) in operations {
            assert!(operation["summary"].as_str().is_some_and(|s| !s.is_empty()), "{verb} {operation} has no summary");
        }
    }
}
