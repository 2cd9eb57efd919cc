//! Any stream: each message takes some of it, and a frame that is read is written as one that means the same.
#![no_main]

use headlock_wire::socketcand::{Command, Event, LONGEST, encode_frame, encode_send, message};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    let mut room = [0; LONGEST];
    while let Ok(Some((text, taken))) = message(rest) {
        assert!((2..=rest.len()).contains(&taken));
        rest = &rest[taken..];
        if let Ok(Command::Send(frame)) = Command::decode(text) {
            let written = encode_send(&frame, &mut room).expect("room for any frame");
            let (again, _) = message(&room[..written]).expect("a message").expect("a whole one");
            assert_eq!(Command::decode(again), Ok(Command::Send(frame)));
        }
        if let Ok(Event::Frame(frame)) = Event::decode(text) {
            let written = encode_frame(&frame, 0, &mut room).expect("room for any frame");
            let (again, _) = message(&room[..written]).expect("a message").expect("a whole one");
            assert_eq!(Event::decode(again), Ok(Event::Frame(frame)));
        }
    }
});
