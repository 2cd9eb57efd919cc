//! What an adapter can be trusted with: clones lie about their version, so they are asked what they can do.
//!
//! Nothing that is asked by default changes the car or can stop the adapter: AT commands, and reads of three bytes. Two
//! faults show only when they bite, so each test for them has to be allowed in [`Risks`]: a long answer, which freezes
//! some Bluetooth adapters, and `ATTPA0`, which hangs another kind until it is unplugged.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use embedded_can::Id;

use super::answer::{Answer, Reply};
use super::messages::Shape;
use crate::can::raw_id;

/// A command that adapters lack, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ability {
    /// `ATS0`: answers without spaces, a third shorter.
    NoSpaces,
    /// `ATKW`: key words of the K-line.
    KeyWords,
    /// `ATFE`: forget events.
    ForgetEvents,
    /// `ATSS`: the standard search order.
    StandardSearch,
    /// `ATCSM1`: monitoring without a trace on the bus.
    SilentMonitoring,
    /// `ATAMT`: the activity time-out.
    ActivityTimeout,
    /// `ATAL`: long messages.
    LongMessages,
    /// `ATCAF0`: raw frames, which the application cuts messages into.
    RawFrames,
    /// `ATCFC0`: flow control left to the application.
    FlowControlOff,
    /// `ATFCSM`: flow control as the application wants it.
    FlowControlSettings,
    /// `ATCRA`: answers of one ECU only.
    ReceiveFilter,
    /// `ATPPS`: programmable parameters.
    Parameters,
}

/// Each ability, and the command that shows it. Raw frames and flow control are switched back on at once.
const ABILITIES: [(Ability, &str); 14] = [
    (Ability::NoSpaces, "ATS0"),
    (Ability::KeyWords, "ATKW"),
    (Ability::ForgetEvents, "ATFE"),
    (Ability::StandardSearch, "ATSS"),
    (Ability::SilentMonitoring, "ATCSM1"),
    (Ability::ActivityTimeout, "ATAMT20"),
    (Ability::LongMessages, "ATAL"),
    (Ability::RawFrames, "ATCAF0"),
    (Ability::RawFrames, "ATCAF1"),
    (Ability::FlowControlOff, "ATCFC0"),
    (Ability::FlowControlOff, "ATCFC1"),
    (Ability::FlowControlSettings, "ATFCSM0"),
    (Ability::ReceiveFilter, "ATCRA7E8"),
    (Ability::Parameters, "ATPPS"),
];

/// Reads that show whether all three bytes arrive: the answer repeats the last two.
const READS: [(&str, [u8; 2]); 3] = [("22F190", [0xF1, 0x90]), ("22F186", [0xF1, 0x86]), ("22F18C", [0xF1, 0x8C])];
/// Bytes of a message from which an answer counts as long.
const LONG_BYTES: usize = 65;
/// Versions that were released. There never was a 1.5.
const RELEASED: [&str; 12] = ["1.0", "1.1", "1.2", "1.2a", "1.3", "1.3a", "1.4", "1.4b", "2.0", "2.1", "2.2", "2.3"];

/// What kind of adapter it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Claims a version that was released and can all of it.
    Genuine,
    /// Can everything that was asked, and claims a version that never was.
    FairClone,
    /// Lacks commands that its version has.
    CloneV15,
    /// Was seen to read only two bytes of a request.
    TwoByte,
    /// Was seen to freeze on a long answer.
    FreezesOnLongReplies,
    /// Was seen to hang on `ATTPA0`.
    HangsOnTpa0,
    /// Of the STN family, which cuts and assembles long messages itself.
    Stn,
    /// Did not say what it is.
    Unknown,
}

/// Why an adapter is not fit for writing software into an ECU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unfit {
    /// It did not say what it is.
    Unknown,
    /// It reads only two bytes of a request.
    TwoBytes,
    /// No ECU answered a request of three bytes, so whether it reads them is not known.
    ThreeBytesUntested,
    /// It freezes on long answers.
    Freezes,
    /// No long answer was read through it yet.
    LongRepliesUntested,
    /// It lacks what cutting long messages needs.
    Lacks(Ability),
}

impl core::fmt::Display for Unfit {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Unknown => f.write_str("it does not say what it is"),
            Self::TwoBytes => f.write_str("it reads only two bytes of a request"),
            Self::ThreeBytesUntested => f.write_str("no ECU showed that it passes on whole requests"),
            Self::Freezes => f.write_str("it freezes on long answers"),
            Self::LongRepliesUntested => f.write_str("no long answer was read through it yet"),
            Self::Lacks(ability) => write!(f, "it lacks what long messages need ({ability:?})"),
        }
    }
}

/// What the probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What it says it is: at most 64 characters.
    pub claimed: String,
    /// The firmware of an STN.
    pub stn: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// What it refused.
    pub cannot: Vec<Ability>,
    /// It sends zero bytes after a reset.
    pub leading_zeros: bool,
    /// All three bytes of a request arrive; none if no ECU showed it.
    pub three_bytes: Option<bool>,
    /// Long answers come through; none until one was read.
    pub long_replies: Option<bool>,
    /// `ATTPA0` is survived; none unless it was tried. Do not send it before.
    pub tries_automatically: Option<bool>,
}

impl Identity {
    /// Whether software can be written through it, or why not.
    pub fn fit_for_flashing(&self) -> Result<(), Unfit> {
        match (self.three_bytes, self.long_replies, self.kind) {
            (_, _, Kind::Unknown) => Err(Unfit::Unknown),
            (Some(false), _, _) => Err(Unfit::TwoBytes),
            (_, Some(false), _) => Err(Unfit::Freezes),
            (_, _, Kind::Stn) => Ok(()),
            (None, _, _) => Err(Unfit::ThreeBytesUntested),
            (_, None, _) => Err(Unfit::LongRepliesUntested),
            (Some(true), Some(true), _) => {
                let needed = [Ability::RawFrames, Ability::FlowControlOff, Ability::ReceiveFilter];
                needed
                    .into_iter()
                    .find(|need| self.cannot.contains(need))
                    .map_or(Ok(()), |lack| Err(Unfit::Lacks(lack)))
            }
        }
    }
}

/// Tests that can stop an adapter for good. Nothing is risked by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Risks {
    /// A request, in hexadecimal digits, whose answer has more than 64 bytes. It comes last but one.
    pub long_read: Option<String>,
    /// Send `ATTPA0`. It comes last.
    pub try_automatic: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Reset,
    EchoOff,
    Stn,
    Ability(usize),
    Setup(usize),
    Read(usize),
    Long,
    /// Is it still there?
    AfterLong,
    TryAutomatic,
    AfterTry,
    Restore,
    Done,
}

/// Asks an adapter, one command after the other.
///
/// The caller sends [`Self::command`] with a carriage return, collects an [`Answer`], and gives it to
/// [`Self::answered`], or calls [`Self::silent`] when no prompt came in three seconds. Bounded: at most 40 commands.
/// At the end the adapter has been reset.
#[derive(Clone, Debug)]
pub struct Probe {
    step: Step,
    setup: Vec<String>,
    risks: Risks,
    found: Identity,
}

impl Probe {
    /// `ecu` are the identifiers of a request to an ECU and of its answers; without, nothing goes to the bus.
    pub fn new(ecu: Option<(Id, Id)>, risks: Risks) -> Self {
        let found = Identity {
            claimed: String::new(),
            stn: None,
            kind: Kind::Unknown,
            cannot: Vec::new(),
            leading_zeros: false,
            three_bytes: None,
            long_replies: None,
            tries_automatically: None,
        };
        Self { step: Step::Reset, setup: ecu.map(setup).unwrap_or_default(), risks, found }
    }

    /// The command to send next, without its carriage return; none at the end.
    pub fn command(&self) -> Option<&str> {
        Some(match self.step {
            Step::Reset | Step::Restore => "ATZ",
            Step::EchoOff => "ATE0",
            Step::Stn => "STI",
            Step::Ability(at) => ABILITIES.get(at)?.1,
            Step::Setup(at) => self.setup.get(at)?,
            Step::Read(at) => READS.get(at)?.0,
            Step::Long => self.risks.long_read.as_deref()?,
            Step::AfterLong | Step::AfterTry => "ATI",
            Step::TryAutomatic => "ATTPA0",
            Step::Done => return None,
        })
    }

    /// What was found, at the end.
    pub fn identity(&self) -> Option<&Identity> {
        (self.step == Step::Done).then_some(&self.found)
    }

    /// Takes the answer to [`Self::command`].
    pub fn answered(&mut self, answer: &Answer) {
        let reply = answer.reply();
        match self.step {
            Step::Reset => {
                self.found.leading_zeros |= answer.has_zeros();
                self.found.claimed =
                    reply.iter().flat_map(|reply| &reply.lines).find_map(|line| banner(line)).unwrap_or_default();
            }
            Step::Stn => self.found.stn = reply.iter().flat_map(|reply| &reply.lines).find_map(|line| firmware(line)),
            Step::Ability(at) if reply.is_err() => self.lacks(at),
            Step::Read(at) => self.found.three_bytes = reply.ok().and_then(|reply| three_bytes(&reply, at)),
            Step::Long => {
                let messages = reply.and_then(|reply| reply.messages(Shape::Headers)).unwrap_or_default();
                let long = messages.iter().any(|message| message.bytes.len() >= LONG_BYTES);
                self.found.long_replies = long.then_some(true);
            }
            Step::AfterTry => self.found.tries_automatically = Some(true),
            Step::EchoOff
            | Step::Ability(_)
            | Step::Setup(_)
            | Step::AfterLong
            | Step::TryAutomatic
            | Step::Restore
            | Step::Done => {}
        }
        self.advance();
    }

    /// No prompt came.
    pub fn silent(&mut self) {
        match self.step {
            Step::Ability(at) => self.lacks(at),
            Step::AfterLong => self.found.long_replies = Some(false),
            Step::AfterTry => self.found.tries_automatically = Some(false),
            _ => {}
        }
        self.advance();
    }

    fn lacks(&mut self, at: usize) {
        if let Some((ability, _)) = ABILITIES.get(at)
            && !self.found.cannot.contains(ability)
        {
            self.found.cannot.push(*ability);
        }
    }

    fn advance(&mut self) {
        let long = self.risks.long_read.is_some() && !self.setup.is_empty();
        let restore_or_try = if self.risks.try_automatic { Step::TryAutomatic } else { Step::Restore };
        let after_reads = if long { Step::Long } else { restore_or_try };
        self.step = match self.step {
            Step::Reset => Step::EchoOff,
            Step::EchoOff => Step::Stn,
            Step::Stn => Step::Ability(0),
            Step::Ability(at) if at + 1 < ABILITIES.len() => Step::Ability(at + 1),
            Step::Ability(_) if self.setup.is_empty() => restore_or_try,
            Step::Ability(_) => Step::Setup(0),
            Step::Setup(at) if at + 1 < self.setup.len() => Step::Setup(at + 1),
            Step::Setup(_) => Step::Read(0),
            Step::Read(at) if self.found.three_bytes.is_none() && at + 1 < READS.len() => Step::Read(at + 1),
            Step::Read(_) => after_reads,
            Step::Long => Step::AfterLong,
            // What is frozen is not asked for more.
            Step::AfterLong if self.found.long_replies == Some(false) => Step::Restore,
            Step::AfterLong => restore_or_try,
            Step::TryAutomatic => Step::AfterTry,
            Step::AfterTry => Step::Restore,
            Step::Restore | Step::Done => Step::Done,
        };
        if self.step == Step::Done {
            self.found.kind = self.kind();
        }
    }

    /// What was seen to fail weighs more than what is claimed.
    fn kind(&self) -> Kind {
        let found = &self.found;
        let version = found.claimed.split_once(" v").map(|(_, version)| version.trim());
        if found.stn.is_some() {
            Kind::Stn
        } else if found.claimed.is_empty() {
            Kind::Unknown
        } else if found.three_bytes == Some(false) {
            Kind::TwoByte
        } else if found.long_replies == Some(false) {
            Kind::FreezesOnLongReplies
        } else if found.tries_automatically == Some(false) {
            Kind::HangsOnTpa0
        } else if !found.cannot.is_empty() {
            Kind::CloneV15
        } else if version.is_some_and(|version| RELEASED.contains(&version)) {
            Kind::Genuine
        } else {
            Kind::FairClone
        }
    }
}

/// Chooses protocol, header and filter for an ECU.
fn setup((request, reply): (Id, Id)) -> Vec<String> {
    let (to, from) = (raw_id(request), raw_id(reply));
    let mut commands: Vec<_> = ["ATCAF1", "ATCFC1", "ATH1", "ATD0", "ATST96"].map(ToString::to_string).into();
    match request {
        Id::Standard(_) => commands.extend(["ATSP6".to_string(), format!("ATSH{to:03X}"), format!("ATCRA{from:03X}")]),
        Id::Extended(_) => commands.extend([
            "ATSP7".to_string(),
            format!("ATCP{:02X}", to >> 24),
            format!("ATSH{:06X}", to & 0xFF_FF_FF),
            format!("ATCRA{from:08X}"),
        ]),
    }
    commands
}

fn banner(line: &str) -> Option<String> {
    let from = line.find("ELM")?;
    Some(line.get(from..)?.chars().take(64).collect())
}

fn firmware(line: &str) -> Option<String> {
    line.starts_with("STN").then(|| line.chars().take(64).collect())
}

/// An answer that repeats the identifier shows that it arrived; one that repeats another, or calls the request too
/// short, that it did not. A refusal of another kind shows nothing.
fn three_bytes(reply: &Reply, at: usize) -> Option<bool> {
    let (_, did) = READS.get(at)?;
    reply.messages(Shape::Headers).ok()?.iter().find_map(|message| match message.bytes.as_slice() {
        [0x62, high, low, ..] => Some([*high, *low] == *did),
        [0x7F, 0x22, 0x13, ..] => Some(false),
        _ => None,
    })
}
