//! Listening to the bus until a key is pressed.

use embedded_can::Id;

use super::adapter::{Adapter, Outbox, Said, State};
use super::{listen, route};
use crate::can::{CanFrame, raw_id};

/// Which frames are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Monitor {
    All,
    /// Sent to this address: the second byte from the right of 29 bits, the low byte of 11.
    To(u8),
    /// Sent from this address: the low byte.
    From(u8),
}

impl Monitor {
    fn shows(self, id: Id) -> bool {
        let raw = raw_id(id);
        match (self, id) {
            (Self::All, _) => true,
            (Self::To(to), Id::Extended(_)) => raw >> 8 & 0xFF == u32::from(to),
            (Self::To(low) | Self::From(low), _) => raw & 0xFF == u32::from(low),
        }
    }
}

impl Adapter {
    /// Says nothing until a frame comes.
    pub(super) fn monitor(&mut self, monitor: Monitor) -> Said {
        self.state = State::Monitoring(monitor);
        Said::Later
    }

    pub(super) fn monitored(&mut self, monitor: Monitor, frame: &CanFrame, out: &mut Outbox) {
        let wanted = route::chosen(&self.settings, frame.id()).unwrap_or(true);
        if wanted && monitor.shows(frame.id()) {
            listen::print(self, frame, out);
        }
        self.state = State::Monitoring(monitor);
    }
}
