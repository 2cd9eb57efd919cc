//! Executions: operations that go on after they were answered, as long as their lock lives.

use std::collections::VecDeque;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use headlock_twin::ecu::RoutineId;
use serde_json::{Value, json};

use super::Shared;
use super::client::Asker;
use super::operations::named;
use super::problem::Problem;

/// Executions of one lock that are remembered.
const MOST: usize = 16;

/// Those of one lock.
#[derive(Default)]
pub(super) struct Executions {
    all: VecDeque<Execution>,
    next: u64,
}

struct Execution {
    id: String,
    routine: RoutineId,
    state: Progress,
}

/// How far it is.
enum Progress {
    Running,
    Completed(Value),
    Failed(Problem),
}

impl Executions {
    /// Takes one up; forgets the oldest that is over, where there are too many.
    pub(super) fn add(&mut self, routine: RoutineId) -> Result<String, Problem> {
        if self.all.len() >= MOST {
            let over = self.all.iter().position(|execution| !matches!(execution.state, Progress::Running));
            let over = over.ok_or_else(|| Problem::busy("too many executions run"))?;
            self.all.remove(over);
        }
        self.next += 1;
        let id = self.next.to_string();
        self.all.push_back(Execution { id: id.clone(), routine, state: Progress::Running });
        Ok(id)
    }

    /// It is over.
    pub(super) fn finish(&mut self, id: &str, result: Result<Value, Problem>) {
        if let Some(execution) = self.all.iter_mut().find(|execution| execution.id == id) {
            execution.state = match result {
                Ok(parameters) => Progress::Completed(parameters),
                Err(problem) => Progress::Failed(problem),
            };
        }
    }

    fn find(&self, routine: RoutineId, id: &str) -> Result<&Execution, Problem> {
        let found = self.all.iter().find(|execution| execution.routine == routine && execution.id == id);
        found.ok_or_else(no_such)
    }
}

pub(super) async fn list(State(app): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let routine = named(&id)?.routine;
    let mut locks = app.locks();
    let all = locks.active().map(|lock| &lock.executions.all).into_iter().flatten();
    let items: Vec<Value> =
        all.filter(|execution| execution.routine == routine).map(|execution| json!({ "id": execution.id })).collect();
    Ok(Json(json!({ "items": items })))
}

pub(super) async fn read(
    State(app): State<Shared>,
    Path((id, execution)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let routine = named(&id)?.routine;
    let mut locks = app.locks();
    let found = locks.active().ok_or_else(no_such)?.executions.find(routine, &execution)?;
    let mut body = json!({ "capability": "execute", "status": found.state.word() });
    match &found.state {
        Progress::Running => {}
        Progress::Completed(parameters) => body["parameters"] = parameters.clone(),
        Progress::Failed(problem) => body["error"] = json!([problem.body()]),
    }
    Ok(Json(body))
}

/// None of the routines can be stopped; one that is over can be forgotten.
pub(super) async fn forget(
    State(app): State<Shared>,
    asker: Asker,
    Path((id, execution)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let routine = named(&id)?.routine;
    let client = asker.client()?;
    let mut locks = app.locks();
    let executions = &mut locks.held_by(client)?.executions;
    if matches!(executions.find(routine, &execution)?.state, Progress::Running) {
        return Err(Problem::precondition("it runs, and the ECU cannot stop it"));
    }
    executions.all.retain(|known| known.id != execution);
    Ok(StatusCode::NO_CONTENT)
}

impl Progress {
    const fn word(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed(_) => "completed",
            Self::Failed(_) => "failed",
        }
    }
}

fn no_such() -> Problem {
    Problem::not_found("no such execution: it was deleted, or its lock is over")
}
