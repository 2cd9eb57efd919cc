//! Connections: as many as there is room for, and none that is silent for ever.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

use super::super::accept;
use crate::host::Handle;

/// A connection that neither sends nor takes anything for so long is closed: longer than any answer takes.
const SILENCE: Duration = Duration::from_mins(1);

/// A listener whose connections count among those of all endpoints.
pub(super) struct Admitting {
    listener: TcpListener,
    handle: Handle,
}

impl Admitting {
    pub(super) const fn new(listener: TcpListener, handle: Handle) -> Self {
        Self { listener, handle }
    }
}

impl Listener for Admitting {
    type Io = Connection;
    type Addr = ();

    async fn accept(&mut self) -> (Connection, ()) {
        loop {
            if let Some((stream, permit)) = accept(&self.listener, &self.handle).await {
                let silence = Box::pin(tokio::time::sleep(SILENCE));
                return (Connection { stream, silence, _permit: permit }, ());
            }
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

/// One connection, and its place among all.
pub(super) struct Connection {
    stream: TcpStream,
    silence: Pin<Box<Sleep>>,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    /// Passes on what happened; what happens for too long is an error.
    fn heard<T>(&mut self, context: &mut Context<'_>, happened: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if happened.is_ready() {
            self.silence.as_mut().reset(Instant::now() + SILENCE);
            return happened;
        }
        ready!(self.silence.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let happened = Pin::new(&mut self.stream).poll_read(context, room);
        self.heard(context, happened)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let happened = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.heard(context, happened)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let happened = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.heard(context, happened)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
