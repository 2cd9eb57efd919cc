//! The paths, and what the service says of itself.

mod accounts;
mod description;
mod exports;
mod health;
#[cfg(feature = "oidc")]
mod identities;
mod log;
mod marks;
mod public;
mod releases;
mod requests;
mod seal;
mod sessions;
#[cfg(feature = "oidc")]
mod sign_ins;
mod tokens;
mod units;

use axum::Router;
use headlock_registry::desk::{Action, Credential, Outcome};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::desk_thread::Unqueued;
use crate::problem::Problem;
use crate::serve::App;

/// All routes, and their description.
pub(crate) fn routes() -> (Router<App>, OpenApi) {
    let info = InfoBuilder::new().title("Headlock registry").version(env!("CARGO_PKG_VERSION"));
    let info = info.description(Some("Releases a radio's code to its owner, and to nobody else."));
    let all = OpenApiRouter::with_openapi(OpenApiBuilder::new().info(info.build()).build());
    let (router, mut openapi) = by_providers(all)
        .routes(routes!(sessions::sign_in, sessions::sign_out))
        .routes(routes!(sessions::me))
        .routes(routes!(tokens::list, tokens::issue))
        .routes(routes!(tokens::revoke))
        .routes(routes!(accounts::list, accounts::add))
        .routes(routes!(accounts::change))
        .routes(routes!(accounts::certificates, accounts::add_certificate))
        .routes(routes!(accounts::revoke_certificate))
        .routes(routes!(releases::release))
        .routes(routes!(releases::break_glass))
        .routes(routes!(requests::waiting))
        .routes(routes!(requests::one))
        .routes(routes!(requests::approve))
        .routes(routes!(requests::refuse))
        .routes(routes!(requests::withdraw))
        .routes(routes!(requests::collect))
        .routes(routes!(requests::revoke))
        .routes(routes!(requests::proof))
        .routes(routes!(requests::review))
        .routes(routes!(requests::erase))
        .routes(routes!(requests::notices))
        .routes(routes!(exports::list, exports::ask))
        .routes(routes!(exports::recipient))
        .routes(routes!(exports::one))
        .routes(routes!(exports::agree))
        .routes(routes!(exports::refuse))
        .routes(routes!(exports::take))
        .routes(routes!(units::provision))
        .routes(routes!(units::one))
        .routes(routes!(units::history, units::enter))
        .routes(routes!(log::events))
        .routes(routes!(log::receipt))
        .routes(routes!(log::submission))
        .routes(routes!(log::cosignatures))
        .routes(routes!(seal::unseal))
        .routes(routes!(seal::view, seal::seal))
        .routes(routes!(public::checkpoint))
        .routes(routes!(public::witnessed))
        .routes(routes!(public::tile))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
        .routes(routes!(health::openapi))
        .split_for_parts();
    description::complete(&mut openapi);
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    openapi.components.get_or_insert_default().security_schemes.insert("bearer".to_owned(), bearer.into());
    (router.route_layer(marks::MarkRoute).fallback(nothing), openapi)
}

/// Those of sign-ins by providers.
#[cfg(feature = "oidc")]
fn by_providers(all: OpenApiRouter<App>) -> OpenApiRouter<App> {
    all.routes(routes!(sign_ins::begin))
        .routes(routes!(sign_ins::finish))
        .routes(routes!(identities::list, identities::tie))
        .routes(routes!(identities::untie))
}

/// A build without sign-ins by providers has no route for them.
#[cfg(not(feature = "oidc"))]
fn by_providers(all: OpenApiRouter<App>) -> OpenApiRouter<App> {
    all
}

/// The description of all routes, as OpenAPI 3.1.
pub fn openapi() -> OpenApi {
    routes().1
}

async fn nothing() -> Problem {
    Problem::no_route()
}

impl App {
    /// Has the desk do something.
    pub(crate) async fn ask(&self, credential: Credential, action: Action) -> Result<Outcome, Problem> {
        let desk = self.gate.open()?;
        let answer = desk.queue.run(credential, action).await.map_err(|why| self.unqueued(why))?;
        Ok(answer.map_err(|_| Problem::unavailable())??)
    }

    /// What a command hears that did not come to the desk.
    pub(crate) fn unqueued(&self, why: Unqueued) -> Problem {
        match why {
            Unqueued::Full => Problem::busy(),
            Unqueued::Gone => {
                self.gate.lost();
                Problem::unavailable()
            }
        }
    }
}

/// An outcome of another kind than the command has: an error of this program.
fn unexpected(outcome: &Outcome) -> Problem {
    tracing::error!(?outcome, "another outcome than the command has");
    Problem::unavailable()
}

/// A field of a request as its type.
fn field<T, E: std::fmt::Display>(name: &str, read: Result<T, E>) -> Result<T, Problem> {
    read.map_err(|why| Problem::invalid(name, why))
}

/// A digest of 32 bytes.
fn digest(name: &str, text: &str) -> Result<[u8; 32], Problem> {
    let bytes = headlock_wire::hex::bytes(text).and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| Problem::invalid(name, "64 hexadecimal digits are wanted"))
}

/// A text that goes into a record and into the log.
fn named(name: &str, text: String) -> Result<String, Problem> {
    let fits = text.chars().count() <= 64 && !text.chars().any(char::is_control);
    if fits { Ok(text) } else { Err(Problem::invalid(name, "up to 64 characters, none of them a control character")) }
}
