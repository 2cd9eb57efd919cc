//! Socketcand against the messages of its protocol description, and round trips.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod part;

use embedded_can::{ExtendedId, Id, StandardId};
use headlock_wire::NoRoom;
use headlock_wire::can::{CanFrame, extended, standard};
use headlock_wire::socketcand::{Command, Event, LONGEST, Malformed, encode_frame, encode_send, message};
use part::{CASES, check, hex};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

fn can(id: Id, bytes: &str) -> CanFrame {
    CanFrame::new(id, &hex(bytes)).unwrap()
}

#[test]
fn what_a_client_says_is_read() {
    for (text, expected) in [
        ("open can0", Command::Open("can0")),
        ("open  vcan1 ", Command::Open("vcan1")),
        ("rawmode", Command::RawMode),
        ("bcmmode", Command::BcmMode),
        ("echo", Command::Echo),
        ("send 123 0", Command::Send(can(standard(0x123), ""))),
        ("send 123 0 ", Command::Send(can(standard(0x123), ""))),
        ("send 7E0 3 02 3E 00", Command::Send(can(standard(0x7E0), "02 3E 00"))),
        ("send 7e0 8 2 3e 0 0 0 0 0 a", Command::Send(can(standard(0x7E0), "02 3E 00 00 00 00 00 0A"))),
        ("send 1 1 FF", Command::Send(can(standard(1), "FF"))),
        ("send 18DA10F1 2 11 22", Command::Send(can(extended(0x18DA_10F1), "11 22"))),
        ("send 000007E0 1 11", Command::Send(can(extended(0x7E0), "11"))),
        ("add 1 0 123 8 11 22 33 44 55 66 77 88", Command::Other("add 1 0 123 8 11 22 33 44 55 66 77 88")),
        ("controlmode", Command::Other("controlmode")),
        ("", Command::Other("")),
        ("sender", Command::Other("sender")),
    ] {
        assert_eq!(Command::decode(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_a_server_says_is_read() {
    for (text, expected) in [
        ("hi", Event::Hi),
        ("ok", Event::Ok),
        ("echo", Event::Echo),
        ("error could not open bus", Event::Error("could not open bus")),
        // Bytes together in raw mode, and apart in the mode of subscriptions.
        ("frame 123 23.424242 11223344", Event::Frame(can(standard(0x123), "11223344"))),
        ("frame 123 23.424242 11 22 33 44", Event::Frame(can(standard(0x123), "11223344"))),
        ("frame 7E8 1.000000 ", Event::Frame(can(standard(0x7E8), ""))),
        ("frame 18DAF110 1700000000.000001 027E00", Event::Frame(can(extended(0x18DA_F110), "027E00"))),
        ("stat 17 17 72 72", Event::Other("stat 17 17 72 72")),
    ] {
        assert_eq!(Event::decode(text), Ok(expected), "{text}");
    }
}

#[test]
fn frames_that_are_none_are_refused() {
    for text in [
        "send",
        "send 123",
        "send 123 x",
        "send 123 9 1 2 3 4 5 6 7 8 9",
        "send 123 2 11",
        "send 123 1 11 22",
        "send 123 1 100",
        "send 123 1 GG",
        "send 800 0",
        "send FFF 0",
        "send 1234 0",
        "send 20000000 0",
        "send +12 0",
        "send 123 +1 11",
        "send 123 1 +1",
        "send 123 1 -1",
        "send +18DA10F 0",
        "send 123 1 001",
    ] {
        assert_eq!(Command::decode(text), Err(Malformed::Frame), "{text}");
    }
    for text in [
        "frame",
        "frame 123",
        "frame 123 x 11",
        "frame 123 1.0 1",
        "frame 123 1.0 112",
        "frame 123 1.0 +1",
        "frame 123 1.0 112233445566778899",
        "frame 800 1.0 11",
        "frame +12 1.0 11",
        "frame 123 NaN 11",
        "frame 123 inf 11",
        "frame 123 -1.0 11",
        "frame 123 1e9 11",
        "frame 123 1.0 é1",
        "frame 123 1.2.3 11",
        "frame 123 . 11",
    ] {
        assert_eq!(Event::decode(text), Err(Malformed::Frame), "{text}");
    }
}

#[test]
fn messages_are_cut_out_of_a_stream() {
    assert_eq!(message(b""), Ok(None));
    assert_eq!(message(b"  \r\n"), Ok(None));
    assert_eq!(message(b"< hi"), Ok(None));
    assert_eq!(message(b"< hi >"), Ok(Some(("hi", 6))));
    assert_eq!(message(b"< hi >< ok >"), Ok(Some(("hi", 6))));
    assert_eq!(message(b" \n< ok ><"), Ok(Some(("ok", 8))));
    assert_eq!(message(b"<>"), Ok(Some(("", 2))));
    assert_eq!(message(b"hi >"), Err(Malformed::NoBracket));
    assert_eq!(message(b"> < hi >"), Err(Malformed::NoBracket));
    assert_eq!(message(b"< \xFF >"), Err(Malformed::NoText));
    let longest = format!("<{}>", "x".repeat(LONGEST - 2));
    assert_eq!(message(longest.as_bytes()), Ok(Some((&longest[1..LONGEST - 1], LONGEST))));
    assert_eq!(message(&longest.as_bytes()[..LONGEST - 1]), Ok(None));
    let too_long = format!("<{}>", "x".repeat(LONGEST - 1));
    assert_eq!(message(too_long.as_bytes()), Err(Malformed::TooLong));
}

#[test]
fn frames_are_written_as_socketcand_writes_them() {
    let mut room = [0; 64];
    let written = encode_frame(&can(standard(0x7E8), "027E00"), 1_000_000, &mut room).unwrap();
    assert_eq!(&room[..written], b"< frame 7E8 1.000000 027E00 >");
    let written = encode_frame(&can(extended(0x18DA_F110), ""), 23_000_042, &mut room).unwrap();
    assert_eq!(&room[..written], b"< frame 18DAF110 23.000042  >");
    let written = encode_send(&can(standard(0x7E0), "023E00"), &mut room).unwrap();
    assert_eq!(&room[..written], b"< send 7E0 3 02 3E 00 >");
    let written = encode_send(&can(standard(1), ""), &mut room).unwrap();
    assert_eq!(&room[..written], b"< send 001 0 >");
}

fn frames() -> impl Strategy<Value = CanFrame> {
    (any::<bool>(), 0..1_u32 << 29, vec(any::<u8>(), 0..=8)).prop_map(|(long, raw, data)| {
        let short = StandardId::new(u16::try_from(raw % 0x800).unwrap()).unwrap();
        let id = if long { Id::Extended(ExtendedId::new(raw).unwrap()) } else { Id::Standard(short) };
        CanFrame::new(id, &data).unwrap()
    })
}

#[test]
fn a_frame_that_is_written_is_read_as_the_same_frame() {
    check(CASES, (frames(), any::<u64>()), |(frame, now_us)| {
        let mut room = [0; LONGEST];
        let written = encode_frame(&frame, now_us, &mut room).unwrap();
        let (text, taken) = message(&room[..written]).unwrap().unwrap();
        prop_assert_eq!((Event::decode(text), taken), (Ok(Event::Frame(frame)), written));
        for short in [0, 1, written / 2, written - 1] {
            prop_assert_eq!(encode_frame(&frame, now_us, &mut [0; LONGEST][..short]), Err(NoRoom));
        }
        let written = encode_send(&frame, &mut room).unwrap();
        let (text, taken) = message(&room[..written]).unwrap().unwrap();
        prop_assert_eq!((Command::decode(text), taken), (Ok(Command::Send(frame)), written));
        for short in [0, 1, written / 2, written - 1] {
            prop_assert_eq!(encode_send(&frame, &mut [0; LONGEST][..short]), Err(NoRoom));
        }
        Ok(())
    });
}

/// Words that messages are made of, and some that they are not.
fn text() -> impl Strategy<Value = String> {
    let words = [
        "send", "frame", "open", "echo", "ok", "hi", "error", "123", "7E8", "18DAF110", "0", "1", "2", "3", "8",
        "1.000000", "11", "AB", "1122", "+1", "", "é", "GG",
    ];
    let free = vec(any::<char>(), 0..4).prop_map(|chars| chars.into_iter().collect::<String>());
    let word = prop_oneof![12 => select(words.to_vec()).prop_map(str::to_owned), 1 => free];
    vec(word, 0..12).prop_map(|words| words.join(" "))
}

#[test]
fn a_message_that_is_read_is_written_as_the_same_words() {
    check(CASES, text(), |text| {
        let mut room = [0; LONGEST];
        if let Ok(Command::Send(frame)) = Command::decode(&text) {
            let written = encode_send(&frame, &mut room).unwrap();
            let (again, _) = message(&room[..written]).unwrap().unwrap();
            let numbers = |text: &str| -> Vec<u32> {
                text.split_whitespace().skip(1).map(|word| u32::from_str_radix(word, 16).unwrap()).collect()
            };
            prop_assert_eq!(numbers(again), numbers(&text));
        }
        if let Ok(Event::Frame(frame)) = Event::decode(&text) {
            let written = encode_frame(&frame, 1_000_000, &mut room).unwrap();
            let (again, _) = message(&room[..written]).unwrap().unwrap();
            prop_assert_eq!(Event::decode(again), Ok(Event::Frame(frame)));
        }
        Ok(())
    });
}

#[test]
fn no_bytes_make_it_panic_and_every_message_takes_some() {
    let byte = prop_oneof![1 => select(b"< > \r\n".to_vec()), 2 => any::<u8>()];
    check(CASES, vec(byte, 0..300), |bytes| {
        let mut rest = &bytes[..];
        while let Ok(Some((text, taken))) = message(rest) {
            let _ = (Command::decode(text), Event::decode(text));
            prop_assert!((2..=rest.len()).contains(&taken));
            rest = &rest[taken..];
        }
        Ok(())
    });
}
