//! SecurityAccess: seeds and keys, the counter and the delay, and that no cut of the supply buys a guess (ISO 14229-1, 10.4).

mod ecu_support;
use std::collections::BTreeSet;

use ecu_support::{Bench, bytes};
use headlock_twin::Tear;
use headlock_twin::ecu::Retained;

const EXTENDED: &str = "> 10 03\n< 50 03 ..\n";

fn extended() -> Bench {
    let mut bench = Bench::new("manual");
    bench.run(EXTENDED);
    bench
}

#[test]
fn a_level_is_unlocked_by_the_key_to_its_seed_and_then_has_a_seed_of_zeros() {
    extended().run(
        "
        seed 01
        < 67 01 ?? ?? ?? ?? ?? ?? ?? ?? ?? ?? ?? ?? ?? ?? ?? ??
        key 01
        < 67 02
        > 27 01
        < 67 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        > 31 01 FD 11
        < 71 01 FD 11
        # One level at a time: another one takes its place, and only once its key was right.
        seed 03
        < 67 03 ..
        > 31 01 FD 11
        < 71 01 FD 11
        key 03
        < 67 04
        > 31 01 FD 11
        < 7F 31 33
        > 31 01 FD 12
        < 71 01 FD 12
        ",
    );
}

#[test]
fn a_seed_is_good_for_one_key_of_its_own_level() {
    extended().run(
        "
        key 01
        < 7F 27 24
        seed 01
        < 67 01 ..
        key 01
        < 67 02
        key 01
        < 7F 27 24
        # After a wrong key a new seed is wanted.
        seed 03
        < 67 03 ..
        key 03 wrong
        < 7F 27 35
        key 03
        < 7F 27 24
        # The key of another level; the seed is used up with it.
        seed 01
        < 67 01 00 ..
        seed 03
        < 67 03 ..
        key 05
        < 7F 27 24
        key 03
        < 7F 27 24
        # A key of the wrong length was no key.
        seed 03
        < 67 03 ..
        > 27 04 00
        < 7F 27 13
        key 03
        < 67 04
        ",
    );
}

#[test]
fn a_new_seed_ends_the_one_before() {
    let mut bench = extended();
    let first = bench.exchange(&[0x27, 0x01]).unwrap();
    let second = bench.exchange(&[0x27, 0x01]).unwrap();
    assert_ne!(first, second);
    let key = ecu_support::key_for(1, first[2..].try_into().unwrap());
    assert_eq!(bench.exchange(&[&[0x27, 0x02], &*key].concat()), Some(bytes("7F 27 35")));
}

#[test]
fn the_third_wrong_key_starts_a_delay_of_ten_seconds() {
    extended().run(
        "
        seed 01
        < 67 01 ..
        key 01 wrong
        < 7F 27 35
        seed 03
        < 67 03 ..
        key 03 wrong
        < 7F 27 35
        # Seeds that are only asked for count nothing.
        seed 01
        < 67 01 ..
        seed 01
        < 67 01 ..
        key 01 wrong
        < 7F 27 36
        seed 01
        < 7F 27 37
        seed 05
        < 7F 27 37
        key 01
        < 7F 27 24
        + 4s
        > 3E 80
        + 4s
        > 3E 80
        + 1999ms
        seed 01
        < 7F 27 37
        + 1ms
        # One attempt, then the delay again.
        seed 01
        < 67 01 ..
        key 01 wrong
        < 7F 27 36
        seed 01
        < 7F 27 37
        + 10s
        > 10 03
        < 50 03 ..
        seed 01
        < 67 01 ..
        key 01
        < 67 02
        # A right key clears the counter.
        > 10 03
        < 50 03 ..
        seed 01
        < 67 01 ..
        key 01 wrong
        < 7F 27 35
        seed 01
        < 67 01 ..
        key 01 wrong
        < 7F 27 35
        seed 01
        < 67 01 ..
        key 01 wrong
        < 7F 27 36
        ",
    );
}

#[test]
fn the_counter_and_the_delay_are_all_testers() {
    extended().run(
        "
        B> 10 03
        B< 50 03 ..
        seed 01
        < 67 01 ..
        B seed 01
        B< 67 01 ..
        key 01 wrong
        < 7F 27 35
        B key 01 wrong
        B< 7F 27 35
        seed 01
        < 67 01 ..
        B seed 01
        B< 67 01 ..
        key 01 wrong
        < 7F 27 36
        # B's seed is from before the delay.
        B key 01
        B< 7F 27 37
        ",
    );
}

#[test]
fn no_restart_shortens_the_delay_or_clears_the_counter() {
    let wrong = "seed 01\n< 67 01 ..\nkey 01 wrong\n< 7F 27 35\n";
    let third = "seed 01\n< 67 01 ..\nkey 01 wrong\n< 7F 27 36\n";
    let restarts = [
        ("cut\n+ 1s\nrestored\n", true),
        ("killed\n", true),
        ("killed 90s\n", true),
        ("> 11 01\n< 51 01\n+ 20ms\n", false),
        ("ignition off\n+ 1s\nignition on\n", false),
        ("B> 11 03\nB< 51 03\n+ 20ms\n", false),
    ];
    for (restart, starts_again) in restarts {
        let mut bench = extended();
        bench.run(wrong).run(restart).run(EXTENDED).run(wrong).run(restart).run(EXTENDED).run(third);
        bench.run("+ 6s\n").run(restart).run(EXTENDED).run("seed 01\n< 7F 27 37\n");
        if starts_again {
            bench.run("+ 9999ms\n").run(EXTENDED).run("seed 01\n< 7F 27 37\n+ 1ms\n").run(third);
        } else {
            bench.run("+ 4s\n").run(EXTENDED).run(third);
        }
    }
    // Time without supply does not count.
    extended().run(wrong).run(wrong).run(third).run("cut\n+ 60s\nrestored\n").run(EXTENDED).run("seed 01\n< 7F 27 37");
    // With the ignition off it does.
    extended().run(wrong).run(wrong).run(third).run("ignition off\n+ 10s\nignition on\n").run(EXTENDED).run(third);
}

/// Cuts the supply at each byte that `request` writes, and answers how many wrong keys each cut left until the delay, in the
/// order of the writes; the last is without a cut.
fn wrong_keys_after_cuts(before: u32, tear: Tear, right: bool) -> Vec<u32> {
    let mut left = Vec::new();
    for write in 1.. {
        let mut bench = Bench::new("manual").tearing(tear);
        bench.run(EXTENDED);
        for _ in 0..before {
            bench.run("seed 01\n< 67 01 ..\nkey 01 wrong\n< 7F 27 35\n");
        }
        let seed = bench.exchange(&[0x27, 0x01]).expect("a seed");
        let mut key = ecu_support::key_for(1, seed[2..].try_into().expect("a seed"));
        key[0] ^= u8::from(!right);
        bench.ecu.schedule_cut(write, tear);
        let answer = bench.exchange(&[&[0x27, 0x02], &*key].concat());
        let cut = bench.ecu.supply_mv() == 0;
        if cut {
            assert_eq!(answer, None, "an answer without supply, cut at write {write}");
            bench.run("+ 1s\n> 3E 00\nrestored\n> 22 F1 86\n< 62 F1 86 01\n").run(EXTENDED);
            bench.run("> 31 01 FD 11\n< 7F 31 33\n");
        } else {
            bench.ecu.unschedule_cut();
            assert_eq!(answer.is_some_and(|answer| answer[0] == 0x67), right, "not cut at write {write}");
        }
        left.push(bench.run(EXTENDED).wrong_keys_left());
        if !cut {
            return left;
        }
    }
    unreachable!("every request has an end");
}

#[test]
fn no_cut_at_any_byte_written_gives_a_free_guess() {
    for tear in [Tear::Byte, Tear::Group, Tear::Page] {
        for before in [0, 1, 2] {
            let left = wrong_keys_after_cuts(before, tear, false);
            let (old, charged) = (3 - before, 2 - before);
            assert!(left.len() > 64, "only {} bytes written", left.len());
            let first = left.iter().position(|left| *left == charged).unwrap();
            assert!(left[..first].iter().all(|left| *left == old), "{tear:?} after {before}: {left:?}");
            // Once it may have been compared, it is charged.
            assert!(left[first..].iter().all(|left| *left == charged), "{tear:?} after {before}: {left:?}");
        }
    }
}

#[test]
fn a_right_key_that_is_cut_off_unlocks_nothing_and_costs_one_at_most() {
    for tear in [Tear::Byte, Tear::Group, Tear::Page] {
        for before in [0, 1, 2] {
            let left = wrong_keys_after_cuts(before, tear, true);
            let (last, cut) = left.split_last().unwrap();
            assert_eq!(*last, 3, "a right key clears the counter");
            assert!(cut.iter().all(|left| [3, 3 - before, 2 - before].contains(left)), "{tear:?} {before}: {left:?}");
        }
    }
}

#[test]
fn a_cut_while_the_delay_ends_leaves_the_counter() {
    for write in 1..200 {
        let mut bench = extended();
        assert_eq!(bench.wrong_keys_left(), 3);
        bench.ecu.schedule_cut(write, Tear::Page);
        bench.run("+ 10s\n");
        if bench.ecu.supply_mv() > 0 {
            return;
        }
        // The delay is over, or starts again; nothing between the two, and the counter stands in both.
        bench.run("restored\n").run(EXTENDED);
        if bench.exchange(&[0x27, 0x01]).is_some_and(|answer| answer[0] == 0x7F) {
            bench.run("+ 9999ms\n").run(EXTENDED).run("seed 01\n< 7F 27 37\n+ 1ms\n");
        }
        assert_eq!(bench.wrong_keys_left(), 1, "cut at write {write}");
    }
    panic!("the end of a delay writes without end");
}

#[test]
fn where_nothing_can_be_written_no_key_is_compared() {
    for (fails, mended) in [("supply 8500", "supply 12600"), ("plant worn", "mend worn")] {
        let mut bench = extended();
        bench.run("seed 01\n< 67 01 ..\nkey 01 wrong\n< 7F 27 35\n").run(fails);
        for _ in 0..5 {
            bench.run("seed 01\n< 67 01 ..\nkey 01 wrong\n< 7F 27 22\nseed 01\n< 67 01 ..\nkey 01\n< 7F 27 22\n");
            bench.run("> 31 01 FD 11\n< 7F 31 33\n");
        }
        bench.run(mended);
        assert_eq!(bench.wrong_keys_left(), 2, "{fails}: nothing was counted that was not compared");
    }
}

#[test]
fn a_memory_that_does_not_take_the_counter_is_a_trouble() {
    extended().run("plant worn\nseed 01\n< 67 01 ..\nkey 01\n< 7F 27 22\n> 19 02 01\n< 59 02 7F F0 00 46 2F\n");
}

#[test]
fn a_record_that_is_lost_fails_closed_and_is_a_trouble() {
    let mut bench = extended();
    let mut kept = bench.ecu.retained();
    let records = kept.eeprom.len() / 2;
    kept.eeprom[records..].fill(0);
    bench.ecu.restore(&kept, &[], 0).expect("an image of its size");
    bench.now_ms = bench.ecu.twin().now_ms();
    bench.run(EXTENDED).run("seed 01\n< 7F 27 37\n> 19 02 01\n< 59 02 7F F0 00 46 2F\n");
    bench.run("+ 9999ms\n").run(EXTENDED).run("seed 01\n< 7F 27 37\n+ 1ms\nunlock 01\n");
}

#[test]
fn an_image_of_another_unit_is_refused_and_changes_nothing() {
    let mut bench = extended();
    let kept = bench.ecu.retained();
    let short = Retained { eeprom: kept.eeprom[1..].to_vec(), ..kept.clone() };
    let nameless = Retained { firmware: "not a version".to_owned(), ..kept.clone() };
    for bad in [short, nameless] {
        assert!(bench.ecu.restore(&bad, &[], 0).is_err());
        bench.run("> 22 F1 86\n< 62 F1 86 03\n");
        assert_eq!(bench.ecu.retained(), kept);
    }
}

#[test]
fn seeds_never_repeat_and_are_never_zeros() {
    let mut seeds = BTreeSet::new();
    let mut bench = extended();
    for _ in 0..3 {
        for n in 0..1_000 {
            let seed = bench.exchange(&[0x27, [1, 3, 5][n % 3]]).unwrap();
            assert_ne!(seed[2..], [0; 16]);
            assert!(seeds.insert(seed[2..].to_vec()), "a seed for the second time");
        }
        bench.run("killed\n").run(EXTENDED);
    }
}
