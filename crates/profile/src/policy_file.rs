//! A lock's policy by itself: a file without a unit, for systems that are no head units and for designs.

use headlock_lock::{Policy, Scope, Span, UnitNeed};

use crate::behaviour::Behaviour;
use crate::catalog::nearest;
use crate::decode::decode;
use crate::evidence::texts;
use crate::node::{Node, Value, join};
use crate::policy::{Fault, policies};
use crate::problem::{Problem, closest};

/// What such a file may say beside the policy itself.
const ABOUT: [&str; 3] = ["name", "sources", "note"];
/// What of a reading makes its policy.
const FIELDS: [&str; 8] = ["kind", "code", "tries", "wait", "waiting", "forgive", "supply_cut", "arming"];

/// A policy, whose it is, and who says so.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    /// The system it is the policy of.
    pub name: String,
    /// Who says so.
    pub sources: Vec<String>,
    /// What the file leaves out or simplifies.
    pub note: String,
    /// The fields as they stand in the file.
    pub behaviour: Behaviour,
    /// The policy that they make.
    pub policy: Policy,
}

/// Reads one file.
///
/// # Errors
/// What is wrong with it, where, and what would be right.
pub fn policy_file(file_name: &str, text: &str) -> Result<PolicyFile, Problem> {
    let root = Node::parse(file_name, text)?;
    let known: Vec<&str> = ABOUT.into_iter().chain(FIELDS).collect();
    for (name, node) in root.as_table().unwrap_or_default() {
        if !known.contains(&name.as_str()) {
            let help = if matches!(name.as_str(), "id" | "reading") {
                "this describes a unit; a policy has no readings: name the unit instead, with --catalog".to_owned()
            } else {
                closest(name, &known)
            };
            return Err(Problem::new(&node.place, name, format!("unknown field `{name}`")).help(help));
        }
    }
    let Some(name) = root.get("name").and_then(Node::as_str) else {
        return Err(Problem::new(&root.place, "name", "a policy without a name").help("add name = \"…\", the system's"));
    };
    let fields = root.as_table().unwrap_or_default().iter().filter(|(name, _)| FIELDS.contains(&name.as_str()));
    let body = Node { place: root.place.clone(), value: Value::Table(fields.cloned().collect()) };
    let behaviour: Behaviour = decode(&body, "")?;
    let located =
        |fault: Fault| Problem::new(nearest(&body, &fault.path), &join("", &fault.path), fault.what).help(fault.help);
    let policy = policies(&behaviour).map_err(located)?[0];
    check(&policy).map_err(located)?;
    Ok(PolicyFile {
        name: name.to_owned(),
        sources: root.get("sources").map(|node| texts(node, "sources")).transpose()?.unwrap_or_default(),
        note: root.get("note").and_then(Node::as_str).unwrap_or_default().to_owned(),
        behaviour,
        policy,
    })
}

/// What no lock could ever carry out.
fn check(policy: &Policy) -> Result<(), Fault> {
    let tries = &policy.tries;
    let rungs: Vec<_> = policy.ladder.rungs().collect();
    for (index, rung) in rungs.iter().enumerate() {
        let path = format!("wait.{index}");
        let last = match rung.scope {
            Scope::Failures => tries.locked_out_after_attempts.map(|limit| limit - 1),
            Scope::Rounds => tries.locked_out_after_rounds.map(|limit| limit - 1),
            Scope::FailuresInRound => Some(tries.first_round.max(tries.later_rounds)),
        };
        if let Some(last) = last.filter(|last| rung.from > *last) {
            return Err(Fault::new(
                &path,
                format!("a wait after {}, which no count ever reaches", rung.from),
                format!(
                    "{last} is the last count before the lock-out or the end of the round; remove the wait or raise the limit"
                ),
            ));
        }
        let same = |other: &&headlock_lock::Rung| other.scope == rung.scope && other.from == rung.from;
        if rungs[index + 1..].iter().copied().any(|other| same(&other)) {
            return Err(Fault::new(
                &path,
                format!("a second wait after {} of the same kind, which always comes before this one", rung.from),
                "keep one of the two",
            ));
        }
        // A head unit that is off while the ignition is off cannot be on there.
        let off_alone = policy.clock.ignition == headlock_lock::IgnitionSet::NONE.with(headlock_lock::Ignition::Off);
        if matches!(rung.wait, Span::Time { .. }) && off_alone && policy.clock.unit == UnitNeed::On {
            return Err(Fault::new(
                "waiting.counts_while",
                "a wait that no clock can count: the ignition off and the unit on",
                "let it count in another position of the ignition, or whatever the unit does",
            ));
        }
    }
    Ok(())
}
