//! Any bytes to any adapter at any time, any frames on its bus, and any bytes to a tester: bounded, and a tester reads what an adapter
//! prints.
#![no_main]

use arbitrary::Arbitrary;
use headlock_wire::can::{CanFrame, standard};
use headlock_wire::elm327::{Adapter, Answer, LONGEST_ANSWER, Outbox, Persona, Probe, Resync, Risks, Shape};
use libfuzzer_sys::fuzz_target;

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

#[derive(Arbitrary, Debug)]
enum Act {
    Tester(Vec<u8>),
    Command(u8, u8),
    Frame(u16, [u8; 8], u8),
    Wait(u32),
}

const COMMANDS: [&str; 16] = [
    "ATZ", "ATE", "ATH", "ATS", "ATCAF", "ATSP", "ATMA", "0100", "22F190", "STPX D:22F190,R:", "ATSH7E", "ATCRA7E",
    "ATST", "ATFCSM", "ATAL", "ATR",
];

fuzz_target!(|input: (u8, Vec<Act>)| {
    let (persona, acts) = input;
    let mut adapter = Adapter::new(PERSONAS[usize::from(persona) % PERSONAS.len()]);
    let mut probe = Probe::new(Some((standard(0x7E0), standard(0x7E8))), Risks::default());
    let mut out = Outbox::default();
    let mut now_us = 0;
    for act in acts.into_iter().take(200) {
        match act {
            Act::Tester(bytes) => adapter.receive(now_us, &bytes, 12_600, &mut out),
            Act::Command(which, tail) => {
                let line = format!("{}{:X}\r", COMMANDS[usize::from(which) % COMMANDS.len()], tail & 0xF);
                adapter.receive(now_us, line.as_bytes(), 12_600, &mut out);
            }
            Act::Frame(id, bytes, length) => {
                let bytes = &bytes[..usize::from(length % 9)];
                let frame = CanFrame::new(standard(0x7E0 | id & 0x1F), bytes).expect("at most eight bytes");
                adapter.frame(now_us, &frame, &mut out);
            }
            Act::Wait(us) => {
                now_us += u64::from(us);
                adapter.poll(now_us, &mut out);
            }
        }
        let mut answer = Answer::to("0100");
        answer.feed(&out.text);
        if let Ok(reply) = answer.reply() {
            for shape in [Shape::Bare, Shape::Headers, Shape::Assembled] {
                let messages = reply.messages(shape).unwrap_or_default();
                assert!(messages.iter().all(|message| message.bytes.len() <= 4_095));
            }
        }
        if probe.command().is_some() {
            if answer.is_complete() { probe.answered(&answer) } else { probe.silent() }
        }
        let mut resync = Resync::new(now_us);
        let _ = resync.outgoing(now_us);
        resync.receive(now_us, &out.text);
        assert!(out.text.len() <= 4 * LONGEST_ANSWER && out.frames.len() <= 1_024);
        out.text.clear();
        out.frames.clear();
    }
});
