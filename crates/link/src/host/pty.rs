//! A pseudo-terminal as a serial port: what is connected to its other end believes in an adapter on a cable.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::unix::pipe::{Receiver, Sender};

/// Our end of it.
#[derive(Debug)]
pub(super) struct Port {
    // Whatever can be polled, read and written is a pipe to the runtime.
    reader: Receiver,
    writer: Sender,
    /// The other end stays open, so that whoever uses it may close it and come back.
    _theirs: OwnedFd,
}

/// Opens one, and says where its other end is.
pub(super) fn open() -> io::Result<(Port, String)> {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let path = ptsname(&ours, Vec::new())?.into_string().map_err(io::Error::other)?;
    let not_controlling = i32::try_from(OFlags::NOCTTY.bits()).map_err(io::Error::other)?;
    let theirs: OwnedFd = OpenOptions::new().read(true).write(true).custom_flags(not_controlling).open(&path)?.into();
    // Bytes as they are: no echo, no lines, no signals.
    let mut settings = tcgetattr(&theirs)?;
    settings.make_raw();
    tcsetattr(&theirs, OptionalActions::Now, &settings)?;
    fcntl_setfl(&ours, fcntl_getfl(&ours)? | OFlags::NONBLOCK)?;
    let reader = Receiver::from_owned_fd_unchecked(ours.try_clone()?)?;
    let writer = Sender::from_owned_fd_unchecked(ours)?;
    Ok((Port { reader, writer, _theirs: theirs }, path))
}

impl AsyncRead for Port {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().reader).poll_read(cx, buf)
    }
}

impl AsyncWrite for Port {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().writer).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().writer).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().writer).poll_shutdown(cx)
    }
}
