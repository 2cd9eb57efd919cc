//! Messages as lines of hexadecimal digits over TCP, as virtual ECUs for tests speak them.

use std::time::Instant;

use super::stream::keep_unfinished;
use super::{Direction, LinkError, Stream, Trace, Transport};
use headlock_wire::hex;

/// The longest message, in bytes.
const MOST_BYTES: usize = 4_095;

/// An open connection.
#[derive(Debug)]
pub struct HexLines {
    stream: Stream,
    waiting: Vec<u8>,
    trace: Option<Trace>,
}

impl HexLines {
    /// Connects.
    ///
    /// # Errors
    /// It cannot be reached.
    pub fn connect(at: &str, trace: Option<Trace>) -> Result<Self, LinkError> {
        Ok(Self { stream: Stream::tcp(at)?, waiting: Vec::new(), trace })
    }
}

impl Transport for HexLines {
    fn send(&mut self, request: &[u8]) -> Result<(), LinkError> {
        if let Some(trace) = &mut self.trace {
            trace.message(Direction::ToEcu, request);
        }
        self.stream.write(format!("{}\n", hex::digits(request).to_lowercase()).as_bytes())
    }

    fn receive(&mut self, deadline: Instant) -> Result<Vec<u8>, LinkError> {
        loop {
            if let Some(end) = self.waiting.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.waiting.drain(..=end).collect();
                let bytes =
                    hex::bytes(line.trim_ascii()).ok_or(LinkError::OtherProtocol("lines of hexadecimal digits"))?;
                if let Some(trace) = &mut self.trace {
                    trace.message(Direction::FromEcu, &bytes);
                }
                return Ok(bytes);
            }
            if self.waiting.len() > 2 * MOST_BYTES + 2 {
                return Err(LinkError::OtherProtocol("lines of hexadecimal digits"));
            }
            let mut chunk = [0; 4_096];
            let read = self.stream.read(&mut chunk, deadline)?;
            self.waiting.extend(&chunk[..read]);
        }
    }

    fn drain(&mut self) -> Result<(), LinkError> {
        let Self { stream, waiting, .. } = self;
        keep_unfinished(waiting, |byte| byte == b'\n');
        stream.read_arrived(|bytes| {
            waiting.extend(bytes);
            keep_unfinished(waiting, |byte| byte == b'\n');
            // No line is so long: what is left is refused when it is read.
            waiting.truncate(2 * MOST_BYTES + 3);
        })
    }

    fn bytes_max(&self) -> usize {
        MOST_BYTES
    }

    fn trace(&mut self) -> Option<&mut Trace> {
        self.trace.as_mut()
    }
}
