//! SLCAN against the lines of LAWICEL's manual, and round trips.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod part;

use embedded_can::{ExtendedId, Id, StandardId};
use headlock_wire::NoRoom;
use headlock_wire::can::{CanFrame, extended, standard};
use headlock_wire::slcan::{Command, LONGEST_LINE, NoCommand, encode, frame};
use part::{CASES, check, hex};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

fn can(id: Id, bytes: &str) -> CanFrame {
    CanFrame::new(id, &hex(bytes)).unwrap()
}

#[test]
fn commands_are_those_of_the_manual() {
    for (line, expected) in [
        ("", Command::Empty),
        ("S0", Command::Bitrate(0)),
        ("S6", Command::Bitrate(6)),
        ("S8", Command::Bitrate(8)),
        ("s031C", Command::BitTiming),
        ("O", Command::Open),
        ("L", Command::ListenOnly),
        ("C", Command::Close),
        ("V", Command::Version),
        ("v", Command::Version),
        ("N", Command::SerialNumber),
        ("F", Command::Status),
        ("Z0", Command::TimeStamps(false)),
        ("Z1", Command::TimeStamps(true)),
        ("M00000000", Command::Filter),
        ("mFFFFFFFF", Command::Filter),
        ("t10021133", Command::Transmit(can(standard(0x100), "11 33"))),
        ("t0200", Command::Transmit(can(standard(0x020), ""))),
        ("t7E0803 22F19000000000".replace(' ', "").leak(), Command::Transmit(can(standard(0x7E0), "0322F19000000000"))),
        ("T00000100 2 1133".replace(' ', "").leak(), Command::Transmit(can(extended(0x100), "11 33"))),
        ("T18da10f1 2 aaBB".replace(' ', "").leak(), Command::Transmit(can(extended(0x18DA_10F1), "AA BB"))),
        ("r1002", Command::TransmitRemote),
        ("R000001008", Command::TransmitRemote),
    ] {
        assert_eq!(Command::decode(line.as_bytes()), Ok(expected), "{line}");
    }
}

#[test]
fn lines_that_are_no_command_are_refused() {
    for line in [
        "S",
        "S9",
        "S66",
        "s",
        "O1",
        "C ",
        "L0",
        "V1",
        "N0",
        "F0",
        "Z",
        "Z2",
        "Z10",
        "M",
        "m",
        "X",
        " ",
        "o",
        "\n",
        "t",
        "t1",
        "t100",
        "t1002",
        "t100211",
        "t1002113",
        "t10021133FF",
        "t100211330",
        "t1009112233445566778899",
        "t8000",
        "tFFF0",
        "t10G0",
        "t1001GG",
        "t1001+1",
        "t+100",
        "T",
        "T1002",
        "T200000000",
        "TFFFFFFFF0",
        "T0000010021133FF",
        "r",
        "r1",
        "rxyz",
        "r100",
        "r1009",
        "r10021133",
        "r8000",
        "R",
        "R1002",
        "R200000000",
        "\u{e9}",
    ] {
        assert_eq!(Command::decode(line.as_bytes()), Err(NoCommand), "{line:?}");
    }
}

#[test]
fn frames_of_an_adapter_may_have_a_time_stamp() {
    let line = b"t7E8 2 027E 1A2B".iter().copied().filter(|byte| *byte != b' ').collect::<Vec<_>>();
    assert_eq!(frame(&line), Some((can(standard(0x7E8), "02 7E"), &b"1A2B"[..])));
    assert_eq!(frame(b"t7E80"), Some((can(standard(0x7E8), ""), &b""[..])));
    // What an adapter says besides: that it sent something, versions, and remote frames.
    for line in [&b"z"[..], b"Z", b"V1013", b"NA123", b"F00", b"r7E80", b"R000007E80", b"", b"\x07"] {
        assert_eq!(frame(line), None);
    }
}

#[test]
fn frames_are_written_as_the_manual_says() {
    let mut room = [0; LONGEST_LINE + 1];
    let written = encode(&can(standard(0x20), "0A"), None, &mut room).unwrap();
    assert_eq!(&room[..written], b"t02010A\r");
    let written = encode(&can(extended(0x18DB_33F1), "3E80"), Some(0xEA5F), &mut room).unwrap();
    assert_eq!(&room[..written], b"T18DB33F123E80EA5F\r");
}

#[test]
fn the_longest_line_is_as_long_as_it_says() {
    let longest = can(extended(0x1FFF_FFFF), "0011223344556677");
    let mut room = [0; LONGEST_LINE + 1];
    assert_eq!(encode(&longest, Some(59_999), &mut room), Ok(LONGEST_LINE + 1));
    assert_eq!(room[..], b"T1FFFFFFF80011223344556677EA5F\r"[..]);
    for short in 0..=LONGEST_LINE {
        assert_eq!(encode(&longest, Some(59_999), &mut room[..short]), Err(NoRoom));
    }
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
    check(CASES, (frames(), any::<Option<u16>>()), |(original, stamp)| {
        let mut room = [0; LONGEST_LINE + 1];
        let written = encode(&original, stamp, &mut room).unwrap();
        prop_assert_eq!(room[written - 1], b'\r');
        let stamp = stamp.map_or_else(String::new, |stamp| format!("{stamp:04X}"));
        prop_assert_eq!(frame(&room[..written - 1]), Some((original, stamp.as_bytes())));
        let command = Command::decode(&room[..written - 1]);
        prop_assert_eq!(command, if stamp.is_empty() { Ok(Command::Transmit(original)) } else { Err(NoCommand) });
        Ok(())
    });
}

#[test]
fn a_frame_that_is_read_is_written_as_the_same_line() {
    let first = select(b"tTrRSsOLCVNFZMm".to_vec());
    let rest = vec(prop_oneof![30 => select(b"0123456789ABCDEF".to_vec()), 1 => any::<u8>()], 0..27);
    check(CASES, (first, rest, 0..=8_u8), |(first, rest, length)| {
        let mut line = vec![first];
        line.extend(rest);
        // Often enough, the length that it has.
        let head = if first == b't' { 4 } else { 9 };
        if line.len() > head && first | 0x20 == b't' {
            line[head] = b'0' + length;
            line.truncate(head + 1 + 2 * usize::from(length));
        }
        if let Ok(Command::Transmit(read)) = Command::decode(&line) {
            let mut room = [0; LONGEST_LINE + 1];
            let written = encode(&read, None, &mut room).unwrap();
            prop_assert!(room[..written - 1].eq_ignore_ascii_case(&line), "{}", line.escape_ascii());
        }
        Ok(())
    });
}

#[test]
fn no_bytes_make_it_panic() {
    check(CASES, vec(any::<u8>(), 0..40), |line| {
        let _ = (Command::decode(&line), frame(&line));
        Ok(())
    });
}
