//! Requests that an adapter does not frame by itself: cut here, and sent frame by frame.

use std::time::{Duration, Instant};

use headlock_wire::can::CanFrame;
use headlock_wire::elm327::{ElmError, Reply};
use headlock_wire::isotp::{Framing, Payload, Pci, Sender, Sent};

use super::{COMMAND, Elm327};
use crate::tester::LinkError;
use headlock_wire::hex;

/// Longer than any separation time between two frames, shorter than the wait for a flow control.
const LONGEST_SEPARATION_US: u64 = 500_000;

impl Elm327 {
    /// Frame by frame: the adapter sends what it is given, and this side cuts the message.
    pub(super) fn send_long(&mut self, request: &[u8]) -> Result<(), LinkError> {
        let raw = |own: &mut Self, on: bool| own.command(if on { "ATCAF0" } else { "ATCAF1" }).map(|_| ());
        raw(self, true)?;
        let sent = self.send_frames(request);
        let restored = self.restore_formatting();
        sent.and(restored)
    }

    /// What was heard behind the last frame stays the answer.
    fn restore_formatting(&mut self) -> Result<(), LinkError> {
        let silent = matches!(self.failed, Some(ElmError::NoData));
        let (kept, failed) = (std::mem::take(&mut self.messages), self.failed.take());
        self.command("ATR1")?;
        self.command("ATCAF1")?;
        self.messages = kept;
        self.failed = failed.filter(|_| !silent || self.messages.is_empty());
        Ok(())
    }

    fn send_frames(&mut self, request: &[u8]) -> Result<(), LinkError> {
        let mut sender = Sender::new(Framing::NORMAL);
        let first = sender.start(self.now_us(), request.to_vec())?;
        self.raw_frame(&first, true, &mut sender)?;
        let mut silent = false;
        while !sender.is_idle() {
            match sender.poll(self.now_us())? {
                Sent::Frame(payload) => {
                    // Only the frame that ends a block is answered, by the next flow control.
                    let is_answered = sender.deadline_us().is_some_and(|us| us > self.now_us() + LONGEST_SEPARATION_US);
                    if silent == is_answered {
                        self.command(if is_answered { "ATR1" } else { "ATR0" })?;
                        silent = !is_answered;
                    }
                    self.raw_frame(&payload, is_answered, &mut sender)?;
                }
                Sent::Last(payload) => {
                    if silent {
                        self.command("ATR1")?;
                    }
                    self.raw_frame(&payload, true, &mut sender)?;
                }
                Sent::Nothing => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        Ok(())
    }

    /// One frame as it is, and what comes back where something is to.
    fn raw_frame(
        &mut self,
        payload: &Payload,
        is_answered: bool,
        sender: &mut Sender<Vec<u8>>,
    ) -> Result<(), LinkError> {
        self.seen(payload);
        self.synchronise()?;
        self.begin(&hex::digits(payload.bytes()))?;
        let answer = self.finish(Instant::now() + COMMAND)?;
        if !is_answered {
            return Ok(());
        }
        let reply = match answer.reply() {
            Ok(reply) => reply,
            Err(why) => {
                self.failed = Some(why);
                return if sender.is_idle() { Ok(()) } else { Err(why.into()) };
            }
        };
        let frames = reply.frames()?;
        for frame in frames.iter().filter(|frame| frame.id() == self.response) {
            sender.frame(self.now_us(), frame.data())?;
        }
        let flow_control =
            |frame: &CanFrame| matches!(Pci::decode(Framing::NORMAL, frame.data()), Some(Pci::FlowControl(_)));
        let lines = reply.lines.iter().zip(&frames).filter(|(_, frame)| !flow_control(frame));
        let lines: Vec<String> = lines.map(|(line, _)| line.clone()).collect();
        if sender.is_idle() && !lines.is_empty() {
            self.take(&Reply { lines, searched: false })?;
        }
        Ok(())
    }
}
