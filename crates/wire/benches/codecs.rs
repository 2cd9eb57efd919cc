//! Writing and reading messages, each beside the fastest other crate that can, over the same messages.

use std::hint::black_box;
use std::time::Instant;

use can_iso_tp::rx::{RxMachine, RxOutcome};
use can_iso_tp::{CanId, IsoTpConfig, RxFlowControl, RxStorage, pdu};
use embedded_can::StandardId;
use headlock_wire::can::CanFrame;
use headlock_wire::doip::{Address, HEADER_BYTES, Header, Message};
use headlock_wire::isotp::{Framing, Payload, Received, Receiver, Sender, Sent};
use headlock_wire::uds::{DidList, Request, Response, Routine};
use uds_protocol::{Decode, Encode};

const LONGEST: usize = 4_095;
const ROUNDS: usize = 40;

fn main() {
    println!("\nwriting and reading, nanoseconds a message, and times the fastest other crate's");
    uds();
    isotp();
    doip();
}

fn uds() {
    use uds_protocol::{
        ReadDataByIdentifierResponse, RoutineControlRequest, RoutineControlSubFunction, TransferDataRequest,
    };
    const COUNT: u32 = 50_000;
    let data: Vec<u8> = (0..=255).cycle().take(LONGEST - 2).collect();
    let record: Vec<u8> = [&[0xF1, 0x90][..], b"WVWZZZ1KZAW000001"].concat();
    let dids = [0xF1, 0x90];
    let (mut room, mut their_room) = ([0; LONGEST], [0; LONGEST]);
    let ours = || {
        let request = Request::ReadDataByIdentifier(DidList::of(black_box(&dids)).expect("two bytes"));
        let written = request.encode(false, &mut room).expect("room");
        let read = matches!(Request::decode(black_box(&room[..written])), Ok((Request::ReadDataByIdentifier(_), _)));
        let response = Response::ReadDataByIdentifier(black_box(&record));
        let written = response.encode(&mut room).expect("room");
        usize::from(read) + usize::from(Response::decode(black_box(&room[..written])).is_ok())
    };
    let theirs = || {
        let dids = [u16::from_be_bytes(*black_box(&dids))];
        let request =
            uds_protocol::Request::ReadDataByIdentifier(uds_protocol::ReadDataByIdentifierRequest::new(&dids));
        let written = request.encode_to_slice(&mut their_room).expect("room");
        let read = uds_protocol::Request::decode_exact(black_box(&their_room[..written])).is_ok();
        let response =
            uds_protocol::Response::ReadDataByIdentifier(ReadDataByIdentifierResponse::new(black_box(&record)));
        let written = response.encode_to_slice(&mut their_room).expect("room");
        usize::from(read) + usize::from(uds_protocol::Response::decode_exact(black_box(&their_room[..written])).is_ok())
    };
    versus(["22 F1 90, and its answer", "uds_protocol"], COUNT, ours, theirs);
    let option = [1, 2, 3, 4];
    let ours = || {
        let request = Request::RoutineControl { action: Routine::Start, routine: 0xFF00, option: black_box(&option) };
        let written = request.encode(false, &mut room).expect("room");
        usize::from(Request::decode(black_box(&room[..written])).is_ok())
    };
    let theirs = || {
        let action = RoutineControlSubFunction::StartRoutine;
        let request = RoutineControlRequest::new(false, action, 0xFF00, black_box(&option));
        let written = uds_protocol::Request::RoutineControl(request).encode_to_slice(&mut their_room).expect("room");
        usize::from(uds_protocol::Request::decode_exact(black_box(&their_room[..written])).is_ok())
    };
    versus(["31 01 FF 00 with four bytes", "uds_protocol"], COUNT, ours, theirs);
    let ours = || {
        let written = Request::TransferData { counter: 1, data: black_box(&data) }.encode(false, &mut room);
        usize::from(Request::decode(black_box(&room[..written.expect("room")])).is_ok())
    };
    let theirs = || {
        let request = uds_protocol::Request::TransferData(TransferDataRequest::new(1, black_box(&data)));
        let written = request.encode_to_slice(&mut their_room).expect("room");
        usize::from(uds_protocol::Request::decode_exact(black_box(&their_room[..written])).is_ok())
    };
    versus(["36 with 4,093 bytes", "uds_protocol"], COUNT, ours, theirs);
}

fn isotp() {
    const COUNT: u32 = 200;
    let message: Vec<u8> = (0..=250).cycle().take(LONGEST).collect();
    let frames = segmented(&message);
    let frames: Vec<&[u8]> = frames.iter().map(Payload::bytes).collect();
    let mut receiver = Receiver::new(Framing::NORMAL, vec![0; LONGEST]);
    let ours = || {
        let mut got = 0;
        for frame in black_box(&frames) {
            if let Received::Message(message) = receiver.frame(0, frame) {
                got = message.len();
            }
        }
        assert_eq!(got, LONGEST, "the bench's message does not arrive");
        got
    };
    let config = IsoTpConfig::default();
    let flow = RxFlowControl::from_config(&config);
    let mut machine = RxMachine::new(RxStorage::Owned(vec![0; LONGEST]));
    let theirs = || {
        let mut got = 0;
        for frame in black_box(&frames) {
            let Ok(read) = pdu::decode(frame) else { continue };
            if let Ok(RxOutcome::Completed(length)) = machine.on_pdu(&config, &flow, read) {
                got = length;
            }
        }
        assert_eq!(got, LONGEST, "the bench's message does not arrive there");
        got
    };
    versus(["ISO-TP, 4,095 bytes put together", "can-iso-tp"], COUNT, ours, theirs);
    let ours = || {
        let mut sender = Sender::new(Framing::NORMAL);
        let mut sum = usize::from(sender.start(0, black_box(&message)).expect("a message").bytes()[7]);
        sender.frame(0, &[0x30, 0, 0]).expect("a flow control");
        while let Ok(Sent::Frame(payload) | Sent::Last(payload)) = sender.poll(0) {
            sum += usize::from(black_box(payload).bytes()[7]);
        }
        sum
    };
    // Its frames alone, without its state machine, which wants a driver.
    let theirs = || {
        let id = CanId::Standard(StandardId::ZERO);
        let (head, rest) = black_box(&message).split_at(6);
        let length = u16::try_from(LONGEST).expect("twelve bits");
        let first: CanFrame =
            pdu::encode(id, &pdu::Pdu::FirstFrame { len: length, data: head }, Some(0)).expect("a frame");
        let mut sum = usize::from(first.data()[7]);
        for (index, data) in (1..=15).chain([0]).cycle().zip(rest.chunks(7)) {
            let pdu = pdu::Pdu::ConsecutiveFrame { sn: index, data };
            let frame: CanFrame = pdu::encode(id, &pdu, Some(0)).expect("a frame");
            sum += usize::from(black_box(frame).data()[7]);
        }
        sum
    };
    versus(["ISO-TP, 4,095 bytes taken apart", "can-iso-tp"], COUNT, ours, theirs);
}

fn segmented(message: &[u8]) -> Vec<Payload> {
    let mut sender = Sender::new(Framing::NORMAL);
    let mut frames = vec![sender.start(0, message).expect("a message")];
    sender.frame(0, &[0x30, 0, 0]).expect("a flow control");
    while let Ok(Sent::Frame(payload) | Sent::Last(payload)) = sender.poll(0) {
        frames.push(payload);
    }
    frames
}

fn doip() {
    use simple_doip::messages::{Message as Theirs, Payload, ProtocolVersion};
    use simple_doip::{LogicalAddress, try_frame};
    const COUNT: u32 = 50_000;
    let data = [0x22, 0xF1, 0x90];
    let (mut room, mut their_room) = ([0; 64], [0; 64]);
    let ours = || {
        let (source, target) = (Address(0x0E00), Address(0x1001));
        let message = Message::Diagnostic { source, target, data: black_box(&data) };
        let written = message.encode(2, &mut room).expect("room");
        let (header, payload) = black_box(&room[..written]).split_first_chunk::<HEADER_BYTES>().expect("a header");
        let header = Header::decode(*header).expect("a header");
        let read = Message::decode(header.payload_type, &payload[..header.length as usize]);
        usize::from(matches!(read, Ok(Message::Diagnostic { .. })))
    };
    let theirs = || {
        let (source, target) = (LogicalAddress(0x0E00), LogicalAddress(0x1001));
        let message = Theirs::diagnostic_message(ProtocolVersion::V2012, source, target, black_box(&data));
        let written = message.encode_to_slice(&mut their_room).expect("room");
        let (frame, _) = try_frame(black_box(&their_room[..written])).ok().flatten().expect("a frame");
        let read = Payload::decode(frame.payload, frame.header.payload_type());
        usize::from(matches!(read, Ok(Payload::DiagnosticMessage(_))))
    };
    versus(["DoIP header and diagnostic message", "simple_doip"], COUNT, ours, theirs);
}

/// One round of each after the other, so that a busy machine is as busy for both; the fastest round counts.
fn versus([name, other]: [&str; 2], count: u32, mut ours: impl FnMut() -> usize, mut theirs: impl FnMut() -> usize) {
    let mut best = [f64::INFINITY; 2];
    for _ in 0..ROUNDS {
        best = [best[0].min(nanoseconds(count, &mut ours)), best[1].min(nanoseconds(count, &mut theirs))];
    }
    let [ours, theirs] = best;
    println!("  {name:<40} {ours:>9.1} ns   {:>5.2} x {other} ({theirs:.1} ns)", ours / theirs);
}

/// Of one of so many calls.
fn nanoseconds(count: u32, work: &mut impl FnMut() -> usize) -> f64 {
    let started = Instant::now();
    for _ in 0..count {
        black_box(work());
    }
    started.elapsed().as_secs_f64() * 1e9 / f64::from(count)
}
