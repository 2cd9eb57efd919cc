//! The rate limit beside a token bucket that is written down in full.
#![allow(clippy::unwrap_used)]

use headlock_registry::limit::{Rate, RateError, Verdict, check};

/// SplitMix64: a run is repeated by its seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % bound
    }

    fn tokens_below(&mut self, bound: u32) -> u32 {
        u32::try_from(self.below(u64::from(bound))).unwrap()
    }
}

/// A bucket of parts: `token_ms` parts are a token, and one part comes back each millisecond.
struct Bucket {
    parts: u64,
    full: u64,
    token: u64,
    seen_ms: u64,
}

impl Bucket {
    fn take(&mut self, at_ms: u64, cost: u32) -> bool {
        self.parts = self.full.min(self.parts + (at_ms - self.seen_ms));
        self.seen_ms = at_ms;
        let parts = self.token * u64::from(cost);
        let enough = self.parts >= parts;
        if enough {
            self.parts -= parts;
        }
        enough
    }
}

#[test]
fn it_decides_as_a_token_bucket_does() {
    for seed in 0..2_000 {
        let mut dice = Dice(seed);
        let burst = 1 + dice.tokens_below(30);
        let rate = Rate::new(burst, u64::from(burst) + dice.below(5_000)).unwrap();
        let mut at_ms = 1_000_000 + dice.below(1_000_000);
        let mut bucket =
            Bucket { parts: rate.window_ms(), full: rate.window_ms(), token: rate.token_ms(), seen_ms: at_ms };
        let mut tat_ms = 0;
        for _ in 0..300 {
            at_ms += dice.below(1 + 2 * rate.token_ms());
            let cost = dice.tokens_below(burst.min(4) + 1);
            let enough = bucket.take(at_ms, cost);
            match check(rate, tat_ms, at_ms, cost) {
                Verdict::Allowed { tat_ms: next } => {
                    assert!(enough, "seed {seed}");
                    tat_ms = next;
                }
                Verdict::Refused { retry_after_ms, tat_ms: kept } => {
                    assert!(!enough, "seed {seed}");
                    assert_eq!(kept, tat_ms);
                    // Exactly then, and not a millisecond before.
                    assert!(matches!(check(rate, tat_ms, at_ms + retry_after_ms, cost), Verdict::Allowed { .. }));
                    assert!(matches!(check(rate, tat_ms, at_ms + retry_after_ms - 1, cost), Verdict::Refused { .. }));
                }
                Verdict::TooMuch { .. } => panic!("seed {seed}: no cost is above the burst here"),
            }
        }
    }
}

#[test]
fn a_full_burst_goes_at_once_and_then_one_a_token() {
    let rate = Rate::new(3, 3_000).unwrap();
    let mut tat_ms = 0;
    for _ in 0..3 {
        let Verdict::Allowed { tat_ms: next } = check(rate, tat_ms, 500_000, 1) else { panic!("within the burst") };
        tat_ms = next;
    }
    assert_eq!(check(rate, tat_ms, 500_000, 1), Verdict::Refused { retry_after_ms: 1_000, tat_ms });
    assert_eq!(check(rate, tat_ms, 500_400, 2), Verdict::Refused { retry_after_ms: 1_600, tat_ms });
    assert!(matches!(check(rate, tat_ms, 501_000, 1), Verdict::Allowed { .. }));
}

#[test]
fn over_a_long_time_it_is_the_burst_and_then_the_rate() {
    let rate = Rate::new(7, 1_000).unwrap();
    let (mut tat_ms, mut allowed) = (0, 0_u64);
    for at_ms in 10_000..110_000 {
        if let Verdict::Allowed { tat_ms: next } = check(rate, tat_ms, at_ms, 1) {
            (tat_ms, allowed) = (next, allowed + 1);
        }
    }
    // 1,000 ms / 7, rounded up to 143 ms a token.
    assert_eq!(allowed, 7 + 99_999 / 143);
}

#[test]
fn what_costs_more_than_the_burst_is_never_allowed() {
    let rate = Rate::new(3, 3_000).unwrap();
    for at_ms in [0, 1, 1_000_000, u64::MAX] {
        assert_eq!(check(rate, 0, at_ms, 4), Verdict::TooMuch { burst: 3 });
    }
}

#[test]
fn what_costs_nothing_is_always_allowed_and_changes_nothing() {
    let rate = Rate::new(1, 1_000).unwrap();
    let Verdict::Allowed { tat_ms } = check(rate, 0, 5_000, 1) else { panic!("the first") };
    assert_eq!(check(rate, tat_ms, 5_000, 0), Verdict::Allowed { tat_ms });
    assert_eq!(check(rate, 0, 5_000, 0), Verdict::Allowed { tat_ms: 0 });
}

#[test]
fn a_clock_that_is_set_back_refills_nothing_and_never_locks_for_longer_than_a_window() {
    for seed in 0..2_000 {
        let mut dice = Dice(seed);
        let burst = 1 + dice.tokens_below(10);
        let rate = Rate::new(burst, u64::from(burst) + dice.below(2_000)).unwrap();
        let mut at_ms = 1_000_000_000_u64;
        let mut tat_ms = 0;
        for _ in 0..100 {
            if dice.below(10) == 0 {
                let free = |tat_ms: u64, at_ms: u64| rate.window_ms().saturating_sub(tat_ms.saturating_sub(at_ms));
                let before = free(tat_ms, at_ms);
                at_ms -= dice.below(5 * rate.window_ms());
                assert!(free(tat_ms, at_ms) <= before, "seed {seed}");
            } else {
                at_ms += dice.below(rate.token_ms());
            }
            let cost = 1 + dice.tokens_below(burst);
            match check(rate, tat_ms, at_ms, cost) {
                Verdict::Allowed { tat_ms: next } => tat_ms = next,
                Verdict::Refused { retry_after_ms, tat_ms: kept } => {
                    assert!(retry_after_ms <= rate.window_ms(), "seed {seed}");
                    assert!(kept <= tat_ms && kept <= at_ms + rate.window_ms());
                    assert!(matches!(check(rate, kept, at_ms + retry_after_ms, cost), Verdict::Allowed { .. }));
                    tat_ms = kept;
                }
                Verdict::TooMuch { .. } => panic!("seed {seed}: no cost is above the burst here"),
            }
            assert!(tat_ms <= at_ms + rate.window_ms(), "seed {seed}: never further ahead than an empty bucket");
        }
    }
}

#[test]
fn the_ends_of_time_overflow_nothing() {
    let slowest = Rate::new(u32::MAX, 1_000 * 366 * 86_400_000).unwrap();
    let slow = Rate::new(1, 1_000 * 366 * 86_400_000).unwrap();
    for rate in [slowest, slow, Rate::new(1, 1).unwrap(), Rate::new(u32::MAX, u64::from(u32::MAX)).unwrap()] {
        for tat_ms in [0, 1, u64::MAX / 2, u64::MAX] {
            for at_ms in [0, 1, u64::MAX / 2, u64::MAX] {
                for cost in [0, 1, rate.burst()] {
                    match check(rate, tat_ms, at_ms, cost) {
                        Verdict::Allowed { .. } => {}
                        Verdict::Refused { retry_after_ms, .. } => assert!(retry_after_ms <= rate.window_ms()),
                        Verdict::TooMuch { .. } => panic!("no cost is above the burst here"),
                    }
                }
            }
        }
    }
}

#[test]
fn numbers_that_are_no_rate_are_refused_also_in_configuration() {
    assert_eq!(Rate::new(0, 1_000), Err(RateError::Nothing));
    assert_eq!(Rate::new(1_001, 1_000), Err(RateError::Fast { burst: 1_001, period_ms: 1_000 }));
    assert_eq!(Rate::new(1, u64::MAX), Err(RateError::Slow { period_ms: u64::MAX }));
    let read = |text: &str| serde_json::from_str::<Rate>(text);
    assert_eq!(read(r#"{"burst": 20, "period_ms": 86400000}"#).unwrap(), Rate::new(20, 86_400_000).unwrap());
    let error = read(r#"{"burst": 0, "period_ms": 86400000}"#).unwrap_err();
    assert!(error.to_string().contains("a burst of 0 allows nothing"), "{error}");
    assert!(read(r#"{"burst": 1, "period_ms": 10, "period_s": 3}"#).is_err());
}
