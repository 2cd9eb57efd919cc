//! An SLCAN adapter in front of the ECU.

use headlock_wire::can::CanFrame;
use headlock_wire::slcan::{BELL, Command, LONGEST_LINE, OK, encode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::actor::Handle;
use super::channel::Channel;

const CHUNK: usize = 512;
/// What it calls itself: hardware 1.0, software 1.3.
const VERSION: &[u8] = b"V1013\r";
const SERIAL: &[u8] = b"NHEAD\r";

/// How the adapter stands.
#[derive(Default)]
struct Adapter {
    line: Vec<u8>,
    /// The line is longer than any command: it is refused at its end.
    overlong: bool,
    is_open: bool,
    listens_only: bool,
    stamps: bool,
}

/// One adapter on one serial line, until its other end is gone.
pub(super) async fn serve(mut port: impl AsyncRead + AsyncWrite + Unpin, handle: Handle) {
    let mut channel = Channel::join(&handle).await;
    let mut adapter = Adapter::default();
    let (mut text, mut frames, mut bus) = (Vec::new(), Vec::new(), Vec::new());
    let mut chunk = [0; CHUNK];
    loop {
        tokio::select! {
            read = port.read(&mut chunk) => match read {
                Ok(length @ 1..) => adapter.receive(&chunk[..length], &mut text, &mut frames),
                Ok(0) | Err(_) => return,
            },
            next = channel.next(None, &mut bus) => {
                if next.is_none() {
                    return;
                }
            }
        }
        for frame in frames.drain(..) {
            channel.put(&frame, &mut bus).await;
        }
        for frame in bus.drain(..) {
            adapter.heard(&frame, channel.now_us(), &mut text);
        }
        if !text.is_empty() {
            if port.write_all(&text).await.is_err() {
                return;
            }
            text.clear();
        }
    }
}

impl Adapter {
    fn receive(&mut self, bytes: &[u8], text: &mut Vec<u8>, frames: &mut Vec<CanFrame>) {
        for byte in bytes {
            match *byte {
                OK => {
                    let line = std::mem::take(&mut self.line);
                    let refused = std::mem::take(&mut self.overlong) || !self.carry_out(&line, text, frames);
                    if refused {
                        text.push(BELL);
                    }
                }
                b'\n' => {}
                byte if self.line.len() < LONGEST_LINE => self.line.push(byte),
                _ => self.overlong = true,
            }
        }
    }

    /// Answers one line; false if it is refused.
    fn carry_out(&mut self, line: &[u8], text: &mut Vec<u8>, frames: &mut Vec<CanFrame>) -> bool {
        let Ok(command) = Command::decode(line) else { return false };
        match command {
            Command::Transmit(frame) if self.is_open && !self.listens_only => {
                frames.push(frame);
                text.push(if line[0] == b't' { b'z' } else { b'Z' });
            }
            Command::Transmit(_) | Command::TransmitRemote => return false,
            Command::Bitrate(_) | Command::BitTiming | Command::Filter if self.is_open => return false,
            Command::Open | Command::ListenOnly if self.is_open => return false,
            Command::Open | Command::ListenOnly => {
                (self.is_open, self.listens_only) = (true, command == Command::ListenOnly);
            }
            Command::Close => self.is_open = false,
            Command::TimeStamps(on) => self.stamps = on,
            Command::Version => return answered(text, VERSION),
            Command::SerialNumber => return answered(text, SERIAL),
            Command::Status => return answered(text, b"F00\r"),
            Command::Bitrate(_) | Command::BitTiming | Command::Filter | Command::Empty => {}
        }
        text.push(OK);
        true
    }

    fn heard(&self, frame: &CanFrame, now_us: u64, text: &mut Vec<u8>) {
        if self.is_open {
            let stamp_ms = self.stamps.then(|| u16::try_from(now_us / 1_000 % 60_000).unwrap_or(0));
            let mut line = [0; LONGEST_LINE + 1];
            let length = encode(frame, stamp_ms, &mut line).unwrap_or(0);
            text.extend(&line[..length]);
        }
    }
}

fn answered(text: &mut Vec<u8>, answer: &[u8]) -> bool {
    text.extend(answer);
    true
}
