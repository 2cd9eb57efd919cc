//! Every tool of every reading, used on the whole twin from every state that somebody can bring about: the lock stands where the
//! analyser says.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headlock_analysis::{Deed, Graph, Tool, ToolKind, tools};
use headlock_lock::{Ignition, Kind, Phase, State};
use headlock_profile::behaviour::{DoesWord, OnWith, RequestWord, VehicleNeed};
use headlock_profile::{Case, Catalog, File, Reading, Unit};
use headlock_twin::{Hands, Input, Provision, Request, Spec, Stick, StickFile, Supply, Twin, plain};

#[allow(dead_code)]
#[path = "../../../tests/support/catalog.rs"]
mod support;

/// The built-in catalogue with the fictional units of the tests.
fn catalog() -> Catalog {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/catalog");
    let mut texts = support::texts();
    let mut open: Vec<PathBuf> = vec![root.clone()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                texts.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    Catalog::load(texts.iter().map(|(name, text)| File { name, text })).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

/// The unit of the case, on, with its main lock in this state.
fn standing(unit: &Unit, reading: &Reading, case: &Case, tool: &Tool, state: State) -> Twin {
    let mut provision = Provision::example(unit, &reading.firmware, Vec::new());
    provision.firmware = tool.example_firmware.clone().unwrap();
    let mut twin = Twin::new_armed(Arc::new(Spec::new(unit, case, provision).unwrap()));
    let paired = matches!(case.policies[0].kind, Kind::Pairing | Kind::PairingOrCode);
    if paired || tool.vehicle == VehicleNeed::Other {
        twin.apply(0, Input::Vehicle { home: false });
    }
    let mut hands = Hands::on(&mut twin);
    hands.now(Input::Ignition(Ignition::On));
    if case.behaviour.power.on_with == OnWith::Key {
        hands.press(&plain(case.behaviour.power.key.as_ref().unwrap())).unwrap();
    }
    let twin = twin.standing_at(state);
    assert!(twin.view().on);
    twin
}

fn request(word: RequestWord) -> Request {
    match word {
        RequestWord::ClearAttempts => Request::ClearAttempts,
        RequestWord::ResetLock => Request::ResetLock,
        RequestWord::ClearLockedOut => Request::ClearLockedOut,
        RequestWord::DisableChecking => Request::DisableChecking,
        RequestWord::Reflash => Request::Reflash,
        RequestWord::Pair => Request::Pair,
        other => panic!("{other:?} changes nothing"),
    }
}

fn use_it(tool: &Tool, twin: &mut Twin) {
    let mut hands = Hands::on(twin);
    for deed in &tool.deeds {
        match deed {
            Deed::Presses(presses) => hands.press_all(presses).unwrap(),
            Deed::Pinhole { ms } => {
                hands.now(Input::Pinhole { pressed: true });
                hands.wait(*ms);
                hands.now(Input::Pinhole { pressed: false });
            }
            Deed::Usb { filesystem, file } => {
                let file = StickFile { name: Arc::from(file.as_deref().unwrap()), for_another_unit: false };
                let filesystem = Arc::from(filesystem.as_str());
                hands.now(Input::Usb(Some(Stick { filesystem, files: vec![file] })));
            }
            Deed::Ask { tester, request: word } => {
                hands.now(Input::Diagnostic { tester: Arc::from(tester.as_str()), request: request(*word) });
            }
            Deed::Home => hands.now(Input::Vehicle { home: true }),
            Deed::Wait { ms } => hands.wait(*ms),
            Deed::Pull => {
                hands.now(Input::Supply(Supply::Cut));
                hands.wait(headlock_analysis::PULL_MS);
                hands.now(Input::Supply(Supply::Restored));
            }
        }
    }
}

/// How long it has played is nobody's question.
fn plain_state(state: State) -> State {
    match state.phase {
        Phase::Open { .. } => State { phase: Phase::Open { for_ms: 0 }, ..state },
        _ => state,
    }
}

/// What was tried: by kind, and whether the tool did anything.
#[derive(Default)]
struct Tried(HashMap<(ToolKind, bool), u64>);

/// How many tools a case must have, counted from its words alone: those that say nothing of a firmware version.
fn said(case: &Case, kind: ToolKind) -> usize {
    let b = &case.behaviour;
    let clears_help = matches!(case.policies[0].kind, Kind::Code | Kind::PairingOrCode);
    let word_helps = |word: DoesWord| match word {
        DoesWord::Nothing => false,
        DoesWord::ClearsAttempts | DoesWord::ClearsAll => clears_help,
        DoesWord::Opens | DoesWord::ErasesCode | DoesWord::DisablesChecking => true,
    };
    let request_helps = |request: RequestWord| match request {
        RequestWord::ClearAttempts | RequestWord::ClearLockedOut => clears_help,
        RequestWord::ResetLock | RequestWord::DisableChecking | RequestWord::Reflash => true,
        RequestWord::Pair => matches!(case.policies[0].kind, Kind::Pairing | Kind::PairingOrCode),
        _ => false,
    };
    match kind {
        ToolKind::Panel => {
            let services = b.service.iter().filter(|service| service.supported && service.firmware.is_any());
            let items = services.flat_map(|service| &service.item).filter(|item| word_helps(item.does)).count();
            items + usize::from(b.pinhole.as_ref().is_some_and(|pinhole| word_helps(pinhole.does)))
        }
        ToolKind::Usb => usize::from(b.update.as_ref().is_some_and(|update| update.opens)),
        ToolKind::Tester => {
            let offered = b.diagnostic.iter().filter(|spec| spec.supported && spec.firmware.is_any());
            offered.filter(|spec| request_helps(spec.request)).count()
        }
        ToolKind::Vehicle => 0,
    }
}

fn check(unit: &Unit, reading: &Reading, case: &Case, tried: &mut Tried) {
    let policy = case.policies[0];
    let offered = tools(unit, reading, case);
    for kind in [ToolKind::Panel, ToolKind::Usb, ToolKind::Tester] {
        let found = offered.iter().filter(|tool| tool.kind == kind).count();
        let wanted = said(case, kind);
        assert!(found >= wanted, "{}#{}: {found} of {wanted} {kind:?} tools", unit.identity.id, reading.id);
    }
    if offered.is_empty() {
        return;
    }
    let graph = Graph::explore_with(&policy, &offered, 0, &[State::armed(&policy)]).unwrap();
    for tool in &offered {
        let mut did = 0;
        for state in graph.states().iter().filter(|state| !matches!(state.phase, Phase::Open { .. })) {
            let mut twin = standing(unit, reading, case, tool, *state);
            let began_ms = twin.now_ms();
            use_it(tool, &mut twin);
            let real = plain_state(*twin.lock_state(0).unwrap());
            let name = format!("{}#{} {}: {}", unit.identity.id, reading.id, case.label(), tool.name);
            assert_eq!(twin.now_ms() - began_ms, tool.takes_ms, "{name}");
            let said = tool.after(&policy, *state);
            if let Some(said) = said {
                did += 1;
                assert_eq!(real, said, "{name}, from {state:?}");
            } else {
                // It does nothing here that the same time would not have done: no count is gone, nothing is open.
                let mut control = standing(unit, reading, case, tool, *state);
                Hands::on(&mut control).wait(tool.takes_ms);
                let waited = *control.lock_state(0).unwrap();
                let open = matches!(real.phase, Phase::Open { .. });
                assert!(real.tally == waited.tally && !open, "{name}, from {state:?}");
            }
            *tried.0.entry((tool.kind, said.is_some())).or_default() += 1;
        }
        assert!(did > 0, "{}#{}: {} does nothing anywhere", unit.identity.id, reading.id, tool.name);
    }
}

#[test]
fn a_tool_does_on_the_whole_unit_what_the_analyser_says() {
    let mut tried = Tried::default();
    for unit in &catalog().units {
        for reading in &unit.readings {
            reading.cases.iter().for_each(|case| check(unit, reading, case, &mut tried));
        }
    }
    println!("{:?}", tried.0);
    for kind in [ToolKind::Panel, ToolKind::Vehicle, ToolKind::Usb, ToolKind::Tester] {
        assert!(tried.0.get(&(kind, true)).is_some_and(|count| *count > 0), "{kind:?}: {:?}", tried.0);
    }
}
