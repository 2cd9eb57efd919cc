//! Any stream of events, with cuts at any byte: nothing is compared that was not charged, and no start finds what was overtaken.
#![no_main]

use arbitrary::Arbitrary;
use headlock_fuzz::{Memory, policy};
use headlock_lock::{
    Clears, Conditions, Event, Feed, Hardware, Ignition, Keeper, Loaded, NoCounter, Phase, Region, State, Store,
    StoredKey, step,
};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Happens {
    Wrong,
    Right,
    Time { ms: u32, ignition: u8, unit_on: bool },
    Outage { ms: u32, feed: u8, unit_was_on: bool },
    Cycled(u8),
    Cleared { attempts: bool, rounds: bool, wait: bool, locked_out: bool },
    Set { what: u8, on: bool },
    Extra,
    Touched,
}

#[derive(Arbitrary, Debug)]
struct Step {
    happens: Happens,
    cut: Option<(u8, u8, bool)>,
}

fuzz_target!(|input: (u8, Vec<Step>)| {
    let (choice, steps) = input;
    let policy = policy(choice);
    let Some(region) = Region::new(0, choice % 3 + 2) else { return };
    let mut memory = Memory::of(&[], region.bytes(32));
    let key = StoredKey::new([7; 32]);
    let state = State::armed(&policy);
    let Ok(store) = Store::format(&mut memory, region, &key, &NoCounter, &state) else { return };
    let mut keeper = Keeper { state, store };
    for one in steps.into_iter().take(40) {
        let durable = *keeper.store.last();
        memory.cut = one.cut.map(|(at, garbage, page)| (usize::from(at), garbage, page));
        let mut counter = NoCounter;
        let mut hardware = Hardware { memory: &mut memory, key: &key, counter: &mut counter };
        let mut news = vec![step(&policy, keeper.state, Event::CodeEntered).0];
        let mut compared = false;
        match event(&one.happens) {
            None => {
                let right = matches!(one.happens, Happens::Right);
                let _ = keeper.enter(&mut hardware, &policy, |_| {
                    compared = true;
                    right
                });
            }
            Some(event) => drop(keeper.feed(&mut hardware, &policy, event)),
        }
        news.push(keeper.state);
        news.push(*keeper.store.last());
        if !memory.dead {
            continue;
        }
        memory.back();
        let mut hardware = Hardware { memory: &mut memory, key: &key, counter: &mut counter };
        let (started, loaded) = Keeper::start(&mut hardware, region, &policy);
        let Loaded::Intact(found) = loaded else { panic!("a cut alone never fails closed") };
        assert!(found == durable || news.contains(&found), "{found:?}");
        assert!(!compared || news.contains(&found), "a free guess");
        keeper = started;
        keeper.feed(
            &mut hardware,
            &policy,
            Event::SupplyRestored { outage_ms: 0, feed: Feed::Battery, unit_was_on: true },
        );
        assert!(!matches!(keeper.state.phase, Phase::Checking));
    }
});

fn event(happens: &Happens) -> Option<Event> {
    let ignition = |n: u8| [Ignition::Off, Ignition::Acc, Ignition::On, Ignition::Engine][usize::from(n % 4)];
    Some(match *happens {
        Happens::Wrong | Happens::Right => return None,
        Happens::Time { ms, ignition: at, unit_on } => {
            Event::Elapsed { ms: u64::from(ms), during: Conditions { ignition: ignition(at), unit_on } }
        }
        Happens::Outage { ms, feed, unit_was_on } => Event::SupplyRestored {
            outage_ms: u64::from(ms),
            feed: [Feed::Battery, Feed::Fuse, Feed::Removal][usize::from(feed % 3)],
            unit_was_on,
        },
        Happens::Cycled(n) => [Event::IgnitionCycled, Event::Rebooted, Event::KeyCycled][usize::from(n % 3)],
        Happens::Cleared { attempts, rounds, wait, locked_out } => {
            Event::Cleared(Clears { attempts, rounds, wait, locked_out })
        }
        Happens::Set { what, on } => match what % 5 {
            0 => Event::Enabled(on),
            1 => Event::OptedIn(on),
            2 => Event::CodeSet(on),
            3 => Event::VehicleSeen { home: on },
            _ => Event::Reflashed,
        },
        Happens::Extra => Event::ExtraAttempts,
        Happens::Touched => Event::KeyTouched,
    })
}
