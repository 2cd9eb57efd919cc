//! Produced units: whether one is there, its history, and new ones.

use axum::Json as Out;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use headlock_registry::desk::{Action, NewUnit, Outcome, PairingLine, Refusal};
use headlock_registry::lookup;
use headlock_registry::record::{Region, Serial, Unit, Vin};
use headlock_wire::hex;
use zeroize::Zeroizing;

use super::{field, named, unexpected};
use crate::api;
use crate::body::Json;
use crate::problem::Problem;
use crate::serve::App;
use crate::who::{In, Shown};

/// Whether a unit is there, for a desk that serves it. Never its code, never its vehicle.
#[utoipa::path(get, path = "/v1/units/{serial}", tag = "units", security(("bearer" = [])),
    params(("serial" = String, Path)),
    responses((status = 200, body = api::UnitView), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn one(
    State(app): State<App>,
    who: In,
    Path(serial): Path<String>,
) -> Result<Out<api::UnitView>, Problem> {
    app.filter.look_up(who.credential)?;
    let (serial, visitor) = (of(&serial)?, who.visitor);
    let unit = who.desk.readers.read(move |read| lookup::unit(read, &visitor, &serial)).await?;
    Ok(Out(view(&unit)))
}

/// A unit's history.
#[utoipa::path(get, path = "/v1/units/{serial}/history", tag = "units", security(("bearer" = [])),
    params(("serial" = String, Path)),
    responses((status = 200, body = api::History), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn history(
    State(app): State<App>,
    who: In,
    Path(serial): Path<String>,
) -> Result<Out<api::History>, Problem> {
    app.filter.look_up(who.credential)?;
    let (serial, visitor) = (of(&serial)?, who.visitor);
    let lines = who.desk.readers.read(move |read| lookup::history(read, &visitor, &serial)).await?;
    Ok(Out(api::History { lines: lines.iter().map(Into::into).collect() }))
}

/// A unit's history goes on.
#[utoipa::path(post, path = "/v1/units/{serial}/history", tag = "units", security(("bearer" = [])),
    params(("serial" = String, Path)), request_body = api::NewLine,
    responses((status = 200, body = api::UnitView), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn enter(
    State(app): State<App>,
    Shown(who): Shown,
    Path(serial): Path<String>,
    Json(line): Json<api::NewLine>,
) -> Result<Out<api::UnitView>, Problem> {
    let line = PairingLine {
        serial: of(&serial)?,
        event: line.event,
        vin: line.vin.map(|vin| field("vin", Vin::new(&vin))).transpose()?,
        firmware: line.firmware.map(|firmware| named("firmware", firmware)).transpose()?,
    };
    match app.ask(who, Action::Pair(line)).await? {
        Outcome::Unit(unit) => Ok(Out(view(&unit))),
        other => Err(unexpected(&other)),
    }
}

/// A new unit, whose code the registry makes.
#[utoipa::path(post, path = "/v1/units", tag = "units", security(("bearer" = [])), request_body = api::NewUnit,
    responses((status = 201, body = api::Provisioned), (status = "4XX", body = api::ProblemBody)))]
pub(super) async fn provision(
    State(app): State<App>,
    Shown(who): Shown,
    Json(new): Json<api::NewUnit>,
) -> Result<(StatusCode, Out<api::Provisioned>), Problem> {
    let unit = NewUnit {
        serial: field("serial", Serial::new(&new.serial))?,
        unit: named("unit", new.unit)?,
        firmware: named("firmware", new.firmware)?,
        region: field("region", Region::new(&new.region))?,
        companion: new.companion.map(|companion| named("companion", companion)).transpose()?,
        vin: new.vin.map(|vin| field("vin", Vin::new(&vin))).transpose()?,
        code: None,
    };
    match app.ask(who, Action::Provision { unit }).await? {
        Outcome::Provisioned(made) => {
            let device_key = Zeroizing::new(hex::digits(made.device_key.as_slice())).into();
            let code = api::Secret::new(made.code.reveal());
            Ok((StatusCode::CREATED, Out(api::Provisioned { unit: view(&made.unit), code, device_key })))
        }
        other => Err(unexpected(&other)),
    }
}

fn view(unit: &Unit) -> api::UnitView {
    api::UnitView::new(unit.serial.as_str(), &unit.unit, (unit.state, unit.vin.is_some()))
}

/// A text that is no serial is the serial of no unit.
fn of(serial: &str) -> Result<Serial, Problem> {
    Ok(Serial::new(serial).map_err(|_| Refusal::NotFound)?)
}
