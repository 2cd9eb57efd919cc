//! Any line: a frame that is read is written as the same line.
#![no_main]

use headlock_wire::slcan::{Command, LONGEST_LINE, encode, frame};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    let mut room = [0; LONGEST_LINE + 1];
    if let Some((read, rest)) = frame(line) {
        let written = encode(&read, None, &mut room).expect("room for any frame");
        assert!(line[..line.len() - rest.len()].eq_ignore_ascii_case(&room[..written - 1]));
        assert_eq!(frame(&room[..written - 1]), Some((read, &[][..])));
    }
    if let Ok(Command::Transmit(sent)) = Command::decode(line) {
        assert_eq!(frame(line), Some((sent, &[][..])));
    }
});
