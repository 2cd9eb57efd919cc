//! ISO-TP against the standard's bytes and times, over a bus that loses frames, and against other crates.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::cast_possible_truncation, reason = "the low bits are meant")]

mod part;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headlock_wire::can::{CanFrame, standard};
use headlock_wire::isotp::{
    Flow, FlowControl, Framing, Payload, Pci, ReceiveError, Received, Receiver, SendError, Sender, Sent, TIMEOUT_US,
    st_min_byte, st_min_us,
};
use part::{CASES, check, hex};
use proptest::collection::vec;
use proptest::prelude::*;

const BARE: Framing = Framing { address: None, pad: None };
const EXTENDED: Framing = Framing { address: Some(0xF1), pad: Some(0xCC) };

fn frame(framing: Framing, bytes: &str, expected: Pci<'_>) {
    let bytes = hex(bytes);
    assert_eq!(Pci::decode(framing, &bytes), Some(expected), "{bytes:02X?}");
}

/// A message that says where each of its bytes stands.
fn message(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|at| (at / 251) as u8 ^ (at as u8).wrapping_mul(31) ^ seed).collect()
}

fn clear_to_send(block_size: u8, st_min: u8) -> [u8; 3] {
    [0x30, block_size, st_min]
}

#[test]
fn frames_are_the_bytes_of_the_standard() {
    let single = Pci::Single(&[0x22, 0xF1, 0x90]);
    assert_eq!(single.encode(Framing::NORMAL).bytes(), hex("03 22 F1 90 00 00 00 00"));
    assert_eq!(single.encode(BARE).bytes(), hex("03 22 F1 90"));
    assert_eq!(single.encode(EXTENDED).bytes(), hex("F1 03 22 F1 90 CC CC CC"));
    frame(Framing::NORMAL, "03 22 F1 90 55 55 55 55", single);
    frame(Framing::NORMAL, "03 22 F1 90", single);
    frame(EXTENDED, "F1 03 22 F1 90", single);
    let first = Pci::First { length: 0x014, data: &[1, 2, 3, 4, 5, 6] };
    assert_eq!(first.encode(BARE).bytes(), hex("10 14 01 02 03 04 05 06"));
    frame(BARE, "10 14 01 02 03 04 05 06", first);
    let longest = Pci::First { length: 4_095, data: &[1, 2, 3, 4, 5, 6] };
    assert_eq!(longest.encode(BARE).bytes(), hex("1F FF 01 02 03 04 05 06"));
    frame(BARE, "1F FF 01 02 03 04 05 06", longest);
    let escaped = Pci::First { length: 4_096, data: &[1, 2] };
    assert_eq!(escaped.encode(BARE).bytes(), hex("10 00 00 00 10 00 01 02"));
    frame(BARE, "10 00 00 00 10 00 01 02", escaped);
    frame(BARE, "10 00 FF FF FF FF 01 02", Pci::First { length: u32::MAX, data: &[1, 2] });
    frame(EXTENDED, "F1 10 00 00 00 10 00 01", Pci::First { length: 4_096, data: &[1] });
    frame(EXTENDED, "F1 10 07 01 02 03 04 05", Pci::First { length: 7, data: &[1, 2, 3, 4, 5] });
    frame(BARE, "2F 01 02", Pci::Consecutive { index: 15, data: &[1, 2] });
    let flow = |flow, block_size, st_min_us| Pci::FlowControl(FlowControl { flow, block_size, st_min_us });
    frame(BARE, "30 00 00", flow(Flow::ContinueToSend, 0, 0));
    frame(BARE, "30 08 14 AA AA", flow(Flow::ContinueToSend, 8, 20_000));
    frame(BARE, "31 00 00", flow(Flow::Wait, 0, 0));
    frame(BARE, "32 00 F1", flow(Flow::Overflow, 0, 100));
    assert_eq!(flow(Flow::ContinueToSend, 8, 20_000).encode(Framing::NORMAL).bytes(), hex("30 08 14 00 00 00 00 00"));
    assert_eq!(flow(Flow::Overflow, 0, 900).encode(EXTENDED).bytes(), hex("F1 32 00 F9 CC CC CC CC"));
}

#[test]
fn frames_that_are_short_of_what_they_say_are_ignored() {
    // ISO 15765-2, 9.6.2.2 and 9.6.3.2: lengths that a single or a first frame cannot have.
    let ignored = [
        "",
        "00",
        "00 11 22 33 44 55 66 77",
        "03 22 F1",
        "07 01 02 03 04 05 06",
        "08 01 02 03 04 05 06 07",
        "0F 01 02 03 04 05 06 07",
        "10",
        "10 14",
        "10 14 01 02 03 04 05",
        "10 07 01 02 03 04 05 06",
        "10 01 01 02 03 04 05 06",
        "10 00 00 00 0F FF 01 02",
        "10 00 00 00 00 00 01 02",
        "10 00 00 00 10 00 01",
        "20",
        "30",
        "30 00",
        "40 00 00",
        "5A 01 02 03 04 05 06 07",
        "F1 03 22 F1 90",
    ];
    for bytes in ignored {
        assert_eq!(Pci::decode(BARE, &hex(bytes)), None, "{bytes}");
    }
    let ignored = [
        "",
        "F1",
        "F0 03 22 F1 90",
        "03 22 F1 90",
        "F1 00",
        "F1 07 01 02 03 04 05 06",
        "F1 10 06 01 02 03 04 05",
        "F1 10 14 01 02 03 04",
        "F1 20",
        "F1 30 00",
    ];
    for bytes in ignored {
        assert_eq!(Pci::decode(EXTENDED, &hex(bytes)), None, "{bytes}");
    }
    // More than a classic frame has: no single frame reaches beyond its seventh byte.
    assert_eq!(Pci::decode(BARE, &hex("0A 01 02 03 04 05 06 07 08 09 0A")), None);
}

#[test]
fn separation_times_are_the_standards_and_reserved_ones_are_the_longest() {
    for byte in 0..=255_u8 {
        // ISO 15765-2, 9.6.5.4, and 9.6.5.5 for what is reserved.
        let expected = match byte {
            0..=0x7F => u32::from(byte) * 1_000,
            0xF1 => 100,
            0xF2 => 200,
            0xF3 => 300,
            0xF4 => 400,
            0xF5 => 500,
            0xF6 => 600,
            0xF7 => 700,
            0xF8 => 800,
            0xF9 => 900,
            _ => 127_000,
        };
        assert_eq!(st_min_us(byte), expected, "{byte:02X}");
        if byte < 0x80 || (0xF1..=0xF9).contains(&byte) {
            assert_eq!(st_min_byte(expected), byte);
        }
    }
    for us in 0..200_000 {
        let told = st_min_us(st_min_byte(us));
        assert!(told >= us.min(127_000), "{us}");
        assert!(told - us.min(127_000) < if us <= 900 { 100 } else { 1_000 }, "{us}");
        let theirs = automotive::transports::isotp::duration_to_stmin_byte(Duration::from_micros(us.into()));
        assert_eq!(st_min_byte(us), theirs, "{us}");
    }
    assert_eq!(st_min_byte(u32::MAX), 0x7F);
}

fn last(sent: Sent) -> (Payload, bool) {
    match sent {
        Sent::Frame(payload) => (payload, false),
        Sent::Last(payload) => (payload, true),
        Sent::Nothing => panic!("nothing is due"),
    }
}

#[test]
fn a_vin_goes_as_the_standard_shows_it() {
    let vin = [&hex("62 F1 90")[..], b"WVWZZZ1KZAW000001"].concat();
    let mut sender = Sender::new(Framing { address: None, pad: Some(0xAA) });
    assert_eq!(sender.start(0, &vin).unwrap().bytes(), hex("10 14 62 F1 90 57 56 57"));
    assert_eq!(sender.poll(10), Ok(Sent::Nothing));
    sender.frame(20, &clear_to_send(0, 0)).unwrap();
    let (payload, is_last) = last(sender.poll(20).unwrap());
    assert_eq!((payload.bytes(), is_last), (&hex("21 5A 5A 5A 31 4B 5A 41")[..], false));
    let (payload, is_last) = last(sender.poll(20).unwrap());
    assert_eq!((payload.bytes(), is_last), (&hex("22 57 30 30 30 30 30 31")[..], true));
    assert!(sender.is_idle());
    assert_eq!(sender.deadline_us(), None);
    let mut receiver = Receiver::new(Framing::NORMAL, [0; 20]);
    let Received::Reply(reply) = receiver.frame(0, &hex("10 14 62 F1 90 57 56 57")) else { panic!() };
    assert_eq!(reply.bytes(), hex("30 00 00 00 00 00 00 00"));
    assert_eq!(receiver.frame(1, &hex("21 5A 5A 5A 31 4B 5A 41")), Received::Nothing);
    assert_eq!(receiver.frame(2, &hex("22 57 30 30 30 30 30 31")), Received::Message(&vin));
    assert_eq!(receiver.deadline_us(), None);
}

#[test]
fn the_index_counts_from_1_and_wraps_from_2f_to_20() {
    let message = message(6 + 7 * 40, 0);
    let mut sender = Sender::new(BARE);
    sender.start(0, &message).unwrap();
    sender.frame(0, &clear_to_send(0, 0)).unwrap();
    for count in 1..=40_u8 {
        let (payload, _) = last(sender.poll(0).unwrap());
        assert_eq!(payload.bytes()[0], 0x20 | (count % 16));
    }
    assert!(sender.is_idle());
}

#[test]
fn single_frames_need_no_answer_and_leave_nothing_behind() {
    for framing in [BARE, Framing::NORMAL, EXTENDED] {
        let most = if framing.address.is_some() { 6 } else { 7 };
        for length in 1..=most {
            let mut sender = Sender::new(framing);
            let message = message(length, 3);
            let payload = sender.start(0, message.as_slice()).unwrap();
            assert!(sender.is_idle());
            let mut receiver = Receiver::new(framing, [0; 8]);
            assert_eq!(receiver.frame(0, payload.bytes()), Received::Message(&message));
        }
        let mut sender = Sender::new(framing);
        let message = message(most + 1, 3);
        sender.start(0, message.as_slice()).unwrap();
        assert!(!sender.is_idle());
        assert_eq!(sender.start(0, message.as_slice()), Err(SendError::Busy));
    }
    assert_eq!(Sender::new(BARE).start(0, &[]), Err(SendError::Length));
}

fn sending(now_us: u64) -> Sender<Vec<u8>> {
    let mut sender = Sender::new(BARE);
    sender.start(now_us, message(50, 1)).unwrap();
    sender
}

#[test]
fn a_sender_gives_up_when_no_flow_control_comes_for_a_second() {
    let mut sender = sending(5);
    assert_eq!(sender.poll(5 + TIMEOUT_US), Ok(Sent::Nothing));
    let due = sender.deadline_us().unwrap();
    assert_eq!(due, 5 + TIMEOUT_US + 1);
    assert_eq!(sender.poll(due), Err(SendError::TimedOut));
    assert!(sender.is_idle());
    let mut sender = sending(5);
    assert_eq!(sender.frame(6 + TIMEOUT_US, &clear_to_send(0, 0)), Err(SendError::TimedOut));
    // And after a block.
    let mut sender = sending(0);
    sender.frame(TIMEOUT_US, &clear_to_send(1, 0)).unwrap();
    assert!(matches!(sender.poll(TIMEOUT_US), Ok(Sent::Frame(_))));
    assert_eq!(sender.poll(2 * TIMEOUT_US), Ok(Sent::Nothing));
    assert_eq!(sender.poll(2 * TIMEOUT_US + 1), Err(SendError::TimedOut));
    // A message may follow.
    assert!(sender.start(0, message(50, 1)).is_ok());
}

#[test]
fn a_wait_starts_the_second_again_and_ten_in_a_row_are_the_most() {
    let mut sender = sending(0);
    for count in 1..=10 {
        assert_eq!(sender.frame(count * TIMEOUT_US, &hex("31 00 00")), Ok(()), "{count}");
        assert_eq!(sender.poll(count * TIMEOUT_US), Ok(Sent::Nothing));
    }
    assert_eq!(sender.frame(10 * TIMEOUT_US, &hex("31 00 00")), Err(SendError::TooManyWaits));
    assert!(sender.is_idle());
    let mut sender = sending(0);
    for _ in 0..10 {
        sender.frame(0, &hex("31 00 00")).unwrap();
    }
    sender.frame(0, &clear_to_send(1, 0)).unwrap();
    sender.poll(0).unwrap();
    // Only waits in a row count.
    assert_eq!(sender.frame(0, &hex("31 00 00")), Ok(()));
}

#[test]
fn an_overflow_and_a_flow_status_that_is_reserved_end_the_message() {
    assert_eq!(sending(0).frame(0, &hex("32 00 00")), Err(SendError::Overflow));
    // ISO 15765-2, 9.6.5.3: N_INVALID_FS.
    for status in 3..=15 {
        let mut sender = sending(0);
        assert_eq!(sender.frame(0, &[0x30 | status, 0, 0]), Err(SendError::InvalidFlow), "{status}");
        assert!(sender.is_idle());
    }
    // One that is cut off says nothing.
    assert_eq!(sending(0).frame(0, &hex("3F 00")), Ok(()));
}

#[test]
fn flow_controls_that_nobody_waits_for_change_nothing() {
    let mut sender = Sender::<Vec<u8>>::new(BARE);
    assert_eq!(sender.frame(0, &hex("32 00 00")), Ok(()));
    let mut sender = sending(0);
    sender.frame(0, &clear_to_send(0, 10)).unwrap();
    assert!(matches!(sender.poll(0), Ok(Sent::Frame(_))));
    assert_eq!(sender.frame(1, &hex("32 00 00")), Ok(()));
    assert_eq!(sender.frame(1, &clear_to_send(0, 0)), Ok(()));
    assert_eq!(sender.poll(9_999), Ok(Sent::Nothing));
    assert_eq!(sender.deadline_us(), Some(10_000));
    assert!(matches!(sender.poll(10_000), Ok(Sent::Frame(_))));
    // Nor do frames that are none, or of another kind.
    let mut sender = sending(0);
    for bytes in ["", "30", "21 00", "03 22 F1 90", "10 14 01 02 03 04 05 06"] {
        assert_eq!(sender.frame(0, &hex(bytes)), Ok(()));
    }
    assert_eq!(sender.poll(0), Ok(Sent::Nothing));
}

#[test]
fn the_separation_time_of_the_last_flow_control_counts() {
    let mut sender = sending(0);
    sender.frame(0, &clear_to_send(2, 0xF5)).unwrap();
    assert!(matches!(sender.poll(0), Ok(Sent::Frame(_))));
    assert_eq!(sender.poll(499), Ok(Sent::Nothing));
    assert!(matches!(sender.poll(500), Ok(Sent::Frame(_))));
    sender.frame(600, &clear_to_send(0, 0x80)).unwrap();
    assert!(matches!(sender.poll(600), Ok(Sent::Frame(_))));
    assert_eq!(sender.poll(127_599), Ok(Sent::Nothing));
    assert!(matches!(sender.poll(127_600), Ok(Sent::Frame(_))));
}

const FIRST: &str = "10 1E 01 02 03 04 05 06";

#[test]
fn a_receiver_gives_up_when_no_frame_comes_for_a_second() {
    // After the first frame, after a consecutive one, and after the flow control of a block.
    for frames in 0..=2_u64 {
        let mut receiver = Receiver::new(BARE, [0; 64]).with_flow(2, 0);
        let Received::Reply(_) = receiver.frame(0, &hex(FIRST)) else { panic!() };
        for at in 1..=frames {
            let led = receiver.frame(at, &[0x20 | at as u8, 0, 0, 0, 0, 0, 0, 0]);
            assert_eq!(matches!(led, Received::Reply(_)), at == 2);
        }
        let mut late = receiver.clone();
        assert_eq!(receiver.poll(frames + TIMEOUT_US), Ok(()));
        let due = receiver.deadline_us().unwrap();
        assert_eq!(due, frames + TIMEOUT_US + 1);
        assert_eq!(receiver.poll(due), Err(ReceiveError::TimedOut));
        assert_eq!(receiver.poll(due), Ok(()));
        assert_eq!(receiver.deadline_us(), None);
        let next = [0x21 + frames as u8, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(late.frame(due, &next), Received::Failed(ReceiveError::TimedOut));
        assert_eq!(late.frame(due, &next), Received::Nothing);
    }
}

#[test]
fn deadlines_at_the_end_of_time_do_not_panic() {
    let mut sender = sending(u64::MAX);
    assert!(sender.deadline_us().is_some());
    assert_eq!(sender.poll(u64::MAX), Ok(Sent::Nothing));
    let mut receiver = Receiver::new(BARE, [0; 64]);
    assert!(matches!(receiver.frame(u64::MAX, &hex(FIRST)), Received::Reply(_)));
    assert!(receiver.deadline_us().is_some());
    assert_eq!(receiver.poll(u64::MAX), Ok(()));
}

#[test]
fn a_wrong_index_ends_the_message() {
    for index in (0..=15).filter(|index| *index != 1) {
        let mut receiver = Receiver::new(BARE, [0; 64]);
        receiver.frame(0, &hex(FIRST));
        let next = [0x20 | index, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(receiver.frame(1, &next), Received::Failed(ReceiveError::WrongIndex));
        assert_eq!(receiver.frame(1, &hex("21 00 00 00 00 00 00 00")), Received::Nothing);
    }
}

#[test]
fn a_new_message_ends_an_incomplete_one() {
    let mut receiver = Receiver::new(BARE, [0; 64]);
    receiver.frame(0, &hex(FIRST));
    receiver.frame(0, &hex("21 07 08 09 0A 0B 0C 0D"));
    assert!(matches!(receiver.frame(0, &hex("10 08 F1 F2 F3 F4 F5 F6")), Received::Reply(_)));
    assert_eq!(receiver.frame(0, &hex("21 F7 F8")), Received::Message(&hex("F1 F2 F3 F4 F5 F6 F7 F8")));
    receiver.frame(0, &hex(FIRST));
    assert_eq!(receiver.frame(0, &hex("02 3E 80")), Received::Message(&hex("3E 80")));
    assert_eq!(receiver.frame(0, &hex("21 07 08 09 0A 0B 0C 0D")), Received::Nothing);
    // Else the short message would stand in the long one.
    receiver.frame(0, &hex("10 08 F1 F2 F3 F4 F5 F6"));
    receiver.frame(0, &hex("02 3E 80"));
    assert_eq!(receiver.deadline_us(), None);
    assert_eq!(receiver.frame(0, &hex("21 F7 F8")), Received::Nothing);
}

#[test]
fn a_message_beyond_the_buffer_is_answered_with_an_overflow() {
    let mut receiver = Receiver::new(BARE, [0; 19]).with_flow(3, 500);
    let Received::Reply(reply) = receiver.frame(0, &hex("10 14 01 02 03 04 05 06")) else { panic!() };
    assert_eq!(reply.bytes()[0], 0x32);
    assert_eq!(receiver.frame(0, &hex("21 01 02 03 04 05 06 07")), Received::Nothing);
    let Received::Reply(reply) = receiver.frame(0, &hex("10 00 FF FF FF FF 01 02")) else { panic!() };
    assert_eq!(reply.bytes()[0], 0x32);
    let Received::Reply(reply) = receiver.frame(0, &hex("10 13 01 02 03 04 05 06")) else { panic!() };
    assert_eq!(reply.bytes(), hex("30 03 F5"));
    assert_eq!(Receiver::new(BARE, [0; 2]).frame(0, &hex("03 01 02 03")), Received::Nothing);
}

#[test]
fn frames_that_are_none_do_not_disturb_a_message() {
    let mut receiver = Receiver::new(BARE, [0; 64]);
    receiver.frame(0, &hex("10 10 01 02 03 04 05 06"));
    for bytes in ["", "00", "30 00 00", "32 00 00", "21 07 08", "21", "40 00", "10 05 01 02 03 04 05 06", "09 01"] {
        assert_eq!(receiver.frame(0, &hex(bytes)), Received::Nothing, "{bytes}");
    }
    receiver.frame(0, &hex("21 07 08 09 0A 0B 0C 0D"));
    assert_eq!(receiver.frame(0, &hex("22 0E 0F")), Received::Nothing);
    let whole: Vec<u8> = (1..=16).collect();
    assert_eq!(receiver.frame(0, &hex("22 0E 0F 10")), Received::Message(&whole));
}

/// Carries a whole message over a bus that loses nothing, and answers it with the flow controls that it took.
fn carry(framing: Framing, message: &[u8], block_size: u8, st_min_us: u32, buffer: &mut [u8]) -> usize {
    let mut sender = Sender::new(framing);
    let mut receiver = Receiver::new(framing, buffer).with_flow(block_size, st_min_us);
    let (mut now, mut flows, mut frames) = (0, 0, 0_usize);
    let mut sent = Some(sender.start(now, message).unwrap());
    let mut last_frame = None;
    loop {
        if let Some(payload) = sent.take() {
            match receiver.frame(now, payload.bytes()) {
                Received::Nothing => {}
                Received::Reply(reply) => {
                    assert!(flows == 0 || frames.is_multiple_of(block_size.into()), "a flow control within a block");
                    flows += 1;
                    last_frame = None;
                    sender.frame(now, reply.bytes()).unwrap();
                }
                Received::Message(got) => {
                    assert!(got == message && sender.is_idle(), "{} bytes, {block_size}", message.len());
                    return flows;
                }
                Received::Failed(why) => panic!("{why}"),
            }
        }
        match sender.poll(now).unwrap() {
            Sent::Nothing => now = sender.deadline_us().unwrap(),
            Sent::Frame(payload) | Sent::Last(payload) => {
                assert!(last_frame.is_none_or(|before| now - before >= u64::from(st_min_us)), "too soon");
                (last_frame, frames) = (Some(now), frames + 1);
                sent = Some(payload);
            }
        }
    }
}

#[test]
fn every_length_and_block_size_arrives() {
    let mut buffer = vec![0; 4_095];
    for block_size in 0..=8 {
        let st_min_us = [0, 100, 700, 5_000][usize::from(block_size % 4)];
        for length in 1..=4_095 {
            let framing = [BARE, Framing::NORMAL, EXTENDED][length % 3];
            let each = if framing.address.is_some() { 6 } else { 7 };
            let flows = carry(framing, &message(length, block_size), block_size, st_min_us, &mut buffer);
            let expected = match (length - 1) / each {
                0 => 0,
                _ if block_size == 0 => 1,
                // The first frame has one byte less than the others.
                _ => (length - (each - 1)).div_ceil(each).div_ceil(block_size.into()),
            };
            assert_eq!(flows, expected, "{length} bytes, blocks of {block_size}");
        }
    }
}

#[test]
fn messages_beyond_4095_bytes_arrive() {
    let mut buffer = vec![0; 70_000];
    for framing in [BARE, EXTENDED] {
        for length in [4_096, 4_097, 4_100, 5_000, 65_535, 65_536, 70_000] {
            carry(framing, &message(length, 9), 0, 0, &mut buffer);
            carry(framing, &message(length, 9), 255, 0, &mut buffer);
        }
    }
}

/// What happens to a frame on a bad bus: in how many of 1,000.
#[derive(Clone, Copy, Debug)]
struct Faults {
    lost: u32,
    doubled: u32,
    swapped: u32,
}

fn put(bus: &mut VecDeque<Payload>, payload: Payload, faults: Faults, dice: u32) {
    let dice = dice % 1_000;
    let Faults { lost, doubled, swapped } = faults;
    if dice < lost {
        return;
    }
    bus.push_back(payload);
    if dice < lost + doubled {
        bus.push_back(payload);
    } else if dice < lost + doubled + swapped && bus.len() > 1 {
        let end = bus.len() - 1;
        bus.swap(end, end - 1);
    }
}

/// Sends one message over a bad bus; whatever arrives must be it.
fn survives(sender: &mut Sender<Vec<u8>>, receiver: &mut Receiver<Vec<u8>>, faults: Faults, seed: u64) -> bool {
    let mut state = seed | 1;
    let mut dice = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u32
    };
    let whole = message(1 + dice() as usize % 300, seed as u8);
    let (mut to_receiver, mut to_sender) = (VecDeque::new(), VecDeque::new());
    let mut now = seed % 1_000_000;
    let mut arrived = 0;
    let first = sender.start(now, whole.clone()).unwrap();
    put(&mut to_receiver, first, faults, dice());
    let mut failed = false;
    for _ in 0..5_000 {
        now += 1;
        // Frames pile up now and then, so that they can change places.
        if dice() % 3 > 0
            && let Some(payload) = to_receiver.pop_front()
        {
            match receiver.frame(now, payload.bytes()) {
                Received::Message(got) => {
                    assert_eq!(got, whole, "a wrong message, {faults:?}, {seed}");
                    arrived += 1;
                }
                Received::Reply(reply) => put(&mut to_sender, reply, faults, dice()),
                Received::Nothing | Received::Failed(_) => {}
            }
        }
        if let Some(payload) = to_sender.pop_front()
            && !failed
        {
            failed = sender.frame(now, payload.bytes()).is_err();
        }
        if failed {
            continue;
        }
        match sender.poll(now) {
            Ok(Sent::Frame(payload) | Sent::Last(payload)) => put(&mut to_receiver, payload, faults, dice()),
            Ok(Sent::Nothing) => {}
            Err(_) => failed = true,
        }
        if to_receiver.is_empty() && to_sender.is_empty() {
            // Nothing moves: time passes.
            now = [sender.deadline_us(), receiver.deadline_us()].into_iter().flatten().min().unwrap_or(now).max(now);
            let _ = receiver.poll(now);
            if sender.is_idle() && receiver.deadline_us().is_none() {
                break;
            }
        }
    }
    assert!(sender.is_idle() && receiver.deadline_us().is_none(), "neither ends, {faults:?}, {seed}");
    arrived > 0
}

#[test]
fn a_bad_bus_never_makes_a_wrong_message() {
    let kinds = [
        Faults { lost: 0, doubled: 0, swapped: 0 },
        Faults { lost: 30, doubled: 0, swapped: 0 },
        Faults { lost: 0, doubled: 30, swapped: 0 },
        Faults { lost: 0, doubled: 0, swapped: 30 },
        Faults { lost: 20, doubled: 20, swapped: 20 },
        Faults { lost: 200, doubled: 100, swapped: 100 },
    ];
    for (block_size, st_min_us) in (0..=8).flat_map(|block_size| [(block_size, 0), (block_size, 300)]) {
        for (kind, faults) in kinds.into_iter().enumerate() {
            // One sender and one receiver for all, so that nothing of one message may reach into the next.
            let mut sender = Sender::new(BARE);
            let mut receiver = Receiver::new(BARE, vec![0; 512]).with_flow(block_size, st_min_us);
            let mut arrived = 0;
            for seed in 1..=1_000 {
                arrived += u32::from(survives(
                    &mut sender,
                    &mut receiver,
                    faults,
                    u64::wrapping_mul(seed, 0x9E37_79B9_7F4A_7C15),
                ));
            }
            assert!(arrived > 10, "{arrived} of 1,000 arrived, {faults:?}");
            assert!(kind > 0 || arrived == 1_000, "a good bus loses nothing");
        }
    }
}

#[test]
fn frames_that_are_read_are_written_as_they_were() {
    check(CASES, (vec(any::<u8>(), 0..=8), any::<bool>()), |(mut bytes, extended)| {
        let framing = Framing { address: extended.then_some(0xF1), pad: None };
        if extended && !bytes.is_empty() {
            bytes[0] = 0xF1;
        }
        if let Some(at) = bytes.get_mut(usize::from(extended)) {
            // More of what is known than of what is not.
            *at &= 0x7F;
        }
        let Some(pci) = Pci::decode(framing, &bytes) else { return Ok(()) };
        let written = pci.encode(framing);
        prop_assert_eq!(Pci::decode(framing, written.bytes()), Some(pci));
        // A reserved separation time is told as the longest; what fills a frame is not kept.
        let same = written.bytes().iter().zip(&bytes).all(|(one, other)| one == other);
        prop_assert!(same || matches!(pci, Pci::FlowControl(_)), "{bytes:02X?}");
        Ok(())
    });
}

#[test]
fn frames_that_are_written_are_read_as_they_were() {
    let of = (0..4_u8, any::<u32>(), vec(any::<u8>(), 7), any::<[u8; 3]>(), 0..3_usize);
    check(CASES, of, |(which, length, data, [a, b, c], framing)| {
        let framing = [BARE, Framing::NORMAL, EXTENDED][framing];
        let most = if framing.address.is_some() { 6 } else { 7 };
        let length = if a % 2 == 0 { length % 4_096 } else { length }.max(8);
        let head = if length < 4_096 { 1 } else { 5 };
        let pci = match which {
            0 => Pci::Single(&data[..=usize::from(a) % most]),
            1 => Pci::First { length, data: &data[..most - head] },
            2 => Pci::Consecutive { index: a % 16, data: &data[..most] },
            _ => {
                let flow = [Flow::ContinueToSend, Flow::Wait, Flow::Overflow, Flow::Reserved(3 + a % 13)];
                let flow = flow[usize::from(a) % 4];
                Pci::FlowControl(FlowControl { flow, block_size: b, st_min_us: st_min_us(c) })
            }
        };
        let written = pci.encode(framing);
        prop_assert_eq!(Pci::decode(framing, written.bytes()), Some(pci));
        Ok(())
    });
}

#[test]
fn no_frames_make_it_panic() {
    let frames = vec((vec(any::<u8>(), 0..=12), 0..3_000_000_u64), 0..40);
    check(CASES / 10, (frames, any::<u8>(), 0..64_usize), |(frames, block_size, room)| {
        for framing in [BARE, EXTENDED] {
            let mut receiver = Receiver::new(framing, vec![0; room]).with_flow(block_size, 0);
            let mut sender = Sender::new(framing);
            let mut now = 0;
            for (bytes, wait) in &frames {
                now += wait;
                let _ = receiver.frame(now, bytes);
                let _ = receiver.poll(now);
                if sender.is_idle() {
                    let _ = sender.start(now, bytes.clone());
                }
                let _ = sender.frame(now, bytes);
                let _ = sender.poll(now);
            }
        }
        Ok(())
    });
}

#[test]
fn can_iso_tp_reads_the_same_frames() {
    use can_iso_tp::pdu::{FlowStatus, Pdu, decode_with_offset, st_min_to_duration};
    check(CASES, (vec(any::<u8>(), 0..=8), any::<bool>()), |(mut bytes, extended)| {
        let framing = Framing { address: extended.then_some(0xF1), pad: None };
        if extended && !bytes.is_empty() {
            bytes[0] = 0xF1;
        }
        if let Some(at) = bytes.get_mut(usize::from(extended)) {
            *at &= 0x3F;
        }
        let short = bytes.len() < 8;
        let theirs = decode_with_offset(&bytes, usize::from(extended)).ok();
        match (Pci::decode(framing, &bytes), theirs) {
            (None, None) => {}
            (Some(Pci::Single(ours)), Some(Pdu::SingleFrame { data, .. })) => prop_assert_eq!(ours, data),
            (Some(Pci::First { length, data: ours }), Some(Pdu::FirstFrame { len, data })) => {
                prop_assert_eq!((length, ours), (u32::from(len), data));
            }
            (Some(Pci::Consecutive { index, data: ours }), Some(Pdu::ConsecutiveFrame { sn, data })) => {
                prop_assert_eq!((index, ours), (sn, data));
            }
            (Some(Pci::FlowControl(ours)), Some(Pdu::FlowControl { status, block_size, st_min })) => {
                let flow = match status {
                    FlowStatus::ClearToSend => Flow::ContinueToSend,
                    FlowStatus::Wait => Flow::Wait,
                    FlowStatus::Overflow => Flow::Overflow,
                };
                prop_assert_eq!((ours.flow, ours.block_size), (flow, block_size));
                // It leaves reserved times to its caller; they mean the longest (9.6.5.5).
                let theirs = st_min_to_duration(st_min).unwrap_or(Duration::from_millis(127));
                prop_assert_eq!(u128::from(ours.st_min_us), theirs.as_micros());
            }
            // It takes a single frame of no byte (9.6.2.2 ignores it), a first frame that is not full (9.6.3.2), and a
            // consecutive frame of nothing.
            (None, Some(Pdu::SingleFrame { len: 0, .. })) => {}
            (None, Some(Pdu::FirstFrame { .. })) if short => {}
            (None, Some(Pdu::ConsecutiveFrame { data: [], .. })) => {}
            // It drops a reserved flow status, which ends the message (9.6.5.3), and knows no length beyond 4,095.
            (Some(Pci::FlowControl(FlowControl { flow: Flow::Reserved(_), .. })), None) => {}
            (Some(Pci::First { length, .. }), None) if length > 4_095 => {}
            (ours, theirs) => prop_assert!(false, "{bytes:02X?} {ours:?} {theirs:?}"),
        }
        Ok(())
    });
}

#[test]
fn can_iso_tp_writes_the_same_frames() {
    use can_iso_tp::CanId;
    use can_iso_tp::pdu::{FlowStatus, Pdu, encode_with_prefix};
    let headlock_id = standard(0x7E0);
    let embedded_can::Id::Standard(id) = headlock_id else { panic!() };
    check(CASES, (0..4_u8, vec(any::<u8>(), 7), any::<[u8; 2]>(), 0..3_usize), |(which, data, [a, b], framing)| {
        let framing = [BARE, Framing::NORMAL, EXTENDED][framing];
        let most = if framing.address.is_some() { 6 } else { 7 };
        let length = u16::from_be_bytes([a, b]) % 4_088 + 8;
        let single = &data[..=usize::from(a) % most];
        let (ours, theirs) = match which {
            0 => (Pci::Single(single), Pdu::SingleFrame { len: single.len() as u8, data: single }),
            1 => (
                Pci::First { length: length.into(), data: &data[..most - 1] },
                Pdu::FirstFrame { len: length, data: &data[..most - 1] },
            ),
            2 => (Pci::Consecutive { index: a % 16, data: single }, Pdu::ConsecutiveFrame { sn: a % 16, data: single }),
            _ => {
                let flow = FlowControl { flow: Flow::Wait, block_size: a, st_min_us: 3_000 };
                (Pci::FlowControl(flow), Pdu::FlowControl { status: FlowStatus::Wait, block_size: a, st_min: 3 })
            }
        };
        let theirs: CanFrame = encode_with_prefix(CanId::Standard(id), &theirs, framing.pad, framing.address).unwrap();
        let ours = ours.encode(framing);
        prop_assert_eq!(ours.bytes(), theirs.data());
        Ok(())
    });
}

#[test]
fn can_iso_tp_puts_the_same_messages_together() {
    use can_iso_tp::rx::{RxMachine, RxOutcome};
    use can_iso_tp::{IsoTpConfig, RxFlowControl, RxStorage, pdu};
    for length in (8..=4_095).step_by(7) {
        let block_size = (length % 9) as u8;
        let whole = message(length, 5);
        let config = IsoTpConfig { block_size, ..IsoTpConfig::default() };
        let flow = RxFlowControl::from_config(&config);
        let mut theirs = RxMachine::new(RxStorage::Owned(vec![0; 4_095]));
        let mut ours = Receiver::new(BARE, vec![0; 4_095]).with_flow(block_size, 0);
        let mut sender = Sender::new(BARE);
        let mut payload = sender.start(0, whole.clone()).unwrap();
        loop {
            let pdu = pdu::decode(payload.bytes()).unwrap();
            let led = (ours.frame(0, payload.bytes()), theirs.on_pdu(&config, &flow, pdu).unwrap());
            match led {
                (Received::Nothing, RxOutcome::None) => {}
                (Received::Reply(reply), RxOutcome::SendFlowControl { block_size, st_min, .. }) => {
                    assert_eq!(reply.bytes(), [0x30, block_size, st_min]);
                    sender.frame(0, reply.bytes()).unwrap();
                }
                (Received::Message(got), RxOutcome::Completed(theirs)) => {
                    assert!(got == whole && theirs == length);
                    break;
                }
                (ours, _) => panic!("{ours:?}, and they differ"),
            }
            (payload, _) = last(sender.poll(0).unwrap());
        }
    }
}

/// A bus with one of our ECUs on it, which sends back what it gets.
struct Bus {
    receiver: Receiver<Vec<u8>>,
    sender: Sender<Vec<u8>>,
    to_tester: VecDeque<Payload>,
    heard: Arc<Mutex<Vec<usize>>>,
    echoes: Vec<automotive::can::Frame>,
    extended: bool,
}

impl Bus {
    fn hears(&mut self, bytes: &[u8]) {
        // Time stands still on this bus: the separation time is zero, and nothing is lost.
        match self.receiver.frame(0, bytes) {
            Received::Message(got) => {
                self.heard.lock().unwrap().push(got.len());
                let first = self.sender.start(0, got.to_vec()).unwrap();
                self.to_tester.push_back(first);
            }
            Received::Reply(reply) => self.to_tester.push_back(reply),
            Received::Nothing => self.sender.frame(0, bytes).unwrap(),
            Received::Failed(why) => panic!("{why}"),
        }
        while let Sent::Frame(payload) | Sent::Last(payload) = self.sender.poll(0).unwrap() {
            self.to_tester.push_back(payload);
        }
    }
}

impl automotive::can::CanAdapter for Bus {
    fn send(&mut self, frames: &mut VecDeque<automotive::can::Frame>) -> automotive::Result<()> {
        for mut frame in frames.drain(..) {
            let bytes = frame.data().to_vec();
            frame.loopback = true;
            self.echoes.push(frame);
            self.hears(&bytes);
        }
        Ok(())
    }

    fn recv(&mut self) -> automotive::Result<Vec<automotive::can::Frame>> {
        let id = automotive::can::Identifier::standard(if self.extended { 0x6F1 } else { 0x7E8 }).unwrap();
        let mut frames = std::mem::take(&mut self.echoes);
        let heard = self.to_tester.drain(..);
        frames.extend(heard.map(|payload| automotive::can::Frame::new(0, id, payload.bytes()).unwrap()));
        Ok(frames)
    }
}

#[test]
fn automotive_sends_and_receives_what_we_do() {
    use automotive::StreamExt;
    use automotive::can::{AsyncCanAdapter, Identifier};
    use automotive::transports::isotp::{IsoTP, IsoTPConfig};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for (extended, block_size) in [(false, 0), (false, 1), (false, 8), (true, 3)] {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let framing = Framing { address: extended.then_some(0xF1), pad: Some(0) };
        let bus = Bus {
            receiver: Receiver::new(framing, vec![0; 5_000]).with_flow(block_size, 0),
            sender: Sender::new(framing),
            to_tester: VecDeque::new(),
            heard: Arc::clone(&heard),
            echoes: Vec::new(),
            extended,
        };
        let mut config = IsoTPConfig::builder(Identifier::standard(if extended { 0x612 } else { 0x7E0 }).unwrap())
            .rx_id(Identifier::standard(if extended { 0x6F1 } else { 0x7E8 }).unwrap())
            .block_size(block_size);
        if extended {
            config = config.ext_address(0xF1);
        }
        let config = config.build().unwrap();
        runtime.block_on(async {
            let adapter = AsyncCanAdapter::new(bus);
            let tester = IsoTP::new(&adapter, config);
            // It sends no more over classic CAN; the standard has the escape for that (9.6.3.1).
            assert!(tester.send(&message(4_096, 7)).await.is_err());
            for length in [1, 6, 7, 8, 20, 62, 63, 300, 4_095] {
                let whole = message(length, 7);
                let mut answers = tester.recv();
                tester.send(&whole).await.unwrap();
                let got = answers.next().await.unwrap().unwrap();
                assert!(got == whole, "{length} bytes, extended {extended}");
            }
        });
        assert_eq!(heard.lock().unwrap().len(), 9);
    }
}
