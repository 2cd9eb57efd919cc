//! What each adapter is known for: genuine chips, clones and the STN.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod elm327_bench;

use elm327_bench::{Bench, VIN};
use headlock_wire::can::{CanFrame, standard};
use headlock_wire::elm327::{Outbox, Persona};

fn frames(bench: &Bench) -> Vec<String> {
    bench.sent.iter().map(|frame| format!("{frame:?}")).collect()
}

#[test]
fn every_command_of_the_summary_is_known_to_a_genuine_chip() {
    let known = "D E0 L0 I @1 FE M0 M1 RD SD00 BRD23 BRT0F CV0000 RV IGN PPS PPFFOFF AL NL AMC AMT20 AR AT0 AT1 AT2 BD BI \
        DP DPN H0 H1 IA KW KW0 KW1 PC R0 R1 RA11 S0 S1 SH7E0 SH686AF1 SH18DA10F1 SP6 SPA6 SP6A SP00 SR11 SS ST32 SW00 \
        TAF1 TP6 TPA6 WM3E IIA33 IB10 IB96 IFR0 IFRH C0 C1 CAF0 CAF1 CEA CEA10 CER10 CF7E8 CF18DAF110 CFC0 CFC1 CM7FF \
        CM1FFFFFFF CP18 CRA CRA7E8 CRA18DAF1XX CS CSM0 CSM1 CTM1 CTM5 D0 D1 FCSD300000 FCSH7E0 FCSM0 FCSM1 PBE004 V0 V1 \
        FT FT11 JE JS JHF0 JTM5";
    let mut bench = Bench::new(Persona::Genuine22);
    for command in known.split_whitespace() {
        let answer = bench.ask(&format!("AT{command}"));
        assert!(!answer.contains('?') && answer.ends_with("\r>"), "AT{command}: {answer:?}");
        bench.ask("ATL0");
    }
}

#[test]
fn two_bytes_of_a_request_arrive() {
    let mut bench = Bench::new(Persona::TwoByteV21);
    bench.set(&["ATE0", "ATSP6", "ATSH7E0"]);
    assert_eq!(bench.ask("22F190"), "7F 22 13 \r\r>");
    assert_eq!(frames(&bench), ["7E0#0222F10000000000"]);
}

#[test]
fn a_large_reply_freezes_until_a_reset() {
    let mut bench = Bench::new(Persona::BluetoothFreeze);
    bench.set(&["ATE0", "ATSP6"]);
    assert!(bench.ask("0902").ends_with('>'), "a VIN is not large");
    assert_eq!(bench.ask("22F1A0"), "");
    assert_eq!(bench.ask("ATI"), "");
    assert_eq!(bench.ask("ATZ"), "\r\rELM327 v1.5\r\r>");
    assert_eq!(bench.ask("ATI"), "ATI\rELM327 v1.5\r\r>");
}

#[test]
fn only_power_ends_the_hang() {
    let mut bench = Bench::new(Persona::HangsOnTpa0);
    bench.ask("ATE0");
    assert_eq!(bench.ask("ATTPA6"), "OK\r\r>");
    assert_eq!(bench.ask("ATTPA0"), "");
    assert_eq!(bench.ask("ATZ"), "");
    let mut out = Outbox::default();
    bench.adapter.power_cycle(&mut out);
    assert_eq!(out.text, b"\r\rELM327 v1.5\r\r>");
    assert_eq!(bench.ask("ATI"), "ATI\rELM327 v1.5\r\r>");
}

#[test]
fn zeros_come_before_the_banner() {
    let mut bench = Bench::new(Persona::LeadingZeros);
    assert_eq!(bench.ask("ATZ"), "ATZ\r\0\0\r\rELM327 v1.5\r\r>");
}

#[test]
fn an_stn_names_itself_and_moves_long_messages() {
    let mut bench = Bench::new(Persona::Stn1110);
    bench.set(&["ATE0", "ATS0", "ATH1"]);
    assert_eq!(bench.ask("STI"), "STN1110 v4.2.0\r\r>");
    assert_eq!(bench.ask("STDI"), "STN1110 r1.0\r\r>");
    assert_eq!(bench.ask("VTI"), "?\r\r>");
    assert_eq!(bench.ask("STP33"), "OK\r\r>");
    assert_eq!(bench.ask("STPTO 500"), "OK\r\r>");
    assert_eq!(bench.ask("STCSEGR1"), "OK\r\r>");
    let vin = VIN.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().concat();
    assert_eq!(bench.ask("STPX H:7E0, D:22F190, R:1"), format!("7E862F190{vin}\r\r>"));
    let long = "36".to_owned() + "01" + &"5A".repeat(4_000);
    // 4,000 bytes leave 235 to the modulus of the ECU: EB.
    assert_eq!(bench.ask(&format!("STPX H:7E0,D:{long},R:1")), "7E87601EB\r\r>");
    assert_eq!(bench.ecu.heard.last().unwrap().len(), 4_002);
    assert_eq!(bench.ask("STPX H:7E0, L:3"), "DATA\r\r>");
    assert_eq!(bench.ask("22F186"), "7E87F2231\r\r>");
    assert_eq!(bench.ask("STPX H:7E0, L:3"), "DATA\r\r>");
    assert_eq!(bench.ask("22F1"), "?\r\r>");
    bench.ask("ATSH7E0");
    assert_eq!(bench.ask(&long), "?\r\r>", "lines of digits need STCSEGT1");
    bench.ask("STCSEGT1");
    assert_eq!(bench.ask(&long), "7E87601EB\r\r>");
    assert_eq!(bench.ask("STPX H:7E3,D:3601020304050607"), "FC RX TIMEOUT\r\r>");
    for bad in ["STPX", "STPX D:", "STPX D:1", "STPX Q:1", "STPX D:01,L:4", "STPX L:4096", "STPTO x", "STQQ"] {
        assert_eq!(bench.ask(bad), "?\r\r>", "{bad}");
    }
}

#[test]
fn an_stn_keeps_to_blocks_and_gaps() {
    let mut bench = Bench::new(Persona::Stn1110);
    let mut out = Outbox::default();
    bench.adapter.receive(
        0,
        b"ATE0\rATSP6\rSTPX H:7E0,D:36010203040506070809101112131415161718192021222324\r",
        0,
        &mut out,
    );
    assert_eq!(format!("{:?}", out.frames), "[7E0#1019360102030405]");
    out.frames.clear();
    let flow = |bytes: &[u8]| CanFrame::new(standard(0x7E8), bytes).unwrap();
    bench.adapter.frame(1_000, &flow(&[0x31, 0, 0]), &mut out);
    bench.adapter.frame(900_000, &flow(&[0x30, 2, 0x14]), &mut out);
    assert_eq!(format!("{:?}", out.frames), "[7E0#2106070809101112]");
    out.frames.clear();
    bench.adapter.poll(919_999, &mut out);
    assert!(out.frames.is_empty());
    bench.adapter.poll(920_000, &mut out);
    assert_eq!(format!("{:?}", out.frames), "[7E0#2213141516171819]");
    assert_eq!(bench.adapter.deadline_us(), Some(1_920_000), "the block is over: N_Bs");
    out.frames.clear();
    bench.adapter.frame(1_000_000, &flow(&[0x30, 0, 0]), &mut out);
    assert_eq!(format!("{:?}", out.frames), "[7E0#2320212223240000]");
    bench.adapter.frame(1_001_000, &flow(&[2, 0x76, 1]), &mut out);
    out.text.clear();
    bench.adapter.poll(3_000_000, &mut out);
    assert_eq!(out.text, b"\r>");
}

#[test]
fn an_stn_prints_no_message_with_a_hole() {
    let mut bench = Bench::new(Persona::Stn1110);
    let mut out = Outbox::default();
    bench.adapter.receive(0, b"ATE0\rATSP6\rSTCSEGR1\r22F190\r", 0, &mut out);
    out = Outbox::default();
    for data in [[0x10, 20, 0x62, 0xF1, 0x90, 1, 2, 3], [0x22, 4, 5, 6, 7, 8, 9, 10], [0x21, 4, 5, 6, 7, 8, 9, 10]] {
        bench.adapter.frame(1_000, &CanFrame::new(standard(0x7E8), &data).unwrap(), &mut out);
    }
    bench.adapter.poll(5_000_000, &mut out);
    assert_eq!(out.text, b"NO DATA\r\r>");
}

#[test]
fn short_gaps_are_tenths_of_a_millisecond() {
    for (st_min, gap_us) in [(0x7F, 127_000), (0xF1, 100), (0xF9, 900), (0x80, 127_000), (0xFA, 127_000)] {
        let mut bench = Bench::new(Persona::Stn1110);
        let mut out = Outbox::default();
        bench.adapter.receive(0, b"ATSP6\rSTPX H:7E0,D:36010203040506070809101112131415\r", 0, &mut out);
        let flow = CanFrame::new(standard(0x7E8), &[0x30, 0, st_min]).unwrap();
        bench.adapter.frame(1_000, &flow, &mut out);
        assert_eq!(bench.adapter.deadline_us(), Some(1_000 + gap_us), "{st_min:02X}");
    }
}
