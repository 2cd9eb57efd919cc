//! An ELM327, or one of its copies, on a serial port or on TCP.
//!
//! The adapter answers one command at a time and ends each answer with a prompt. When no prompt comes in time, nothing is asked
//! before the line was quiet behind one again: a late answer is never taken for the next one.

mod long;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use embedded_can::Id;
use headlock_wire::can::{CanFrame, IdText, raw_id};
use headlock_wire::elm327::{
    Answer, ElmError, Identity, Kind, LONGEST_ANSWER, Probe, Reply, Resync, Risks, Shape, Synced, Unfit,
};
use headlock_wire::isotp::{Flow, FlowControl, Framing, Payload, Pci};

use super::mask::masked_frames;
use super::stream::keep_unfinished;
use super::{Direction, LinkError, Stream, Trace, Transport};
use headlock_wire::hex;

/// How long an adapter may take to answer a command that needs no ECU; `ATZ` takes the longest.
const COMMAND: Duration = Duration::from_secs(3);
/// Commands without any answer after which nobody is there.
const SILENCES: u32 = 2;
/// Speeds at which adapters leave their factories, the most frequent first.
const SPEEDS: [u32; 6] = [38_400, 115_200, 9_600, 57_600, 230_400, 500_000];
/// The longest request that an adapter frames by itself.
const SHORT_BYTES: usize = 7;
/// Vehicle, download and serial in one request: more than 64 bytes come back.
const LONG_READ: &str = "22F190FD04F18C";
/// The longest request, in bytes: at 9,600 baud its frames take three seconds, and after five without a request a session ends.
const MOST_BYTES: usize = 1_024;
/// Through one that cannot be told to send frames one by one.
const MOST_BYTES_PLAIN: usize = SHORT_BYTES;

/// An adapter that was asked what it is, and the ECU behind it.
#[derive(Debug)]
pub struct Elm327 {
    stream: Stream,
    waiting: Vec<u8>,
    request: Id,
    response: Id,
    identity: Identity,
    /// A command whose prompt has not come.
    outstanding: Option<Answer>,
    /// What has come of its answer.
    heard: Vec<u8>,
    /// Messages of its answer that were given away before it was complete.
    told: usize,
    messages: VecDeque<Vec<u8>>,
    /// What went wrong with the last command, to be told once.
    failed: Option<ElmError>,
    started: Instant,
    trace: Option<Trace>,
    /// Frames of a request with a secret, as the trace shows them.
    shown: VecDeque<Payload>,
}

impl Elm327 {
    /// Opens the port, finds out what adapter this is, and sets it up for one ECU. Without a speed the usual ones are tried.
    ///
    /// # Errors
    /// The port cannot be had, or nothing there behaves like an adapter.
    pub fn open(at: &str, baud: Option<u32>, ids: (Id, Id), trace: Option<Trace>) -> Result<Self, LinkError> {
        let speeds = match baud {
            Some(baud) => vec![baud],
            None if at.starts_with("tcp:") => vec![SPEEDS[0]],
            None => SPEEDS.to_vec(),
        };
        let mut last = LinkError::OtherProtocol("ELM327");
        for baud in speeds {
            match Self::at_speed(at, baud, ids) {
                Ok(own) => return Ok(Self { trace, ..own }),
                Err(why @ LinkError::OtherProtocol(_)) => last = why,
                Err(why) => return Err(why),
            }
        }
        Err(last)
    }

    fn at_speed(at: &str, baud: u32, ids: (Id, Id)) -> Result<Self, LinkError> {
        let mut own = Self::connect(at, baud, ids)?;
        own.identity = own.probe(Risks::default())?;
        own.set_up()?;
        Ok(own)
    }

    fn connect(at: &str, baud: u32, ids: (Id, Id)) -> Result<Self, LinkError> {
        let mut stream = Stream::open(at, baud)?;
        // Whatever was half said is over.
        stream.write(b"\r")?;
        stream.drain(Duration::from_millis(200))?;
        Ok(Self {
            stream,
            waiting: Vec::new(),
            request: ids.0,
            response: ids.1,
            identity: unknown(),
            outstanding: None,
            heard: Vec::new(),
            told: 0,
            messages: VecDeque::new(),
            failed: None,
            started: Instant::now(),
            trace: None,
            shown: VecDeque::new(),
        })
    }

    /// What it is.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    fn probe(&mut self, risks: Risks) -> Result<Identity, LinkError> {
        // Who was asked for what can freeze it hears nothing but a reset.
        let may_freeze = risks.long_read.is_some() || risks.try_automatic;
        let mut probe = Probe::new(Some((self.request, self.response)), risks);
        let (mut heard, mut silences) = (false, 0);
        while let Some(command) = probe.command().map(str::to_owned) {
            self.begin(&command)?;
            match self.finish(Instant::now() + COMMAND) {
                Ok(answer) => {
                    heard = true;
                    probe.answered(&answer);
                }
                Err(LinkError::TimedOut) => {
                    probe.silent();
                    silences += 1;
                    // Where nothing at all is heard there is no adapter, or it listens at another speed.
                    if !heard && silences == SILENCES {
                        return Err(LinkError::OtherProtocol("ELM327"));
                    }
                    if heard && !may_freeze {
                        // What comes late would shift every answer that follows.
                        self.synchronise()?;
                    }
                }
                Err(why) => return Err(why),
            }
        }
        match probe.identity() {
            Some(identity) if heard => Ok(identity.clone()),
            _ => Err(LinkError::OtherProtocol("ELM327")),
        }
    }

    /// Headers on, echo off, one ECU on 500 kbit/s CAN. What a copy does not know it has to do without.
    fn set_up(&mut self) -> Result<(), LinkError> {
        let (to, from) = (raw_id(self.request), raw_id(self.response));
        let mut commands: Vec<String> =
            ["ATE0", "ATL0", "ATS0", "ATH1", "ATCAF1", "ATCFC1", "ATAT1", "ATST64"].map(str::to_owned).into();
        match self.request {
            Id::Standard(_) => {
                commands.extend(["ATSP6".to_owned(), format!("ATSH{to:03X}"), format!("ATCRA{from:03X}")]);
            }
            Id::Extended(_) => commands.extend([
                "ATSP7".to_owned(),
                format!("ATCP{:02X}", to >> 24),
                format!("ATSH{:06X}", to & 0x00FF_FFFF),
                format!("ATCRA{from:08X}"),
            ]),
        }
        for command in commands {
            match self.command(&command) {
                Ok(_) | Err(LinkError::Adapter(ElmError::Refused)) => {}
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn begin(&mut self, command: &str) -> Result<(), LinkError> {
        self.outstanding = Some(Answer::to(command));
        self.heard.clear();
        self.told = 0;
        self.stream.write(format!("{command}\r").as_bytes())
    }

    /// Waits for the prompt of the command that was begun.
    fn finish(&mut self, deadline: Instant) -> Result<Answer, LinkError> {
        loop {
            let Some(answer) = &mut self.outstanding else { return Err(LinkError::TimedOut) };
            let used = answer.feed(&self.waiting);
            let room = LONGEST_ANSWER - self.heard.len();
            self.heard.extend(self.waiting[..used.unwrap_or(self.waiting.len())].iter().take(room));
            self.waiting.drain(..used.unwrap_or(self.waiting.len()));
            if used.is_some() {
                return self.outstanding.take().ok_or(LinkError::TimedOut);
            }
            let mut chunk = [0; 4_096];
            let read = self.stream.read(&mut chunk, deadline)?;
            self.waiting.extend(&chunk[..read]);
        }
    }

    /// A command of the adapter's own, and its answer.
    fn command(&mut self, command: &str) -> Result<Reply, LinkError> {
        self.synchronise()?;
        self.begin(command)?;
        Ok(self.finish(Instant::now() + COMMAND)?.reply()?)
    }

    /// Waits until no late answer can come any more.
    fn synchronise(&mut self) -> Result<(), LinkError> {
        self.waiting.clear();
        if self.outstanding.is_none() {
            // Nothing is owed: what has come all the same belongs to what is over.
            return self.stream.read_arrived(|_| {});
        }
        let mut resync = Resync::new(self.now_us());
        loop {
            match resync.poll(self.now_us()) {
                Synced::Ready => {
                    self.outstanding = None;
                    return Ok(());
                }
                // It may come back, and then it still owes what it was asked before.
                Synced::Dead => {
                    return Err(LinkError::Unfit("it no longer answers; unplug it and plug it in again".to_owned()));
                }
                Synced::Working => {}
            }
            if let Some(bytes) = resync.outgoing(self.now_us()) {
                self.stream.write(bytes)?;
            }
            let due_us = resync.deadline_us().unwrap_or_else(|| self.now_us() + 1_000);
            let mut chunk = [0; 4_096];
            match self.stream.read(&mut chunk, self.started + Duration::from_micros(due_us)) {
                Ok(read) => resync.receive(self.now_us(), &chunk[..read]),
                Err(LinkError::TimedOut) => {}
                Err(why) => return Err(why),
            }
        }
    }

    fn seen(&mut self, payload: &Payload) {
        let shown = self.shown.pop_front();
        let payload = shown.as_ref().unwrap_or(payload);
        if let (Some(trace), Some(frame)) = (&mut self.trace, CanFrame::new(self.request, payload.bytes())) {
            trace.frame(&frame);
        }
    }

    /// Keeps the messages of our ECU.
    fn take(&mut self, reply: &Reply) -> Result<(), LinkError> {
        let frames = reply.frames()?;
        let own = self.response;
        if let Some(trace) = &mut self.trace {
            for frame in frames.iter().filter(|frame| frame.id() == own) {
                trace.frame(frame);
                // The adapter answers a first frame by itself.
                if matches!(Pci::decode(Framing::NORMAL, frame.data()), Some(Pci::First { .. })) {
                    let go_on = FlowControl { flow: Flow::ContinueToSend, block_size: 0, st_min_us: 0 };
                    let payload = Pci::FlowControl(go_on).encode(Framing::NORMAL);
                    if let Some(frame) = CanFrame::new(self.request, payload.bytes()) {
                        trace.frame(&frame);
                    }
                }
            }
        }
        let ours = reply.messages(Shape::Headers)?.into_iter().filter(|message| message.from == Some(own));
        self.messages.extend(ours.map(|message| message.bytes).skip(self.told));
        Ok(())
    }

    /// Messages that are there although the adapter waits for more of them, as it does after a response pending.
    fn take_early(&mut self) {
        let text = String::from_utf8_lossy(&self.heard[..self.heard.len().min(LONGEST_ANSWER)]);
        let Some(end) = text.rfind('\r') else { return };
        let lines = text[..end].split(['\r', '\n']).map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned);
        let reply = Reply { lines: lines.collect(), searched: false };
        let Ok(messages) = reply.messages(Shape::Headers) else { return };
        let ours = messages.into_iter().filter(|message| message.from == Some(self.response));
        self.messages.extend(ours.map(|message| message.bytes).skip(self.told));
        self.told += self.messages.len();
    }

    /// The adapter has stopped listening, but the ECU has said that it will answer: listens to the bus.
    fn overhear(&mut self, deadline: Instant) -> Result<(), LinkError> {
        self.synchronise()?;
        self.begin("ATMA")?;
        let mut heard = Vec::new();
        let found = loop {
            if let Some(line) = complete_line(&heard, self.response) {
                break Ok(line);
            }
            keep_unfinished(&mut heard, |byte| matches!(byte, b'\r' | b'\n'));
            if heard.len() > LONGEST_ANSWER {
                heard.clear();
            }
            let mut chunk = [0; 4_096];
            match self.stream.read(&mut chunk, deadline) {
                Ok(read) => heard.extend(&chunk[..read]),
                Err(why) => break Err(why),
            }
        };
        // Any byte stops it, and it then says so.
        self.stream.write(b"\r")?;
        let _ = self.finish(Instant::now() + COMMAND);
        self.take(&Reply { lines: vec![found?], searched: false })
    }
}

/// A line of the ECU that holds a whole message: who listens only cannot ask for the rest of a longer one.
fn complete_line(heard: &[u8], from: Id) -> Option<String> {
    let text = String::from_utf8_lossy(heard);
    let whole = text.rfind(['\r', '\n']).map(|end| text[..end].to_owned())?;
    let id = IdText(from).to_string();
    let mut lines = whole.split(['\r', '\n']).map(|line| line.replace(' ', ""));
    lines.find(|line| line.starts_with(&id) && line.as_bytes().get(id.len()) == Some(&b'0'))
}

const fn unknown() -> Identity {
    Identity {
        claimed: String::new(),
        stn: None,
        kind: Kind::Unknown,
        cannot: Vec::new(),
        leading_zeros: false,
        three_bytes: None,
        long_replies: None,
        tries_automatically: None,
    }
}

impl Transport for Elm327 {
    fn send(&mut self, request: &[u8]) -> Result<(), LinkError> {
        if let Some(trace) = &mut self.trace {
            trace.message(Direction::ToEcu, request);
        }
        self.shown = masked_frames(request);
        self.synchronise()?;
        self.messages.clear();
        self.failed = None;
        if request.len() > SHORT_BYTES {
            return self.send_long(request);
        }
        self.seen(&Pci::Single(request).encode(Framing::NORMAL));
        self.begin(&hex::digits(request))
    }

    fn receive(&mut self, deadline: Instant) -> Result<Vec<u8>, LinkError> {
        if self.messages.is_empty() {
            match self.failed.take() {
                Some(ElmError::NoData) => return Err(LinkError::TimedOut),
                Some(why) => return Err(why.into()),
                None => {}
            }
            if self.outstanding.is_some() {
                match self.finish(deadline).map(|answer| answer.reply()) {
                    Ok(Ok(reply)) => self.take(&reply)?,
                    Ok(Err(ElmError::NoData)) => return Err(LinkError::TimedOut),
                    Ok(Err(why)) => return Err(why.into()),
                    Err(LinkError::TimedOut) => self.take_early(),
                    Err(why) => return Err(why),
                }
            } else {
                self.overhear(deadline)?;
            }
        }
        let message = self.messages.pop_front().ok_or(LinkError::TimedOut)?;
        if let Some(trace) = &mut self.trace {
            trace.message(Direction::FromEcu, &message);
        }
        Ok(message)
    }

    fn drain(&mut self) -> Result<(), LinkError> {
        self.messages.clear();
        self.failed = None;
        self.synchronise()
    }

    fn bytes_max(&self) -> usize {
        let reads_two = matches!(self.identity.kind, Kind::TwoByte);
        if reads_two || self.identity.cannot.contains(&headlock_wire::elm327::Ability::RawFrames) {
            MOST_BYTES_PLAIN
        } else {
            MOST_BYTES
        }
    }

    fn supply_mv(&mut self) -> Result<Option<u32>, LinkError> {
        let reply = match self.command("ATRV") {
            Err(LinkError::Adapter(ElmError::Refused)) => return Ok(None),
            reply => reply?,
        };
        let volts = reply.lines.first().map(|line| line.trim_end_matches(['V', 'v']).trim()).unwrap_or_default();
        Ok(Some(millivolts(volts).ok_or(LinkError::Adapter(ElmError::Garbage))?))
    }

    /// Who writes firmware needs long messages both ways, so a long one is read first. A copy that cannot stand it freezes, and has
    /// to be unplugged; nothing was written then.
    fn prepare_for_flashing(&mut self) -> Result<(), LinkError> {
        if self.identity.fit_for_flashing() == Err(Unfit::LongRepliesUntested) {
            self.synchronise()?;
            let risks = Risks { long_read: Some(LONG_READ.to_owned()), try_automatic: false };
            self.identity = self.probe(risks)?;
            self.set_up()?;
        }
        self.identity.fit_for_flashing().map_err(|why| LinkError::Unfit(why.to_string()))
    }

    fn trace(&mut self) -> Option<&mut Trace> {
        self.trace.as_mut()
    }
}

/// `12.6` as 12600.
fn millivolts(volts: &str) -> Option<u32> {
    let (whole, part) = volts.split_once('.').unwrap_or((volts, "0"));
    let digits = part.len();
    let part: u32 = part.parse().ok().filter(|_| digits <= 3)?;
    let scale = 10_u32.pow(3 - u32::try_from(digits).ok()?);
    whole.parse::<u32>().ok()?.checked_mul(1_000)?.checked_add(part * scale)
}
