//! One connection to the ECU's CAN bus, whatever adapter speaks on its other side.

use std::time::Instant;

use headlock_wire::can::CanFrame;
use tokio::time::Instant as Tick;

use super::actor::{Handle, Line};
use super::node::{CAN_BYTES_MAX, Node};

/// A bus of one's own with the ECU on it: nobody else's frames are on it.
pub(super) struct Channel {
    node: Node,
    line: Line,
}

impl Channel {
    pub(super) async fn join(handle: &Handle) -> Self {
        Self { node: Node::new(), line: handle.join().await }
    }

    pub(super) const fn handle(&self) -> &Handle {
        self.line.handle()
    }

    /// The time that transport protocols count, in microseconds.
    pub(super) fn now_us(&self) -> u64 {
        self.handle().clock().real_us()
    }

    pub(super) fn instant(&self, us: u64) -> Instant {
        self.handle().clock().real_instant(us)
    }

    /// Puts a frame on the bus; what the ECU puts there is added to `out`.
    pub(super) async fn put(&mut self, frame: &CanFrame, out: &mut Vec<CanFrame>) {
        if let Some(asked) = self.node.frame(self.now_us(), frame, out) {
            self.line.request(asked.functional, CAN_BYTES_MAX, asked.bytes).await;
        }
    }

    /// Waits until the ECU does something, until `also_us` at the latest, and says what it put on the bus; none once it has ended.
    pub(super) async fn next(&mut self, also_us: Option<u64>, out: &mut Vec<CanFrame>) -> Option<()> {
        let due_us = [self.node.deadline_us(), also_us].into_iter().flatten().min();
        let due = due_us.map(|us| Tick::from_std(self.instant(us)));
        let reply = match due {
            None => Some(self.line.reply().await?),
            Some(due) => tokio::select! {
                reply = self.line.reply() => Some(reply?),
                () = tokio::time::sleep_until(due) => None,
            },
        };
        let now_us = self.now_us();
        match reply {
            Some(reply) => self.node.send(now_us, reply.bytes, out),
            None => self.node.poll(now_us, out),
        }
        Some(())
    }
}
