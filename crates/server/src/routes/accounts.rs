//! Accounts, and certificates that stand for them.

use axum::Json as Out;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use headlock_registry::desk::{AccountChange, Action, NewAccount, Outcome, Refusal};
use headlock_registry::lookup;
use headlock_registry::record::{AccountId, AccountState, Company, Region};
use headlock_registry::sign_in::{Password, Role, Roles};
use headlock_wire::hex;

use super::{digest, field, unexpected};
use crate::api;
use crate::body::Json;
use crate::problem::Problem;
use crate::serve::App;
use crate::who::{In, Shown};

/// All accounts.
#[utoipa::path(get, path = "/v1/accounts", tag = "accounts", security(("bearer" = [])),
    responses((status = 200, body = Vec<api::AccountView>), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn list(who: In) -> Result<Out<Vec<api::AccountView>>, Problem> {
    let visitor = who.visitor;
    let accounts = who.desk.readers.read(move |read| lookup::accounts(read, &visitor)).await?;
    Ok(Out(accounts.iter().map(Into::into).collect()))
}

/// Makes an account.
#[utoipa::path(post, path = "/v1/accounts", tag = "accounts", security(("bearer" = [])),
    request_body = api::NewAccount,
    responses((status = 201, body = api::AccountView), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn add(
    State(app): State<App>,
    who: In,
    Json(new): Json<api::NewAccount>,
) -> Result<(StatusCode, Out<api::AccountView>), Problem> {
    // Hashing is dear: first who asks, though the desk will ask again.
    let needed = [(Role::Administrator, headlock_registry::sign_in::Scope::Administer)];
    who.visitor.needs(&needed, "the role administrator")?;
    let password = match new.password {
        Some(password) => Some(hashed(&app, password).await?),
        None => None,
    };
    let account = NewAccount {
        id: field("id", AccountId::new(&new.id))?,
        person: new.person,
        company: field("company", Company::new(&new.company))?,
        regions: regions(&new.regions)?,
        roles: roles(&new.roles)?,
        password,
    };
    match app.ask(who.credential, Action::AddAccount(account)).await? {
        Outcome::Account(account) => Ok((StatusCode::CREATED, Out((&*account).into()))),
        other => Err(unexpected(&other)),
    }
}

/// Changes one thing of an account.
#[utoipa::path(patch, path = "/v1/accounts/{id}", tag = "accounts", security(("bearer" = [])),
    params(("id" = String, Path)), request_body = api::AccountChange,
    responses((status = 200, body = api::Changed), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn change(
    State(app): State<App>,
    who: In,
    Path(id): Path<String>,
    Json(change): Json<api::AccountChange>,
) -> Result<Out<api::Changed>, Problem> {
    let account = AccountId::new(&id).map_err(|_| Refusal::NotFound)?;
    let change = match change {
        api::AccountChange::Roles { roles: all } => AccountChange::Roles(roles(&all)?),
        api::AccountChange::Regions { regions: all } => AccountChange::Regions(regions(&all)?),
        api::AccountChange::State { state, reason } => {
            let state = AccountState::of_word(&state);
            let state = state.ok_or_else(|| Problem::invalid("state", "active, locked or closed"))?;
            AccountChange::State(state, said("reason", reason)?)
        }
        api::AccountChange::Password { password } => AccountChange::Password(hashed(&app, password).await?),
        api::AccountChange::OneTimeSecret => AccountChange::NewOneTimeSecret,
    };
    match app.ask(who.credential, Action::ChangeAccount { account, change }).await? {
        Outcome::Account(account) => Ok(Out(api::Changed::Account((&*account).into()))),
        Outcome::OneTimeSecret(otpauth) => Ok(Out(api::Changed::OneTimeSecret { otpauth: otpauth.into() })),
        other => Err(unexpected(&other)),
    }
}

/// Certificates that stand for an account.
#[utoipa::path(get, path = "/v1/accounts/{id}/certificates", tag = "accounts", security(("bearer" = [])),
    params(("id" = String, Path)),
    responses((status = 200, body = Vec<api::CertificateView>), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn certificates(who: In, Path(id): Path<String>) -> Result<Out<Vec<api::CertificateView>>, Problem> {
    let account = AccountId::new(&id).map_err(|_| Refusal::NotFound)?;
    let visitor = who.visitor;
    let all = who.desk.readers.read(move |read| lookup::certificates(read, &visitor, &account)).await?;
    let view = |certificate: &headlock_registry::record::Certificate| api::CertificateView {
        sha256: hex::digits(&certificate.fingerprint),
        label: certificate.label.clone(),
        added_s: certificate.added_s,
        revoked_s: certificate.revoked_s,
    };
    Ok(Out(all.iter().map(view).collect()))
}

/// Lets a certificate stand for an account.
#[utoipa::path(post, path = "/v1/accounts/{id}/certificates", tag = "accounts", security(("bearer" = [])),
    params(("id" = String, Path)), request_body = api::NewCertificate,
    responses((status = 204), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn add_certificate(
    State(app): State<App>,
    Shown(who): Shown,
    Path(id): Path<String>,
    Json(new): Json<api::NewCertificate>,
) -> Result<StatusCode, Problem> {
    let account = AccountId::new(&id).map_err(|_| Refusal::NotFound)?;
    let change = AccountChange::AddCertificate(digest("sha256", &new.sha256)?, said("label", new.label)?);
    app.ask(who, Action::ChangeAccount { account, change }).await.map(|_| StatusCode::NO_CONTENT)
}

/// Lets it stand for the account no longer.
#[utoipa::path(delete, path = "/v1/accounts/{id}/certificates/{sha256}", tag = "accounts",
    security(("bearer" = [])), params(("id" = String, Path), ("sha256" = String, Path)),
    responses((status = 204), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn revoke_certificate(
    State(app): State<App>,
    Shown(who): Shown,
    Path((id, sha256)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let account = AccountId::new(&id).map_err(|_| Refusal::NotFound)?;
    let change = AccountChange::RevokeCertificate(digest("sha256", &sha256)?);
    app.ask(who, Action::ChangeAccount { account, change }).await.map(|_| StatusCode::NO_CONTENT)
}

/// What is kept of a password: worked out on a thread of its own, a few at once.
async fn hashed(app: &App, password: api::Secret) -> Result<String, Problem> {
    let _permit = app.passwords.acquire().await.map_err(|_| Problem::unavailable())?;
    let password = field("password", Password::new(password.reveal()))?;
    let hash = tokio::task::spawn_blocking(move || password.hash()).await.map_err(|_| Problem::unavailable())?;
    let hash = hash.inspect_err(|why| tracing::error!(%why, "a password is not hashed"));
    Ok(hash.map_err(|_| Problem::unavailable())?.as_str().to_owned())
}

fn roles(names: &[String]) -> Result<Roles, Problem> {
    let with = |roles: Roles, name: &String| roles.with(name.parse()?);
    field("roles", names.iter().try_fold(Roles::NONE, with))
}

fn regions(names: &[String]) -> Result<Vec<Region>, Problem> {
    names.iter().map(|name| field("regions", Region::new(name))).collect()
}

/// A text that goes into the log.
pub(super) fn said(name: &str, text: String) -> Result<String, Problem> {
    let fits = text.chars().count() <= 200 && !text.chars().any(char::is_control);
    if fits { Ok(text) } else { Err(Problem::invalid(name, "up to 200 characters, none of them a control character")) }
}
