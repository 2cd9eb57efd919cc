//! Frames in, messages out.

use super::{Flow, FlowControl, Framing, Payload, Pci, TIMEOUT_US};

/// Puts messages together, one at a time, in a buffer of the caller's.
#[derive(Clone, Debug)]
pub struct Receiver<B> {
    framing: Framing,
    /// Frames that it takes between two flow controls; 0 is all.
    block_size: u8,
    st_min_us: u32,
    buffer: B,
    progress: Option<Progress>,
}

#[derive(Clone, Copy, Debug)]
struct Progress {
    length: usize,
    got: usize,
    index: u8,
    block_left: u8,
    deadline_us: u64,
}

/// What a frame led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// Nothing yet, or a frame that is none of ours.
    Nothing,
    /// A whole message.
    Message(&'a [u8]),
    /// This frame must be sent to the sender.
    Reply(Payload),
    /// The message is given up.
    Failed(ReceiveError),
}

/// Why a message is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiveError {
    /// A consecutive frame out of order (N_WRONG_SN).
    WrongIndex,
    /// The next frame did not come in time (N_TIMEOUT_Cr).
    TimedOut,
}

impl core::fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::WrongIndex => "a frame of the message was lost or came out of order",
            Self::TimedOut => "the rest of the message did not come in time",
        })
    }
}

impl core::error::Error for ReceiveError {}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Receiver<B> {
    /// Takes messages of up to the buffer's length, all frames at once.
    pub const fn new(framing: Framing, buffer: B) -> Self {
        Self { framing, block_size: 0, st_min_us: 0, buffer, progress: None }
    }

    /// Asks for blocks of so many frames, each frame so many microseconds after the other.
    #[must_use]
    pub fn with_flow(self, block_size: u8, st_min_us: u32) -> Self {
        Self { block_size, st_min_us, ..self }
    }

    /// Takes a frame.
    pub fn frame(&mut self, now_us: u64, frame: &[u8]) -> Received<'_> {
        match Pci::decode(self.framing, frame) {
            Some(Pci::Single(data)) => {
                // A new message ends one that was not complete (ISO 15765-2, table 18).
                self.progress = None;
                let Some(room) = self.buffer.as_mut().get_mut(..data.len()) else { return Received::Nothing };
                room.copy_from_slice(data);
                Received::Message(room)
            }
            Some(Pci::First { length, data }) => self.first(now_us, length, data),
            Some(Pci::Consecutive { index, data }) => self.consecutive(now_us, index, data),
            Some(Pci::FlowControl(_)) | None => Received::Nothing,
        }
    }

    fn first(&mut self, now_us: u64, length: u32, data: &[u8]) -> Received<'_> {
        self.progress = None;
        let room = self.buffer.as_mut();
        let length = usize::try_from(length).ok().filter(|length| *length <= room.len());
        let Some(length) = length else { return Received::Reply(self.flow(Flow::Overflow)) };
        let got = data.len().min(length);
        room[..got].copy_from_slice(&data[..got]);
        let deadline_us = now_us.saturating_add(TIMEOUT_US);
        self.progress = Some(Progress { length, got, index: 1, block_left: self.block_size, deadline_us });
        Received::Reply(self.flow(Flow::ContinueToSend))
    }

    fn consecutive(&mut self, now_us: u64, index: u8, data: &[u8]) -> Received<'_> {
        let Some(mut progress) = self.progress.take() else { return Received::Nothing };
        if now_us > progress.deadline_us {
            return Received::Failed(ReceiveError::TimedOut);
        }
        if index != progress.index {
            return Received::Failed(ReceiveError::WrongIndex);
        }
        let wanted = progress.length - progress.got;
        let each = 7 - self.framing.address_bytes();
        if data.len() < wanted.min(each) {
            // A short frame is no frame; its time-out will tell.
            self.progress = Some(progress);
            return Received::Nothing;
        }
        let taken = wanted.min(data.len()).min(each);
        self.buffer.as_mut()[progress.got..progress.got + taken].copy_from_slice(&data[..taken]);
        progress.got += taken;
        progress.index = (progress.index + 1) & 0x0F;
        progress.deadline_us = now_us.saturating_add(TIMEOUT_US);
        if progress.got == progress.length {
            return Received::Message(&self.buffer.as_ref()[..progress.length]);
        }
        let ends_block = self.block_size > 0 && progress.block_left == 1;
        progress.block_left = if ends_block { self.block_size } else { progress.block_left.saturating_sub(1) };
        self.progress = Some(progress);
        if ends_block { Received::Reply(self.flow(Flow::ContinueToSend)) } else { Received::Nothing }
    }

    const fn flow_control(&self, flow: Flow) -> FlowControl {
        FlowControl { flow, block_size: self.block_size, st_min_us: self.st_min_us }
    }

    fn flow(&self, flow: Flow) -> Payload {
        Pci::FlowControl(self.flow_control(flow)).encode(self.framing)
    }

    /// When [`Self::poll`] gives up waiting for the next frame, in microseconds; none if it waits for none.
    pub fn deadline_us(&self) -> Option<u64> {
        // The deadline itself is still in time.
        self.progress.map(|progress| progress.deadline_us.saturating_add(1))
    }

    /// Gives up where the time is over.
    ///
    /// # Errors
    /// The message was given up.
    pub fn poll(&mut self, now_us: u64) -> Result<(), ReceiveError> {
        match self.progress {
            Some(progress) if now_us > progress.deadline_us => {
                self.progress = None;
                Err(ReceiveError::TimedOut)
            }
            _ => Ok(()),
        }
    }
}
