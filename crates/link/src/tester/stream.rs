//! A byte stream with deadlines: a TCP connection, a serial port, Bluetooth's rfcomm, a pseudo-terminal.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use rustix::io::ioctl_fionread;
use serialport::SerialPort;

use super::LinkError;

/// How long a connection is tried.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a write may take: the longest block of firmware at a tenth of what the slowest radio brings.
const LONGEST_WRITE: Duration = Duration::from_secs(10);
/// Neither kind takes a shorter time-out.
const SHORTEST: Duration = Duration::from_millis(1);
/// Chunks that are dropped at once, so that a flood is not followed for ever.
const MOST_CHUNKS: usize = 1_024;

/// An open one.
#[derive(Debug)]
pub enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// A serial port.
    Serial(Box<dyn SerialPort>),
}

impl Stream {
    /// Connects.
    ///
    /// # Errors
    /// [`LinkError::Open`].
    pub fn tcp(at: &str) -> Result<Self, LinkError> {
        let failed = |why| LinkError::Open { at: at.to_owned(), why };
        let mut last = std::io::Error::new(ErrorKind::NotFound, "no such address");
        for address in at.to_socket_addrs().map_err(failed)? {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => {
                    stream.set_nodelay(true).map_err(failed)?;
                    return Ok(Self::Tcp(stream));
                }
                Err(why) => last = why,
            }
        }
        Err(failed(last))
    }

    /// Opens a serial port at so many baud.
    ///
    /// # Errors
    /// [`LinkError::Open`].
    pub fn serial(path: &str, baud: u32) -> Result<Self, LinkError> {
        let port = serialport::new(path, baud).timeout(PATIENCE).open();
        port.map(Self::Serial).map_err(|why| LinkError::Open { at: path.to_owned(), why: why.into() })
    }

    /// `tcp:HOST:PORT`, or the path of a serial port.
    ///
    /// # Errors
    /// [`LinkError::Open`].
    pub fn open(at: &str, baud: u32) -> Result<Self, LinkError> {
        match at.strip_prefix("tcp:") {
            Some(address) => Self::tcp(address),
            None => Self::serial(at, baud),
        }
    }

    /// Writes all of it. A connection that did not take all is closed: whatever came next would be read as the rest.
    ///
    /// # Errors
    /// The line broke, or takes nothing.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        let written = self.write_until(bytes, Instant::now() + LONGEST_WRITE);
        if let (Err(_), Self::Tcp(stream)) = (&written, &*self) {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
        written
    }

    fn write_until(&mut self, mut bytes: &[u8], deadline: Instant) -> Result<(), LinkError> {
        while !bytes.is_empty() {
            let written = match self {
                Self::Tcp(stream) => {
                    let left = deadline.saturating_duration_since(Instant::now()).max(SHORTEST);
                    stream.set_write_timeout(Some(left)).and_then(|()| stream.write(bytes))
                }
                Self::Serial(port) => port.write(bytes),
            };
            match written {
                Ok(0) => return Err(LinkError::Closed),
                Ok(length) => bytes = &bytes[length..],
                Err(why) => match why.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => return Err(LinkError::TimedOut),
                    ErrorKind::Interrupted => {}
                    _ => return Err(LinkError::Io(why)),
                },
            }
            if !bytes.is_empty() && Instant::now() >= deadline {
                return Err(LinkError::TimedOut);
            }
        }
        Ok(())
    }

    /// Gives `take` what has arrived already, and waits for nothing more.
    pub(super) fn read_arrived(&mut self, mut take: impl FnMut(&[u8])) -> Result<(), LinkError> {
        let mut room = [0; 4_096];
        for _ in 0..MOST_CHUNKS {
            let arrived = match self {
                Self::Tcp(stream) => ioctl_fionread(stream).map_err(|why| LinkError::Io(why.into()))?,
                Self::Serial(port) => port.bytes_to_read()?.into(),
            };
            if arrived == 0 {
                break;
            }
            match self.read(&mut room, Instant::now() + PATIENCE) {
                Ok(length) => take(&room[..length]),
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }

    /// Reads what there is, waiting until the deadline for the first byte.
    ///
    /// # Errors
    /// [`LinkError::TimedOut`], [`LinkError::Closed`], or the line broke.
    pub fn read(&mut self, room: &mut [u8], deadline: Instant) -> Result<usize, LinkError> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(LinkError::TimedOut);
            }
            let left = left.max(SHORTEST);
            let read = match self {
                Self::Tcp(stream) => stream.set_read_timeout(Some(left)).and_then(|()| stream.read(room)),
                Self::Serial(port) => {
                    port.set_timeout(left)?;
                    port.read(room)
                }
            };
            match read {
                Ok(0) => return Err(LinkError::Closed),
                Ok(length) => return Ok(length),
                Err(why) => match why.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => return Err(LinkError::TimedOut),
                    ErrorKind::Interrupted => {}
                    _ => return Err(LinkError::Io(why)),
                },
            }
        }
    }

    /// Drops what is there already, and what comes within a moment.
    ///
    /// # Errors
    /// The line broke.
    pub fn drain(&mut self, moment: Duration) -> Result<usize, LinkError> {
        let deadline = Instant::now() + moment;
        let mut room = [0; 4_096];
        let mut dropped = 0;
        loop {
            match self.read(&mut room, deadline) {
                Ok(length) => dropped += length,
                Err(LinkError::TimedOut) => return Ok(dropped),
                Err(why) => return Err(why),
            }
        }
    }
}

impl From<serialport::Error> for LinkError {
    fn from(why: serialport::Error) -> Self {
        Self::Io(why.into())
    }
}

/// Drops whole lines: the rest of one that has begun is still to come, and would be read as another.
pub(super) fn keep_unfinished(waiting: &mut Vec<u8>, ends: impl Fn(u8) -> bool) {
    let end = waiting.iter().rposition(|byte| ends(*byte));
    waiting.drain(..end.map_or(0, |end| end + 1));
}
