//! What a tester makes of answers: lines, messages, every error, the way back to the prompt.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod elm327_bench;

use elm327_bench::{Bench, VIN, Xorshift};
use headlock_wire::can::{extended, standard};
use headlock_wire::elm327::{Answer, ElmError, LONGEST_ANSWER, Message, Outbox, Persona, Reply, Resync, Shape, Synced};

fn reply_to(command: &str, text: &str) -> Result<Reply, ElmError> {
    let mut answer = Answer::to(command);
    assert_eq!(answer.feed(text.as_bytes()), text.find('>').map(|at| at + 1));
    answer.reply()
}

fn lines(command: &str, text: &str) -> Vec<String> {
    reply_to(command, text).unwrap().lines
}

#[test]
fn every_error_has_its_type() {
    let cases = [
        ("?", ElmError::Refused),
        ("NO DATA", ElmError::NoData),
        ("NODATA", ElmError::NoData),
        ("SEARCHING...\rSTOPPED", ElmError::Stopped),
        ("SEARCHING...\rUNABLE TO CONNECT", ElmError::UnableToConnect),
        ("SEARCHING...UNABLE TO CONNECT", ElmError::UnableToConnect),
        ("CAN ERROR", ElmError::CanError),
        ("BUS ERROR", ElmError::BusError),
        ("BUS BUSY", ElmError::BusError),
        ("BUS INIT: ERROR", ElmError::BusInit),
        ("BUS INIT: ...ERROR", ElmError::BusInit),
        ("FB ERROR", ElmError::FbError),
        ("DATA ERROR", ElmError::DataError),
        ("41 00 BE 3F <DATA ERROR", ElmError::DataError),
        ("7E8 06 41 00 BE <RX ERROR", ElmError::RxError),
        ("7E8 06 41 BUFFER FULL", ElmError::BufferFull),
        ("OUT OF MEMORY", ElmError::BufferFull),
        ("FC RX TIMEOUT", ElmError::FlowControl),
        ("ACT ALERT", ElmError::ActAlert),
        ("!ACT ALERT", ElmError::ActAlert),
        ("LP ALERT", ElmError::LpAlert),
        ("LV RESET\r\rELM327 v1.5", ElmError::LvReset),
        ("ERR94", ElmError::Fault(94)),
        ("41 00\r\u{fffd}\u{fffd}", ElmError::Garbage),
        ("", ElmError::Empty),
        ("0100", ElmError::Empty),
    ];
    for (text, error) in cases {
        assert_eq!(reply_to("0100", &format!("{text}\r\r>")), Err(error), "{text}");
        assert!(!error.to_string().is_empty());
    }
    assert_eq!(reply_to("0100", "41 00 BE"), Err(ElmError::Unfinished));
}

#[test]
fn what_is_no_answer_is_dropped() {
    assert_eq!(lines("0100", "0100\r41 00 BE \r\r>"), ["41 00 BE"]);
    assert_eq!(lines("AT RV", "atrv\r13.1V\r\r>"), ["13.1V"]);
    assert_eq!(lines("0100", "\0\0\r\n41 00\r\n\r\n>"), ["41 00"]);
    assert_eq!(lines("0100", "SEARCHING...\r41 00\r\r>"), ["41 00"]);
    assert_eq!(lines("0100", "SEARCHING...41 00\r\r>"), ["41 00"]);
    assert_eq!(lines("0100", "BUS INIT: ...OK\r41 00\r\r>"), ["41 00"]);
    assert_eq!(lines("0100", "41 00>"), ["41 00"]);
    assert!(reply_to("0100", "SEARCHING...\r41 00\r\r>").unwrap().searched);
    assert!(reply_to("ATE0", "ATE0\rOK\r\r>").unwrap().is_ok());
}

#[test]
fn an_answer_ends_at_its_prompt() {
    let mut answer = Answer::to("ATE0");
    assert_eq!(answer.feed(b"O"), None);
    assert_eq!(answer.feed(b"K\r\r"), None);
    assert_eq!(answer.feed(b">ELM"), Some(1));
    assert_eq!(answer.feed(b"327"), Some(0));
    assert_eq!(answer.reply().unwrap().lines, ["OK"]);
}

#[test]
fn an_answer_without_end_is_bounded() {
    let mut answer = Answer::to("ATMA");
    for _ in 0..=LONGEST_ANSWER / 8 {
        assert_eq!(answer.feed(b"7E8 00 \r"), None);
    }
    assert_eq!(answer.reply(), Err(ElmError::TooLong));
    assert_eq!(answer.feed(b">"), Some(1));
    assert_eq!(answer.reply(), Err(ElmError::TooLong));
}

fn messages(text: &str, shape: Shape) -> Result<Vec<Message>, ElmError> {
    reply_to("", &format!("{text}\r\r>")).unwrap().messages(shape)
}

fn bytes(text: &str, shape: Shape) -> Result<Vec<Vec<u8>>, ElmError> {
    messages(text, shape).map(|messages| messages.into_iter().map(|message| message.bytes).collect())
}

#[test]
fn messages_come_out_of_every_shape() {
    let vin = [&[0x49, 2, 1], VIN].concat();
    let headed = "7E8 10 14 49 02 01 56 57 56\r7E8 21 57 5A 5A 5A 31 4B 5A\r7E8 22 37 57 30 30 30 34 32";
    for text in [headed.to_owned(), headed.replace(' ', "")] {
        let wanted = Message { from: Some(standard(0x7E8)), bytes: vin.clone() };
        assert_eq!(messages(&text, Shape::Headers), Ok(vec![wanted]));
    }
    let text = headed.replace("7E8", "18 DA F1 10");
    assert_eq!(messages(&text, Shape::Headers).unwrap()[0].from, Some(extended(0x18DA_F110)));
    assert_eq!(messages(&text.replace(' ', ""), Shape::Headers).unwrap()[0].bytes, vin);
    for text in [
        "014\r0: 49 02 01 56 57 56\r1: 57 5A 5A 5A 31 4B 5A\r2: 37 57 30 30 30 34 32",
        "014 \r0:490201565756\r1:575A5A5A314B5A\r2:37573030303432",
    ] {
        assert_eq!(bytes(text, Shape::Bare), Ok(vec![vin.clone()]));
    }
    assert_eq!(bytes("41 00 BE\r410098", Shape::Bare), Ok(vec![vec![0x41, 0, 0xBE], vec![0x41, 0, 0x98]]));
    assert_eq!(bytes("7E8 62 F1 90 01 02 03 04 05 06 07", Shape::Assembled).unwrap()[0].len(), 10);
    // Filling bytes behind the length are not part of a message; frames of others may come between.
    let mixed = "7E8 10 08 01 02 03 04 05 06\r7E9 02 7E 00 AA AA AA AA AA\r7E8 21 07 08 AA AA AA AA AA";
    assert_eq!(bytes(mixed, Shape::Headers), Ok(vec![vec![0x7E, 0], vec![1, 2, 3, 4, 5, 6, 7, 8]]));
}

#[test]
fn a_message_is_whole_or_an_error() {
    let cases = [
        ("7E8 10 14 49 02 01 56 57 56", Shape::Headers, ElmError::Incomplete),
        ("7E8 10 08 01 02 03 04 05 06\r7E8 22 07 08", Shape::Headers, ElmError::Incomplete),
        ("7E8 21 07 08", Shape::Headers, ElmError::Incomplete),
        ("7E8 10 02 01 02", Shape::Headers, ElmError::Garbage),
        ("7E8 05 01 02", Shape::Headers, ElmError::Garbage),
        ("7E8 70 01 02", Shape::Headers, ElmError::Garbage),
        ("FFF 01 02", Shape::Headers, ElmError::Garbage),
        ("7E8 01 02 03 04 05 06 07 08 09", Shape::Headers, ElmError::Garbage),
        ("OK", Shape::Headers, ElmError::Garbage),
        ("014\r0: 49 02 01 56 57 56", Shape::Bare, ElmError::Incomplete),
        ("014\r0: 49 02 01 56 57 56\r2: 37", Shape::Bare, ElmError::Incomplete),
        ("014\r014\r0: 49 02 01 56 57 56\r0: 49 02 01 56 57 56", Shape::Bare, ElmError::Mixed),
        ("0: 49 02", Shape::Bare, ElmError::Incomplete),
        ("G: 49 02", Shape::Bare, ElmError::Garbage),
        ("41 0", Shape::Bare, ElmError::Incomplete),
    ];
    for (text, shape, error) in cases {
        assert_eq!(bytes(text, shape), Err(error), "{text}");
    }
}

#[test]
fn the_tester_understands_the_adapter_under_all_settings() {
    for set in 0..32u8 {
        let on = |bit: u8| u8::from(set >> bit & 1 == 1);
        let mut bench = Bench::new(Persona::FairV15);
        bench.ecu.extended = on(4) == 1;
        bench.ask(if on(4) == 1 { "ATSP7" } else { "ATSP6" });
        bench.ask(&format!("ATE{}", on(0)));
        bench.ask(&format!("ATL{}", on(1)));
        bench.ask(&format!("ATS{}", on(2)));
        bench.ask(&format!("ATH{}", on(3)));
        let shape = if on(3) == 1 { Shape::Headers } else { Shape::Bare };
        for (request, wanted) in
            [("0100", &[0x41, 0, 0xBE, 0x3F, 0xA8, 0x13][..]), ("22F190", &[&[0x62, 0xF1, 0x90], VIN].concat())]
        {
            let mut answer = Answer::to(request);
            answer.feed(&bench.bytes(format!("{request}\r").as_bytes())).unwrap();
            let messages = answer.reply().unwrap().messages(shape).unwrap();
            assert_eq!(messages.len(), 1);
            assert_eq!(messages[0].bytes, wanted, "settings {set:05b}");
            assert_eq!(messages[0].from.is_some(), on(3) == 1);
        }
    }
}

#[test]
fn long_answers_of_every_length_survive() {
    for length in (8..300).chain([4_094, 4_095]) {
        let message: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let mut text = format!("7E8 1{:X} {:02X}", length >> 8, length & 0xFF);
        message[..6].iter().for_each(|byte| text.push_str(&format!(" {byte:02X}")));
        for (chunk, number) in message[6..].chunks(7).zip(1..) {
            text.push_str(&format!("\r7E8 2{:X}", number & 0xF));
            chunk.iter().for_each(|byte| text.push_str(&format!(" {byte:02X}")));
        }
        assert_eq!(bytes(&text, Shape::Headers), Ok(vec![message]), "{length}");
    }
}

/// Lets a resynchronisation meet an adapter until it ends.
fn resync(bench: &mut Bench, late: &[u8]) -> Synced {
    let mut resync = Resync::new(bench.now_us);
    resync.receive(bench.now_us, late);
    loop {
        while let Some(question) = resync.outgoing(bench.now_us) {
            let mut out = Outbox::default();
            bench.adapter.receive(bench.now_us, question, 0, &mut out);
            resync.receive(bench.now_us, &out.text);
        }
        match resync.deadline_us() {
            Some(deadline) => bench.now_us = bench.now_us.max(deadline),
            None => return resync.poll(bench.now_us),
        }
        let mut out = Outbox::default();
        bench.adapter.poll(bench.now_us, &mut out);
        resync.receive(bench.now_us, &out.text);
        let state = resync.poll(bench.now_us);
        if state != Synced::Working {
            return state;
        }
    }
}

#[test]
fn the_prompt_is_found_again() {
    // Idle, busy, monitoring, in the middle of a line, and with echo on.
    let befores: [&[u8]; 6] = [b"", b"3E00\r", b"ATMA\r", b"ATSP", b"ATE0\r", b"ATE0\r3101\r"];
    for before in befores {
        let mut bench = Bench::new(Persona::FairV15);
        bench.set(&["ATSP6"]);
        let mut out = Outbox::default();
        bench.adapter.receive(bench.now_us, before, 0, &mut out);
        assert_eq!(resync(&mut bench, b"41 00 BE 3F A8 13\r\r>"), Synced::Ready, "{before:?}");
        assert!(bench.ask("ATRV").ends_with("13.1V\r\r>"));
        assert!(bench.ask("ATDPN").ends_with("6\r\r>"), "settings are kept");
    }
}

#[test]
fn a_frozen_adapter_is_given_up() {
    let mut bench = Bench::new(Persona::HangsOnTpa0);
    bench.ask("ATTPA0");
    let before_us = bench.now_us;
    assert_eq!(resync(&mut bench, b""), Synced::Dead);
    assert_eq!(bench.now_us - before_us, 6_000_000);
}

#[test]
fn late_answers_do_not_count_as_silence() {
    let mut resync = Resync::new(0);
    assert_eq!(resync.outgoing(0), Some(&b" ATI\r"[..]));
    assert_eq!(resync.outgoing(0), None);
    resync.receive(100_000, b"NO DATA\r\r>ELM3");
    resync.receive(200_000, b"27 v1.5\r\r>");
    assert_eq!(resync.poll(400_000), Synced::Working);
    resync.receive(450_000, b"late\r\r>");
    assert_eq!(resync.poll(749_999), Synced::Working);
    assert_eq!(resync.poll(750_000), Synced::Ready);
    assert_eq!(resync.deadline_us(), None);
}

#[test]
fn a_line_that_is_never_quiet_is_given_up() {
    let mut resync = Resync::new(0);
    resync.outgoing(0);
    for at in 1..200 {
        resync.receive(at * 100_000, b"ELM327 v1.5\r\r>");
        assert_eq!(resync.poll(at * 100_000), Synced::Working);
    }
    assert_eq!(resync.poll(20_000_000), Synced::Dead);
}

#[test]
fn half_a_banner_is_asked_for_again() {
    let mut resync = Resync::new(0);
    resync.outgoing(0);
    resync.receive(10, b"ELM327 v");
    assert_eq!(resync.poll(300_010), Synced::Working);
    assert!(resync.outgoing(300_010).is_some());
    resync.receive(300_020, b"ELM327 v1.5\r\r>");
    assert_eq!(resync.poll(700_000), Synced::Ready);
}

#[test]
fn random_answers_neither_panic_nor_grow() {
    const WORDS: [&str; 24] = [
        "41",
        " ",
        "\r",
        "\n",
        ">",
        "7E8 ",
        "10 14 ",
        "21 ",
        "014",
        "0:",
        "1:",
        "NO DATA",
        "SEARCHING...",
        "<DATA ERROR",
        "BUS INIT: ",
        "...",
        "ERR",
        "94",
        "\0",
        "?",
        "18DAF110",
        "OK",
        "BUFFER FULL",
        "\u{7f}",
    ];
    let mut random = Xorshift(0x5EED_0001);
    for _ in 0..120_000 {
        let mut answer = Answer::to(WORDS[random.below(WORDS.len())]);
        let mut resync = Resync::new(0);
        resync.outgoing(0);
        for _ in 0..random.below(24) {
            let raw = [random.byte(), random.byte()];
            let bytes = if random.below(5) == 0 { &raw[..] } else { WORDS[random.below(WORDS.len())].as_bytes() };
            let used = answer.feed(bytes);
            assert!(used.is_none_or(|used| used <= bytes.len()));
            resync.receive(random.next() % 1_000_000, bytes);
            resync.poll(random.next() % 4_000_000);
        }
        if let Ok(reply) = answer.reply() {
            assert!(!reply.lines.is_empty());
            _ = reply.frames();
            for shape in [Shape::Bare, Shape::Headers, Shape::Assembled] {
                for message in reply.messages(shape).unwrap_or_default() {
                    assert!(message.bytes.len() <= 4_095);
                }
            }
        }
    }
}
