//! Operations: the ECU's routines.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use headlock_twin::ecu::RoutineId;
use headlock_wire::uds::{Request, Routine};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{Secret, Sent, Shape};
use super::client::Asker;
use super::exchange::Failure;
use super::problem::Problem;
use super::tester::Answer;
use super::{COMPONENT, Shared, encoded};

/// A routine, as it is told here.
pub(super) struct Operation {
    pub(super) routine: RoutineId,
    id: &'static str,
    name: &'static str,
}

impl Operation {
    const fn of(routine: RoutineId) -> Self {
        let (id, name) = match routine {
            RoutineId::EnterCode => ("enter-code", "Enter the code; parameters: code"),
            RoutineId::ClearAttempts => ("clear-attempts", "Clear the attempts and end a wait"),
            RoutineId::ClearSecurity => ("clear-security", "Open the lock without its code"),
            RoutineId::DisableChecking => ("disable-checking", "Switch code checking off"),
            RoutineId::SelfTest => ("self-test", "Self test"),
            RoutineId::ClearLockedOut => ("clear-locked-out", "End a permanent lock"),
            RoutineId::Pair => ("pair", "Pair with this vehicle"),
        };
        Self { routine, id, name }
    }

    /// Whether it is answered before it is over.
    fn goes_on(&self) -> bool {
        self.routine == RoutineId::SelfTest
    }

    fn described(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "proximity_proof_required": false,
            "asynchronous_execution": self.goes_on(),
        })
    }

    /// What the bytes of its answer say.
    fn result(&self, status: &[u8]) -> Result<Value, Failure> {
        match (self.routine, status) {
            (RoutineId::EnterCode, [verdict]) => {
                let word = ["opened", "wrong", "refused", "ignored"].get(usize::from(*verdict));
                word.map(|word| json!({ "verdict": word })).ok_or(Failure::Garbled)
            }
            (RoutineId::SelfTest, [failing]) => {
                let parts = [("eeprom", 1), ("supply", 2), ("key", 4)];
                let failing: Vec<&str> =
                    parts.iter().filter(|(_, bit)| failing & bit != 0).map(|(name, _)| *name).collect();
                Ok(json!({ "failing": failing }))
            }
            (RoutineId::EnterCode | RoutineId::SelfTest, _) => Err(Failure::Garbled),
            (_, []) => Ok(json!({})),
            _ => Err(Failure::Garbled),
        }
    }

    /// The result in a positive response to its start.
    fn outcome(&self, got: Result<Vec<u8>, Failure>) -> Result<Value, Problem> {
        let answer = got?;
        Ok(self.result(answer.get(4..).ok_or(Failure::Garbled)?)?)
    }
}

/// The operation of that name.
pub(super) fn named(id: &str) -> Result<Operation, Problem> {
    let found = RoutineId::ALL.into_iter().map(Operation::of).find(|operation| operation.id == id);
    found.ok_or_else(|| Problem::not_found("no such operation"))
}

/// What an execution is started with. Shape: only entering the code takes a parameter.
#[derive(Deserialize)]
pub(super) struct Start {
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    code: Option<Secret>,
}

impl Shape for Start {
    const SHAPE: &'static str =
        "{\"parameters\": {}}, or to enter the code {\"parameters\": {\"code\": \"its characters\"}}";
}

pub(super) async fn list() -> Json<Value> {
    let items: Vec<Value> = RoutineId::ALL.into_iter().map(|routine| Operation::of(routine).described()).collect();
    Json(json!({ "items": items }))
}

pub(super) async fn describe(Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({ "item": named(&id)?.described() })))
}

pub(super) async fn execute(
    State(app): State<Shared>,
    asker: Asker,
    Path(id): Path<String>,
    Sent(Start { parameters }): Sent<Start>,
) -> Result<Response, Problem> {
    let operation = named(&id)?;
    let tester = app.holder(asker)?;
    let option = match (operation.routine, &parameters.code) {
        (RoutineId::EnterCode, Some(code)) => code.as_bytes(),
        (RoutineId::EnterCode, None) => return Err(Problem::incomplete("the parameter code is missing")),
        (_, Some(_)) => return Err(Problem::invalid("this operation takes no code")),
        (_, None) => &[],
    };
    let routine = operation.routine.number();
    let request = encoded(&Request::RoutineControl { action: Routine::Start, routine, option })?;
    if !operation.goes_on() {
        let parameters = operation.outcome(tester.ask(request, None).await)?;
        return Ok(Json(json!({ "parameters": parameters })).into_response());
    }
    let (started, mut answer) = tester.begin(request)?;
    let early = tokio::select! {
        biased;
        Ok(()) = started => None,
        got = &mut answer => Some(operation.outcome(got.unwrap_or(Err(Failure::Ended)))?),
    };
    let (lock, execution) = {
        let mut locks = app.locks();
        let lock = locks.held_by(asker.client()?)?;
        (lock.id.clone(), lock.executions.add(operation.routine)?)
    };
    let location = [(LOCATION, format!("{COMPONENT}/operations/{id}/executions/{execution}"))];
    let body = Json(json!({ "id": execution, "status": "running" }));
    tokio::spawn(finish(app, operation, [lock, execution], early.map_or(Ending::Comes(answer), Ending::Came)));
    Ok((StatusCode::ACCEPTED, location, body).into_response())
}

enum Ending {
    Came(Value),
    Comes(Answer),
}

/// Waits for the end, and writes it down if the lock still lives.
async fn finish(app: Shared, operation: Operation, [lock, execution]: [String; 2], ending: Ending) {
    let result = match ending {
        Ending::Came(parameters) => Ok(parameters),
        Ending::Comes(answer) => operation.outcome(answer.await.unwrap_or(Err(Failure::Ended))),
    };
    if let Some(held) = app.locks().active().filter(|held| held.id == lock) {
        held.executions.finish(&execution, result);
    }
}
