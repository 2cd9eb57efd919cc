//! Random histories of random policies on random parts: whatever happens, no record goes back and no unit dies.
//!
//! A million by themselves; as many as `HEADLOCK_HISTORIES` says in the long run (`cargo xtask torture`).
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod chance;
mod part;

use std::thread;

use chance::Chance;
use headlock_lock::{
    Effect, Event, Feed, Hardware, Keeper, Loaded, NoCounter, Phase, Policy, Region, Span, State, Store, Verdict, step,
};
use part::{Part, QuickKey, Tear};

const HISTORIES: u64 = 1_000_000;
const STEPS: u32 = 12;

#[derive(Default)]
struct Seen {
    cuts: u64,
    nested: u64,
    compared: u64,
    news: u64,
    olds: u64,
    worn: u64,
}

struct Unit {
    part: Part,
    keeper: Keeper,
    region: Region,
    policy: Policy,
    chance: Chance,
}

impl Unit {
    fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let policy = chance.policy();
        let page_bytes = chance.one_of(&[8, 16, 32, 64, 128]);
        let region = Region::new(0, chance.one_of(&[2, 2, 3, 5])).unwrap();
        let mut part = Part::new(region.bytes(page_bytes), page_bytes);
        let mut state = chance.first_state(&policy);
        if matches!(state.phase, Phase::Checking) {
            state.phase = Phase::Armed;
        }
        let store = Store::format(&mut part, region, &QuickKey, &NoCounter, &state).unwrap();
        if chance.percent(10) {
            let cells = part.cells.len() as u64;
            part.worn.push(usize::try_from(chance.below(cells)).unwrap());
        }
        Self { part, keeper: Keeper { state, store }, region, policy, chance }
    }

    fn plan_a_cut(&mut self, percent: u64) -> bool {
        let cut = self.chance.percent(percent);
        if cut {
            // A record is twice 64 bytes; most operations write one or two, a start often none.
            let at = u32::try_from(self.chance.below(180)).unwrap();
            let seed = self.chance.next();
            let tear = match self.chance.below(6) {
                0 => Tear::Old,
                1 => Tear::New,
                2 => Tear::Value(self.chance.byte()),
                3 => Tear::Bits(self.chance.byte()),
                4 => Tear::Group(seed),
                _ => Tear::Page(seed),
            };
            self.part.cut = Some((at, tear));
        }
        cut
    }

    /// One operation: the states that a start may find after it, and whether a code was compared.
    fn operate(&mut self) -> (Vec<State>, bool) {
        let mut counter = NoCounter;
        let mut hardware = Hardware { memory: &mut self.part, key: &QuickKey, counter: &mut counter };
        let before = self.keeper.state;
        if self.chance.percent(40) {
            let right = self.chance.percent(20);
            let mut compared = false;
            let (charged, effect) = step(&self.policy, before, Event::CodeEntered);
            let (verdict, _) = self.keeper.enter(&mut hardware, &self.policy, |_| {
                compared = true;
                right
            });
            assert_eq!(compared, matches!(verdict, Verdict::Opened | Verdict::Wrong));
            assert!(!compared || effect == Effect::PersistThenCompare);
            return (vec![charged, self.keeper.state], compared);
        }
        let usual = self.chance.conditions();
        let event = self.chance.event(&self.policy, &before, usual);
        if matches!(event, Event::Matched | Event::Mismatched | Event::CodeEntered | Event::PersistFailed) {
            return (Vec::new(), false);
        }
        self.keeper.feed(&mut hardware, &self.policy, event);
        (vec![self.keeper.state], false)
    }

    /// Starts until one is not cut; what the last found, or the first that failed closed.
    fn start(&mut self, seen: &mut Seen) -> Loaded {
        loop {
            self.part.supply_back();
            self.part.settle(&mut self.chance);
            let cut = self.plan_a_cut(50);
            let mut counter = NoCounter;
            let mut hardware = Hardware { memory: &mut self.part, key: &QuickKey, counter: &mut counter };
            let (keeper, loaded) = Keeper::start(&mut hardware, self.region, &self.policy);
            self.keeper = keeper;
            if !self.part.dead || matches!(loaded, Loaded::FailedClosed(_)) {
                self.part.cut = None;
                return loaded;
            }
            seen.nested += u64::from(cut);
        }
    }
}

fn live(seed: u64, seen: &mut Seen) {
    let mut unit = Unit::new(seed);
    let worn = !unit.part.worn.is_empty();
    seen.worn += u64::from(worn);
    for number in 0..STEPS {
        let durable = *unit.keeper.store.last();
        unit.plan_a_cut(60);
        let (news, compared) = unit.operate();
        seen.compared += u64::from(compared);
        let cut = unit.part.dead;
        unit.part.cut = None;
        if !cut && !unit.chance.percent(10) {
            continue;
        }
        seen.cuts += u64::from(cut);
        let last = *unit.keeper.store.last();
        let found = unit.start(seen);
        let name = || format!("seed {seed}, step {number}, worn {:?}", unit.part.worn);
        let Loaded::Intact(state) = found else {
            assert!(worn, "{}: a cut alone fails closed", name());
            return;
        };
        let state_is = |wanted: &State| same(wanted, &state);
        let is_new = news.iter().any(state_is) || last != durable && state_is(&last);
        let is_old = state_is(&durable) || worn && less_of_its_wait_is_over(&durable, &state);
        assert!(is_new || is_old, "{}: {state:?} is neither {durable:?} nor one of {news:?}", name());
        assert!(is_new || !compared, "{}: a free guess", name());
        if is_new {
            seen.news += 1;
        } else {
            seen.olds += 1;
        }
        let restored =
            Event::SupplyRestored { outage_ms: unit.chance.below(100_000), feed: Feed::Battery, unit_was_on: true };
        let mut counter = NoCounter;
        let mut hardware = Hardware { memory: &mut unit.part, key: &QuickKey, counter: &mut counter };
        unit.keeper.feed(&mut hardware, &unit.policy, restored);
    }
    assert!(!matches!(unit.keeper.state.phase, Phase::Checking));
}

/// With one pair left, the progress of a wait, written once, may be written over: then the wait is longer, and nothing else changed.
fn less_of_its_wait_is_over(durable: &State, found: &State) -> bool {
    let (Phase::Waiting { left, .. }, Phase::Waiting { left: longer, .. }) = (durable.phase, found.phase) else {
        return false;
    };
    let longer = match (left, longer) {
        (Span::Time { ms }, Span::Time { ms: longer_ms }) => longer_ms >= ms.min(headlock_lock::LONGEST_MS),
        _ => false,
    };
    longer && durable.tally == found.tally && durable.config == found.config
}

/// The same but for times beyond what a record holds.
fn same(wanted: &State, found: &State) -> bool {
    let cap = |ms: u64| ms.min(headlock_lock::LONGEST_MS);
    let span = |span| match span {
        Span::Time { ms } => Span::Time { ms: cap(ms) },
        other => other,
    };
    let phase = match wanted.phase {
        Phase::Open { for_ms } => Phase::Open { for_ms: cap(for_ms) },
        Phase::Waiting { full, left, begun } => Phase::Waiting { full: span(full), left: span(left), begun },
        other => other,
    };
    State { phase, quiet_ms: wanted.quiet_ms.map(cap), ..*wanted } == *found
}

#[test]
fn no_history_goes_back_or_dies() {
    let histories = std::env::var("HEADLOCK_HISTORIES").ok().and_then(|n| n.parse().ok()).unwrap_or(HISTORIES);
    let threads = thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let seen: Vec<Seen> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let mut seen = Seen::default();
                    let mine = (thread..histories).step_by(usize::try_from(threads).unwrap());
                    for (done, seed) in (1_u64..).zip(mine) {
                        live(seed, &mut seen);
                        if thread == 0 && done % 5_000_000 == 0 {
                            println!("{} of {histories} histories", done * threads);
                        }
                    }
                    seen
                })
            })
            .collect();
        running.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let sum = |pick: fn(&Seen) -> u64| seen.iter().map(pick).sum::<u64>();
    let [cuts, nested, compared] = [sum(|s| s.cuts), sum(|s| s.nested), sum(|s| s.compared)];
    let [news, olds, worn] = [sum(|s| s.news), sum(|s| s.olds), sum(|s| s.worn)];
    println!(
        "{histories} histories, {worn} with a worn cell: {cuts} cuts, {nested} cuts of a start, {compared} codes compared;"
    );
    println!("a start found the old state {olds} times and the new one {news} times; none went back, none died");
    assert!(cuts > histories / 2 && nested > histories / 50 && compared > histories / 10, "too little happened");
    assert!(news > histories / 10 && olds > histories / 10, "too little happened");
}
