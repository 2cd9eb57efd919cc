//! Any bytes and any frames: the adapter neither panics nor grows nor stops for good.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod elm327_bench;

use elm327_bench::Xorshift;
use headlock_wire::can::{CanFrame, extended, standard};
use headlock_wire::elm327::{Adapter, Outbox, Persona};

const PERSONAS: [Persona; 9] = [
    Persona::Genuine14,
    Persona::Genuine22,
    Persona::FairV15,
    Persona::CloneV15,
    Persona::TwoByteV21,
    Persona::BluetoothFreeze,
    Persona::HangsOnTpa0,
    Persona::LeadingZeros,
    Persona::Stn1110,
];

const COMMANDS: [&str; 44] = [
    "ATZ",
    "ATD",
    "ATWS",
    "ATSP0",
    "ATSP6",
    "ATSP7",
    "ATSPA3",
    "ATTP5",
    "ATH1",
    "ATH0",
    "ATS0",
    "ATL1",
    "ATE0",
    "ATCAF0",
    "ATCAF1",
    "ATCEA12",
    "ATCEA",
    "ATCFC0",
    "ATFCSD3000",
    "ATFCSH7E0",
    "ATFCSM1",
    "ATCRA7EX",
    "ATCRA",
    "ATMA",
    "ATMT10",
    "ATST01",
    "ATST00",
    "ATPP03SV00",
    "ATPPFFON",
    "ATPP26SV55",
    "ATLP",
    "ATBD",
    "ATAMC",
    "ATCV9999",
    "ATV1",
    "ATR0",
    "0100",
    "22F1901",
    "STCSEGR1",
    "STCSEGT1",
    "STPXH:7E0,D:36010203040506070809,R:1",
    "STPXL:9,H:7E0",
    "STPTO1",
    "STFAP7E8,7FF",
];

/// A line that is a command, or nearly one.
fn line(random: &mut Xorshift) -> Vec<u8> {
    let mut line = COMMANDS[random.below(COMMANDS.len())].as_bytes().to_vec();
    match random.below(6) {
        0 => line = (0..random.below(40)).map(|_| random.byte()).collect(),
        1 => line = (0..random.below(40)).map(|_| b"0123456789ABCDEF \r"[random.below(18)]).collect(),
        2 if !line.is_empty() => {
            let at = random.below(line.len());
            line[at] = random.byte();
        }
        3 => line.truncate(random.below(line.len() + 1)),
        _ => {}
    }
    line.push(b'\r');
    line
}

fn frame(random: &mut Xorshift) -> CanFrame {
    let id = match random.below(4) {
        0 => standard(0x7E8 + u16::try_from(random.below(8)).unwrap()),
        1 => extended(0x18DA_F110),
        2 => standard(0x7E8),
        _ => standard(u16::try_from(random.below(0x800)).unwrap()),
    };
    let mut data: Vec<u8> = (0..random.below(9)).map(|_| random.byte()).collect();
    if let Some(first) = data.first_mut() {
        *first = [0x02, 0x06, 0x10, 0x1F, 0x20 | *first & 0xF, 0x30, 0x31, *first][random.below(8)];
    }
    CanFrame::new(id, &data).unwrap()
}

#[test]
fn random_sessions_neither_panic_nor_grow() {
    let mut random = Xorshift(0x5EED_0002);
    for round in 0..1_800 {
        let mut adapter = Adapter::new(PERSONAS[round % PERSONAS.len()]);
        let mut now_us = 0;
        for _ in 0..100 {
            let mut out = Outbox::default();
            now_us += random.next() % 300_000;
            let given = match random.below(4) {
                0 => {
                    let frame = frame(&mut random);
                    adapter.frame(now_us, &frame, &mut out);
                    0
                }
                1 => {
                    adapter.poll(now_us, &mut out);
                    0
                }
                _ => {
                    let line = line(&mut random);
                    adapter.receive(now_us, &line, random.word(), &mut out);
                    line.len()
                }
            };
            // A listing of parameters is the longest answer to a command, a message of 4,095 bytes to a frame.
            assert!(out.text.len() <= 13_000 + 700 * given, "{} bytes of text", out.text.len());
            assert!(out.frames.len() <= 600 + given, "{} frames", out.frames.len());
            assert!(adapter.deadline_us().is_none_or(|deadline| deadline > now_us), "what was due is done");
        }
    }
}

#[test]
fn whatever_happened_power_brings_it_back() {
    let mut random = Xorshift(0x5EED_0003);
    for round in 0..900 {
        let mut adapter = Adapter::new(PERSONAS[round % PERSONAS.len()]);
        let mut out = Outbox::default();
        for at in 0..30 {
            let line = line(&mut random);
            adapter.receive(at * 50_000, &line, 12_000, &mut out);
            adapter.frame(at * 50_000, &frame(&mut random), &mut out);
            out = Outbox::default();
        }
        adapter.power_cycle(&mut out);
        let banner = String::from_utf8(out.text).unwrap();
        assert!(banner.contains(adapter.persona().version()) && banner.ends_with('>'), "{banner:?}");
        let mut out = Outbox::default();
        adapter.receive(2_000_000, b"ATRV\r", 12_000, &mut out);
        let text = String::from_utf8(out.text).unwrap();
        assert!(text.contains('V') && text.ends_with('>'), "{text:?}");
    }
}

#[test]
fn any_split_of_the_bytes_says_the_same() {
    let mut random = Xorshift(0x5EED_0004);
    for round in 0..2_000 {
        let persona = PERSONAS[round % PERSONAS.len()];
        // Requests would be interrupted by the next line alike, so they may be among them.
        let session: Vec<u8> = (0..8).flat_map(|_| line(&mut random)).collect();
        let mut whole = (Adapter::new(persona), Outbox::default());
        whole.0.receive(5, &session, 12_000, &mut whole.1);
        let mut split = (Adapter::new(persona), Outbox::default());
        let mut rest = &session[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(random.below(rest.len()) + 1);
            split.0.receive(5, now, 12_000, &mut split.1);
            rest = later;
        }
        assert_eq!(whole.1, split.1);
    }
}
