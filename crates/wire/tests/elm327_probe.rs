//! The probe recognises every persona, and says what each is good for.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod elm327_bench;

use elm327_bench::Bench;
use headlock_wire::can::{extended, standard};
use headlock_wire::elm327::{Ability, Answer, Identity, Kind, Persona, Probe, Risks, Unfit};

/// Runs a probe to its end.
fn probe(bench: &mut Bench, mut probe: Probe) -> (Identity, Vec<String>) {
    let mut asked = Vec::new();
    while let Some(command) = probe.command().map(str::to_owned) {
        let mut answer = Answer::to(&command);
        let text = bench.bytes(format!("{command}\r").as_bytes());
        match answer.feed(&text) {
            Some(used) => {
                assert_eq!(used, text.len(), "one answer to {command}");
                probe.answered(&answer);
            }
            None => probe.silent(),
        }
        asked.push(command);
        assert!(asked.len() <= 40, "the probe ends");
    }
    (probe.identity().unwrap().clone(), asked)
}

const ECU: Option<(embedded_can::Id, embedded_can::Id)> = Some((standard(0x7E0), standard(0x7E8)));

fn daring() -> Risks {
    Risks { long_read: Some("22F1A0".to_owned()), try_automatic: true }
}

#[test]
fn a_daring_probe_tells_every_persona_apart() {
    let cases = [
        (Persona::Genuine14, Kind::Genuine, Ok(())),
        (Persona::Genuine22, Kind::Genuine, Ok(())),
        (Persona::FairV15, Kind::FairClone, Ok(())),
        (Persona::CloneV15, Kind::CloneV15, Ok(())),
        (Persona::TwoByteV21, Kind::TwoByte, Err(Unfit::TwoBytes)),
        (Persona::BluetoothFreeze, Kind::FreezesOnLongReplies, Err(Unfit::Freezes)),
        (Persona::HangsOnTpa0, Kind::HangsOnTpa0, Ok(())),
        (Persona::LeadingZeros, Kind::FairClone, Ok(())),
        (Persona::Stn1110, Kind::Stn, Ok(())),
    ];
    for (persona, kind, fit) in cases {
        let (found, _) = probe(&mut Bench::new(persona), Probe::new(ECU, daring()));
        assert_eq!(found.kind, kind, "{persona:?}");
        assert_eq!(found.fit_for_flashing(), fit, "{persona:?}");
        assert_eq!(found.claimed, persona.version());
        assert_eq!(found.leading_zeros, persona == Persona::LeadingZeros, "{persona:?}");
        assert_eq!(found.stn.is_some(), persona == Persona::Stn1110, "{persona:?}");
    }
}

#[test]
fn a_careful_probe_sends_nothing_that_can_hang() {
    for persona in [Persona::BluetoothFreeze, Persona::HangsOnTpa0] {
        let mut bench = Bench::new(persona);
        let (found, asked) = probe(&mut bench, Probe::new(ECU, Risks::default()));
        assert_eq!(found.kind, Kind::FairClone);
        assert_eq!((found.long_replies, found.tries_automatically), (None, None));
        assert_eq!(found.fit_for_flashing(), Err(Unfit::LongRepliesUntested));
        assert!(!asked.contains(&"ATTPA0".to_owned()));
        assert_eq!(bench.ask("ATI"), format!("ATI\r{}\r\r>", persona.version()), "and it is still there");
    }
}

#[test]
fn without_a_car_nothing_goes_to_the_bus() {
    let mut bench = Bench::new(Persona::TwoByteV21);
    let (found, _) = probe(&mut bench, Probe::new(None, Risks::default()));
    assert!(bench.sent.is_empty());
    assert_eq!(found.kind, Kind::CloneV15, "two bytes show only in a car");
    assert_eq!(found.fit_for_flashing(), Err(Unfit::ThreeBytesUntested));
    assert!(found.cannot.contains(&Ability::NoSpaces) && found.cannot.contains(&Ability::KeyWords));
}

#[test]
fn a_clone_is_known_by_what_it_refuses() {
    let (found, _) = probe(&mut Bench::new(Persona::CloneV15), Probe::new(None, Risks::default()));
    let refused = [
        Ability::KeyWords,
        Ability::ForgetEvents,
        Ability::StandardSearch,
        Ability::SilentMonitoring,
        Ability::ActivityTimeout,
        Ability::Parameters,
    ];
    assert_eq!(found.cannot, refused);
}

#[test]
fn a_silent_car_leaves_three_bytes_open() {
    let mut bench = Bench::new(Persona::FairV15);
    bench.ecu.silent = true;
    let (found, asked) = probe(&mut bench, Probe::new(ECU, Risks::default()));
    assert_eq!(found.three_bytes, None);
    assert!(["22F190", "22F186", "22F18C"].iter().all(|read| asked.contains(&(*read).to_owned())));
}

#[test]
fn an_ecu_of_29_bits_is_asked_too() {
    let mut bench = Bench::new(Persona::FairV15);
    bench.ecu.extended = true;
    let ids = Some((extended(0x18DA_10F1), extended(0x18DA_F110)));
    let (found, _) = probe(&mut bench, Probe::new(ids, Risks::default()));
    assert_eq!(found.three_bytes, Some(true));
}

#[test]
fn an_adapter_that_says_nothing_is_unknown() {
    let mut bench = Bench::new(Persona::HangsOnTpa0);
    bench.ask("ATTPA0");
    let (found, _) = probe(&mut bench, Probe::new(ECU, daring()));
    assert_eq!(found.kind, Kind::Unknown);
    assert_eq!(found.fit_for_flashing(), Err(Unfit::Unknown));
}
