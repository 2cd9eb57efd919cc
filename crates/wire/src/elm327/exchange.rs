//! A request on the bus: the search for a protocol, the frames out, the frames back, and when to stop waiting.

use alloc::vec::Vec;

use embedded_can::Id;

use super::adapter::{Adapter, Now, Outbox, Said, State};
use super::listen::{self, Pci};
use super::segments::{Flow, Segments};
use super::{link, route};
use crate::can::CanFrame;
use crate::hex;

/// How long a response-pending answer keeps the line open: P2* of most ECUs. Chosen.
const PENDING_US: u64 = 5_000_000;
/// N_Bs and N_Cr of ISO 15765-2.
const SEGMENT_US: u64 = 1_000_000;
/// After the search succeeded, the time in which other ECUs answer it too. Chosen.
const SETTLE_US: u64 = 50_000;
/// What the search spends on a protocol that needs no frame from us. Chosen.
const DEAD_PROTOCOL_US: u64 = 100_000;
/// How many senders of long answers are followed at once.
const SENDERS_MAX: usize = 8;
/// The longest message of ISO 15765-2 on classic CAN.
pub(super) const LONGEST: usize = 4_095;
/// What the search asks: the supported PIDs of service 01.
const SEARCH_REQUEST: [u8; 2] = [0x01, 0x00];

#[derive(Clone, Debug)]
pub(super) struct Request {
    /// Overrides what `AT SH` set.
    pub(super) id: Option<Id>,
    pub(super) payload: Vec<u8>,
    /// How many replies end the wait.
    pub(super) expected: Option<u32>,
    pub(super) wait_us: Option<u64>,
    /// May be cut into frames.
    pub(super) long: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Exchange {
    request: Request,
    stage: Stage,
    pub(super) deadline_us: u64,
    /// Where the request went, and when.
    id: Id,
    sent_us: u64,
    /// Anything printed, and what counts as a reply.
    shown: bool,
    counted: u32,
    /// A text without a line end was printed.
    midline: bool,
    senders: Vec<Sender>,
}

#[derive(Clone, Debug)]
enum Stage {
    /// Protocols left, last first.
    Searching(Vec<u8>),
    Settling,
    Failing(&'static [u8]),
    Sending(Segments),
    Listening,
}

/// A long answer on its way.
#[derive(Clone, Debug)]
struct Sender {
    id: Id,
    left: usize,
    next: u8,
    message: Vec<u8>,
}

impl Adapter {
    /// A line of hexadecimal digits; an odd one at the end is the number of replies to wait for.
    pub(super) fn request(&mut self, text: &str, now: &mut Now<'_>) -> Said {
        let (digits, expected) = text.split_at(text.len() & !1);
        let Some(mut payload) = hex::bytes(digits).filter(|bytes| !bytes.is_empty()) else { return Said::Unknown };
        let expected = if expected.is_empty() { None } else { hex::number(expected) };
        if text.len() % 2 == 1 && expected.is_none() {
            return Said::Unknown;
        }
        payload.truncate(self.persona.request_bytes());
        let long = self.persona.is_stn() && self.settings.segment;
        self.transmit(Request { id: None, payload, expected, wait_us: None, long }, now)
    }

    pub(super) fn transmit(&mut self, request: Request, now: &mut Now<'_>) -> Said {
        let limit = if request.long && self.settings.formatting { LONGEST } else { self.room() };
        if request.payload.len() > limit {
            return Said::Unknown;
        }
        let mut exchange = Exchange {
            request,
            stage: Stage::Listening,
            deadline_us: now.us,
            id: route::standard(0),
            sent_us: now.us,
            shown: false,
            counted: 0,
            midline: false,
            senders: Vec::new(),
        };
        if !self.link.is_open() {
            let mut queue = self.link.candidates(self.settings.standard_search);
            queue.reverse();
            exchange.stage = Stage::Searching(queue);
            self.search(now.us, exchange, now.out);
        } else if link::on_this_bus(self.link.protocol()).is_none() {
            let (before, after, cost_us) = link::failure(self.link.protocol());
            now.out.text.extend(before);
            exchange.midline = !before.is_empty();
            exchange.stage = Stage::Failing(after);
            exchange.deadline_us = now.us.saturating_add(cost_us);
            self.state = State::Busy(exchange);
        } else {
            self.send(now.us, exchange, now.out);
        }
        Said::Later
    }

    /// Bytes of data that fit one frame.
    fn room(&self) -> usize {
        8 - usize::from(self.settings.extended.is_some()) - usize::from(self.settings.formatting)
    }

    /// Tries the next protocol. A protocol that `AT SP Ah` suggested is tried without a word.
    fn search(&mut self, now_us: u64, mut exchange: Exchange, out: &mut Outbox) {
        let Stage::Searching(queue) = &mut exchange.stage else { return };
        let Some(protocol) = queue.pop() else {
            self.link.close();
            self.end_line(&mut exchange, out);
            self.say(Said::text("UNABLE TO CONNECT"), out);
            return;
        };
        let suggested = self.link.active.is_none() && self.link.choice.number != 0;
        if !suggested && !exchange.midline {
            out.text.extend(b"SEARCHING...");
            exchange.midline = true;
        }
        self.link.active = Some(protocol);
        let cost_us = if link::on_this_bus(protocol).is_some() && !self.settings.bypass {
            exchange.id =
                exchange.request.id.unwrap_or_else(|| route::id(&self.settings, protocol, self.settings.header));
            out.frames.extend(self.single(exchange.id, &SEARCH_REQUEST));
            self.settings.wait_us()
        } else if link::on_this_bus(protocol).is_some() {
            self.link.connected = true;
            self.end_line(&mut exchange, out);
            return self.send(now_us, exchange, out);
        } else {
            DEAD_PROTOCOL_US
        };
        exchange.sent_us = now_us;
        exchange.deadline_us = now_us.saturating_add(cost_us);
        self.state = State::Busy(exchange);
    }

    /// The answer to the search is the answer to the request, where both are the same.
    fn found(&mut self, now_us: u64, mut exchange: Exchange, frame: &CanFrame, out: &mut Outbox) {
        self.link.connected = true;
        if self.settings.memory {
            self.kept.choice.number = self.link.protocol();
        }
        self.end_line(&mut exchange, out);
        if exchange.request.payload == SEARCH_REQUEST {
            exchange.stage = Stage::Listening;
            return self.heard(now_us, exchange, frame, out);
        }
        exchange.stage = Stage::Settling;
        exchange.deadline_us = now_us.saturating_add(SETTLE_US);
        self.state = State::Busy(exchange);
    }

    fn single(&self, id: Id, payload: &[u8]) -> Option<CanFrame> {
        let mut data = Vec::with_capacity(8);
        if self.settings.formatting {
            data.push(u8::try_from(payload.len()).ok()?);
        }
        data.extend(payload);
        route::frame(&self.settings, id, self.settings.extended, &data)
    }

    fn send(&mut self, now_us: u64, mut exchange: Exchange, out: &mut Outbox) {
        let header = self.settings.header;
        exchange.id = exchange.request.id.unwrap_or_else(|| route::id(&self.settings, self.link.protocol(), header));
        exchange.sent_us = now_us;
        if exchange.request.payload.len() > self.room() {
            let mut segments = Segments::new(exchange.request.payload.clone(), self.room() + 1);
            out.frames.extend(route::frame(&self.settings, exchange.id, self.settings.extended, &segments.first()));
            exchange.stage = Stage::Sending(segments);
            exchange.deadline_us = now_us.saturating_add(SEGMENT_US);
            self.state = State::Busy(exchange);
            return;
        }
        out.frames.extend(self.single(exchange.id, &exchange.request.payload));
        self.await_replies(now_us, exchange, out);
    }

    fn await_replies(&mut self, now_us: u64, mut exchange: Exchange, out: &mut Outbox) {
        if !self.settings.responses || exchange.request.expected == Some(0) {
            return self.prompt(out);
        }
        exchange.stage = Stage::Listening;
        exchange.deadline_us = now_us.saturating_add(self.first_wait_us(&exchange));
        self.state = State::Busy(exchange);
    }

    fn first_wait_us(&self, exchange: &Exchange) -> u64 {
        exchange.request.wait_us.unwrap_or_else(|| self.settings.wait_us())
    }

    /// How long to wait for one more reply. Chosen: adaptive timing shortens this wait only, never the first.
    fn next_wait_us(&self, exchange: &Exchange) -> u64 {
        let first = self.first_wait_us(exchange);
        let learned = self.link.learned_us.unwrap_or(first);
        match self.settings.adaptive {
            0 => first,
            1 => learned.saturating_mul(2).max(50_000).min(first),
            _ => learned.max(25_000).min(first),
        }
    }

    pub(super) fn exchange_frame(&mut self, now_us: u64, mut exchange: Exchange, frame: &CanFrame, out: &mut Outbox) {
        let body = listen::body(&self.settings, frame.data());
        let protocol = self.link.protocol();
        let address = self.settings.extended_back;
        let addressed = address.is_none_or(|address| frame.data().first() == Some(&address));
        if !addressed || !route::accepts(&self.settings, protocol, frame.id()) {
            self.state = State::Busy(exchange);
            return;
        }
        match &mut exchange.stage {
            Stage::Searching(_) if link::on_this_bus(protocol).is_some() => self.found(now_us, exchange, frame, out),
            Stage::Sending(segments) if route::back_to(&self.settings, frame.id(), exchange.id) == exchange.id => {
                match Pci::of(body) {
                    Pci::FlowControl => {
                        let flow = segments.flow(body);
                        self.flowed(now_us, flow, exchange, out);
                    }
                    // It refuses instead of asking for more.
                    Pci::Single(_) => self.heard(now_us, exchange, frame, out),
                    Pci::First(_) | Pci::Consecutive(_) | Pci::Other => self.state = State::Busy(exchange),
                }
            }
            Stage::Listening => self.heard(now_us, exchange, frame, out),
            Stage::Searching(_) | Stage::Settling | Stage::Failing(_) | Stage::Sending(_) => {
                self.state = State::Busy(exchange);
            }
        }
    }

    fn flowed(&mut self, now_us: u64, flow: Flow, mut exchange: Exchange, out: &mut Outbox) {
        match flow {
            Flow::Go => self.pump(now_us, exchange, out),
            Flow::Wait => {
                exchange.deadline_us = now_us.saturating_add(SEGMENT_US);
                self.state = State::Busy(exchange);
            }
            // The family has one text for flow control that does not let it go on.
            Flow::Refused => self.say(Said::text("FC RX TIMEOUT"), out),
        }
    }

    /// Sends consecutive frames until a gap, a flow control or the end.
    fn pump(&mut self, now_us: u64, mut exchange: Exchange, out: &mut Outbox) {
        let Stage::Sending(segments) = &mut exchange.stage else { return };
        while let Some(data) = segments.next() {
            out.frames.extend(route::frame(&self.settings, exchange.id, self.settings.extended, &data));
            if segments.is_done() {
                return self.await_replies(now_us, exchange, out);
            }
            let gap_us = segments.gap_us().saturating_add(self.settings.extra_gap_us);
            if gap_us > 0 && !segments.waits_for_flow() {
                exchange.deadline_us = now_us.saturating_add(gap_us);
                self.state = State::Busy(exchange);
                return;
            }
        }
        exchange.deadline_us = now_us.saturating_add(SEGMENT_US);
        self.state = State::Busy(exchange);
    }

    /// A frame that answers the request.
    fn heard(&mut self, now_us: u64, mut exchange: Exchange, frame: &CanFrame, out: &mut Outbox) {
        let body = listen::body(&self.settings, frame.data());
        let pci = Pci::of(body);
        self.buffer = frame.data().to_vec();
        self.link.connected = true;
        if !exchange.shown {
            self.link.learned_us = Some(now_us.saturating_sub(exchange.sent_us));
        }
        if let Pci::First(length) = pci
            && self.persona.freezes_on(length)
        {
            self.state = State::Frozen(true);
            return;
        }
        let whole = exchange.follow(frame.id(), pci, body);
        if self.settings.assemble && self.settings.formatting {
            if let Some(message) = &whole {
                listen::print_message(self, frame.id(), message, out);
                exchange.shown = true;
            }
        } else {
            listen::print(self, frame, out);
            exchange.shown = true;
        }
        let pending = matches!(whole.as_deref(), Some([0x7F, _, 0x78, ..]));
        // The ELM327 counts lines, the STN messages.
        let counts = !pending && (whole.is_some() || !self.persona.is_stn());
        exchange.counted += u32::from(counts);
        if exchange.request.expected.is_some_and(|expected| exchange.counted >= expected) {
            return self.prompt(out);
        }
        if matches!(pci, Pci::First(_)) && self.settings.flow_control {
            out.frames.extend(route::flow_control(&self.settings, frame.id(), exchange.id));
        }
        exchange.stage = Stage::Listening;
        exchange.deadline_us = now_us.saturating_add(if pending {
            self.first_wait_us(&exchange).max(PENDING_US)
        } else if exchange.senders.is_empty() {
            self.next_wait_us(&exchange)
        } else {
            self.first_wait_us(&exchange).max(SEGMENT_US)
        });
        self.state = State::Busy(exchange);
    }

    pub(super) fn exchange_due(&mut self, now_us: u64, mut exchange: Exchange, out: &mut Outbox) {
        match &exchange.stage {
            Stage::Searching(_) => self.search(now_us, exchange, out),
            Stage::Settling => self.send(now_us, exchange, out),
            Stage::Failing(text) => self.say(Said::Line(text.to_vec()), out),
            Stage::Sending(segments) if segments.waits_for_flow() => {
                self.say(Said::text("FC RX TIMEOUT"), out);
            }
            Stage::Sending(_) => self.pump(now_us, exchange, out),
            Stage::Listening if exchange.shown => self.prompt(out),
            Stage::Listening => {
                exchange.senders.clear();
                self.say(Said::text("NO DATA"), out);
            }
        }
    }

    /// A key ended it.
    pub(super) fn abandon(&mut self, exchange: &Exchange, out: &mut Outbox) {
        if matches!(exchange.stage, Stage::Searching(_)) {
            self.link.close();
        }
        if exchange.midline {
            self.newline(out);
        }
    }

    fn end_line(&self, exchange: &mut Exchange, out: &mut Outbox) {
        if core::mem::take(&mut exchange.midline) {
            self.newline(out);
        }
    }
}

impl Exchange {
    /// Follows the frames of long answers; a message, once it is whole.
    fn follow(&mut self, from: Id, pci: Pci, body: &[u8]) -> Option<Vec<u8>> {
        match pci {
            Pci::Single(length @ 1..) => body.get(1..=length).map(<[u8]>::to_vec),
            Pci::First(length) => {
                self.senders.retain(|sender| sender.id != from);
                let message = body.get(2..)?.to_vec();
                let left = usize::from(length).saturating_sub(message.len());
                if self.senders.len() < SENDERS_MAX && left > 0 {
                    self.senders.push(Sender { id: from, left, next: 1, message });
                }
                None
            }
            Pci::Consecutive(number) => {
                let at = self.senders.iter().position(|sender| sender.id == from)?;
                let sender = self.senders.get_mut(at)?;
                if number != sender.next {
                    self.senders.swap_remove(at);
                    return None;
                }
                sender.next = (number + 1) & 0x0F;
                let data = body.get(1..)?;
                let data = data.get(..data.len().min(sender.left))?;
                sender.message.extend(data);
                sender.left -= data.len();
                if sender.left > 0 || data.is_empty() {
                    return None;
                }
                Some(self.senders.swap_remove(at).message)
            }
            Pci::Single(_) | Pci::FlowControl | Pci::Other => None,
        }
    }
}
