//! A million damaged messages on each line: whoever else talks to the ECU does not notice, and the ECU does not grow.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod hosted;

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use headlock_link::tester::{CanTransport, LinkError, Slcan, Socketcand, Tester};
use headlock_wire::can::standard;
use headlock_wire::doip::{Address, HEADER_BYTES, Message};
use headlock_wire::socketcand::{Command, message};
use headlock_wire::uds::Nrc;
use hosted::{
    Chance, ECU, Hosted, READ_VIN, SOON, VIN, activated, connect, diagnostic, doip, patient, read_to_end, resident,
};

/// Damaged messages on each line.
const MUTATED: usize = 1_000_000;
/// One of so many may be damaged in a way that ends its connection.
const ANY_DAMAGE: usize = 100;
/// What the process may grow by, senders and all.
const GROWTH_MAX: usize = 64 * 1024 * 1024;

/// What testers ask, good for a start.
const ASKED: [&[u8]; 22] = [
    &[0x3E, 0x00],
    &[0x3E, 0x80],
    &[0x22, 0xF1, 0x90],
    &[0x22, 0xF1, 0x8C],
    &[0x22, 0xFD, 0x00],
    &[0x22, 0xFD, 0x00, 0xFD, 0x01, 0xFD, 0x02, 0xF1, 0x87],
    &[0x10, 0x01],
    &[0x10, 0x03],
    &[0x10, 0x02],
    &[0x27, 0x01],
    &[0x27, 0x02, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
    &[0x31, 0x01, 0xFD, 0x11],
    &[0x31, 0x03, 0xFD, 0x14],
    &[0x19, 0x02, 0xFF],
    &[0x19, 0x0A],
    &[0x14, 0xFF, 0xFF, 0xFF],
    &[0x85, 0x02],
    &[0x34, 0x00, 0x44, 0, 0, 0, 0, 0, 0, 0x10, 0],
    &[0x36, 0x01, 1, 2, 3, 4, 5, 6, 7, 8],
    &[0x37],
    &[0x01, 0x00],
    &[0x09, 0x02],
];

/// Somebody who wants nothing but the vehicle's number, again and again, and gets it.
struct Witness<'a> {
    done: &'a AtomicBool,
}

impl Witness<'_> {
    /// How often it was served until it was done, and once afterwards.
    fn asks(&self, tester: &mut Tester) -> usize {
        let mut served = 0;
        loop {
            let was_last = self.done.load(Ordering::SeqCst);
            let answer = tester.request(&READ_VIN).unwrap();
            assert_eq!(&answer[3..], VIN);
            served += 1;
            if was_last {
                return served;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// One after the other: the memory of this process is what all of them take.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets two senders loose on an ECU while a witness asks it, and looks at what the memory came to.
fn storm(witness: impl Fn(&Hosted) -> Tester + Sync, sender: impl Fn(&Hosted, usize, usize) -> usize + Sync) {
    const SENDERS: usize = 2;
    let _turn = turn();
    let hosted = Hosted::start();
    let done = AtomicBool::new(false);
    let before = resident();
    let started = Instant::now();
    thread::scope(|scope| {
        let witness = scope.spawn(|| Witness { done: &done }.asks(&mut witness(&hosted)));
        let senders: Vec<_> = (0..SENDERS)
            .map(|number| {
                let (hosted, sender) = (&hosted, &sender);
                scope.spawn(move || sender(hosted, number, MUTATED / SENDERS))
            })
            .collect();
        let sent: Vec<_> = senders.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::SeqCst);
        let sent: usize = sent.into_iter().map(Result::unwrap).sum();
        let served = witness.join().unwrap();
        assert!(sent >= MUTATED, "only {sent} damaged messages");
        assert!(served >= 10, "others were served {served} times");
        println!("{sent} in {:.1} s, others served {served} times", started.elapsed().as_secs_f64());
    });
    let grown = resident().saturating_sub(before);
    println!("{grown} bytes more");
    assert!(grown < GROWTH_MAX, "{grown} bytes more than before");
}

/// Damages bytes in one way, or in a few.
fn damage(chance: &mut Chance, bytes: &mut Vec<u8>) {
    loop {
        let at = chance.below(bytes.len() + 1);
        let byte = bytes.get(at).copied();
        match (chance.below(7), byte) {
            (0, Some(byte)) => bytes[at] = byte ^ 1 << chance.below(8),
            (1, Some(_)) => bytes[at] = chance.byte(),
            (2, Some(_)) => bytes.truncate(at),
            (3, _) => bytes.insert(at, chance.byte()),
            (4, Some(_)) => {
                let end = (at + 1 + chance.below(6)).min(bytes.len());
                bytes.extend_from_within(at..end);
            }
            (5, Some(_)) => {
                let other = chance.below(bytes.len());
                bytes.swap(at, other);
            }
            (6, Some(_)) => {
                bytes.remove(at);
            }
            _ => continue,
        }
        if chance.below(3) > 0 {
            return;
        }
    }
}

// DoIP

const TESTERS: [u16; 3] = [0x0E10, 0x0E11, 0x0E7F];

/// What becomes of the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    /// It lives, and so many messages that carry no answer of the ECU come back.
    Lives(usize),
    /// It ends, or what follows is read as something else.
    Ends,
}

/// The length of a payload that its type allows.
fn fits(kind: u16, length: usize) -> bool {
    match kind {
        0x0000 | 0x4004 => length == 1,
        0x0001 | 0x0007 | 0x4001 | 0x4003 => length == 0,
        0x0002 => length == 6,
        0x0003 => length == 17,
        0x0004 => matches!(length, 32 | 33),
        0x0005 => matches!(length, 7 | 11),
        0x0006 => matches!(length, 9 | 13),
        0x0008 => length == 2,
        0x4002 => matches!(length, 3 | 7),
        0x8001..=0x8003 => length >= 5,
        _ => true,
    }
}

const KNOWN: [u16; 16] = [
    0x0000, 0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x0006, 0x0007, 0x0008, 0x4001, 0x4002, 0x4003, 0x4004, 0x8001,
    0x8002, 0x8003,
];

/// Type and payload of one whole message; none if its header, or its length, is no such thing.
fn whole(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (header, payload) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let kind = u16::from_be_bytes([header[2], header[3]]);
    let version = matches!(header[0], 1..=4) || header[0] == 0xFF && matches!(kind, 1..=3);
    let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    (version && header[0] == !header[1] && usize::try_from(length) == Ok(payload.len())).then_some((kind, payload))
}

/// What the standard wants for a message on a connection of this tester (ISO 13400-2, figures 9 and 17).
fn fate(bytes: &[u8], tester: u16) -> Fate {
    let Some((kind, payload)) = whole(bytes) else { return Fate::Ends };
    let address = |at: usize| u16::from_be_bytes([payload[at], payload[at + 1]]);
    match kind {
        kind if !fits(kind, payload.len()) => Fate::Ends,
        0x0005 if address(0) != tester || payload[2] > 1 => Fate::Ends,
        0x8001 if address(0) != tester => Fate::Ends,
        0x0008 => Fate::Lives(0),
        _ => Fate::Lives(1),
    }
}

fn conversation(tester: u16) -> Vec<Vec<u8>> {
    let mut all: Vec<_> = ASKED.iter().map(|data| diagnostic(tester, data)).collect();
    let source = Address(tester);
    all.push(doip(&Message::Diagnostic { source, target: Address(0xE400), data: &READ_VIN }));
    all.push(doip(&Message::RoutingActivationRequest { source, activation: 0, oem: None }));
    all.push(doip(&Message::RoutingActivationRequest { source, activation: 1, oem: Some([1; 4]) }));
    all.push(doip(&Message::AliveCheckRequest));
    all.push(doip(&Message::AliveCheckResponse { source }));
    all.push(doip(&Message::IdentificationRequest));
    all.push(doip(&Message::EntityStatusRequest));
    all.push(doip(&Message::DiagnosticAck { source, target: Address(ECU), previous: &READ_VIN }));
    all
}

/// Damages a message of DoIP: its bytes anywhere, or what it says of itself.
fn damaged(chance: &mut Chance, valid: &[u8]) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    match chance.below(8) {
        // A payload of another length, which the header admits.
        0..4 => {
            let mut payload = bytes.split_off(HEADER_BYTES);
            if payload.is_empty() {
                payload.push(0);
            }
            damage(chance, &mut payload);
            bytes[4..8].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes());
            bytes.extend(payload);
        }
        4 => {
            let version = [0, 1, 3, 4, 5, 0x7F, 0xFF][chance.below(7)];
            bytes[..2].copy_from_slice(&[version, !version]);
        }
        5 => bytes[2..4].copy_from_slice(&[chance.byte(), chance.byte()]),
        6 => {
            let length = [0, 1, 0xFFFF, 0x0010_0001, 0x7FFF_FFFF, u32::MAX][chance.below(6)];
            bytes[4..8].copy_from_slice(&length.to_be_bytes());
        }
        _ => damage(chance, &mut bytes),
    }
    bytes
}

#[test]
fn a_million_damaged_doip_messages_are_each_refused_or_answered_and_others_are_served() {
    storm(
        |hosted| hosted.tester(TESTERS[2]),
        |hosted, number, count| {
            let tester = TESTERS[number];
            let valid = conversation(tester);
            let mut chance = Chance(u64::from(tester));
            let mut sent = 0;
            while sent < count {
                let mut batch = Vec::new();
                let mut expected = 0;
                loop {
                    let chosen = &valid[chance.below(valid.len())];
                    let bytes = damaged(&mut chance, chosen);
                    let fate = fate(&bytes, tester);
                    if fate == Fate::Ends && chance.below(ANY_DAMAGE) > 0 {
                        continue;
                    }
                    batch.extend(bytes);
                    sent += 1;
                    match fate {
                        Fate::Lives(answers) => expected += answers,
                        Fate::Ends => break,
                    }
                    if batch.len() > 60_000 {
                        break;
                    }
                }
                let mut stream = activated(hosted.doip, tester);
                stream.write_all(&batch).unwrap();
                // A connection that was ended for its last message may be gone already.
                let _ = stream.shutdown(Shutdown::Write);
                let said = read_to_end(&mut stream, SOON);
                let told = count_doip(&said);
                assert!((expected..=expected + 3).contains(&told), "{told} where {expected} were owed");
            }
            sent
        },
    );
}

/// Messages that carry no answer of the ECU.
fn count_doip(mut said: &[u8]) -> usize {
    let mut told = 0;
    while let Some((header, rest)) = said.split_first_chunk::<HEADER_BYTES>() {
        let length = usize::try_from(u32::from_be_bytes(header[4..].try_into().unwrap())).unwrap();
        assert_eq!(header[0], !header[1], "the host itself says what is no DoIP");
        told += usize::from(header[2..4] != [0x80, 0x01]);
        said = rest.get(length..).unwrap_or_default();
    }
    told
}

/// Whether a datagram is answered at all.
fn is_answered(bytes: &[u8], eid: &[u8], vin: &[u8]) -> bool {
    let Some((header, payload)) = bytes.split_first_chunk::<HEADER_BYTES>() else { return false };
    let kind = u16::from_be_bytes([header[2], header[3]]);
    if whole(bytes).is_none() {
        return true;
    }
    match kind {
        kind if !KNOWN.contains(&kind) => true,
        // No refusal is refused, and nobody's announcement.
        0x0000 | 0x0004 => false,
        kind if !fits(kind, payload.len()) => true,
        0x0002 => payload == eid,
        0x0003 => payload == vin,
        0x0001 | 0x4001 | 0x4003 => true,
        _ => false,
    }
}

#[test]
fn a_million_damaged_datagrams_are_answered_as_the_standard_says_and_no_other() {
    const WINDOW: usize = 48;
    let eid = [0x02, b'H', b'L', b'5', b'6', b'7'];
    storm(
        |hosted| hosted.tester(0x0E7F),
        |hosted, number, count| {
            let mut valid = conversation(TESTERS[number]);
            valid.push(doip(&Message::IdentificationRequestEid(eid)));
            valid.push(doip(&Message::IdentificationRequestVin(*VIN)));
            valid.push(doip(&Message::PowerModeRequest));
            let fence = doip(&Message::PowerModeRequest);
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.connect(hosted.doip).unwrap();
            socket.set_read_timeout(Some(SOON)).unwrap();
            let mut chance = Chance(7 + u64::try_from(number).unwrap());
            let mut room = [0; 512];
            let mut sent = 0;
            while sent < count {
                let mut owed = 1;
                for _ in 0..WINDOW {
                    let chosen = &valid[chance.below(valid.len())];
                    let bytes = damaged(&mut chance, chosen);
                    owed += usize::from(is_answered(&bytes, &eid, VIN));
                    socket.send(&bytes).unwrap();
                }
                socket.send(&fence).unwrap();
                sent += WINDOW;
                let mut last = 0;
                for got in 0..owed {
                    last = socket.recv(&mut room).unwrap_or_else(|why| panic!("{got} of {owed} answers: {why}"));
                }
                // The last one answers the last one: none was missing, and none too many.
                assert_eq!(room[..last], [2, 0xFD, 0x40, 0x04, 0, 0, 0, 1, 1]);
            }
            sent
        },
    );
}

// ELM327

const TYPED: [&str; 30] = [
    "ATZ",
    "ATE0",
    "ATE1",
    "ATL1",
    "ATH1",
    "ATS0",
    "ATSP6",
    "ATSP0",
    "ATRV",
    "ATDPN",
    "ATI",
    "AT@1",
    "STI",
    "ATPPS",
    "ATMA",
    "ATCAF0",
    "ATCAF1",
    "ATSH7E0",
    "ATCRA7E8",
    "ATST02",
    "ATAL",
    "ATR0",
    "ATR1",
    "ATLP",
    "01001",
    "0100",
    "22F1901",
    "3E001",
    "10031",
    "1014220100112233",
];

#[test]
fn a_million_damaged_lines_leave_an_elm327_that_still_resets() {
    storm(
        |hosted| hosted.tester(0x0E7F),
        |hosted, number, count| {
            const LINES: usize = 5_000;
            let mut chance = Chance(99 + u64::try_from(number).unwrap());
            let mut sent = 0;
            while sent < count {
                let mut batch = Vec::new();
                for _ in 0..LINES {
                    let mut line = chance.one_of(&TYPED).as_bytes().to_vec();
                    if chance.below(1_000) == 0 {
                        line.resize(300 + chance.below(9_000), b'1');
                    }
                    damage(&mut chance, &mut line);
                    batch.extend(line);
                    batch.push(b'\r');
                }
                sent += LINES;
                elm_answers(hosted.elm, &batch);
            }
            sent
        },
    );
}

/// Sends all of it, and then has the adapter reset itself and repeat a word that nobody sent before.
fn elm_answers(at: SocketAddr, batch: &[u8]) {
    let mut stream = connect(at);
    let mut writer = stream.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            writer.write_all(batch).unwrap();
            // The space ends whatever goes on, and what is half typed becomes a command that there is not.
            writer.write_all(b" !\rATZ\rSESAME\r").unwrap();
        });
        let mut tail = Vec::new();
        let mut chunk = [0; 16 * 1024];
        while !tail.ends_with(b"ELM327 v1.5\r\r>SESAME\r?\r\r>") {
            let read = stream.read(&mut chunk).unwrap_or_else(|why| panic!("{:?}: {why}", tail.escape_ascii()));
            assert!(read > 0, "the adapter has gone");
            tail.extend(&chunk[..read]);
            tail.drain(..tail.len().saturating_sub(64));
        }
    });
}

// SLCAN

fn frames() -> Vec<Vec<u8>> {
    ASKED
        .iter()
        .map(|asked| {
            let mut data = [0xAA; 8];
            let length = asked.len().min(7);
            data[0] = u8::try_from(length).unwrap();
            data[1..=length].copy_from_slice(&asked[..length]);
            data.to_vec()
        })
        .chain([
            vec![0x10, 0x14, 0x22, 0xF1, 0x90, 0xF1, 0x8C, 0xF1],
            vec![0x21, 0x87, 0xFD, 0x00, 0xFD, 0x01, 0xFD, 0x02],
            vec![0x22, 0xFD, 0x03, 0xF1, 0x86, 0, 0, 0],
            vec![0x1F, 0xFF, 0x36, 0x01, 0, 0, 0, 0],
            vec![0x10, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0x22, 0xF1],
            vec![0x30, 0, 0],
            vec![0x30, 1, 0x7F],
            vec![0x31, 0, 0],
            vec![0x32, 0, 0],
            vec![0x3F],
            vec![],
        ])
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02X}").unwrap();
        digits
    })
}

fn slcan_tester(at: &str) -> Tester {
    let bus = Slcan::open(at, 115_200).unwrap();
    let transport = CanTransport::new(bus, standard(0x7E0), standard(0x7E8), None);
    Tester::new(Box::new(transport)).with_patience(patient())
}

fn socketcand_tester(at: SocketAddr) -> Tester {
    let bus = Socketcand::open(&at.to_string(), "can0").unwrap();
    let transport = CanTransport::new(bus, standard(0x7E0), standard(0x7E8), None);
    Tester::new(Box::new(transport)).with_patience(patient())
}

#[test]
fn every_damaged_line_to_an_slcan_adapter_has_one_answer_and_others_are_served() {
    let valid: Vec<String> = frames()
        .iter()
        .flat_map(|data| {
            let (length, digits) = (data.len(), hex(data));
            [format!("t7E0{length}{digits}"), format!("t7DF{length}{digits}"), format!("T18DA10F1{length}{digits}")]
        })
        .chain(
            ["S6", "O", "O", "O", "C", "L", "V", "N", "F", "Z1", "Z0", "M00000000", "r7E08", "s031C"]
                .map(str::to_owned),
        )
        .collect();
    storm(
        |hosted| slcan_tester(&hosted.slcan[1]),
        |hosted, number, count| {
            // A serial line has one tester: the first sender sends for both.
            if number > 0 {
                return count;
            }
            let open =
                || OpenOptions::new().read(true).write(true).custom_flags(NOCTTY).open(&hosted.slcan[0]).unwrap();
            let (mut writer, reader) = (open(), open());
            thread::scope(|scope| {
                let answers = scope.spawn(|| slcan_answers(reader));
                let mut chance = Chance(3);
                let (mut sent, mut lines) = (0, 0);
                while sent < count * 2 {
                    let mut batch = Vec::new();
                    for _ in 0..1_000 {
                        let mut line = valid[chance.below(valid.len())].as_bytes().to_vec();
                        damage(&mut chance, &mut line);
                        if chance.below(1_000) == 0 {
                            line.resize(5_000, b'0');
                        }
                        // Nobody but the end says that it is the end.
                        line.iter_mut().for_each(|byte| *byte = if *byte == b'\n' { b'N' } else { *byte });
                        batch.extend(line);
                        batch.push(b'\r');
                        sent += 1;
                    }
                    lines += batch.split(|byte| *byte == b'\r').count() - 1;
                    writer.write_all(&batch).unwrap();
                }
                // Closed, then open, then a version that no other answer is followed by.
                writer.write_all(b"C\rN\rN\rN\rN\rV\r").unwrap();
                assert_eq!(answers.join().unwrap(), lines + 6, "answers to so many lines");
                sent - count
            })
        },
    );
}

/// `O_NOCTTY` of Linux: the adapter's line is not to become ours.
const NOCTTY: i32 = 0o400;

/// Counts answers, and leaves out frames of the bus, until four serial numbers and a version come in a row.
fn slcan_answers(mut reader: File) -> usize {
    const LAST: &[u8] = b"NHEAD\rNHEAD\rNHEAD\rNHEAD\rV1013\r";
    let (mut answers, mut line, mut tail) = (0, Vec::new(), Vec::new());
    let mut chunk = [0; 4_096];
    while !tail.ends_with(LAST) {
        let read = reader.read(&mut chunk).unwrap();
        for byte in &chunk[..read] {
            if matches!(byte, b'\r' | 0x07) {
                let is_frame = matches!(line[..], [b't' | b'T', ..]);
                answers += usize::from(!is_frame);
                line.clear();
            } else {
                line.push(*byte);
            }
        }
        tail.extend(&chunk[..read]);
        tail.drain(..tail.len().saturating_sub(LAST.len()));
    }
    answers
}

// socketcand

#[test]
fn every_damaged_message_to_socketcand_has_one_answer_and_others_are_served() {
    let valid: Vec<String> = frames()
        .iter()
        .flat_map(|data| {
            let bytes: String = data.iter().flat_map(|byte| [" ".to_owned(), hex(&[*byte])]).collect();
            let length = data.len();
            [format!("< send 7E0 {length}{bytes} >"), format!("< send 18DA10F1 {length}{bytes} >")]
        })
        .chain(["< open can0 >", "< rawmode >", "< bcmmode >", "< echo >", "< add 0 0 123 1 AA >"].map(str::to_owned))
        .collect();
    storm(
        |hosted| socketcand_tester(hosted.socketcand),
        |hosted, number, count| {
            let mut chance = Chance(11 + u64::try_from(number).unwrap());
            let mut sent = 0;
            while sent < count {
                let mut batch = b"< open can0 >< rawmode >".to_vec();
                let mut owed = 2;
                while batch.len() < 100_000 {
                    let mut bytes = valid[chance.below(valid.len())].as_bytes().to_vec();
                    if chance.below(3) == 0 {
                        bytes.splice(1..1, vec![b' '; chance.below(300)]);
                    }
                    damage(&mut chance, &mut bytes);
                    let answers = answers_owed(&bytes);
                    if answers.is_none() && chance.below(ANY_DAMAGE) > 0 {
                        continue;
                    }
                    batch.extend(&bytes);
                    sent += 1;
                    owed += answers.unwrap_or(0);
                    if answers.is_none() {
                        break;
                    }
                }
                let mut stream = connect(hosted.socketcand);
                let said = exchange(&mut stream, &batch);
                let said = String::from_utf8(said).unwrap();
                let answers =
                    said.matches('<').count() - said.matches("< frame ").count() - said.matches("< hi >").count();
                assert!((owed..=owed + 3).contains(&answers), "{answers} answers where {owed} were owed");
            }
            sent
        },
    );
}

/// Answers to whole messages; none if the bytes do not end where the last message ends.
fn answers_owed(mut bytes: &[u8]) -> Option<usize> {
    let mut answers = 0;
    while !bytes.is_empty() {
        let (text, length) = message(bytes).ok()??;
        answers += usize::from(!matches!(Command::decode(text), Ok(Command::Send(_))));
        bytes = &bytes[length..];
    }
    Some(answers)
}

/// Writes all, while it reads all.
fn exchange(stream: &mut TcpStream, batch: &[u8]) -> Vec<u8> {
    let mut writer = stream.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            // It may be closed before its end, for what was in it.
            let _ = writer.write_all(batch);
            let _ = writer.shutdown(Shutdown::Write);
        });
        read_to_end(stream, SOON)
    })
}

// What never ends

/// Writes so many megabytes of the same, drops whatever comes back, and says what memory there was at most.
fn pour(at: SocketAddr, begins: &[u8], filler: u8, megabytes: usize) -> usize {
    let stream = connect(at);
    let mut reader = stream.try_clone().unwrap();
    let drops = thread::spawn(move || while matches!(reader.read(&mut [0; 4_096]), Ok(1..)) {});
    let mut writer = stream;
    writer.write_all(begins).unwrap();
    let filler = vec![filler; 1024 * 1024];
    let mut most = 0;
    for _ in 0..megabytes {
        // Whoever speaks like that may be cut off.
        if writer.write_all(&filler).is_err() {
            break;
        }
        most = most.max(resident());
    }
    let _ = writer.shutdown(Shutdown::Both);
    drops.join().unwrap();
    most
}

#[test]
fn a_message_that_never_ends_takes_neither_memory_nor_time() {
    const MEGABYTES: usize = 64;
    let _turn = turn();
    let hosted = Hosted::start();
    let before = resident();
    for (at, begins, filler) in [
        (hosted.socketcand, &b"< open can0 >"[..], b' '),
        (hosted.socketcand, b"< open can0 >< send ", b' '),
        (hosted.elm, b"AT", b'Z'),
        (hosted.elm, b"ATE0\r", b' '),
        (hosted.doip, &[2, 0xFD, 0x80, 0x01, 0x7F, 0xFF, 0xFF, 0xFF], 0),
    ] {
        let started = Instant::now();
        let grown = pour(at, begins, filler, MEGABYTES).saturating_sub(before);
        assert!(grown < 16 * 1024 * 1024, "{grown} bytes more for {:?}", begins.escape_ascii().to_string());
        let took = started.elapsed();
        assert!(took < Duration::from_secs(8), "{took:?} for {:?}", begins.escape_ascii().to_string());
        let mut tester = hosted.tester(0x0E00);
        assert_eq!(&tester.request(&READ_VIN).unwrap()[3..], VIN);
    }
}

// Bare services

/// What a service without anything behind it is answered with: too short, unknown, or one of OBD's that need no more.
fn is_right_for_bare(sid: u8, answer: Result<&[u8], &LinkError>) -> bool {
    match answer {
        Ok(bytes) => matches!(sid, 0x03 | 0x04 | 0x07) && bytes[0] == sid + 0x40,
        Err(LinkError::Negative { sid: refused, nrc }) => {
            *refused == sid
                && matches!(
                    nrc,
                    Nrc::IncorrectMessageLengthOrInvalidFormat
                        | Nrc::ServiceNotSupported
                        | Nrc::ServiceNotSupportedInActiveSession
                )
        }
        Err(_) => false,
    }
}

fn asks_bare_services(tester: &mut Tester) {
    for sid in 0..=u8::MAX {
        let answer = tester.request(&[sid]);
        assert!(is_right_for_bare(sid, answer.as_deref()), "{sid:02X}: {answer:02X?}");
    }
    assert_eq!(&tester.request(&READ_VIN).unwrap()[3..], VIN);
}

#[test]
fn every_bare_service_is_answered_over_doip() {
    let hosted = Hosted::start();
    asks_bare_services(&mut hosted.tester(0x0E00));
}

#[test]
fn every_bare_service_is_answered_over_slcan_and_socketcand() {
    let hosted = Hosted::start();
    asks_bare_services(&mut slcan_tester(&hosted.slcan[0]));
    asks_bare_services(&mut socketcand_tester(hosted.socketcand));
}

#[test]
fn every_bare_service_is_answered_through_an_elm327() {
    let hosted = Hosted::start();
    let mut stream = connect(hosted.elm);
    let mut ask = |command: &str| {
        stream.write_all(format!("{command}\r").as_bytes()).unwrap();
        let mut answer = Vec::new();
        let mut chunk = [0; 256];
        while !answer.ends_with(b">") {
            let read = stream.read(&mut chunk).unwrap();
            assert!(read > 0, "the adapter has gone");
            answer.extend(&chunk[..read]);
        }
        String::from_utf8(answer).unwrap()
    };
    for command in ["ATZ", "ATE0", "ATS0", "ATH1", "ATSP6", "ATSH7E0"] {
        ask(command);
    }
    for sid in 0..=u8::MAX {
        // The last digit is the number of answers to wait for.
        let answer = ask(&format!("{sid:02X}1"));
        let refused = format!("7E8037F{sid:02X}");
        let served = format!("7E802{:02X}", sid.wrapping_add(0x40));
        let right = answer.starts_with(&refused) || matches!(sid, 0x03 | 0x04 | 0x07) && answer.starts_with(&served);
        assert!(right || sid == 0x04 && answer.starts_with("7E80144"), "{sid:02X}: {answer:?}");
    }
}
