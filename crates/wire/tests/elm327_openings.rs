//! The first words of well-known testers, answered byte for byte.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod elm327_bench;

use elm327_bench::Bench;
use headlock_wire::elm327::Persona;

fn check(bench: &mut Bench, transcript: &[(&str, &str)]) {
    for (said, answered) in transcript {
        assert_eq!(bench.ask(said), *answered, "to {said:?}");
    }
}

#[test]
fn python_obd_finds_the_rate_and_the_protocol() {
    let mut bench = Bench::new(Persona::FairV15);
    let mut vin =
        "7E8 10 14 49 02 01 56 57 56 \r7E8 21 57 5A 5A 5A 31 4B 5A \r7E8 22 37 57 30 30 30 34 32 \r\r>".to_owned();
    assert_eq!(bench.bytes(b"\x7f\x7f\r"), b"\x7f\x7f\r?\r\r>");
    check(
        &mut bench,
        &[
            ("ATZ", "ATZ\r\r\rELM327 v1.5\r\r>"),
            ("ATE0", "ATE0\rOK\r\r>"),
            ("ATH1", "OK\r\r>"),
            ("ATL0", "OK\r\r>"),
            ("AT RV", "13.1V\r\r>"),
            ("ATSP0", "OK\r\r>"),
            ("0100", "SEARCHING...\r7E8 06 41 00 BE 3F A8 13 \r\r>"),
            ("ATDPN", "A6\r\r>"),
            ("0100", "7E8 06 41 00 BE 3F A8 13 \r\r>"),
            ("0120", "7E8 03 7F 01 11 \r\r>"),
            ("0902", &std::mem::take(&mut vin)),
        ],
    );
}

#[test]
fn python_obd_hears_no_echo_once_it_is_off() {
    let mut bench = Bench::new(Persona::FairV15);
    bench.ask("ATE0");
    assert_eq!(bench.bytes(b"\x7f\x7f\r"), b"?\r\r>");
    assert_eq!(bench.ask("ATZ"), "\r\rELM327 v1.5\r\r>");
}

#[test]
fn car_scanner_sets_everything_twice() {
    check(
        &mut Bench::new(Persona::FairV15),
        &[
            ("ATZ", "ATZ\r\r\rELM327 v1.5\r\r>"),
            ("ATE0", "ATE0\rOK\r\r>"),
            ("STI", "?\r\r>"),
            ("VTI", "?\r\r>"),
            ("ATD", "OK\r\r>"),
            ("ATD0", "ATD0\rOK\r\r>"),
            ("ATE0", "ATE0\rOK\r\r>"),
            ("ATH1", "OK\r\r>"),
            ("ATSP6", "OK\r\r>"),
            ("ATE0", "OK\r\r>"),
            ("ATH1", "OK\r\r>"),
            ("ATM0", "OK\r\r>"),
            ("ATS0", "OK\r\r>"),
            ("ATAT1", "OK\r\r>"),
            ("ATAL", "OK\r\r>"),
            ("ATST64", "OK\r\r>"),
            ("0100", "7E8064100BE3FA813\r\r>"),
            ("ATST96", "OK\r\r>"),
            ("0902", "7E81014490201565756\r7E821575A5A5A314B5A\r7E82237573030303432\r\r>"),
        ],
    );
}

#[test]
fn elmconfig_lists_the_parameters() {
    let listing = "00:FF F  01:FF F  02:FF F  03:32 F\r04:01 F  05:FF F  06:F1 F  07:09 F\r\
        08:FF F  09:00 F  0A:0A F  0B:FF F\r0C:68 F  0D:0D F  0E:9A F  0F:FF F\r\
        10:0D F  11:00 F  12:FF F  13:32 F\r14:FF F  15:0A F  16:FF F  17:92 F\r\
        18:00 F  19:28 F  1A:FF F  1B:FF F\r1C:FF F  1D:FF F  1E:FF F  1F:FF F\r\
        20:FF F  21:FF F  22:FF F  23:FF F\r24:00 F  25:00 F  26:00 F  27:FF F\r\
        28:FF F  29:FF F  2A:38 F  2B:02 F\r2C:E0 F  2D:04 F  2E:80 F  2F:0A F\r\r>";
    check(
        &mut Bench::new(Persona::FairV15),
        &[
            ("ATWS", "ATWS\r\r\rELM327 v1.5\r\r>"),
            ("ATL0", "ATL0\rOK\r\r>"),
            ("ATE0", "ATE0\rOK\r\r>"),
            ("STI", "?\r\r>"),
            ("ATPPS", listing),
            ("AT@2", "?\r\r>"),
        ],
    );
}

#[test]
fn androbd_closes_and_asks_an_ecu_of_its_own() {
    check(
        &mut Bench::new(Persona::FairV15),
        &[
            ("ATWS", "ATWS\r\r\rELM327 v1.5\r\r>"),
            ("ATPC", "ATPC\rOK\r\r>"),
            ("ATD", "ATD\rOK\r\r>"),
            ("ATI", "ATI\rELM327 v1.5\r\r>"),
            ("ATE0", "ATE0\rOK\r\r>"),
            ("ATL0", "OK\r\r>"),
            ("ATLP", "OK\r\r>"),
            // Any key wakes it, and it has forgotten everything.
            ("", "\r\rELM327 v1.5\r\r>"),
            ("ATE0", "ATE0\rOK\r\r>"),
            ("ATSPA6", "OK\r\r>"),
            ("ATAT1", "OK\r\r>"),
            ("ATST32", "OK\r\r>"),
            ("ATSH7E0", "OK\r\r>"),
            ("ATCRA7E8", "OK\r\r>"),
            ("0100", "41 00 BE 3F A8 13 \r\r>"),
            ("0902", "014 \r0: 49 02 01 56 57 56 \r1: 57 5A 5A 5A 31 4B 5A \r2: 37 57 30 30 30 34 32 \r\r>"),
            ("ATDP", "AUTO, ISO 15765-4 (CAN 11/500)\r\r>"),
        ],
    );
}

#[test]
fn ddt4all_uses_29_bits_with_a_priority_of_its_own() {
    let mut bench = Bench::new(Persona::FairV15);
    bench.ecu.extended = true;
    check(
        &mut bench,
        &[
            ("ATE0", "ATE0\rOK\r\r>"),
            ("ATS0", "OK\r\r>"),
            ("ATH1", "OK\r\r>"),
            ("ATSP7", "OK\r\r>"),
            ("ATCP18", "OK\r\r>"),
            ("ATSHDA10F1", "OK\r\r>"),
            ("ATCRA18DAF110", "OK\r\r>"),
            ("ATFCSH18DA10F1", "OK\r\r>"),
            ("ATFCSD300000", "OK\r\r>"),
            ("ATFCSM1", "OK\r\r>"),
            ("22F190", "18DAF110101462F190565756\r18DAF11021575A5A5A314B5A\r18DAF1102237573030303432\r\r>"),
        ],
    );
    let frames: Vec<_> = bench.sent.iter().map(|frame| format!("{frame:?}")).collect();
    assert_eq!(frames, ["18DA10F1#0322F19000000000", "18DA10F1#3000000000000000"]);
}
