//! The ECU on a CAN interface of the kernel, beside whoever else is on it.

use std::io;

use headlock_wire::can::CanFrame;
use socketcan::tokio::CanSocket;
use socketcan::{CanFrame as KernelFrame, EmbeddedFrame};

use super::actor::Handle;
use super::channel::Channel;

/// Opens an interface, like `can0`.
pub(super) fn open(interface: &str) -> io::Result<CanSocket> {
    CanSocket::open(interface)
}

/// One bus, until it is gone.
pub(super) async fn serve(socket: CanSocket, handle: Handle) {
    let mut channel = Channel::join(&handle).await;
    let mut bus = Vec::new();
    loop {
        tokio::select! {
            read = socket.read_frame() => {
                let Ok(frame) = read else { return };
                // Remote and error frames are no diagnosis.
                if let (KernelFrame::Data(_), Some(frame)) = (&frame, CanFrame::new(frame.id(), frame.data())) {
                    channel.put(&frame, &mut bus).await;
                }
            }
            next = channel.next(None, &mut bus) => {
                if next.is_none() {
                    return;
                }
            }
        }
        for frame in bus.drain(..) {
            let Some(frame) = KernelFrame::new(frame.id(), frame.data()) else { continue };
            if socket.write_frame(frame).await.is_err() {
                return;
            }
        }
    }
}
