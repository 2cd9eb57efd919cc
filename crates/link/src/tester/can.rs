//! ISO-TP from the tester's side, over any CAN.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use embedded_can::Id;
use headlock_wire::can::CanFrame;
use headlock_wire::isotp::{Framing, Payload, Received, Receiver, Sender, Sent};

use super::mask::masked_frames;
use super::{Direction, LinkError, Trace, Transport};

/// The longest message that CAN carries here, in bytes.
const MOST_BYTES: usize = 4_095;

/// How long a message that has begun may go on after the deadline: ten times what the slowest adapter takes for the longest.
const LONGEST_MESSAGE: Duration = Duration::from_secs(10);

/// CAN frames in and out.
pub trait CanBus {
    /// Sends a frame.
    ///
    /// # Errors
    /// The line broke, or the adapter refuses.
    fn send(&mut self, frame: &CanFrame) -> Result<(), LinkError>;

    /// The next frame of the bus.
    ///
    /// # Errors
    /// [`LinkError::TimedOut`], or the line broke.
    fn receive(&mut self, deadline: Instant) -> Result<CanFrame, LinkError>;

    /// Drops the frames that have arrived.
    ///
    /// # Errors
    /// The line broke.
    fn drain(&mut self) -> Result<(), LinkError>;
}

/// One ECU on a bus, by the identifiers of its requests and responses.
#[derive(Debug)]
pub struct CanTransport<B> {
    bus: B,
    request: Id,
    response: Id,
    receiver: Receiver<Vec<u8>>,
    sender: Sender<Vec<u8>>,
    started: Instant,
    trace: Option<Trace>,
    /// Frames of a request with a secret, as the trace shows them.
    shown: VecDeque<Payload>,
}

impl<B: CanBus> CanTransport<B> {
    /// Requests go out as `request`, answers come as `response`.
    pub fn new(bus: B, request: Id, response: Id, trace: Option<Trace>) -> Self {
        Self {
            bus,
            request,
            response,
            receiver: Receiver::new(Framing::NORMAL, vec![0; MOST_BYTES]),
            sender: Sender::new(Framing::NORMAL),
            started: Instant::now(),
            trace,
            shown: VecDeque::new(),
        }
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn put(&mut self, payload: &Payload) -> Result<(), LinkError> {
        let Some(frame) = CanFrame::new(self.request, payload.bytes()) else { return Ok(()) };
        let shown = self.shown.pop_front().and_then(|shown| CanFrame::new(self.request, shown.bytes()));
        if let Some(trace) = &mut self.trace {
            trace.frame(&shown.unwrap_or(frame));
        }
        self.bus.send(&frame)
    }

    /// The next frame of this ECU.
    fn next(&mut self, deadline: Instant) -> Result<CanFrame, LinkError> {
        loop {
            let frame = self.bus.receive(deadline)?;
            if frame.id() == self.response {
                if let Some(trace) = &mut self.trace {
                    trace.frame(&frame);
                }
                return Ok(frame);
            }
        }
    }

    fn at(&self, us: u64) -> Instant {
        self.started + Duration::from_micros(us)
    }
}

impl<B: CanBus> Transport for CanTransport<B> {
    fn send(&mut self, request: &[u8]) -> Result<(), LinkError> {
        if let Some(trace) = &mut self.trace {
            trace.message(Direction::ToEcu, request);
        }
        self.shown = masked_frames(request);
        // A request that was not through is given up with its answer.
        self.sender = Sender::new(Framing::NORMAL);
        let first = self.sender.start(self.now_us(), request.to_vec())?;
        self.put(&first)?;
        while !self.sender.is_idle() {
            match self.sender.poll(self.now_us())? {
                Sent::Frame(payload) | Sent::Last(payload) => self.put(&payload)?,
                Sent::Nothing => {
                    let due_us = self.sender.deadline_us().unwrap_or_else(|| self.now_us());
                    match self.next(self.at(due_us)) {
                        Ok(frame) => self.sender.frame(self.now_us(), frame.data())?,
                        // Then the sender knows what is due.
                        Err(LinkError::TimedOut) => {}
                        Err(why) => return Err(why),
                    }
                }
            }
        }
        Ok(())
    }

    fn receive(&mut self, deadline: Instant) -> Result<Vec<u8>, LinkError> {
        let most = deadline + LONGEST_MESSAGE;
        loop {
            // A message that has begun may end after the deadline, frame by frame in its own time.
            let until = self.receiver.deadline_us().map_or(deadline, |us| self.at(us + 1_000).min(most));
            let frame = match self.next(until) {
                Ok(frame) => frame,
                Err(LinkError::TimedOut) => {
                    self.receiver.poll(self.now_us())?;
                    return Err(LinkError::TimedOut);
                }
                Err(why) => return Err(why),
            };
            if Instant::now() >= most {
                return Err(LinkError::TimedOut);
            }
            let now_us = self.now_us();
            match self.receiver.frame(now_us, frame.data()) {
                Received::Message(bytes) => {
                    let bytes = bytes.to_vec();
                    if let Some(trace) = &mut self.trace {
                        trace.message(Direction::FromEcu, &bytes);
                    }
                    return Ok(bytes);
                }
                Received::Reply(payload) => self.put(&payload)?,
                Received::Failed(why) => return Err(why.into()),
                Received::Nothing => {}
            }
        }
    }

    fn drain(&mut self) -> Result<(), LinkError> {
        self.bus.drain()?;
        self.receiver = Receiver::new(Framing::NORMAL, vec![0; MOST_BYTES]);
        Ok(())
    }

    fn bytes_max(&self) -> usize {
        MOST_BYTES
    }

    fn trace(&mut self) -> Option<&mut Trace> {
        self.trace.as_mut()
    }
}
