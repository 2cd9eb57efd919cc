//! Services: what is answered, and in which order it is checked (ISO 14229-1, 8.7); and what a phone's app asks (ISO 15031-5).

mod ecu_support;
use ecu_support::Bench;

const UDS: [u8; 12] = [0x10, 0x11, 0x14, 0x19, 0x22, 0x27, 0x31, 0x34, 0x36, 0x37, 0x3E, 0x85];

fn served(sid: u8, session: u8) -> bool {
    match sid {
        0x27 | 0x31 | 0x85 => session != 1,
        0x34 | 0x36 | 0x37 => session == 2,
        _ => true,
    }
}

fn in_session(session: u8) -> Bench {
    let mut bench = Bench::new("manual");
    bench.run(match session {
        2 => "> 10 03\n< 50 03 00 32 01 F4\n> 10 02\n< 50 02 00 32 01 F4",
        3 => "> 10 03\n< 50 03 00 32 01 F4",
        _ => "",
    });
    bench
}

#[test]
fn every_bare_service_identifier_is_answered_in_every_session() {
    for session in [1, 2, 3] {
        let mut bench = in_session(session);
        for sid in 0..=255_u8 {
            let (physical, functional) = (bench.exchange(&[sid]), bench.exchange_functional(&[sid]));
            let refused = |nrc| Some(vec![0x7F, sid, nrc]);
            let (wanted, withheld) = match sid {
                0x01 | 0x09 => (refused(0x13), true),
                0x03 | 0x07 => (Some(vec![sid + 0x40, 0]), false),
                0x04 => (Some(vec![0x44]), false),
                _ if !UDS.contains(&sid) => (refused(0x11), true),
                _ if !served(sid, session) => (refused(0x7F), true),
                // Nothing but the identifier is a whole request; it only comes at the wrong time.
                0x37 => (refused(0x24), false),
                _ => (refused(0x13), false),
            };
            assert_eq!(physical, wanted, "{sid:02X} in session {session}");
            assert_eq!(functional, wanted.filter(|_| !withheld), "{sid:02X} in session {session}, functional");
        }
    }
}

#[test]
fn every_sub_function_that_there_is_not_is_refused_and_withheld_from_functional_requests() {
    for session in [1, 2, 3] {
        let mut bench = in_session(session);
        for (sid, known) in [
            (0x10, &[1, 2, 3][..]),
            (0x11, &[1, 2, 3]),
            (0x19, &[1, 2, 0x0A]),
            (0x27, &[1, 2, 3, 4, 5, 6]),
            (0x31, &[1, 2, 3]),
            (0x3E, &[0]),
            (0x85, &[1, 2]),
        ] {
            for sub in (0..=0xFF_u8).filter(|sub| !known.contains(&(sub & 0x7F))) {
                // The least length of 31 is four bytes; all others have two.
                let request = if sid == 0x31 { vec![sid, sub, 0xFD, 0x14] } else { vec![sid, sub] };
                let nrc = if served(sid, session) { 0x12 } else { 0x7F };
                assert_eq!(bench.exchange(&request), Some(vec![0x7F, sid, nrc]), "{request:02X?} in {session}");
                assert_eq!(bench.exchange_functional(&request), None, "{request:02X?} in {session}");
            }
        }
    }
}

#[test]
fn checks_come_in_the_order_of_the_standard() {
    Bench::new("manual").run(
        "
        # Service before session before length.
        > 2E
        < 7F 2E 11
        > 27
        < 7F 27 7F
        > 34 00
        < 7F 34 7F
        > 10
        < 7F 10 13
        # Sub-function before session, and both before the whole length.
        > 10 04
        < 7F 10 12
        > 10 04 00
        < 7F 10 12
        > 10 02
        < 7F 10 7E
        > 10 82
        < 7F 10 7E
        > 10 02 00
        < 7F 10 7E
        A~> 10 02
        > 10 03 00
        < 7F 10 13
        > 11 01 00
        < 7F 11 13
        > 19 02
        < 7F 19 13
        > 19 02 FF 00
        < 7F 19 13
        > 19 0A 00
        < 7F 19 13
        > 22 F1
        < 7F 22 13
        > 22 F1 90 00
        < 7F 22 13
        > 22 12 34
        < 7F 22 31
        > 14 FF FF
        < 7F 14 13
        > 14 FF FF FF FF
        < 7F 14 13
        > 14 12 34 56
        < 7F 14 31
        > 3E 00 00
        < 7F 3E 13
        > 10 03
        < 50 03 00 32 01 F4
        # 27: sub-function, length, then whether there was a seed.
        > 27 08
        < 7F 27 12
        > 27 08 00
        < 7F 27 12
        > 27 02
        < 7F 27 13
        > 27 02 00
        < 7F 27 13
        > 27 02 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F
        < 7F 27 24
        > 27 01 00
        < 7F 27 13
        # 31: length, sub-function, routine, security, whole length, sequence.
        > 31 01 FD
        < 7F 31 13
        > 31 04 FD 11
        < 7F 31 12
        > 31 01 12 34
        < 7F 31 31
        > 31 01 FD 11
        < 7F 31 33
        > 31 01 FD 11 00
        < 7F 31 33
        > 31 01 FD 12
        < 7F 31 33
        > 31 01 FD 14 00
        < 7F 31 13
        > 31 02 FD 14
        < 7F 31 12
        > 31 03 FD 14
        < 7F 31 24
        # Pairing is offered by no reading of this unit.
        > 31 01 FD 16
        < 7F 31 31
        > 34 00 44 00 00 00 00 00 00 00 10
        < 7F 34 7F
        > 36 01 00
        < 7F 36 7F
        > 85 01 00
        < 7F 85 31
        > 10 02
        < 50 02 00 32 01 F4
        # 34: least length, security, format, whole length.
        > 34 00
        < 7F 34 13
        > 34 00 00
        < 7F 34 13
        > 34 00 11 00 00
        < 7F 34 33
        > 34 00 00 00 00
        < 7F 34 33
        > 34 00 44 00 00
        < 7F 34 33
        unlock 05
        > 34 00 00 00 00
        < 7F 34 31
        > 34 00 09 00 00
        < 7F 34 31
        > 34 00 44 00 00
        < 7F 34 13
        > 36
        < 7F 36 13
        > 36 01
        < 7F 36 24
        > 36 01 00
        < 7F 36 24
        > 37
        < 7F 37 24
        > 37 00
        < 7F 37 24
        ",
    );
}

#[test]
fn a_suppressed_positive_answer_is_not_given_and_a_refusal_is() {
    Bench::new("manual").run(
        "
        > 10 83
        > 22 F1 86
        < 62 F1 86 03
        > 3E 80
        > 3E 81
        < 7F 3E 12
        > 10 84
        < 7F 10 12
        > 19 82 FF
        > 27 81
        > 85 82
        > 85 81
        > 31 81 FD 10 \"0000\"
        > 22 FD 00
        < 62 FD 00 01 00 01
        # What takes longer than P2 is answered whatever was suppressed.
        > 31 81 FD 14
        < 7F 31 78
        + 2s
        < 71 01 FD 14 00
        > 11 81
        + 20ms
        > 22 F1 86
        < 62 F1 86 01
        ",
    );
}

#[test]
fn functional_requests_are_answered_where_there_is_something_to_say() {
    Bench::new("manual").run(
        "
        A~> 10 03
        < 50 03 00 32 01 F4
        A~> 22 F1 90
        < 62 F1 90 \"VWVWZZZ1KZAB12345\"
        A~> 22 12 34
        A~> 22 12
        < 7F 22 13
        A~> 31 01 FD 11
        < 7F 31 33
        A~> 31 01 12 34
        A~> 34 00 44 00 00
        A~> 3E 00
        < 7E 00
        A~> 3E 80
        A~> 31 01 FD 14
        < 7F 31 78
        + 2s
        < 71 01 FD 14 00
        ",
    );
}

#[test]
fn a_phones_app_gets_what_it_asks_of_any_car() {
    Bench::new("manual").run(
        "
        > 01 00
        < 41 00 80 00 00 11
        > 01 20
        < 41 20 00 00 00 01
        > 01 40
        < 41 40 40 00 00 00
        > 01 01
        < 41 01 00 00 00 00
        > 01 1C
        < 41 1C 05
        > 01 42
        < 41 42 31 38
        # Several at once; those that there are.
        > 01 1C 0C 42
        < 41 1C 05 42 31 38
        > 01 0C
        < 7F 01 31
        > 03
        < 43 00
        > 07
        < 47 00
        > 04
        < 44
        > 09 00
        < 49 00 40 40 00 00
        > 09 02
        < 49 02 01 \"VWVWZZZ1KZAB12345\"
        > 09 0A
        < 49 0A 01 \"RAD\" 00 \"-HeadUnit\" 00 00 00 00 00 00 00
        > 09 04
        < 7F 09 31
        > 03 00
        < 7F 03 13
        > 02 0C 00
        < 7F 02 11
        A~> 01 00
        < 41 00 80 00 00 11
        A~> 09 02
        < 49 02 01 \"VWVWZZZ1KZAB12345\"
        A~> 03
        < 43 00
        # Silence, where all were asked and this one has nothing to say.
        A~> 01 0C
        A~> 09 04
        A~> 03 00
        A~> 02 0C 00
        A~> 0A
        ",
    );
}

#[test]
fn a_phones_app_reads_and_clears_trouble_codes() {
    Bench::new("manual").run(
        "
        supply 8500
        > 01 01
        < 41 01 01 00 00 00
        > 03
        < 43 01 F0 03
        > 07
        < 47 01 F0 03
        A~> 03
        < 43 01 F0 03
        supply 12600
        > 03
        < 43 01 F0 03
        A~> 04
        < 44
        > 03
        < 43 00
        > 19 02 FF
        < 59 02 7F
        ",
    );
}
