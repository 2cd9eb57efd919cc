//! Requests and frames: formats, flow control, timing, failures.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod elm327_bench;

use elm327_bench::Bench;
use headlock_wire::can::{CanFrame, standard};
use headlock_wire::elm327::{Outbox, Persona};

fn bench(commands: &[&str]) -> Bench {
    let mut bench = Bench::new(Persona::FairV15);
    bench.set(&["ATE0", "ATSP6"]).set(commands);
    bench
}

fn frames(bench: &Bench) -> Vec<String> {
    bench.sent.iter().map(|frame| format!("{frame:?}")).collect()
}

#[test]
fn settings_change_the_shape_of_answers() {
    let cases: [(&[&str], &str, &str); 9] = [
        (&[], "0100", "41 00 BE 3F A8 13 \r\r>"),
        (&["ATS0"], "0100", "4100BE3FA813\r\r>"),
        (&["ATL1"], "0100", "41 00 BE 3F A8 13 \r\n\r\n>"),
        (&["ATH1"], "0100", "7E8 06 41 00 BE 3F A8 13 \r\r>"),
        (&["ATH1", "ATD1"], "0100", "7E8 8 06 41 00 BE 3F A8 13 \r\r>"),
        (&["ATH1", "ATS0"], "3e00", "7E8027E00\r\r>"),
        (&["ATCAF0"], "02 01 00", "06 41 00 BE 3F A8 13 00 \r\r>"),
        (&["ATCAF0", "ATH1"], "023E00", "7E8 02 7E 00 00 00 00 00 00 \r\r>"),
        (&["ATS0"], "0902", "014\r0:490201565756\r1:575A5A5A314B5A\r2:37573030303432\r\r>"),
    ];
    for (set, request, answer) in cases {
        assert_eq!(bench(set).ask(request), answer, "{set:?} {request}");
    }
}

#[test]
fn a_request_is_one_padded_frame() {
    let mut bench = bench(&["ATSH7E0"]);
    bench.ask("22 F1 90");
    bench.ask("ATV1");
    bench.ask("3E00");
    bench.set(&["ATCAF0", "0210C0"]);
    assert_eq!(frames(&bench)[0], "7E0#0322F19000000000");
    assert_eq!(frames(&bench)[1], "7E0#3000000000000000");
    assert_eq!(frames(&bench)[2], "7E0#023E00");
    assert_eq!(frames(&bench)[3], "7E0#0210C0");
}

#[test]
fn eight_bytes_need_raw_frames() {
    let mut bench = bench(&[]);
    assert_eq!(bench.ask("0102030405060708"), "?\r\r>");
    assert!(bench.sent.is_empty());
    bench.ask("ATCAF0");
    bench.ask("3001020304050607");
    assert_eq!(frames(&bench), ["7DF#3001020304050607"]);
    assert_eq!(bench.ask("300102030405060708"), "?\r\r>");
}

#[test]
fn what_is_no_digit_is_no_request() {
    for bad in ["01G0", "0", "XYZ", "01-00", "AT", "ATQQ", "ATSHXYZ", "ATSPD", "ATCRA12", "ATFCSM1", "ATST1", "é"] {
        assert_eq!(bench(&[]).ask(bad), "?\r\r>", "{bad}");
    }
}

#[test]
fn nobody_answers() {
    let mut bench = bench(&[]);
    bench.ecu.silent = true;
    let before_us = bench.now_us;
    assert_eq!(bench.ask("0100"), "NO DATA\r\r>");
    assert_eq!(bench.now_us - before_us, 200_000, "32 hex times 4 ms");
    bench.ask("ATST 64");
    let before_us = bench.now_us;
    bench.ask("0100");
    assert_eq!(bench.now_us - before_us, 400_000);
    bench.ask("ATCTM5");
    let before_us = bench.now_us;
    bench.ask("0100");
    assert_eq!(bench.now_us - before_us, 2_000_000);
}

#[test]
fn adaptive_timing_shortens_the_wait_after_a_reply() {
    let mut times = Vec::new();
    for timing in ["ATAT0", "ATAT1", "ATAT2"] {
        let mut bench = bench(&[timing]);
        bench.ask("0100");
        times.push(bench.now_us);
    }
    assert_eq!(times, [205_000, 55_000, 30_000]);
}

#[test]
fn a_digit_at_the_end_ends_the_wait() {
    let mut bench = bench(&["ATAT0"]);
    assert_eq!(bench.ask("0100 1"), "41 00 BE 3F A8 13 \r\r>");
    assert_eq!(bench.now_us, 5_000);
    assert_eq!(
        bench.ask("09023"),
        "014 \r0: 49 02 01 56 57 56 \r1: 57 5A 5A 5A 31 4B 5A \r2: 37 57 30 30 30 34 32 \r\r>"
    );
    assert_eq!(bench.ask("09021"), "014 \r0: 49 02 01 56 57 56 \r\r>", "lines are counted, as a real chip does");
    assert_eq!(bench.ask("01000"), "\r>", "none is waited for");
}

#[test]
fn responses_off_means_a_prompt_at_once() {
    let mut bench = bench(&["ATR0"]);
    assert_eq!(bench.ask("0100"), "\r>");
    assert_eq!(frames(&bench), ["7DF#0201000000000000"]);
}

#[test]
fn a_carriage_return_repeats() {
    let mut bench = bench(&[]);
    bench.ask("0100");
    assert_eq!(bench.ask(""), "41 00 BE 3F A8 13 \r\r>");
    assert_eq!(bench.ask("a t r v"), "13.1V\r\r>");
    assert_eq!(bench.ask(""), "13.1V\r\r>");
}

#[test]
fn a_pending_answer_is_waited_for() {
    let mut bench = bench(&["ATSH7E0"]);
    assert_eq!(bench.ask("31010203 1"), "7F 31 78 \r71 01 02 03 \r\r>", "it does not count");
}

#[test]
fn a_pending_answer_holds_the_line_for_seconds() {
    let mut bench = bench(&[]);
    let mut out = Outbox::default();
    bench.adapter.receive(0, b"3101\r", 0, &mut out);
    let pending = CanFrame::new(standard(0x7E8), &[3, 0x7F, 0x31, 0x78]).unwrap();
    bench.adapter.frame(100_000, &pending, &mut out);
    bench.adapter.poll(4_000_000, &mut out);
    assert_eq!(out.text, b"7F 31 78 \r");
    let answer = CanFrame::new(standard(0x7E8), &[2, 0x71, 1]).unwrap();
    bench.adapter.frame(5_000_000, &answer, &mut out);
    bench.adapter.poll(6_000_000, &mut out);
    assert_eq!(out.text, b"7F 31 78 \r71 01 \r\r>");
}

#[test]
fn several_ecus_answer() {
    let mut bench = bench(&["ATH1"]);
    bench.ecu.twin = true;
    assert_eq!(bench.ask("0100"), "7E8 06 41 00 BE 3F A8 13 \r7E9 06 41 00 98 18 00 01 \r\r>");
    bench.ask("ATCRA 7E9");
    assert_eq!(bench.ask("0100"), "7E9 06 41 00 98 18 00 01 \r\r>");
    bench.ask("ATCRA7EX");
    assert_eq!(bench.ask("0100").lines().count(), 1);
    bench.ask("ATCRA");
    bench.set(&["ATCF 7E9", "ATCM 7FF"]);
    assert_eq!(bench.ask("0100"), "7E9 06 41 00 98 18 00 01 \r\r>");
    bench.ask("ATAR");
    assert!(bench.ask("0100").contains("7E8"));
}

#[test]
fn the_other_protocols_fail_as_in_a_car_without_them() {
    let cases = [
        ("1", "UNABLE TO CONNECT\r\r>"),
        ("2", "UNABLE TO CONNECT\r\r>"),
        ("3", "BUS INIT: ...ERROR\r\r>"),
        ("4", "BUS INIT: ...ERROR\r\r>"),
        ("5", "BUS INIT: ERROR\r\r>"),
        ("8", "UNABLE TO CONNECT\r\r>"),
        ("9", "UNABLE TO CONNECT\r\r>"),
        ("A", "UNABLE TO CONNECT\r\r>"),
        ("7", "NO DATA\r\r>"),
    ];
    for (protocol, answer) in cases {
        let mut bench = bench(&[&format!("ATSP{protocol}")]);
        assert_eq!(bench.ask("0100"), answer, "{protocol}");
    }
}

#[test]
fn the_search_gives_up_or_finds_29_bits() {
    let mut bench = bench(&["ATSP0"]);
    assert_eq!(bench.ask("ATDP"), "AUTO\r\r>");
    bench.ecu.silent = true;
    assert_eq!(bench.ask("0100"), "SEARCHING...\rUNABLE TO CONNECT\r\r>");
    assert_eq!(bench.ask("ATDPN"), "A0\r\r>");
    bench.ecu.silent = false;
    bench.ecu.extended = true;
    assert_eq!(bench.ask("22F186"), "SEARCHING...\r7F 22 31 \r\r>");
    assert_eq!(bench.ask("ATDP"), "AUTO, ISO 15765-4 (CAN 29/500)\r\r>");
    assert_eq!(bench.ask("ATIA"), "?\r\r>", "a command of later chips");
}

#[test]
fn an_ecu_without_obd_is_reached_with_a_fixed_protocol_only() {
    let mut bench = bench(&["ATSP0"]);
    bench.ecu.uds_only = true;
    assert_eq!(bench.ask("3E00"), "SEARCHING...\rUNABLE TO CONNECT\r\r>");
    bench.ask("ATSP6");
    assert_eq!(bench.ask("3E00"), "7E 00 \r\r>");
}

#[test]
fn a_key_stops_what_is_going_on() {
    let mut bench = bench(&[]);
    let mut out = Outbox::default();
    bench.adapter.receive(0, b"0100\r", 0, &mut out);
    bench.adapter.receive(1_000, b"\n\0", 0, &mut out);
    assert_eq!(out.text, b"", "line feeds and zeros are nothing");
    bench.adapter.receive(2_000, b"0101\r", 0, &mut out);
    assert_eq!(out.text, b"STOPPED\r\r>", "the first byte is lost, and the rest is a request that waits");
    bench.adapter.receive(3_000, b" ", 0, &mut out);
    assert_eq!(out.text, b"STOPPED\r\r>STOPPED\r\r>");
}

#[test]
fn monitoring_shows_frames_until_a_key() {
    let mut bench = bench(&["ATH1"]);
    let mut out = Outbox::default();
    bench.adapter.receive(0, b"ATMA\r", 0, &mut out);
    for (id, data) in [(0x090, &[0xF7, 9, 0xF7, 9, 7, 0xB6, 0xF, 0xFF][..]), (0x205, &[0; 8]), (0x7E8, &[2, 0x7E, 0])] {
        bench.adapter.frame(1, &CanFrame::new(standard(id), data).unwrap(), &mut out);
    }
    bench.adapter.receive(2, b"x", 0, &mut out);
    let text = "090 F7 09 F7 09 07 B6 0F FF <DATA ERROR\r205 00 00 00 00 00 00 00 00 \r7E8 02 7E 00 \rSTOPPED\r\r>";
    assert_eq!(String::from_utf8(out.text).unwrap(), text);
    let mut out = Outbox::default();
    bench.adapter.receive(3, b"ATMT05\r", 0, &mut out);
    bench.adapter.frame(4, &CanFrame::new(standard(0x205), &[1]).unwrap(), &mut out);
    bench.adapter.frame(4, &CanFrame::new(standard(0x206), &[1]).unwrap(), &mut out);
    assert_eq!(out.text, b"205 01 <DATA ERROR\r");
}

#[test]
fn flow_control_goes_where_it_is_told() {
    let mut bench = bench(&["ATCFC0"]);
    assert!(bench.ask("0902").starts_with("014"));
    assert_eq!(bench.sent.len(), 1);
    bench.set(&["ATCFC1", "ATFCSD 30 08 0A", "ATFCSM2", "0902"]);
    assert_eq!(frames(&bench).last().unwrap(), "7E0#30080A0000000000");
    bench.set(&["ATFCSH 7E1", "ATFCSM1", "0902"]);
    assert_eq!(frames(&bench).last().unwrap(), "7E1#30080A0000000000");
    bench.set(&["ATFCSM0", "0902"]);
    assert_eq!(frames(&bench).last().unwrap(), "7E0#3000000000000000");
}

#[test]
fn an_extended_address_goes_before_everything() {
    let mut bench = bench(&["ATSH6F1", "ATCEA 12", "ATCRA 612", "ATH1"]);
    let mut out = Outbox::default();
    bench.adapter.receive(0, b"22F190\r", 0, &mut out);
    assert_eq!(format!("{:?}", out.frames), "[6F1#120322F190000000]");
    out.frames.clear();
    let first = CanFrame::new(standard(0x612), &[0xF1, 0x10, 9, 0x62, 0xF1, 0x90, 1, 2]).unwrap();
    bench.adapter.frame(1_000, &first, &mut out);
    assert_eq!(format!("{:?}", out.frames), "[6F1#1230000000000000]");
    assert_eq!(out.text, b"612 F1 10 09 62 F1 90 01 02 \r");
    bench.adapter.receive(2_000, b" ATCEA\rATH0\r", 0, &mut out);
    assert!(out.text.ends_with(b"STOPPED\r\r>OK\r\r>OK\r\r>"));
}

#[test]
fn values_are_stored() {
    let mut bench = bench(&[]);
    for (said, answered) in [
        ("ATSD 5A", "OK\r\r>"),
        ("AT@3 ABCDEFGHIJKL", "OK\r\r>"),
        ("AT@3 ABCDEFGHIJKM", "?\r\r>"),
        ("ATPP 00 SV 12", "OK\r\r>"),
        ("ATPP 01 SV 00", "OK\r\r>"),
        ("ATPP 01 ON", "OK\r\r>"),
        ("ATPP 30 ON", "?\r\r>"),
        ("ATCV 1250", "OK\r\r>"),
        ("ATRV", "12.5V\r\r>"),
        ("ATCV 0000", "OK\r\r>"),
        ("ATZ", "\r\rELM327 v1.5\r\r>"),
        ("ATRD", "ATRD\r5A\r\r>"),
        ("AT@2", "AT@2\rABCDEFGHIJKL\r\r>"),
        ("ATDPN", "ATDPN\r6\r\r>"),
        ("3E00", "3E00\r7E8 02 7E 00 \r\r>"),
    ] {
        assert_eq!(bench.ask(said), answered, "{said}");
    }
}

#[test]
fn an_unfinished_line_is_given_up() {
    let mut bench = bench(&[]);
    let mut out = Outbox::default();
    bench.adapter.receive(1_000, b"ATR", 0, &mut out);
    assert_eq!(bench.adapter.deadline_us(), Some(20_001_000));
    bench.adapter.poll(20_000_999, &mut out);
    assert_eq!(out.text, b"");
    bench.adapter.poll(20_001_000, &mut out);
    assert_eq!(out.text, b"?\r\r>");
    assert_eq!(bench.adapter.deadline_us(), None);
}

#[test]
fn a_line_beyond_the_buffer_is_refused() {
    let mut bench = bench(&[]);
    assert_eq!(bench.ask(&"0".repeat(100_000)), "?\r\r>");
    assert_eq!(bench.ask("3E00"), "7E 00 \r\r>");
}

#[test]
fn a_suggested_protocol_is_tried_first_and_once() {
    let mut bench = bench(&["ATSPA7"]);
    bench.ecu.silent = true;
    assert_eq!(bench.ask("0100"), "SEARCHING...\rUNABLE TO CONNECT\r\r>");
    assert_eq!(frames(&bench), ["18DB33F1#0201000000000000", "7DF#0201000000000000"]);
    bench.ecu.silent = false;
    assert_eq!(bench.set(&["ATSPA6"]).ask("0100"), "41 00 BE 3F A8 13 \r\r>", "without a word of searching");
}

#[test]
fn a_late_frame_does_not_prove_another_protocol() {
    let mut bench = bench(&["ATSP0"]);
    let mut out = Outbox::default();
    bench.adapter.receive(0, b"0100\r", 0, &mut out);
    // Protocol 6 has had its time; 8 is being tried.
    bench.adapter.poll(200_000, &mut out);
    let late = CanFrame::new(standard(0x7E8), &[6, 0x41, 0, 1, 2, 3, 4]).unwrap();
    bench.adapter.frame(210_000, &late, &mut out);
    assert_eq!(out.text, b"SEARCHING...");
}

#[test]
fn what_the_search_found_is_remembered_if_wanted() {
    for (memory, searches) in [("ATM1", false), ("ATM0", true)] {
        let mut bench = bench(&["ATSP0", memory, "0100", "ATZ"]);
        assert_eq!(bench.ask("0100").contains("SEARCHING"), searches, "{memory}");
    }
}

#[test]
fn the_supply_is_rounded_to_tenths() {
    for (supply_mv, text) in [(12_040, "12.0V"), (12_050, "12.1V"), (9_960, "10.0V"), (0, "0.0V")] {
        let mut bench = bench(&[]);
        bench.supply_mv = supply_mv;
        assert_eq!(bench.ask("ATRV"), format!("{text}\r\r>"));
    }
}
