//! An ELM327 in front of the ECU, on TCP and on a pseudo-terminal.

use headlock_wire::can::CanFrame;
use headlock_wire::elm327::{Adapter, Outbox, Persona};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

use super::actor::Handle;
use super::channel::Channel;
use super::serve_each;

/// Bytes read at once.
const CHUNK: usize = 512;

/// Takes connections, each with an adapter of its own.
pub(super) async fn serve_tcp(listener: TcpListener, handle: Handle, persona: Persona) {
    serve_each(listener, handle.clone(), |stream| serve(stream, handle.clone(), persona)).await;
}

/// One adapter on one serial line, until its other end is gone.
pub(super) async fn serve(mut port: impl AsyncRead + AsyncWrite + Unpin, handle: Handle, persona: Persona) {
    let mut channel = Channel::join(&handle).await;
    let mut adapter = Adapter::new(persona);
    let mut out = Outbox::default();
    let mut bus = Vec::new();
    let mut chunk = [0; CHUNK];
    loop {
        tokio::select! {
            read = port.read(&mut chunk) => match read {
                Ok(length @ 1..) => {
                    adapter.receive(channel.now_us(), &chunk[..length], handle.supply_mv(), &mut out);
                }
                Ok(0) | Err(_) => return,
            },
            next = channel.next(adapter.deadline_us(), &mut bus) => {
                if next.is_none() {
                    return;
                }
            }
        }
        settle(&mut adapter, &mut channel, &mut bus, &mut out).await;
        if !out.text.is_empty() {
            if port.write_all(&out.text).await.is_err() {
                return;
            }
            out.text.clear();
        }
    }
}

/// Lets adapter and ECU answer each other until nothing is due.
async fn settle(adapter: &mut Adapter, channel: &mut Channel, bus: &mut Vec<CanFrame>, out: &mut Outbox) {
    loop {
        for frame in bus.drain(..) {
            adapter.frame(channel.now_us(), &frame, out);
        }
        if adapter.deadline_us().is_some_and(|us| us <= channel.now_us()) {
            adapter.poll(channel.now_us(), out);
        }
        if out.frames.is_empty() {
            return;
        }
        for frame in std::mem::take(&mut out.frames) {
            channel.put(&frame, bus).await;
        }
    }
}
