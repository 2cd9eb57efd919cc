//! DoIP from the tester's side (ISO 13400-2).

use std::ops::Range;
use std::time::{Duration, Instant};

use headlock_wire::doip::{Activation, Address, HEADER_BYTES, Header, Message, PayloadType};

use super::mask::masked;
use super::{Direction, LinkError, Stream, Trace, Transport};

/// The address that this tester takes, where no other is wanted.
pub const TESTER: Address = Address(0x0E00);
/// How long the gateway may take to let a tester talk.
const ACTIVATION: Duration = Duration::from_secs(2);
/// The longest message that is taken, in bytes.
const MOST_BYTES: usize = 16 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;
const VERSION: u8 = 2;

/// A connection on which routing is activated.
#[derive(Debug)]
pub struct DoipTransport {
    stream: Stream,
    source: Address,
    target: Address,
    /// Read and not yet understood; from `at` on.
    waiting: Vec<u8>,
    at: usize,
    out: Vec<u8>,
    trace: Option<Trace>,
}

impl DoipTransport {
    /// Connects to a gateway and activates routing, to talk to the ECU at `target`.
    ///
    /// # Errors
    /// It cannot be reached, or does not let this tester talk.
    pub fn connect(at: &str, source: Address, target: Address, trace: Option<Trace>) -> Result<Self, LinkError> {
        let stream = Stream::tcp(at)?;
        let mut own = Self { stream, source, target, waiting: Vec::new(), at: 0, out: Vec::new(), trace };
        own.put(&Message::RoutingActivationRequest { source, activation: 0, oem: None })?;
        let deadline = Instant::now() + ACTIVATION;
        loop {
            let (header, range) = own.next(deadline)?;
            match decode(header, &own.waiting[range])? {
                Message::RoutingActivationResponse { result, .. } => {
                    return match result {
                        Activation::Routed => Ok(own),
                        Activation::NeedsConfirmation => Err(LinkError::NeedsConfirmation),
                        Activation::Refused(why) => Err(LinkError::NotActivated(why)),
                    };
                }
                Message::HeaderNack(why) => return Err(LinkError::HeaderRefused(why)),
                _ => {}
            }
        }
    }

    fn put(&mut self, message: &Message<'_>) -> Result<(), LinkError> {
        let mut room = HEADER_BYTES + 64;
        if let Message::Diagnostic { data, .. } = message {
            room += data.len();
        }
        self.out.resize(room, 0);
        let length = message.encode(VERSION, &mut self.out).map_err(|_| LinkError::EmptyRequest)?;
        if let Some(trace) = &mut self.trace {
            let mut shown = self.out[..length].to_vec();
            if let Message::Diagnostic { data, .. } = message {
                shown[length - data.len()..].copy_from_slice(&masked(data));
            }
            trace.bytes(Direction::ToEcu, &shown);
        }
        let written = self.stream.write(&self.out[..length]);
        // What a request held, a code perhaps, does not stay.
        self.out.fill(0);
        written
    }

    /// The next message, if it is whole: its header, and where its payload stands in `waiting`.
    fn arrived(&mut self) -> Result<Option<(Header, Range<usize>)>, LinkError> {
        let Some((header, payload)) = self.waiting[self.at..].split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let header = Header::decode(*header).map_err(|_| LinkError::OtherProtocol("DoIP"))?;
        let length = usize::try_from(header.length).ok().filter(|length| *length <= MOST_BYTES);
        let length = length.ok_or(LinkError::OtherProtocol("DoIP"))?;
        if payload.len() < length {
            return Ok(None);
        }
        let from = self.at + HEADER_BYTES;
        if let Some(trace) = &mut self.trace {
            trace.bytes(Direction::FromEcu, &self.waiting[self.at..from + length]);
        }
        self.at = from + length;
        Ok(Some((header, from..from + length)))
    }

    /// Waits for the next whole message.
    fn next(&mut self, deadline: Instant) -> Result<(Header, Range<usize>), LinkError> {
        loop {
            if let Some(found) = self.arrived()? {
                return Ok(found);
            }
            self.waiting.drain(..self.at);
            self.at = 0;
            let from = self.waiting.len();
            self.waiting.resize(from + CHUNK, 0);
            let read = self.stream.read(&mut self.waiting[from..], deadline);
            self.waiting.truncate(from + read.as_ref().copied().unwrap_or(0));
            read?;
        }
    }
}

fn decode(header: Header, payload: &[u8]) -> Result<Message<'_>, LinkError> {
    Message::decode(header.payload_type, payload).map_err(|_| LinkError::OtherProtocol("DoIP"))
}

impl Transport for DoipTransport {
    fn send(&mut self, request: &[u8]) -> Result<(), LinkError> {
        if let Some(trace) = &mut self.trace {
            trace.message(Direction::ToEcu, request);
        }
        self.put(&Message::Diagnostic { source: self.source, target: self.target, data: request })
    }

    fn receive(&mut self, deadline: Instant) -> Result<Vec<u8>, LinkError> {
        loop {
            let (header, range) = self.next(deadline)?;
            let own = self.source;
            match decode(header, &self.waiting[range])? {
                Message::Diagnostic { source, target, data } if source == self.target && target == own => {
                    let data = data.to_vec();
                    if let Some(trace) = &mut self.trace {
                        trace.message(Direction::FromEcu, &data);
                    }
                    return Ok(data);
                }
                Message::DiagnosticNack { reason, .. } => return Err(LinkError::NotDelivered(reason)),
                Message::HeaderNack(why) => return Err(LinkError::HeaderRefused(why)),
                Message::AliveCheckRequest => self.put(&Message::AliveCheckResponse { source: own })?,
                _ => {}
            }
        }
    }

    fn drain(&mut self) -> Result<(), LinkError> {
        let Self { stream, waiting, .. } = self;
        stream.read_arrived(|bytes| waiting.extend(bytes))?;
        // Of a message that has not come to its end the rest is still to come; what comes later is told apart by what it answers.
        while let Some((header, _)) = self.arrived()? {
            if header.payload_type == PayloadType::AliveCheckRequest {
                self.put(&Message::AliveCheckResponse { source: self.source })?;
            }
        }
        Ok(())
    }

    fn bytes_max(&self) -> usize {
        MOST_BYTES
    }

    fn trace(&mut self) -> Option<&mut Trace> {
        self.trace.as_mut()
    }
}
