//! A byte stream with deadlines: a TCP connection, a serial port, Bluetooth's rfcomm, a pseudo-terminal.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use serialport::SerialPort;

use super::LinkError;

/// How long a connection is tried, and how long a write may take.
const PATIENCE: Duration = Duration::from_secs(5);

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
                    stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
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

    /// Writes all of it.
    ///
    /// # Errors
    /// The line broke, or takes nothing.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        let written = match self {
            Self::Tcp(stream) => stream.write_all(bytes),
            Self::Serial(port) => port.write_all(bytes),
        };
        written.map_err(|why| match why.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => LinkError::TimedOut,
            _ => LinkError::Io(why),
        })
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
            // Both take no shorter time-out than a millisecond.
            let left = left.max(Duration::from_millis(1));
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
