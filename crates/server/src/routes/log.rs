//! The log, for auditors and witnesses.

use axum::Json as Out;
use axum::extract::{Path, Query, State};
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use headlock_registry::desk::{Action, Outcome, Refusal};
use headlock_registry::log::{Checkpoint, CosignatureError, Event, Note, ProofError, VerifierKey};
use headlock_registry::sign_in::{Role, Scope};
use serde::Deserialize;

use super::unexpected;
use crate::api;
use crate::body::Json;
use crate::problem::Problem;
use crate::serve::App;
use crate::who::{In, Shown};

/// Which leaves.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    #[serde(default)]
    from: u64,
    limit: Option<u32>,
}

/// Leaves with what they say; that they were read is in the log too.
#[utoipa::path(get, path = "/v1/log/events", tag = "log", security(("bearer" = [])),
    params(("from" = Option<u64>, Query), ("limit" = Option<u32>, Query)),
    responses((status = 200, body = api::Events), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn events(
    State(app): State<App>,
    Shown(who): Shown,
    which: Result<Query<Which>, axum::extract::rejection::QueryRejection>,
) -> Result<Out<api::Events>, Problem> {
    let Query(which) = which.map_err(|_| Problem::invalid("from", "from and limit are whole numbers"))?;
    let action = Action::ReadLog { from: which.from, limit: which.limit.unwrap_or(100) };
    match app.ask(who, action).await? {
        Outcome::Log(leaves) => {
            let view = |(leaf, event): (u64, Option<Event>)| api::LeafView { leaf, event: event.as_ref().map(said) };
            Ok(Out(api::Events { leaves: leaves.into_iter().map(view).collect() }))
        }
        other => Err(unexpected(&other)),
    }
}

fn said(event: &Event) -> api::EventView {
    let fields = event.fields().map(|(name, value)| (name.to_owned(), value.to_owned()));
    api::EventView { at_s: event.at_s(), kind: event.kind().to_owned(), fields: fields.collect() }
}

/// That a leaf is in the log, with what it says, as a tlog-proof. That it was read is in the log.
#[utoipa::path(get, path = "/v1/log/receipts/{leaf}", tag = "log", security(("bearer" = [])),
    params(("leaf" = u64, Path)),
    responses((status = 200, body = String, content_type = "text/plain"),
        (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn receipt(
    State(app): State<App>,
    Shown(who): Shown,
    Path(leaf): Path<String>,
) -> Result<([(HeaderName, &'static str); 1], Vec<u8>), Problem> {
    let leaf: u64 = leaf.parse().map_err(|_| Refusal::NotFound)?;
    match app.ask(who, Action::ReadLog { from: leaf, limit: 1 }).await? {
        Outcome::Log(leaves) if leaves.first().is_some_and(|(found, _)| *found == leaf) => {}
        Outcome::Log(_) => return Err(Refusal::NotFound.into()),
        other => return Err(unexpected(&other)),
    }
    let desk = app.gate.open()?;
    let receipt = desk.queue.look(move |desk| desk.receipt(leaf)).await.map_err(|why| app.unqueued(why))?;
    let receipt = receipt.map_err(|why| {
        tracing::error!(%why, leaf, "no receipt for a leaf");
        Problem::unavailable()
    })?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], receipt.to_bytes()))
}

/// How far a witness has come, and up to where it is asked to go.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    #[serde(default)]
    old: u64,
    size: Option<u64>,
}

/// What a witness is sent that has cosigned `old` leaves: a checkpoint, the newest or that of `size` leaves, and why it goes on from there.
/// Shape: the body of `add-checkpoint` as c2sp.org/tlog-witness has it.
#[utoipa::path(get, path = "/v1/log/submission", tag = "log", security(("bearer" = [])),
    params(("old" = Option<u64>, Query), ("size" = Option<u64>, Query)),
    responses((status = 200, body = String, content_type = "text/plain"),
        (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn submission(
    State(app): State<App>,
    who: In,
    step: Result<Query<Step>, axum::extract::rejection::QueryRejection>,
) -> Result<([(HeaderName, &'static str); 1], Vec<u8>), Problem> {
    who.visitor.needs(&CARRIERS, CARRIER)?;
    let Query(Step { old, size }) = step.map_err(|_| Problem::invalid("old", "old and size are whole numbers"))?;
    let made = who.desk.queue.look(move |desk| match size {
        None => desk.ledger().submission(old),
        Some(size) => desk.ledger().submission_at(old, size),
    });
    let made = made.await.map_err(|why| app.unqueued(why))?;
    let made = made.map_err(|why| match why {
        ProofError::Beyond { size: leaves } => {
            let field = if size.is_some_and(|size| size > leaves) { "size" } else { "old" };
            Problem::invalid(field, format!("there are {leaves} leaves"))
        }
        why => {
            tracing::error!(%why, old, ?size, "no submission for a witness");
            Problem::unavailable()
        }
    })?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], made.to_bytes()))
}

/// Who goes between the log and its witnesses.
const CARRIERS: [(Role, Scope); 2] = [(Role::Auditor, Scope::Audit), (Role::Operator, Scope::Import)];
const CARRIER: &str = "the role auditor or operator";

/// Keeps what witnesses answered to a checkpoint of this log, unless a newer one was cosigned; answers what is kept.
#[utoipa::path(post, path = "/v1/log/cosignatures", tag = "log", security(("bearer" = [])),
    request_body = api::Cosignatures,
    responses((status = 200, body = api::Witnessed), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn cosignatures(
    State(app): State<App>,
    who: In,
    Json(given): Json<api::Cosignatures>,
) -> Result<Out<api::Witnessed>, Problem> {
    who.visitor.needs(&CARRIERS, CARRIER)?;
    let witnesses = app.witnesses.clone();
    let added = who
        .desk
        .queue
        .look(move |desk| desk.ledger().add_cosignatures(given.checkpoint.as_bytes(), &given.lines, &witnesses));
    let kept = added.await.map_err(|why| app.unqueued(why))?.map_err(|why| match why {
        CosignatureError::Checkpoint(why) => Problem::invalid("checkpoint", why),
        CosignatureError::Io(why) => {
            tracing::error!(%why, "cosignatures are not kept");
            Problem::unavailable()
        }
    })?;
    witnessed(&kept, &app.witnesses).map(Out)
}

fn witnessed(kept: &Note, keys: &[VerifierKey]) -> Result<api::Witnessed, Problem> {
    let checkpoint = Checkpoint::from_text(kept.text()).map_err(|why| Problem::invalid("checkpoint", why))?;
    // None of them need have signed it.
    let signed = kept.verified(keys).unwrap_or_default();
    let view = |signed: headlock_registry::log::Signed<'_>| api::WitnessView {
        name: signed.key.name().to_owned(),
        at_s: signed.at_s,
    };
    Ok(api::Witnessed { leaves: checkpoint.head.size, witnesses: signed.into_iter().map(view).collect() })
}
