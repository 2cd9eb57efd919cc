//! Sessions and testers: who keeps what, for how long, and who is served when (ISO 14229-1, 10; ISO 14229-2).

mod ecu_support;
use ecu_support::Bench;

#[test]
fn a_session_ends_exactly_five_seconds_after_the_last_request() {
    Bench::new("manual").run(
        "
        > 10 03
        < 50 03 00 32 01 F4
        + 4999ms
        > 22 F1 86
        < 62 F1 86 03
        + 5s
        > 22 F1 86
        < 62 F1 86 01
        # Any request keeps it, a refused one too; so does TesterPresent to all.
        > 10 03
        < 50 03 00 32 01 F4
        + 4s
        > 3E 80
        + 4s
        A~> 3E 80
        + 4s
        > 22 12 34
        < 7F 22 31
        + 4s
        > 01 00
        < 41 00 ..
        + 4s
        > 22 F1 86
        < 62 F1 86 03
        ",
    );
}

#[test]
fn the_ecu_says_when_it_wants_to_be_polled() {
    let mut bench = Bench::new("manual");
    bench.run("+ 1s\n> 10 03\n< 50 03 00 32 01 F4\n");
    assert_eq!(bench.ecu.deadline_ms(), Some(6_000));
    bench.run("+ 1s\n> 31 01 FD 14\n< 7F 31 78\n");
    assert_eq!(bench.ecu.deadline_ms(), Some(4_000));
    bench.run("+ 2s\n< 71 01 FD 14 00\n");
    assert_eq!(bench.ecu.deadline_ms(), Some(9_000), "S3 starts again with the final answer");
    bench.run("> 11 01\n< 51 01\n");
    assert_eq!(bench.ecu.deadline_ms(), Some(4_020));
}

#[test]
fn a_change_of_session_and_its_end_lock_again() {
    for ends in ["> 10 03\n< 50 03 ..", "> 10 83", "> 10 02\n< 50 02 ..", "+ 5s\n> 10 03\n< 50 03 .."] {
        let mut bench = Bench::new("manual");
        bench.run("> 10 03\n< 50 03 ..\nunlock 01\n> 31 01 FD 11\n< 71 01 FD 11\n");
        bench.run(ends).run("> 31 01 FD 11\n< 7F 31 33\n> 27 01\n< 67 01 ..\n");
    }
    // A refused change changes nothing.
    Bench::new("manual").run(
        "> 10 03\n< 50 03 ..\nunlock 01\n> 10 04\n< 7F 10 12\n> 10 03 00\n< 7F 10 13\n> 31 01 FD 11\n< 71 01 FD 11",
    );
    // A seed of the session before is none of this one.
    Bench::new("manual").run("> 10 03\n< 50 03 ..\nseed 01\n< 67 01 ..\n> 10 03\n< 50 03 ..\nkey 01\n< 7F 27 24");
}

#[test]
fn what_one_tester_did_is_not_anothers() {
    Bench::new("manual").run(
        "
        > 10 03
        < 50 03 ..
        unlock 03
        # B is in its own session, and has unlocked nothing.
        B> 22 F1 86
        B< 62 F1 86 01
        B> 31 01 FD 12
        B< 7F 31 7F
        B> 10 03
        B< 50 03 ..
        B> 31 01 FD 12
        B< 7F 31 33
        # A's seed is no use to B.
        seed 01
        < 67 01 ..
        B key 01
        B< 7F 27 24
        # B's end is not A's.
        B> 10 01
        B< 50 01 ..
        > 22 F1 86
        < 62 F1 86 03
        > 31 01 FD 12
        < 71 01 FD 12
        # Nor does what B says keep A's session.
        + 3s
        B> 3E 00
        B< 7E 00
        + 2s
        > 22 F1 86
        < 62 F1 86 01
        ",
    );
}

#[test]
fn a_tester_that_leaves_leaves_nothing() {
    let mut bench = Bench::new("manual");
    bench.run("> 10 03\n< 50 03 ..\nunlock 01\n> 31 01 FD 14\n< 7F 31 78\n");
    bench.ecu.leave(headlock_twin::ecu::TesterId(0));
    bench.run("+ 2s\n> 22 F1 86\n< 62 F1 86 01\n> 10 03\n< 50 03 ..\n> 31 01 FD 11\n< 7F 31 33\n");
}

#[test]
fn a_restart_ends_all_sessions_after_its_answer() {
    Bench::new("manual").run(
        "
        > 10 03
        < 50 03 ..
        B> 10 03
        B< 50 03 ..
        unlock 01
        B> 11 01
        B< 51 01
        + 20ms
        > 22 F1 86
        < 62 F1 86 01
        B> 22 F1 86
        B< 62 F1 86 01
        ",
    );
}

#[test]
fn nobody_restarts_the_ecu_while_another_tester_waits_for_its_answer() {
    Bench::new("manual").run(
        "
        > 10 03
        < 50 03 ..
        > 31 01 FD 14
        < 7F 31 78
        B> 11 01
        B< 7F 11 22
        + 2s
        < 71 01 FD 14 00
        B> 11 01
        B< 51 01
        ",
    );
}

#[test]
fn a_tester_that_waits_is_told_to_wait_and_others_are_served() {
    Bench::new("manual").run(
        "
        > 10 03
        < 50 03 ..
        B> 10 03
        B< 50 03 ..
        > 31 01 FD 14
        < 7F 31 78
        > 22 F1 90
        < 7F 22 21
        > 31 01 FD 14
        < 7F 31 21
        # Only the TesterPresent that wants no answer is taken meanwhile.
        > 3E 80
        A~> 3E 80
        > 3E 00
        < 7F 3E 21
        B> 22 F1 86
        B< 62 F1 86 03
        # There is one self test at a time; A's answer is still owed.
        B> 31 01 FD 14
        B< 7F 31 21
        B> 31 03 FD 14
        B< 7F 31 21
        + 1999ms
        + 1ms
        < 71 01 FD 14 00
        > 31 03 FD 14
        < 71 03 FD 14 00
        B> 31 01 FD 14
        B< 7F 31 78
        + 2s
        B< 71 01 FD 14 00
        ",
    );
}

#[test]
fn a_session_ends_in_time_while_another_tester_waits() {
    Bench::new("manual").run(
        "
        B> 10 03
        B< 50 03 ..
        + 4s
        > 10 03
        < 50 03 ..
        > 31 01 FD 14
        < 7F 31 78
        + 999ms
        + 1ms
        B> 22 F1 86
        B< 62 F1 86 01
        + 1s
        < 71 01 FD 14 00
        # A's own starts again with its answer.
        + 4999ms
        > 22 F1 86
        < 62 F1 86 03
        ",
    );
}

#[test]
fn without_ignition_or_supply_nothing_is_answered() {
    Bench::new("manual").run(
        "
        > 3E 00
        < 7E 00
        ignition off
        > 3E 00
        > 01 00
        ignition acc
        > 3E 00
        < 7E 00
        supply 7900
        > 3E 00
        supply 12600
        > 3E 00
        < 7E 00
        cut
        > 3E 00
        + 1s
        restored
        > 3E 00
        < 7E 00
        ",
    );
    // An answer that is owed is not given without supply, nor afterwards.
    for (lost, back) in [("cut", "restored"), ("ignition off", "ignition on"), ("supply 3000", "supply 12600")] {
        let mut bench = Bench::new("manual");
        bench.run("> 10 03\n< 50 03 ..\n> 31 01 FD 14\n< 7F 31 78");
        bench.run(lost).run("+ 2s").run(back).run("+ 2s\n> 22 FD 03\n< 62 FD 03 ..");
    }
}

#[test]
fn a_cut_of_the_supply_ends_sessions_and_locks() {
    for (lost, back) in [("cut", "restored"), ("supply 3000", "supply 12600"), ("killed", "")] {
        let mut bench = Bench::new("manual");
        bench.run("> 10 03\n< 50 03 ..\nunlock 03\nseed 01\n< 67 01 ..");
        bench.run(lost).run(back).run("> 22 F1 86\n< 62 F1 86 01\n> 10 03\n< 50 03 ..\n> 31 01 FD 12\n< 7F 31 33");
    }
    // Nor does a restart come about that was due before it.
    Bench::new("manual").run("> 11 01\n< 51 01\ncut\nrestored\n> 10 03\n< 50 03 ..\n+ 20ms\n> 22 F1 86\n< 62 F1 86 03");
}
