//! What an adapter answers to one command: bytes until the prompt, then lines or one typed error.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Bytes of an answer that are kept. A message of 4,095 bytes takes 17 KiB, so this is room for several ECUs.
pub const LONGEST_ANSWER: usize = 65_536;

/// Collects the answer to one command.
///
/// Echo on or off, any split, zero bytes, line ends of either kind and a prompt glued to the last line are all the same
/// to it. Bounded by [`LONGEST_ANSWER`]; bytes beyond are dropped, and the answer is then [`ElmError::TooLong`].
#[derive(Clone, Debug)]
pub struct Answer {
    command: Vec<u8>,
    bytes: Vec<u8>,
    zeros: bool,
    too_long: bool,
    complete: bool,
}

/// The lines of an answer that is no error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Without echo, notices of a search and empty lines; trimmed.
    pub lines: Vec<String>,
    /// The adapter had to search for the protocol.
    pub searched: bool,
}

/// Why a command brought nothing to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ElmError {
    /// `?`: the adapter does not know the command.
    Refused,
    /// `NO DATA`: no ECU answered in time.
    NoData,
    /// `STOPPED`: a byte came while the adapter was busy.
    Stopped,
    /// `UNABLE TO CONNECT`: no protocol brought an answer.
    UnableToConnect,
    /// `CAN ERROR`: frames are not acknowledged, or garbled.
    CanError,
    /// `BUS ERROR`, or `BUS BUSY`.
    BusError,
    /// `BUS INIT: ...ERROR`: no ECU woke up.
    BusInit,
    /// `FB ERROR`: the bus does not follow what is sent.
    FbError,
    /// `DATA ERROR`, or `<DATA ERROR` behind a line: a wrong checksum or form.
    DataError,
    /// `<RX ERROR` behind a line: a frame was received wrongly.
    RxError,
    /// `BUFFER FULL`, or `OUT OF MEMORY`: frames came faster than the serial line takes them.
    BufferFull,
    /// `FC RX TIMEOUT`: an ECU did not let a long request go on.
    FlowControl,
    /// `ACT ALERT`: no activity, the adapter is about to sleep.
    ActAlert,
    /// `LP ALERT`: it sleeps in two seconds.
    LpAlert,
    /// `LV RESET`: the supply was too low, everything set is lost.
    LvReset,
    /// `ERR` and a number: a fault of the adapter. 94 is a fatal CAN error, and settings are lost.
    Fault(u8),
    /// Bytes that no adapter sends there.
    Garbage,
    /// No line at all.
    Empty,
    /// The prompt has not come yet.
    Unfinished,
    /// Longer than [`LONGEST_ANSWER`].
    TooLong,
    /// Frames of a long message are missing.
    Incomplete,
    /// Long messages of several ECUs without headers cannot be told apart.
    Mixed,
}

impl fmt::Display for ElmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Refused => "the adapter does not know the command",
            Self::NoData => "no ECU answered",
            Self::Stopped => "the adapter was interrupted",
            Self::UnableToConnect => "no protocol brought an answer",
            Self::CanError => "nobody acknowledges frames on the CAN bus",
            Self::BusError => "the bus is disturbed or busy",
            Self::BusInit => "no ECU woke up on the K-line",
            Self::FbError => "the bus does not follow what is sent",
            Self::DataError => "an answer has a wrong checksum or form",
            Self::RxError => "a frame was received wrongly",
            Self::BufferFull => "frames came faster than the serial line takes them",
            Self::FlowControl => "an ECU did not let a long request go on",
            Self::ActAlert => "the adapter is about to sleep: no activity",
            Self::LpAlert => "the adapter sleeps in two seconds",
            Self::LvReset => "the adapter was reset by low voltage",
            Self::Fault(number) => return write!(f, "the adapter has fault ERR{number:02}"),
            Self::Garbage => "the answer is garbled",
            Self::Empty => "the answer is empty",
            Self::Unfinished => "the answer has no prompt yet",
            Self::TooLong => "the answer does not end",
            Self::Incomplete => "frames of a long answer are missing",
            Self::Mixed => "long answers of several ECUs cannot be told apart without headers",
        };
        f.write_str(text)
    }
}

impl core::error::Error for ElmError {}

impl Answer {
    /// The answer to a command, given without its carriage return, so that its echo is known.
    pub fn to(command: &str) -> Self {
        Self {
            command: squeezed(command.as_bytes()),
            bytes: Vec::new(),
            zeros: false,
            too_long: false,
            complete: false,
        }
    }

    /// Takes bytes. Once the prompt is among them, says how many belong to this answer; what follows does not.
    pub fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        if self.complete {
            return Some(0);
        }
        let end = bytes.iter().position(|byte| *byte == b'>');
        for &byte in bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default() {
            if byte == 0 {
                self.zeros = true;
            } else if self.bytes.len() < LONGEST_ANSWER {
                self.bytes.push(byte);
            } else {
                self.too_long = true;
            }
        }
        self.complete = end.is_some();
        end.map(|end| end + 1)
    }

    /// The prompt came.
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// Zero bytes came with it: some adapters send them after a reset.
    pub const fn has_zeros(&self) -> bool {
        self.zeros
    }

    /// The lines, or the first error among them.
    pub fn reply(&self) -> Result<Reply, ElmError> {
        if self.too_long {
            return Err(ElmError::TooLong);
        }
        if !self.complete {
            return Err(ElmError::Unfinished);
        }
        let mut reply = Reply { lines: Vec::new(), searched: false };
        for (at, line) in self.lines().enumerate() {
            if at == 0 && squeezed(line) == self.command {
                continue;
            }
            let text = core::str::from_utf8(line).ok().filter(|text| text.is_ascii()).ok_or(ElmError::Garbage)?;
            if let Some(text) = reply.notice(text) {
                match error(text) {
                    Some(error) => return Err(error),
                    None => reply.lines.push(text.into()),
                }
            }
        }
        if reply.lines.is_empty() { Err(ElmError::Empty) } else { Ok(reply) }
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let lines = self.bytes.split(|byte| matches!(byte, b'\r' | b'\n')).map(<[u8]>::trim_ascii);
        lines.filter(|line| !line.is_empty())
    }
}

impl Reply {
    /// The adapter said OK and nothing else.
    pub fn is_ok(&self) -> bool {
        self.lines.len() == 1 && self.lines.iter().all(|line| line == "OK")
    }

    /// Strips notices that come before the answer; none if nothing is left.
    fn notice<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        let rest = if let Some(rest) = line.strip_prefix("SEARCHING") {
            self.searched = true;
            rest.trim_start_matches('.').trim_start()
        } else if let Some(rest) = line.strip_prefix("BUS INIT:") {
            // Failure is an error, told by its own text.
            let rest = rest.trim_start_matches(['.', ' ']);
            if rest != "OK" {
                return Some(line);
            }
            ""
        } else {
            line
        };
        if rest.is_empty() { None } else { Some(rest) }
    }
}

/// The error that a line means.
fn error(line: &str) -> Option<ElmError> {
    const WHOLE: [(&[u8], ElmError); 17] = [
        (b"?", ElmError::Refused),
        (b"NODATA", ElmError::NoData),
        (b"STOPPED", ElmError::Stopped),
        (b"UNABLETOCONNECT", ElmError::UnableToConnect),
        (b"CANERROR", ElmError::CanError),
        (b"BUSERROR", ElmError::BusError),
        (b"BUSBUSY", ElmError::BusError),
        (b"FBERROR", ElmError::FbError),
        (b"DATAERROR", ElmError::DataError),
        (b"RXERROR", ElmError::RxError),
        (b"BUFFERFULL", ElmError::BufferFull),
        (b"OUTOFMEMORY", ElmError::BufferFull),
        (b"FCRXTIMEOUT", ElmError::FlowControl),
        (b"UARTRXOVERFLOW", ElmError::Garbage),
        (b"ACTALERT", ElmError::ActAlert),
        (b"LPALERT", ElmError::LpAlert),
        (b"LVRESET", ElmError::LvReset),
    ];
    let text = squeezed(line.as_bytes());
    let bare = text.strip_prefix(b"!").unwrap_or(&text);
    if let Some((_, error)) = WHOLE.iter().find(|(whole, _)| *whole == bare) {
        return Some(*error);
    }
    if bare.starts_with(b"BUSINIT") {
        return Some(ElmError::BusInit);
    }
    if bare.ends_with(b"<DATAERROR") {
        return Some(ElmError::DataError);
    }
    if bare.ends_with(b"<RXERROR") {
        return Some(ElmError::RxError);
    }
    // BUFFER FULL comes in the middle of a line that it cuts short.
    if bare.ends_with(b"BUFFERFULL") {
        return Some(ElmError::BufferFull);
    }
    let number = core::str::from_utf8(bare.strip_prefix(b"ERR")?).ok()?;
    number.parse().ok().filter(|_| number.len() == 2).map(ElmError::Fault)
}

/// In upper case, without spaces.
fn squeezed(text: &[u8]) -> Vec<u8> {
    text.iter().filter(|byte| !byte.is_ascii_whitespace()).map(u8::to_ascii_uppercase).collect()
}
