//! A CAN interface of the kernel.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use headlock_wire::can::CanFrame;
use socketcan::{CanFrame as KernelFrame, CanSocket, EmbeddedFrame, Socket};

use super::LinkError;
use super::can::CanBus;

/// Frames that are dropped at once, so that a busy bus is not followed for ever.
const MOST_DRAINED: usize = 10_000;

/// An open interface.
#[derive(Debug)]
pub struct Socketcan(CanSocket);

impl Socketcan {
    /// Opens an interface, like `can0`, at the speed that it is set to.
    ///
    /// # Errors
    /// There is no such one, or it is down.
    pub fn open(interface: &str) -> Result<Self, LinkError> {
        CanSocket::open(interface).map(Self).map_err(|why| LinkError::Open { at: interface.to_owned(), why })
    }
}

impl CanBus for Socketcan {
    fn send(&mut self, frame: &CanFrame) -> Result<(), LinkError> {
        let frame = KernelFrame::new(frame.id(), frame.data()).ok_or(LinkError::EmptyRequest)?;
        self.0.write_frame(&frame).map_err(LinkError::Io)
    }

    fn drain(&mut self) -> Result<(), LinkError> {
        self.0.set_nonblocking(true).map_err(LinkError::Io)?;
        let mut left = MOST_DRAINED;
        while left > 0 && self.0.read_frame().is_ok() {
            left -= 1;
        }
        self.0.set_nonblocking(false).map_err(LinkError::Io)
    }

    fn receive(&mut self, deadline: Instant) -> Result<CanFrame, LinkError> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(LinkError::TimedOut);
            }
            match self.0.read_frame_timeout(left.max(Duration::from_millis(1))) {
                Ok(frame @ KernelFrame::Data(_)) => {
                    if let Some(frame) = CanFrame::new(frame.id(), frame.data()) {
                        return Ok(frame);
                    }
                }
                Ok(_) => {}
                Err(why) if matches!(why.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {}
                Err(why) => return Err(LinkError::Io(why)),
            }
        }
    }
}
