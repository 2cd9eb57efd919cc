//! What the description of the routes says of all of them alike: how a problem is written, and that a sealed desk has one.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::response::Response;
use utoipa::openapi::{OpenApi, RefOr};

const PROBLEM: &str = "application/problem+json";

/// The router's way to say that the rest of a path is one parameter, which descriptions do not have.
const REST: &str = "{*";

/// Brings a description in line with what the connection's end makes of every answer.
pub(super) fn complete(openapi: &mut OpenApi) {
    let paths = std::mem::take(&mut openapi.paths.paths);
    openapi.paths.paths = paths.into_iter().map(|(path, item)| (path.replace(REST, "{"), completed(item))).collect();
}

fn completed(mut item: PathItem) -> PathItem {
    let methods = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete];
    methods.into_iter().flatten().for_each(operation);
    item
}

/// Whoever can be refused can also find the desk sealed, or out of breath.
fn operation(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    let Some(RefOr::T(refused)) = responses.get_mut("4XX") else { return };
    problem(refused);
    let mut unavailable = refused.clone();
    "Sealed, or it cannot answer now".clone_into(&mut unavailable.description);
    responses.entry("503".to_owned()).or_insert(RefOr::T(unavailable));
}

fn problem(response: &mut Response) {
    let content = std::mem::take(&mut response.content);
    response.content = content.into_iter().map(|(_, content)| (PROBLEM.to_owned(), content)).collect();
    "Why it is not done".clone_into(&mut response.description);
}
