//! States a second: the analyser's own exploration beside stateright's, of the same graph in the same run.

use std::time::Instant;

use headlock_analysis::{Act, Attacker, Graph, Successors};
use headlock_lock::{
    AfterWait, Arming, Clock, EntryWhileWaiting, ExtraAttempts, Kind, Ladder, Phase, Policy, Rung, Scope, Span, State,
    SupplyCut, Tries,
};
use stateright::{Checker, Model, Property};

/// A ladder whose last rung comes late: many counts that are not one.
fn policy() -> Policy {
    let rung =
        |from, s: u64| Rung { scope: Scope::Failures, from, wait: Span::Time { ms: s * 1_000 }, factor: 1, cap: None };
    let ladder = [rung(1, 60), rung(10_000, 600), rung(50_000, 3_600)];
    Policy {
        kind: Kind::Code,
        tries: Tries {
            first_round: 0,
            later_rounds: 0,
            locked_out_after_attempts: Some(60_000),
            locked_out_after_rounds: None,
            extra: ExtraAttempts::NEVER,
        },
        ladder: ladder.into_iter().fold(Ladder::EMPTY, |ladder, rung| ladder.with(rung).unwrap_or(ladder)),
        clock: Clock::SUPPLY_ALONE,
        entry_while_waiting: EntryWhileWaiting::Refused,
        after_wait: AfterWait::Keeps,
        forgiveness: [None; 2],
        supply_cut: SupplyCut { restarts_wait_ms: Some(0), ..SupplyCut::NOTHING },
        arming: Arming::NEVER,
    }
}

struct Peer(Successors<'static>, State);

impl Model for Peer {
    type State = State;
    type Action = (State, u64, Act);

    fn init_states(&self) -> Vec<State> {
        vec![self.1]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Self::Action>) {
        self.0.add(*state, actions);
    }

    fn next_state(&self, _: &State, (next, ..): Self::Action) -> Option<State> {
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        // Never found, so that all of the graph is looked at.
        vec![Property::<Self>::sometimes("opens", |_, state| matches!(state.phase, Phase::Open { .. }))]
    }
}

fn start(policy: &Policy) -> State {
    State { phase: Phase::Armed, ..State::fresh(policy) }
}

fn main() {
    let policy = policy();
    let began = Instant::now();
    let Ok(graph) = Graph::explore(&policy, Attacker::Pulls, 0, &[start(&policy)]) else {
        eprintln!("the graph of this bench has grown beyond the limit");
        std::process::exit(1);
    };
    let ours = began.elapsed().as_secs_f64();
    let states = graph.states().len();
    let leaked: &'static Policy = Box::leak(Box::new(policy));
    let peer = Peer(Successors::of(leaked, Attacker::Pulls, 0), start(leaked));
    let began = Instant::now();
    let peer = peer.checker().threads(1).spawn_bfs().join();
    let theirs = began.elapsed().as_secs_f64();
    assert_eq!(peer.unique_state_count(), states, "both look at the same graph");
    let count = f64::from(u32::try_from(states).unwrap_or(u32::MAX));
    println!("\nstates of one policy, explored on the shipped lock, one core");
    println!(
        "  headlock     {:>10.2} million states/s, {states} states, {} KiB",
        count / ours / 1e6,
        graph.bytes() / 1024
    );
    println!("  stateright   {:>10.2} million states/s, the same {states} states", count / theirs / 1e6);
    println!("  {:.1} x", theirs / ours);
}
