//! A bus behind socketcand.

use std::time::{Duration, Instant};

use headlock_wire::can::CanFrame;
use headlock_wire::socketcand::{Event, LONGEST, encode_send, message};

use super::can::CanBus;
use super::stream::keep_unfinished;
use super::{LinkError, Stream};

/// How long the server may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

/// An open bus in raw mode.
#[derive(Debug)]
pub struct Socketcand {
    stream: Stream,
    waiting: Vec<u8>,
}

impl Socketcand {
    /// Opens a bus of the server at an address, like `can0`.
    ///
    /// # Errors
    /// It cannot be reached, speaks something else, or has no such bus.
    pub fn open(at: &str, bus: &str) -> Result<Self, LinkError> {
        let mut own = Self { stream: Stream::tcp(at)?, waiting: Vec::new() };
        own.expect(|event| *event == Event::Hi)?;
        own.stream.write(format!("< open {bus} >").as_bytes())?;
        own.expect(|event| *event == Event::Ok)?;
        own.stream.write(b"< rawmode >")?;
        own.expect(|event| *event == Event::Ok)?;
        Ok(own)
    }

    fn expect(&mut self, is_it: impl Fn(&Event<'_>) -> bool) -> Result<(), LinkError> {
        let deadline = Instant::now() + ANSWER;
        let found = self.event(deadline, |event| match event {
            Event::Error(_) => Some(false),
            event if is_it(event) => Some(true),
            _ => None,
        });
        match found {
            Ok(true) => Ok(()),
            Ok(false) => Err(LinkError::OtherProtocol("socketcand: it refuses the bus")),
            Err(LinkError::TimedOut) => Err(LinkError::OtherProtocol("socketcand")),
            Err(why) => Err(why),
        }
    }

    /// The first event of which `take` makes something.
    fn event<T>(&mut self, deadline: Instant, take: impl Fn(&Event<'_>) -> Option<T>) -> Result<T, LinkError> {
        loop {
            let found = match message(&self.waiting) {
                Ok(found) => {
                    found.map(|(text, length)| (Event::decode(text).ok().and_then(|event| take(&event)), length))
                }
                Err(_) => return Err(LinkError::OtherProtocol("socketcand")),
            };
            if let Some((taken, length)) = found {
                self.waiting.drain(..length);
                match taken {
                    Some(taken) => return Ok(taken),
                    None => continue,
                }
            }
            // Blanks before a message that never comes would fill the memory.
            let blanks = self.waiting.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.waiting.drain(..blanks);
            let mut chunk = [0; 4_096];
            let read = self.stream.read(&mut chunk, deadline)?;
            self.waiting.extend(&chunk[..read]);
        }
    }
}

impl CanBus for Socketcand {
    fn send(&mut self, frame: &CanFrame) -> Result<(), LinkError> {
        let mut text = [0; LONGEST];
        let length = encode_send(frame, &mut text).unwrap_or(0);
        self.stream.write(&text[..length])
    }

    fn receive(&mut self, deadline: Instant) -> Result<CanFrame, LinkError> {
        self.event(deadline, |event| match event {
            Event::Frame(frame) => Some(*frame),
            _ => None,
        })
    }

    fn drain(&mut self) -> Result<(), LinkError> {
        let Self { stream, waiting } = self;
        keep_unfinished(waiting, |byte| byte == b'>');
        stream.read_arrived(|bytes| {
            waiting.extend(bytes);
            keep_unfinished(waiting, |byte| byte == b'>');
        })
    }
}
