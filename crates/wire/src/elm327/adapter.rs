//! The adapter: lines of text in, frames out; frames in, lines of text out.

use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use super::exchange::Exchange;
use super::link::{Choice, Link};
use super::monitor::Monitor;
use super::parameters::Parameters;
use super::persona::Persona;
use super::settings::Settings;
use crate::can::CanFrame;

/// A line that is left unfinished for so long is given up.
const LINE_US: u64 = 20_000_000;

/// What the adapter sends: text to the tester's serial line, frames to the bus.
///
/// The adapter only appends; whoever owns it takes both away. One call appends no more than a full answer of the bus,
/// 4,095 bytes of one message or one line for each frame given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    /// To the tester, in order.
    pub text: Vec<u8>,
    /// To the bus, in order.
    pub frames: Vec<CanFrame>,
}

/// A virtual ELM327 on a CAN bus of 500 kbit/s, without its serial port, its transceiver and its clock.
///
/// Times are microseconds on any clock that does not go back. Total: no bytes and no frames make it panic, and what it
/// keeps is bounded by the longest command line (8,448 characters for the STN, 256 otherwise) and one message of 4,095
/// bytes for each of eight senders.
#[derive(Clone, Debug)]
pub struct Adapter {
    pub(super) persona: Persona,
    pub(super) settings: Settings,
    pub(super) parameters: Parameters,
    pub(super) kept: Kept,
    pub(super) link: Link,
    pub(super) state: State,
    line: Line,
    last: Vec<u8>,
    /// When the bus was last seen alive.
    pub(super) bus_seen_us: Option<u64>,
    /// The last frame, for `AT BD`.
    pub(super) buffer: Vec<u8>,
}

/// What outlives a reset.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) choice: Choice,
    pub(super) byte: u8,
    pub(super) identifier: Option<[u8; 12]>,
    /// Added to the measured supply.
    pub(super) calibration_mv: i64,
}

#[derive(Clone, Debug, Default)]
struct Line {
    bytes: Vec<u8>,
    overflow: bool,
    since_us: Option<u64>,
}

#[derive(Clone, Debug)]
pub(super) enum State {
    Ready,
    /// A request is on the bus.
    Busy(Exchange),
    Monitoring(Monitor),
    /// The next line is the data of an `STPX` that announced a length.
    Data(super::st::Transmit),
    /// Answers nothing; the value says whether `ATZ` still reaches it.
    Frozen(bool),
    Asleep,
}

/// What a command makes the adapter say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Ok,
    Unknown,
    Line(Vec<u8>),
    Lines(Vec<Vec<u8>>),
    /// Nothing now: it was said, or it will be.
    Later,
}

impl Said {
    pub(super) fn text(text: &str) -> Self {
        Self::Line(text.as_bytes().to_vec())
    }

    /// OK if there is a value to set.
    pub(super) const fn ok_if(value: Option<()>) -> Self {
        if value.is_some() { Self::Ok } else { Self::Unknown }
    }
}

/// The circumstances of a command.
pub(super) struct Now<'a> {
    pub(super) us: u64,
    pub(super) supply_mv: u32,
    pub(super) out: &'a mut Outbox,
}

impl Adapter {
    /// An adapter that has been powered for a while: its banner is out, nothing is set, it waits for a command.
    pub fn new(persona: Persona) -> Self {
        let parameters = Parameters::new();
        let choice = Choice { number: 0, automatic: true };
        Self {
            persona,
            settings: Settings::new(&parameters),
            parameters,
            kept: Kept { choice, byte: 0, identifier: None, calibration_mv: 0 },
            link: Link::new(choice),
            state: State::Ready,
            line: Line::default(),
            last: Vec::new(),
            bus_seen_us: None,
            buffer: Vec::new(),
        }
    }

    /// Which adapter it pretends to be.
    pub const fn persona(&self) -> Persona {
        self.persona
    }

    /// Takes the supply away and gives it back: the only way out of every freeze. The banner is sent.
    pub fn power_cycle(&mut self, out: &mut Outbox) {
        self.last.clear();
        let said = self.reset(out);
        self.say(said, out);
    }

    /// Takes bytes of the tester, split anyhow. `supply_mv` is what `AT RV` measures.
    pub fn receive(&mut self, now_us: u64, bytes: &[u8], supply_mv: u32, out: &mut Outbox) {
        self.poll(now_us, out);
        for &byte in bytes {
            self.byte(byte, &mut Now { us: now_us, supply_mv, out });
        }
    }

    /// Takes a frame that was seen on the bus.
    pub fn frame(&mut self, now_us: u64, frame: &CanFrame, out: &mut Outbox) {
        self.poll(now_us, out);
        self.bus_seen_us = Some(now_us);
        match mem::replace(&mut self.state, State::Ready) {
            State::Busy(exchange) => self.exchange_frame(now_us, exchange, frame, out),
            State::Monitoring(monitor) => self.monitored(monitor, frame, out),
            other => self.state = other,
        }
    }

    /// When [`Self::poll`] is next due, if ever.
    pub fn deadline_us(&self) -> Option<u64> {
        match &self.state {
            State::Busy(exchange) => Some(exchange.deadline_us),
            State::Ready | State::Data(_) => self.line.since_us.map(|since| since.saturating_add(LINE_US)),
            State::Monitoring(_) | State::Frozen(_) | State::Asleep => None,
        }
    }

    /// Does what has become due. Early calls do nothing.
    pub fn poll(&mut self, now_us: u64, out: &mut Outbox) {
        if self.deadline_us().is_none_or(|deadline| deadline > now_us) {
            return;
        }
        match mem::replace(&mut self.state, State::Ready) {
            State::Busy(exchange) => self.exchange_due(now_us, exchange, out),
            State::Ready | State::Data(_) => {
                self.line = Line::default();
                self.say(Said::Unknown, out);
            }
            other @ (State::Monitoring(_) | State::Frozen(_) | State::Asleep) => self.state = other,
        }
    }

    fn byte(&mut self, byte: u8, now: &mut Now<'_>) {
        if byte == 0 {
            return;
        }
        match self.state {
            State::Ready | State::Data(_) => self.typed(byte, now),
            State::Busy(_) | State::Monitoring(_) if byte == b'\n' => {}
            State::Busy(_) | State::Monitoring(_) => self.interrupt(now.out),
            State::Frozen(_) => self.typed_while_frozen(byte, now.out),
            State::Asleep => {
                let said = self.reset(now.out);
                self.say(said, now.out);
            }
        }
    }

    /// A key ends what is going on, and is lost.
    fn interrupt(&mut self, out: &mut Outbox) {
        if let State::Busy(exchange) = mem::replace(&mut self.state, State::Ready) {
            self.abandon(&exchange, out);
        }
        self.say(Said::text("STOPPED"), out);
    }

    fn typed(&mut self, byte: u8, now: &mut Now<'_>) {
        if self.settings.echo {
            match byte {
                b'\r' => self.newline(now.out),
                b'\n' => {}
                _ => now.out.text.push(byte),
            }
        }
        if byte == b'\r' {
            let line = mem::take(&mut self.line);
            self.execute(line, now);
        } else if byte > b' ' {
            self.line.keep(byte, self.persona.line_bytes(), now.us);
        }
    }

    fn typed_while_frozen(&mut self, byte: u8, out: &mut Outbox) {
        if byte != b'\r' {
            if byte > b' ' {
                self.line.keep(byte, self.persona.line_bytes(), 0);
            }
            return;
        }
        let line = mem::take(&mut self.line);
        if matches!(self.state, State::Frozen(true)) && line.bytes.eq_ignore_ascii_case(b"ATZ") {
            let said = self.reset(out);
            self.say(said, out);
        }
    }

    fn execute(&mut self, line: Line, now: &mut Now<'_>) {
        let state = mem::replace(&mut self.state, State::Ready);
        let text = if line.bytes.is_empty() { self.last.clone() } else { line.bytes };
        let said = match String::from_utf8(text.to_ascii_uppercase()) {
            Ok(command) if !line.overflow && command.is_ascii() && !command.is_empty() => match state {
                State::Data(transmit) => self.transmit_data(transmit, &command, now),
                _ => self.command(&command, now),
            },
            _ => Said::Unknown,
        };
        self.last = text;
        self.say(said, now.out);
    }

    fn command(&mut self, command: &str, now: &mut Now<'_>) -> Said {
        if let Some(at) = command.strip_prefix("AT") {
            if self.persona.lacks(at) {
                return Said::Unknown;
            }
            let said = self.general(at, now);
            let said = said.or_else(|| self.obd(at, now));
            return said.or_else(|| self.can_setting(at)).unwrap_or(Said::Unknown);
        }
        match command.strip_prefix("ST") {
            Some(st) if self.persona.is_stn() => self.st(st, now).unwrap_or(Said::Unknown),
            _ => self.request(command, now),
        }
    }

    /// Back to what it is after power was applied; says the banner.
    pub(super) fn reset(&mut self, out: &mut Outbox) -> Said {
        self.defaults();
        self.state = State::Ready;
        self.line = Line::default();
        if self.persona == Persona::LeadingZeros {
            out.text.extend([0, 0]);
        }
        self.newline(out);
        self.newline(out);
        Said::text(self.persona.version())
    }

    /// `AT D`.
    pub(super) fn defaults(&mut self) {
        self.settings = Settings::new(&self.parameters);
        self.link = Link::new(self.kept.choice);
    }

    /// Ends a command: what there is to say, and the prompt.
    pub(super) fn say(&self, said: Said, out: &mut Outbox) {
        match said {
            Said::Ok => self.print(b"OK", out),
            Said::Unknown => self.print(b"?", out),
            Said::Line(line) => self.print(&line, out),
            Said::Lines(lines) => lines.iter().for_each(|line| self.print(line, out)),
            Said::Later => return,
        }
        self.prompt(out);
    }

    pub(super) fn prompt(&self, out: &mut Outbox) {
        self.newline(out);
        out.text.push(b'>');
    }

    pub(super) fn print(&self, line: &[u8], out: &mut Outbox) {
        out.text.extend(line);
        self.newline(out);
    }

    pub(super) fn newline(&self, out: &mut Outbox) {
        out.text.extend(if self.settings.linefeeds { &b"\r\n"[..] } else { b"\r" });
    }
}

impl Line {
    fn keep(&mut self, byte: u8, limit: usize, now_us: u64) {
        self.since_us.get_or_insert(now_us);
        if self.bytes.len() < limit {
            self.bytes.push(byte);
        } else {
            self.overflow = true;
        }
    }
}
