//! Whatever is on the other end of the line: the tester has a right answer or a typed error, in time.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod hosted;

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use headlock_link::tester::{
    CanTransport, DoipTransport, Elm327, HexLines, LinkError, Patience, Slcan, Socketcand, TESTER, Tester, Transport,
};
use headlock_wire::can::standard;
use headlock_wire::doip::{Activation, ActivationRefusal, Address, DiagnosticNack, Message, Nack};
use headlock_wire::elm327::ElmError;
use headlock_wire::isotp::{ReceiveError, SendError};
use headlock_wire::uds::Nrc;
use hosted::resident;

const PATIENCE: Patience = Patience {
    p2: Duration::from_millis(400),
    p2_star: Duration::from_millis(600),
    total: Duration::from_millis(1_500),
};
/// What a machine that is busy adds to any time.
const SLACK: Duration = Duration::from_millis(1_500);

const READ_VIN: [u8; 3] = [0x22, 0xF1, 0x90];
const READ_SERIAL: [u8; 3] = [0x22, 0xF1, 0x8C];
const OLD: [u8; 7] = [0x62, 0xF1, 0x90, b'o', b'l', b'd', b'!'];
const VIN: [u8; 7] = [0x62, 0xF1, 0x90, b'v', b'i', b'n', b'.'];
const SERIAL: [u8; 7] = [0x62, 0xF1, 0x8C, b's', b'e', b'r', b'.'];
const PENDING: [u8; 3] = [0x7F, 0x22, 0x78];
const BUSY: [u8; 3] = [0x7F, 0x22, 0x21];
const LONG_REQUEST: [u8; 20] = [0x31, 0x01, 0xFD, 0x10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const BANNER: &str = "ELM327 v1.5";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Doip,
    Slcan,
    Socketcand,
    Elm327,
    HexLines,
}
use Kind::{Doip, HexLines as Hex, Slcan as Serial};

const KINDS: [Kind; 5] = [Doip, Serial, Kind::Socketcand, Kind::Elm327, Hex];
const CAN: [Kind; 2] = [Serial, Kind::Socketcand];

/// The other end of a tester's line, which says what it is told to.
struct Peer {
    kind: Kind,
    stream: TcpStream,
    waiting: Vec<u8>,
    resets: usize,
    /// An adapter says this before it says anything else.
    late: Vec<u8>,
    echoes: bool,
}

impl Peer {
    /// Takes a connection, and says what lets a tester go on to its first request.
    fn accept(kind: Kind, listener: &TcpListener) -> Self {
        let stream = listener.accept().unwrap().0;
        stream.set_nodelay(true).unwrap();
        let mut own = Self { kind, stream, waiting: Vec::new(), resets: 0, late: Vec::new(), echoes: false };
        match kind {
            Doip => {
                own.doip();
                own.routes(Activation::Routed);
            }
            Serial => {
                while own.until(b'\r') != b"S6\r" {}
                own.send(b"\r");
                own.until(b'\r');
                own.send(b"\r");
            }
            Kind::Socketcand => {
                own.send(b"< hi >");
                for _ in 0..2 {
                    own.until(b'>');
                    own.send(b"< ok >");
                }
            }
            // Its questions are answered as they come.
            Kind::Elm327 | Hex => {}
        }
        own
    }

    fn routes(&mut self, result: Activation) {
        let entity = Address(0x1001);
        self.message(&Message::RoutingActivationResponse { tester: TESTER, entity, result, oem: None });
    }

    fn send(&mut self, bytes: &[u8]) {
        // Who has heard enough may be gone.
        let _ = self.stream.write_all(bytes);
    }

    fn message(&mut self, message: &Message<'_>) {
        let mut bytes = [0; 256];
        let length = message.encode(2, &mut bytes).unwrap();
        self.send(&bytes[..length]);
    }

    fn more(&mut self) -> bool {
        let mut chunk = [0; 4_096];
        let read = self.stream.read(&mut chunk).unwrap_or(0);
        self.waiting.extend(&chunk[..read]);
        read > 0
    }

    fn until(&mut self, end: u8) -> Vec<u8> {
        loop {
            if let Some(at) = self.waiting.iter().position(|byte| *byte == end) {
                return self.waiting.drain(..=at).collect();
            }
            assert!(self.more(), "the tester has gone");
        }
    }

    /// Type and payload.
    fn doip(&mut self) -> (u16, Vec<u8>) {
        while self.waiting.len() < 8 {
            assert!(self.more(), "the tester has gone");
        }
        let length = usize::try_from(u32::from_be_bytes(self.waiting[4..8].try_into().unwrap())).unwrap();
        while self.waiting.len() < 8 + length {
            assert!(self.more(), "the tester has gone");
        }
        let message: Vec<u8> = self.waiting.drain(..8 + length).collect();
        (u16::from_be_bytes([message[2], message[3]]), message[8..].to_vec())
    }

    /// The next frame to the ECU.
    fn frame(&mut self) -> Vec<u8> {
        let digits: String = if self.kind == Serial {
            let line = String::from_utf8(self.until(b'\r')).unwrap();
            assert!(line.starts_with("t7E0"), "{line:?}");
            line[5..].trim().to_owned()
        } else {
            let text = String::from_utf8(self.until(b'>')).unwrap();
            assert!(text.starts_with("< send 7E0 "), "{text:?}");
            text.split(' ').skip(4).filter(|word| *word != ">").collect()
        };
        bytes(&digits)
    }

    /// The next request.
    fn request(&mut self) -> Vec<u8> {
        match self.kind {
            Doip => self.doip().1[4..].to_vec(),
            Serial | Kind::Socketcand => {
                let frame = self.frame();
                frame[1..=usize::from(frame[0])].to_vec()
            }
            Hex => bytes(String::from_utf8(self.until(b'\n')).unwrap().trim()),
            Kind::Elm327 => loop {
                let line = String::from_utf8(self.until(b'\r')).unwrap();
                let line = line.trim();
                let late = std::mem::take(&mut self.late);
                self.send(&late);
                if self.echoes {
                    self.send(format!("{line}\r").as_bytes());
                }
                match line {
                    "" if self.resets == 0 => {}
                    "" => self.send(b"STOPPED\r\r>"),
                    "ATZ" => {
                        self.resets += 1;
                        self.send(format!("{BANNER}\r\r>").as_bytes());
                    }
                    "ATI" => self.send(format!("{BANNER}\r\r>").as_bytes()),
                    "ATMA" => {}
                    line if line.starts_with("AT") => self.send(b"OK\r\r>"),
                    line if line.starts_with("ST") => self.send(b"?\r\r>"),
                    _ if self.resets < 2 => self.send(b"7E8037F2231\r\r>"),
                    line => break bytes(line),
                }
            },
        }
    }

    /// What a response of up to seven bytes is on this line.
    fn raw(&self, response: &[u8]) -> Vec<u8> {
        let framed = [&[u8::try_from(response.len()).unwrap()], response].concat();
        match self.kind {
            Doip => {
                let mut bytes = vec![0; 64];
                let message = Message::Diagnostic { source: Address(0x1001), target: TESTER, data: response };
                let length = message.encode(2, &mut bytes).unwrap();
                bytes.truncate(length);
                bytes
            }
            Serial | Kind::Socketcand => self.raw_frame(&framed),
            Kind::Elm327 => format!("7E8{}\r", digits(&framed)).into_bytes(),
            Hex => format!("{}\n", digits(response)).into_bytes(),
        }
    }

    fn raw_frame(&self, data: &[u8]) -> Vec<u8> {
        match self.kind {
            Serial => format!("t7E8{}{}\r", data.len(), digits(data)).into_bytes(),
            _ => format!("< frame 7E8 1.000000 {} >", digits(data)).into_bytes(),
        }
    }

    fn say(&mut self, response: &[u8]) {
        let raw = self.raw(response);
        self.send(&raw);
    }

    fn put(&mut self, frame: &[u8]) {
        let raw = self.raw_frame(frame);
        self.send(&raw);
    }

    /// An adapter is ready for the next command.
    fn prompt(&mut self) {
        if self.kind == Kind::Elm327 {
            self.send(b"\r>");
        }
    }

    fn answers(&mut self, response: &[u8]) {
        self.say(response);
        self.prompt();
    }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02X}").unwrap();
        digits
    })
}

fn bytes(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect()
}

fn connect(kind: Kind, at: &str) -> Result<Tester, LinkError> {
    let (request, response) = (standard(0x7E0), standard(0x7E8));
    let serial = format!("tcp:{at}");
    let transport: Box<dyn Transport> = match kind {
        Doip => Box::new(DoipTransport::connect(at, TESTER, Address(0x1001), None)?),
        Serial => Box::new(CanTransport::new(Slcan::open(&serial, 115_200)?, request, response, None)),
        Kind::Socketcand => Box::new(CanTransport::new(Socketcand::open(at, "can0")?, request, response, None)),
        Kind::Elm327 => Box::new(Elm327::open(&serial, Some(38_400), (request, response), None)?),
        Hex => Box::new(HexLines::connect(at, None)?),
    };
    Ok(Tester::new(transport).with_patience(PATIENCE))
}

/// Plays the scene on each of these lines at once: what the ECU says, and what the tester makes of it.
fn scene(kinds: &[Kind], plays: impl Fn(&mut Peer) + Sync, asks: impl Fn(Kind, &mut Tester) + Sync) {
    thread::scope(|scope| {
        for kind in kinds.iter().copied() {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let at = listener.local_addr().unwrap().to_string();
            let (plays, asks) = (&plays, &asks);
            scope.spawn(move || {
                let mut peer = Peer::accept(kind, &listener);
                plays(&mut peer);
                // It stays until the tester goes.
                while peer.more() {}
            });
            scope.spawn(move || asks(kind, &mut connect(kind, &at).unwrap()));
        }
    });
}

/// What comes of a request, within the time that it may take.
fn ask(tester: &mut Tester, request: &[u8], within: Duration) -> Result<Vec<u8>, LinkError> {
    let started = Instant::now();
    let answer = tester.request(request);
    let took = started.elapsed();
    assert!(took < within + SLACK, "{took:?} for {answer:02X?}");
    answer
}

/// Through an adapter a time-out is followed by its own: it is found again first, or listens for what comes late.
fn time_out(kind: Kind) -> Duration {
    PATIENCE.p2 + if kind == Kind::Elm327 { Duration::from_secs(4) } else { Duration::ZERO }
}

#[test]
fn an_answer_that_comes_too_late_is_not_taken_for_that_of_the_same_request_asked_again() {
    scene(
        &KINDS,
        |peer| {
            assert_eq!(peer.request(), READ_VIN);
            thread::sleep(Duration::from_millis(600));
            peer.answers(&OLD);
            assert_eq!(peer.request(), READ_VIN);
            peer.answers(&VIN);
        },
        |kind, tester| {
            assert!(matches!(ask(tester, &READ_VIN, time_out(kind)), Err(LinkError::TimedOut)), "{kind:?}");
            thread::sleep(Duration::from_millis(900));
            assert_eq!(ask(tester, &READ_VIN, time_out(kind)).unwrap(), VIN, "{kind:?}");
        },
    );
}

#[test]
fn an_answer_that_comes_after_the_next_request_is_not_taken_for_its_own() {
    scene(
        &KINDS,
        |peer| {
            assert_eq!(peer.request(), READ_VIN);
            // An adapter says it as soon as it hears anything again.
            peer.late = [peer.raw(&OLD), b"\r>".to_vec()].concat();
            assert_eq!(peer.request(), READ_SERIAL);
            if peer.kind != Kind::Elm327 {
                peer.say(&OLD);
            }
            peer.answers(&SERIAL);
        },
        |kind, tester| {
            assert!(matches!(ask(tester, &READ_VIN, time_out(kind)), Err(LinkError::TimedOut)), "{kind:?}");
            assert_eq!(ask(tester, &READ_SERIAL, time_out(kind)).unwrap(), SERIAL, "{kind:?}");
        },
    );
}

#[test]
fn what_answers_something_else_or_nothing_at_all_is_passed_over() {
    let others: [&[u8]; 10] = [
        &SERIAL,
        &[0x7F, 0x3E, 0x11],
        &[0x7F, 0x31, 0x78],
        &[0x6E, 0xF1, 0x90],
        &[0x50, 0x03, 0, 50, 1, 0xF4],
        &[0x7F],
        &[0x7F, 0x22],
        &[0x62],
        &[0x62, 0xF1],
        &[0xFF; 7],
    ];
    scene(
        &KINDS,
        |peer| {
            peer.request();
            others.iter().for_each(|other| peer.say(other));
            peer.answers(&VIN);
            peer.request();
            others.iter().for_each(|other| peer.say(other));
            peer.prompt();
            if peer.kind == Kind::Elm327 {
                // It listens to the bus for what may still come, and ends that with a key.
                peer.until(b'\r');
                peer.until(b'\r');
                peer.send(b"STOPPED\r\r>");
            }
        },
        |kind, tester| {
            assert_eq!(ask(tester, &READ_VIN, time_out(kind)).unwrap(), VIN, "{kind:?}");
            assert!(matches!(ask(tester, &READ_VIN, time_out(kind)), Err(LinkError::TimedOut)), "{kind:?}");
        },
    );
}

#[test]
fn sub_functions_routines_and_blocks_are_told_apart() {
    let asked: [(&[u8], &[u8], &[u8]); 6] = [
        (&[0x10, 0x03], &[0x50, 0x01, 0, 50, 1, 0xF4], &[0x50, 0x03, 0, 50, 1, 0xF4]),
        (&[0x27, 0x05], &[0x67, 0x03, 1, 2], &[0x67, 0x05, 3, 4]),
        (&[0x31, 0x01, 0xFD, 0x10], &[0x71, 0x01, 0xFD, 0x11, 0], &[0x71, 0x01, 0xFD, 0x10, 1]),
        (&[0x31, 0x03, 0xFD, 0x14], &[0x71, 0x01, 0xFD, 0x14, 0], &[0x71, 0x03, 0xFD, 0x14, 1]),
        (&[0x36, 0x02, 7], &[0x76, 0x01], &[0x76, 0x02]),
        (&[0x85, 0x82], &[0xC5, 0x01], &[0xC5, 0x02]),
    ];
    scene(
        &KINDS,
        |peer| {
            for (request, other, right) in asked {
                assert_eq!(peer.request(), request);
                peer.say(other);
                peer.answers(right);
            }
        },
        |kind, tester| {
            for (request, _, right) in asked {
                assert_eq!(ask(tester, request, time_out(kind)).unwrap(), right, "{kind:?}");
            }
        },
    );
}

#[test]
fn a_closed_connection_is_told_at_once() {
    scene(
        &KINDS,
        |peer| {
            peer.request();
            let half = peer.raw(&VIN);
            peer.send(&half[..half.len() / 2]);
            peer.stream.shutdown(std::net::Shutdown::Both).unwrap();
        },
        |kind, tester| {
            for _ in 0..2 {
                let why = ask(tester, &READ_VIN, Duration::ZERO).unwrap_err();
                assert!(matches!(why, LinkError::Closed | LinkError::Io(_)), "{kind:?}: {why:?}");
            }
        },
    );
}

#[test]
fn responses_pending_are_waited_through_but_not_for_ever() {
    scene(
        &KINDS,
        |peer| {
            peer.request();
            peer.say(&PENDING);
            thread::sleep(Duration::from_millis(500));
            peer.answers(&VIN);
            peer.request();
            for _ in 0..20 {
                peer.say(&PENDING);
                thread::sleep(Duration::from_millis(150));
            }
        },
        |kind, tester| {
            assert_eq!(ask(tester, &READ_VIN, PATIENCE.p2 + PATIENCE.p2_star).unwrap(), VIN, "{kind:?}");
            let why = ask(tester, &READ_VIN, PATIENCE.total).unwrap_err();
            assert!(matches!(why, LinkError::PendingTooLong { .. }), "{kind:?}: {why:?}");
        },
    );
}

#[test]
fn a_busy_ecu_is_asked_again_but_not_for_ever() {
    scene(
        &KINDS,
        |peer| {
            for answer in [&BUSY[..], &BUSY, &VIN, &BUSY, &BUSY, &BUSY, &BUSY, &BUSY, &BUSY] {
                assert_eq!(peer.request(), READ_VIN);
                peer.answers(answer);
            }
        },
        |kind, tester| {
            assert_eq!(ask(tester, &READ_VIN, Duration::from_millis(200)).unwrap(), VIN, "{kind:?}");
            let why = ask(tester, &READ_VIN, Duration::from_millis(500)).unwrap_err();
            assert!(matches!(why, LinkError::Negative { sid: 0x22, nrc: Nrc::BusyRepeatRequest }), "{kind:?}: {why:?}");
        },
    );
}

#[test]
fn an_answer_may_come_byte_by_byte() {
    scene(
        &KINDS,
        |peer| {
            peer.request();
            for byte in peer.raw(&VIN) {
                peer.send(&[byte]);
                thread::sleep(Duration::from_millis(3));
            }
            peer.prompt();
        },
        |kind, tester| assert_eq!(ask(tester, &READ_VIN, time_out(kind)).unwrap(), VIN, "{kind:?}"),
    );
}

#[test]
fn half_an_answer_is_none_and_its_other_half_is_not_the_next_ones_beginning() {
    scene(
        &KINDS,
        |peer| {
            peer.request();
            let raw = peer.raw(&OLD);
            let (first, second) = raw.split_at(raw.len() / 2);
            peer.send(first);
            peer.late = [second, b"\r>"].concat();
            assert_eq!(peer.request(), READ_SERIAL);
            if peer.kind != Kind::Elm327 {
                peer.send(second);
            }
            peer.answers(&SERIAL);
        },
        |kind, tester| {
            let why = ask(tester, &READ_VIN, time_out(kind)).unwrap_err();
            assert!(matches!(why, LinkError::TimedOut), "{kind:?}: {why:?}");
            assert_eq!(ask(tester, &READ_SERIAL, time_out(kind)).unwrap(), SERIAL, "{kind:?}");
        },
    );
}

#[test]
fn garbage_without_end_is_given_up_in_time() {
    let before = resident();
    scene(
        &KINDS,
        |peer| {
            peer.request();
            let until = Instant::now() + Duration::from_secs(4);
            peer.stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
            while Instant::now() < until && peer.stream.write_all(&[b'x'; 8_192]).is_ok() {}
        },
        |kind, tester| {
            let why = ask(tester, &READ_VIN, time_out(kind)).unwrap_err();
            let right = matches!(why, LinkError::TimedOut | LinkError::OtherProtocol(_) | LinkError::Adapter(_));
            assert!(right, "{kind:?}: {why:?}");
        },
    );
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 * 1024 * 1024, "{grown} bytes more than before");
}

fn a_peer_that_takes_nothing_is_given_up() {
    const BLOCK: usize = 8 * 1024 * 1024;
    let gave_up = AtomicBool::new(false);
    scene(
        &[Doip],
        |_| {
            // Nothing is read until the tester has given up.
            while !gave_up.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(50));
            }
        },
        |_, tester| {
            let block = [&[0x36, 1][..], &vec![0; BLOCK]].concat();
            // The system takes some in the peer's place.
            let mut took = Duration::ZERO;
            while took < Duration::from_secs(4) {
                let started = Instant::now();
                let why = ask(tester, &block, Duration::from_secs(10)).unwrap_err();
                assert!(matches!(why, LinkError::TimedOut), "{why:?}");
                took = started.elapsed();
            }
            gave_up.store(true, Ordering::SeqCst);
            // What was half sent cannot be followed by anything else.
            let why = ask(tester, &READ_VIN, Duration::ZERO).unwrap_err();
            assert!(matches!(why, LinkError::Closed | LinkError::Io(_)), "{why:?}");
        },
    );
}

// CAN

#[test]
fn long_answers_with_lost_frames_are_errors_and_the_next_one_is_served() {
    scene(
        &CAN,
        |peer| {
            peer.request();
            peer.put(&[0x10, 20, 0x62, 0xF1, 0x90, 1, 2, 3]);
            assert_eq!(peer.frame()[0], 0x30);
            peer.put(&[0x22, 4, 5, 6, 7, 8, 9, 10]);
            peer.request();
            peer.put(&[0x10, 20, 0x62, 0xF1, 0x90, 1, 2, 3]);
            peer.frame();
            peer.put(&[0x21, 4, 5, 6, 7, 8, 9, 10]);
            thread::sleep(Duration::from_millis(1_100));
            peer.request();
            peer.answers(&VIN);
        },
        |kind, tester| {
            let why = ask(tester, &READ_VIN, PATIENCE.p2).unwrap_err();
            assert!(matches!(why, LinkError::Received(ReceiveError::WrongIndex)), "{kind:?}: {why:?}");
            let why = ask(tester, &READ_VIN, PATIENCE.p2 + Duration::from_secs(1)).unwrap_err();
            assert!(matches!(why, LinkError::Received(ReceiveError::TimedOut)), "{kind:?}: {why:?}");
            assert_eq!(ask(tester, &READ_VIN, PATIENCE.p2).unwrap(), VIN, "{kind:?}");
        },
    );
}

fn an_answer_that_begins_again_and_again_is_given_up() {
    scene(
        &CAN,
        |peer| {
            peer.request();
            let first = peer.raw_frame(&[0x1F, 0xFF, 0x62, 0xF1, 0x90, 1, 2, 3]);
            // Until the tester has had enough.
            while peer.stream.write_all(&first).is_ok() {
                thread::sleep(Duration::from_millis(500));
            }
        },
        |kind, tester| {
            let why = ask(tester, &READ_VIN, PATIENCE.p2 + Duration::from_secs(10)).unwrap_err();
            assert!(matches!(why, LinkError::TimedOut | LinkError::Received(_)), "{kind:?}: {why:?}");
        },
    );
}

#[test]
fn a_long_request_that_nobody_takes_is_given_up() {
    let flows: [(&[u8], SendError); 3] =
        [(&[], SendError::TimedOut), (&[0x32, 0, 0], SendError::Overflow), (&[0x3F, 0, 0], SendError::InvalidFlow)];
    scene(
        &CAN,
        |peer| {
            for (flow, _) in flows {
                assert_eq!(peer.frame()[..2], [0x10, 20]);
                peer.put(flow);
            }
            assert_eq!(peer.frame()[..2], [0x10, 20]);
            peer.put(&[0x30, 1, 0]);
            assert_eq!(peer.frame()[0], 0x21);
            // Another message in between is not its flow control.
            peer.put(&[0x03, 0x7F, 0x3E, 0x11]);
            peer.put(&[0x31, 0, 0]);
            peer.put(&[0x30, 0, 0]);
            assert_eq!(peer.frame()[0], 0x22);
            peer.put(&[0x05, 0x71, 0x01, 0xFD, 0x10, 0]);
        },
        |kind, tester| {
            for (flow, wanted) in flows {
                let why = ask(tester, &LONG_REQUEST, Duration::from_secs(1)).unwrap_err();
                assert!(matches!(&why, LinkError::Sent(why) if *why == wanted), "{kind:?} {flow:02X?}: {why:?}");
            }
            assert_eq!(ask(tester, &LONG_REQUEST, PATIENCE.p2).unwrap(), [0x71, 0x01, 0xFD, 0x10, 0], "{kind:?}");
        },
    );
}

// DoIP

/// What comes of connecting to somebody who says this to whoever asks for routing.
fn activates(says: impl FnOnce(&mut Peer) + Send) -> LinkError {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    thread::scope(|scope| {
        scope.spawn(move || {
            let stream = listener.accept().unwrap().0;
            let mut peer = Peer { kind: Doip, stream, waiting: Vec::new(), resets: 0, late: Vec::new(), echoes: false };
            assert_eq!(peer.doip().0, 0x0005);
            says(&mut peer);
        });
        let started = Instant::now();
        let why = connect(Doip, &at).unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(2) + SLACK, "{:?}", started.elapsed());
        why
    })
}

#[test]
fn a_gateway_that_refuses_a_tester_says_why() {
    for code in (0..=0xFF_u8).filter(|code| *code != 0x10) {
        let why = activates(|peer| peer.routes(Activation::of(code)));
        let right = match Activation::of(code) {
            Activation::NeedsConfirmation => matches!(why, LinkError::NeedsConfirmation),
            Activation::Refused(wanted) => matches!(&why, LinkError::NotActivated(why) if *why == wanted),
            Activation::Routed => false,
        };
        assert!(right, "{code:02X}: {why:?}");
    }
    let why = activates(|peer| peer.routes(Activation::Refused(ActivationRefusal::SourceActive)));
    assert_eq!(why.word(), "not-activated");
}

#[test]
fn what_is_no_gateway_is_told_in_time() {
    let why = activates(|peer| peer.message(&Message::HeaderNack(Nack::OutOfMemory)));
    assert!(matches!(why, LinkError::HeaderRefused(Nack::OutOfMemory)), "{why:?}");
    let why = activates(|_| {});
    assert!(matches!(why, LinkError::Closed | LinkError::Io(_)), "{why:?}");
    let why = activates(|peer| peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    assert!(matches!(why, LinkError::OtherProtocol("DoIP")), "{why:?}");
    let why = activates(|peer| peer.send(&[2, 0xFD, 0, 6, 0x7F, 0xFF, 0xFF, 0xFF]));
    assert!(matches!(why, LinkError::OtherProtocol("DoIP")), "{why:?}");
    let why = activates(|peer| {
        peer.send(&[2, 0xFD, 0, 6, 0, 0, 0, 9, 0x0E]);
        thread::sleep(Duration::from_millis(2_500));
    });
    assert!(matches!(why, LinkError::TimedOut), "{why:?}");
}

#[test]
fn a_gateways_own_messages_are_understood_around_an_answer() {
    let acknowledged = Message::DiagnosticAck { source: Address(0x1001), target: TESTER, previous: &[] };
    scene(
        &[Doip],
        |peer| {
            peer.request();
            peer.message(&Message::AliveCheckRequest);
            peer.message(&acknowledged);
            let (kind, payload) = peer.doip();
            assert_eq!((kind, &payload[..]), (0x0008, &[0x0E, 0x00][..]));
            // Of another ECU, for another tester.
            peer.message(&Message::Diagnostic { source: Address(0x1002), target: TESTER, data: &OLD });
            peer.message(&Message::Diagnostic { source: Address(0x1001), target: Address(0x0E01), data: &OLD });
            peer.answers(&VIN);
            for message in [
                Message::DiagnosticNack {
                    source: Address(0x1001),
                    target: TESTER,
                    reason: DiagnosticNack::TargetUnreachable,
                    previous: &READ_VIN,
                },
                Message::HeaderNack(Nack::MessageTooLarge),
            ] {
                peer.request();
                peer.message(&message);
            }
            // Asked while nobody listens, and a refusal that comes too late: the next request has its own answer.
            thread::sleep(Duration::from_millis(50));
            peer.message(&Message::AliveCheckRequest);
            peer.message(&Message::HeaderNack(Nack::OutOfMemory));
            let (kind, _) = peer.doip();
            assert_eq!(kind, 0x0008, "the gateway would have given the tester up");
            peer.request();
            peer.answers(&VIN);
            peer.request();
            peer.send(&[2, 2, 0x80, 0x01, 0, 0, 0, 11]);
        },
        |_, tester| {
            assert_eq!(ask(tester, &READ_VIN, PATIENCE.p2).unwrap(), VIN);
            let why = ask(tester, &READ_VIN, PATIENCE.p2).unwrap_err();
            assert!(matches!(why, LinkError::NotDelivered(DiagnosticNack::TargetUnreachable)), "{why:?}");
            let why = ask(tester, &READ_VIN, PATIENCE.p2).unwrap_err();
            assert!(matches!(why, LinkError::HeaderRefused(Nack::MessageTooLarge)), "{why:?}");
            thread::sleep(Duration::from_millis(500));
            assert_eq!(ask(tester, &READ_VIN, PATIENCE.p2).unwrap(), VIN);
            let why = ask(tester, &READ_VIN, PATIENCE.p2).unwrap_err();
            assert!(matches!(why, LinkError::OtherProtocol("DoIP")), "{why:?}");
        },
    );
}

// ELM327

#[test]
fn an_adapters_errors_are_told_and_the_next_request_is_served() {
    let said = [
        ("CAN ERROR", ElmError::CanError),
        ("STOPPED", ElmError::Stopped),
        ("BUS ERROR", ElmError::BusError),
        ("UNABLE TO CONNECT", ElmError::UnableToConnect),
        ("7E80762F1BUFFER FULL", ElmError::BufferFull),
        ("7E80762F190<RX ERROR", ElmError::RxError),
        ("LV RESET", ElmError::LvReset),
        ("ERR94", ElmError::Fault(94)),
        ("?", ElmError::Refused),
        ("hello there", ElmError::Garbage),
        ("7E8101462F190313233\r7E82234353637383930", ElmError::Incomplete),
    ];
    scene(
        &[Kind::Elm327],
        |peer| {
            for (text, _) in said {
                peer.request();
                peer.send(format!("{text}\r\r>").as_bytes());
                peer.request();
                peer.answers(&VIN);
            }
            peer.request();
            peer.send(b"NO DATA\r\r>");
            peer.echoes = true;
            peer.request();
            peer.answers(&VIN);
        },
        |_, tester| {
            for (text, wanted) in said {
                let why = ask(tester, &READ_VIN, PATIENCE.p2).unwrap_err();
                assert!(matches!(&why, LinkError::Adapter(why) if *why == wanted), "{text}: {why:?}");
                assert_eq!(ask(tester, &READ_VIN, PATIENCE.p2).unwrap(), VIN, "after {text}");
            }
            assert!(matches!(ask(tester, &READ_VIN, PATIENCE.p2), Err(LinkError::TimedOut)));
            assert_eq!(ask(tester, &READ_VIN, PATIENCE.p2).unwrap(), VIN, "with an echo");
        },
    );
}

fn an_adapter_that_froze_and_comes_back_answers_nothing_of_before() {
    scene(
        &[Kind::Elm327],
        |peer| {
            peer.request();
            // It hears nothing for eight seconds, and then all of it at once.
            for _ in 0..4 {
                peer.until(b'\r');
            }
            thread::sleep(Duration::from_secs(2));
            peer.answers(&OLD);
            for _ in 0..4 {
                peer.send(format!("{BANNER}\r\r>").as_bytes());
            }
            assert_eq!(peer.request(), READ_VIN);
            peer.answers(&VIN);
        },
        |_, tester| {
            assert!(matches!(ask(tester, &READ_VIN, PATIENCE.p2), Err(LinkError::TimedOut)));
            let why = ask(tester, &READ_VIN, Duration::from_secs(7)).unwrap_err();
            assert!(matches!(why, LinkError::Unfit(_)), "{why:?}");
            thread::sleep(Duration::from_secs(2));
            assert_eq!(ask(tester, &READ_VIN, Duration::from_secs(2)).unwrap(), VIN);
        },
    );
}

fn what_is_no_adapter_is_told_in_time() {
    type Play = fn(&mut TcpStream);
    let plays: [(&str, Play); 4] = [
        ("silent", |stream| while matches!(stream.read(&mut [0; 64]), Ok(1..)) {}),
        ("gone after its banner", |stream| {
            // It answers a reset, and nothing else any more.
            while matches!(stream.read(&mut [0; 64]), Ok(1..=2)) {}
            let _ = stream.write_all(b"ELM327 v1.5\r\r>");
            while matches!(stream.read(&mut [0; 64]), Ok(1..)) {}
        }),
        ("a flood", |stream| {
            stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
            while stream.write_all(&[b'x'; 8_192]).is_ok() {}
        }),
        ("another protocol", |stream| {
            let _ = stream.write_all(b"< hi >");
            while matches!(stream.read(&mut [0; 64]), Ok(1..)) {}
        }),
    ];
    thread::scope(|scope| {
        for (name, play) in plays {
            scope.spawn(move || {
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                let at = listener.local_addr().unwrap().to_string();
                let other = thread::spawn(move || play(&mut listener.accept().unwrap().0));
                let started = Instant::now();
                let why = connect(Kind::Elm327, &at).unwrap_err();
                let took = started.elapsed();
                assert!(took < Duration::from_secs(12), "{name}: {took:?}");
                let right = matches!(why, LinkError::OtherProtocol(_) | LinkError::Unfit(_) | LinkError::Closed);
                assert!(right || matches!(why, LinkError::Io(_)), "{name}: {why:?}");
                other.join().unwrap();
            });
        }
    });
}

/// Each of these waits for ten seconds: they wait together.
#[test]
fn what_never_comes_to_an_end_is_given_up_after_ten_seconds() {
    let waits = [
        a_peer_that_takes_nothing_is_given_up,
        an_answer_that_begins_again_and_again_is_given_up,
        an_adapter_that_froze_and_comes_back_answers_nothing_of_before,
        what_is_no_adapter_is_told_in_time,
    ];
    thread::scope(|scope| {
        for wait in waits {
            scope.spawn(wait);
        }
    });
}
