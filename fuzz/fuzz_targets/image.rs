//! Any image of the memory: the lock starts, is not open unless a record says so, and takes its owner's code after its wait.
#![no_main]

use headlock_fuzz::{Memory, policy};
use headlock_lock::{Hardware, Keeper, Loaded, NoCounter, Phase, Region, StoredKey, Verdict, served};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u8, Vec<u8>)| {
    let (choice, pairs, image) = input;
    let Some(region) = Region::new(0, pairs % 4 + 2) else { return };
    let policy = policy(choice);
    let mut memory = Memory::of(&image, region.bytes(32));
    let key = StoredKey::new([7; 32]);
    let mut counter = NoCounter;
    let mut hardware = Hardware { memory: &mut memory, key: &key, counter: &mut counter };
    let (mut keeper, loaded) = Keeper::start(&mut hardware, region, &policy);
    // Nobody but the device makes a record.
    let Loaded::FailedClosed(state) = loaded else { panic!("an image of chance is no record") };
    assert!(matches!(state.phase, Phase::Armed | Phase::Waiting { .. }));
    keeper.state = served(&policy, keeper.state);
    assert_eq!(keeper.enter(&mut hardware, &policy, |_| true).0, Verdict::Opened);
    let (_, again) = Keeper::start(&mut hardware, region, &policy);
    assert!(matches!(again, Loaded::Intact(state) if state == keeper.state));
});
