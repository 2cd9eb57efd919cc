//! Inputs a second and simulated time, each beside a bare `match` over the same inputs.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use headlock_lock::Ignition;
use headlock_profile::{Catalog, Code, File, Provenance};
use headlock_twin::{Input, KeyId, Provision, Record, Spec, Supply, Twin};

const UNIT: &str = include_str!("../../../tests/catalog/units/plain.toml");
const SOURCES: &str = "[[source]]\nid = \"example\"\nkind = \"example\"\nabout = \"a bench\"\n";

fn main() {
    let spec = spec();
    println!("\ninputs a second, one core");
    rate("panel, supply and ignition", &spec, &inputs(&spec, None));
    rate("the same with a wrong code every 100 inputs", &spec, &inputs(&spec, Some(100)));
    simulated(&spec);
}

fn spec() -> Arc<Spec> {
    // Without its lock-out, or nothing would be compared after nine codes.
    let unit = UNIT.replace(", locked_out_after_attempts = 9", "");
    assert_ne!(unit, UNIT, "the bench's unit has lost its lock-out");
    let files = [File { name: "sources.toml", text: SOURCES }, File { name: "plain.toml", text: &unit }];
    let catalog = Catalog::load(files).expect("the bench's own unit");
    let unit = catalog.unit("plain/panel").expect("the bench's own unit");
    let reading = &unit.readings[0];
    let code = Code::new("6543", Provenance::Stated).expect("a code");
    let provision = Provision::example(unit, &reading.firmware, vec![code]);
    Arc::new(Spec::new(unit, &reading.cases[0], provision).expect("a small unit"))
}

/// Timed inputs: ignition, supply, ticks and the power key; or, every so often, a whole wrong code on a unit that stays on.
fn inputs(spec: &Spec, attempt_every: Option<usize>) -> Vec<(u64, Input)> {
    const COUNT: usize = 200_000;
    let key = |name: &str| spec.key(name).expect("a key of the unit");
    let mut out = vec![(0, Input::Ignition(Ignition::On))];
    let mut now = 0;
    let mut step = 0_usize;
    while out.len() < COUNT {
        now += 20;
        step += 1;
        if attempt_every.is_some_and(|every| step.is_multiple_of(every)) {
            for name in ["1", "1", "1", "1"] {
                out.push((now, Input::KeyDown(key(name))));
                now += 100;
                out.push((now, Input::KeyUp(key(name))));
                now += 100;
            }
            // The wait of every third failure is served, so that codes go on being compared.
            now += 3_600_000;
            continue;
        }
        let power = attempt_every.is_none();
        out.push((
            now,
            match step % 12 {
                0 if power => Input::Ignition(Ignition::Acc),
                1 if power => Input::Ignition(Ignition::On),
                2 => Input::Supply(Supply::Millivolts(13_800)),
                3 | 6 | 9 => Input::Tick,
                n if power && n % 2 == 0 => Input::KeyDown(key("POWER")),
                _ if power => Input::KeyUp(key("POWER")),
                n if n % 2 == 0 => Input::Door { open: true },
                _ => Input::Door { open: false },
            },
        ));
    }
    out
}

fn rate(name: &str, spec: &Arc<Spec>, inputs: &[(u64, Input)]) {
    let key = spec.key("POWER").expect("a key of the unit");
    let bare = fastest(|| {
        let mut sum = 0_u64;
        for (now, input) in inputs {
            sum = sum.wrapping_add(black_box(bare_match(*now, key, input)));
        }
        sum
    });
    let twin = fastest(|| {
        let mut twin = Twin::new_armed(Arc::clone(spec));
        let mut records = 0_u64;
        for (now, input) in inputs {
            records += twin.apply(*now, input.clone()).len() as u64;
        }
        records
    });
    let mut watched = Twin::new_armed(Arc::clone(spec));
    let attempts: usize = inputs
        .iter()
        .map(|(now, input)| {
            watched.apply(*now, input.clone()).iter().filter(|record| matches!(record, Record::Attempt { .. })).count()
        })
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
    let per_s = inputs.len() as f64 / twin.as_secs_f64();
    println!(
        "  {name:<46} {:>6.2} million/s   {:>5.1} x the time of a bare match   {attempts} codes compared",
        per_s / 1e6,
        twin.as_secs_f64() / bare.as_secs_f64()
    );
}

/// The least that any program does with these inputs: look at each.
fn bare_match(now: u64, seen: KeyId, input: &Input) -> u64 {
    match input {
        Input::Tick => now,
        Input::KeyDown(key) | Input::KeyUp(key) => now ^ u64::from(seen == *key),
        Input::Ignition(ignition) => now + *ignition as u64,
        Input::Supply(Supply::Millivolts(mv)) => now + u64::from(*mv),
        _ => 0,
    }
}

/// A unit that waits: how much faster than real time.
fn simulated(spec: &Arc<Spec>) {
    const HOURS: u64 = 1_000;
    let elapsed = fastest(|| {
        let mut twin = Twin::new_failed(Arc::clone(spec), 3).expect("three codes do not lock it out");
        let mut records = twin.apply(0, Input::Ignition(Ignition::On)).len() as u64;
        for minute in 1..=HOURS * 60 {
            records += twin.apply(minute * 60_000, Input::Tick).len() as u64;
        }
        records
    });
    #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
    let factor = (HOURS * 3600) as f64 / elapsed.as_secs_f64();
    println!("\nsimulated time, a tick a minute, {HOURS} h: {:.0} million times real time", factor / 1e6);
}

fn fastest(mut work: impl FnMut() -> u64) -> Duration {
    (0..7)
        .map(|_| {
            let started = Instant::now();
            black_box(work());
            started.elapsed()
        })
        .min()
        .unwrap_or_default()
}
