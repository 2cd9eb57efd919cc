//! An SLCAN adapter on a serial port.

use std::time::{Duration, Instant};

use headlock_wire::can::CanFrame;
use headlock_wire::slcan::{BELL, LONGEST_LINE, OK, encode, frame};

use super::can::CanBus;
use super::stream::keep_unfinished;
use super::{LinkError, Stream};

/// How long an adapter may take to answer a command.
const ANSWER: Duration = Duration::from_secs(2);
/// Longer than any line, even of an adapter that says more than it has to.
const MOST_WAITING: usize = 64 * 1024;

/// An open channel at 500 kbit/s.
#[derive(Debug)]
pub struct Slcan {
    stream: Stream,
    waiting: Vec<u8>,
}

impl Slcan {
    /// Opens the adapter's channel at 500 kbit/s.
    ///
    /// # Errors
    /// The port cannot be had, or what is there is no SLCAN adapter.
    pub fn open(at: &str, baud: u32) -> Result<Self, LinkError> {
        let mut own = Self { stream: Stream::open(at, baud)?, waiting: Vec::new() };
        // Whatever was half said is over, and a channel that is still open is closed.
        own.stream.write(b"\r\r\rC\r")?;
        own.stream.drain(Duration::from_millis(100))?;
        for command in [&b"S6\r"[..], b"O\r"] {
            own.stream.write(command)?;
            own.accepted()?;
        }
        Ok(own)
    }

    /// A carriage return is yes, a bell is no; frames of the bus may come in between.
    fn accepted(&mut self) -> Result<(), LinkError> {
        let deadline = Instant::now() + ANSWER;
        loop {
            match self.line(deadline) {
                Ok(Some(line)) if line.is_empty() => return Ok(()),
                Ok(Some(_)) => {}
                Ok(None) => return Err(LinkError::OtherProtocol("SLCAN: it refuses 500 kbit/s")),
                Err(LinkError::TimedOut) => return Err(LinkError::OtherProtocol("SLCAN")),
                Err(why) => return Err(why),
            }
        }
    }

    /// The next line; none if it is a bell.
    fn line(&mut self, deadline: Instant) -> Result<Option<Vec<u8>>, LinkError> {
        loop {
            if let Some(end) = self.waiting.iter().position(|byte| matches!(*byte, OK | BELL)) {
                let line: Vec<u8> = self.waiting.drain(..=end).collect();
                return Ok((line.last() == Some(&OK)).then(|| line[..end].to_vec()));
            }
            if self.waiting.len() > MOST_WAITING {
                return Err(LinkError::OtherProtocol("SLCAN"));
            }
            let mut chunk = [0; 4_096];
            let read = self.stream.read(&mut chunk, deadline)?;
            self.waiting.extend(&chunk[..read]);
        }
    }
}

impl CanBus for Slcan {
    fn send(&mut self, frame: &CanFrame) -> Result<(), LinkError> {
        let mut line = [0; LONGEST_LINE];
        let length = encode(frame, None, &mut line).unwrap_or(0);
        self.stream.write(&line[..length])
    }

    fn receive(&mut self, deadline: Instant) -> Result<CanFrame, LinkError> {
        loop {
            // What confirms a sent frame is no frame; a bell says that one was refused.
            match self.line(deadline)? {
                Some(line) => {
                    if let Some((frame, _)) = frame(&line) {
                        return Ok(frame);
                    }
                }
                None => return Err(LinkError::OtherProtocol("SLCAN: it refuses the frame")),
            }
        }
    }

    fn drain(&mut self) -> Result<(), LinkError> {
        let Self { stream, waiting } = self;
        keep_unfinished(waiting, |byte| matches!(byte, OK | BELL));
        stream.read_arrived(|bytes| {
            waiting.extend(bytes);
            keep_unfinished(waiting, |byte| matches!(byte, OK | BELL));
        })
    }
}

impl Drop for Slcan {
    fn drop(&mut self) {
        let _ = self.stream.write(b"C\r");
    }
}
