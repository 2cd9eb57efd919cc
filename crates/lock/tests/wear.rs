//! What the records cost the memory: computed on the shipped store, under the worst that somebody at the keys can do.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod chance;
mod part;

use headlock_lock::{
    Conditions, Event, Hardware, Ignition, Keeper, Ladder, NoCounter, Phase, Policy, Region, Rung, Scope, Span, State,
    Store, next_change_ms, next_checkpoint_ms,
};
use part::{Part, QuickKey};

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;
/// What the makers of such parts promise a page.
const LIFE_CYCLES: u64 = 1_000_000;
const SERVICE_YEARS: u64 = 15;

/// Every wait as long as this, for ever.
fn policy(wait_ms: u64) -> Policy {
    let rung = Rung { scope: Scope::Failures, from: 1, wait: Span::Time { ms: wait_ms }, factor: 1, cap: None };
    let mut policy = chance::Chance::new(1).policy();
    policy.kind = headlock_lock::Kind::Code;
    policy.tries.locked_out_after_attempts = None;
    policy.tries.locked_out_after_rounds = None;
    policy.ladder = Ladder::EMPTY.with(rung).unwrap();
    policy.clock = headlock_lock::Clock::SUPPLY_ALONE;
    policy.after_wait = headlock_lock::AfterWait::Keeps;
    policy.forgiveness = [None; 2];
    policy
}

/// Cycles of the hottest page in 15 years of a wrong code whenever one is taken, five seconds to type each.
fn hottest_page(wait_ms: u64, pairs: u8, page_bytes: usize) -> u64 {
    const DAYS: u64 = 20;
    const TYPING_MS: u64 = 5_000;
    let policy = policy(wait_ms);
    let region = Region::new(0, pairs).unwrap();
    let mut part = Part::new(region.bytes(page_bytes), page_bytes);
    let state = State::armed(&policy);
    let store = Store::format(&mut part, region, &QuickKey, &NoCounter, &state).unwrap();
    let mut keeper = Keeper { state, store };
    part.cycles.fill(0);
    let mut counter = NoCounter;
    let mut hardware = Hardware { memory: &mut part, key: &QuickKey, counter: &mut counter };
    let during = Conditions { ignition: Ignition::On, unit_on: true };
    let mut now_ms = 0;
    while now_ms < DAYS * DAY_MS {
        if keeper.state.phase == Phase::Armed {
            let _ = keeper.enter(&mut hardware, &policy, |_| false);
            now_ms += TYPING_MS;
        }
        // The firmware's own tick: a second would do the same.
        let all = next_change_ms(&policy, &keeper.state, during).unwrap_or(0).min(10_000);
        let ms = next_checkpoint_ms(&policy, &keeper.state, all, during);
        keeper.feed(&mut hardware, &policy, Event::Elapsed { ms, during });
        now_ms += ms;
    }
    u64::from(*part.cycles.iter().max().unwrap()) * SERVICE_YEARS * 365 / DAYS
}

#[test]
fn a_unit_that_always_waits_uses_a_tenth_of_a_24c64_in_fifteen_years_at_most() {
    for minutes in [10, 15, 30, 60, 24 * 60] {
        let cycles = hottest_page(minutes * MINUTE_MS, 64, 32);
        println!("waits of {minutes} min: {cycles} cycles, {} in a thousand of its life", cycles * 1_000 / LIFE_CYCLES);
        assert!(cycles <= LIFE_CYCLES / 10, "waits of {minutes} min: {cycles} cycles");
    }
}

/// What is not promised: a small part, or waits so short that somebody types all day.
#[test]
fn a_small_part_or_a_short_wait_wears_more_and_that_is_seen() {
    assert!(hottest_page(60 * MINUTE_MS, 2, 8) > LIFE_CYCLES / 10, "two pairs, as in a 24C02");
    assert!(hottest_page(MINUTE_MS, 64, 32) > LIFE_CYCLES / 10, "a wait of a minute");
}
