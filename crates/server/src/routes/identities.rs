//! Identities at providers that stand for accounts.

use axum::Json as Out;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use headlock_registry::desk::{AccountChange, Action, Refusal};
use headlock_registry::lookup;
use headlock_registry::record::{AccountId, Identity, Issuer, Subject};
use headlock_registry::sign_in::{Role, Scope};
use headlock_wire::hex;

use super::accounts::said;
use super::{digest, field};
use crate::api;
use crate::body::Json;
use crate::problem::Problem;
use crate::serve::App;
use crate::who::{In, Shown};

/// Identities that were ever tied to an account.
#[utoipa::path(get, path = "/v1/accounts/{id}/identities", tag = "accounts", security(("bearer" = [])),
    params(("id" = String, Path)),
    responses((status = 200, body = Vec<api::IdentityView>), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn list(who: In, Path(id): Path<String>) -> Result<Out<Vec<api::IdentityView>>, Problem> {
    let account = AccountId::new(&id).map_err(|_| Refusal::NotFound)?;
    let visitor = who.visitor;
    let all = who.desk.readers.read(move |read| lookup::identities(read, &visitor, &account)).await?;
    let view = |identity: &Identity| api::IdentityView {
        sha256: hex::digits(&identity.digest),
        issuer: identity.issuer.to_string(),
        subject: identity.subject.to_string(),
        label: identity.label.clone(),
        added_s: identity.added_s,
        revoked_s: identity.revoked_s,
    };
    Ok(Out(all.iter().map(view).collect()))
}

/// Ties an identity to an account.
#[utoipa::path(post, path = "/v1/accounts/{id}/identities", tag = "accounts", security(("bearer" = [])),
    params(("id" = String, Path)), request_body = api::NewIdentity,
    responses((status = 204), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn tie(
    State(app): State<App>,
    who: In,
    Path(id): Path<String>,
    Json(new): Json<api::NewIdentity>,
) -> Result<StatusCode, Problem> {
    // Which providers there are is for administrators; the desk will ask again.
    who.visitor.needs(&[(Role::Administrator, Scope::Administer)], "the role administrator")?;
    let account = AccountId::new(&id).map_err(|_| Refusal::NotFound)?;
    let (issuer, subject) = (field("issuer", Issuer::new(&new.issuer))?, field("subject", Subject::new(&new.subject))?);
    app.providers.knows(issuer.as_str())?;
    let change = AccountChange::TieIdentity(issuer, subject, said("label", new.label)?);
    app.ask(who.credential, Action::ChangeAccount { account, change }).await.map(|_| StatusCode::NO_CONTENT)
}

/// Unties it: sessions and tokens that rest on it are over.
#[utoipa::path(delete, path = "/v1/accounts/{id}/identities/{sha256}", tag = "accounts",
    security(("bearer" = [])), params(("id" = String, Path), ("sha256" = String, Path)),
    responses((status = 204), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn untie(
    State(app): State<App>,
    Shown(who): Shown,
    Path((id, sha256)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let account = AccountId::new(&id).map_err(|_| Refusal::NotFound)?;
    let change = AccountChange::UntieIdentity(digest("sha256", &sha256)?);
    app.ask(who, Action::ChangeAccount { account, change }).await.map(|_| StatusCode::NO_CONTENT)
}
