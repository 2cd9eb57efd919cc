//! socketcand in front of the ECU.

use headlock_wire::can::CanFrame;
use headlock_wire::socketcand::{Command, LONGEST, encode_frame, message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::actor::Handle;
use super::channel::Channel;
use super::{hang_up, serve_each};

/// The one bus that it offers.
const BUS: &str = "can0";
const CHUNK: usize = 512;

pub(super) async fn serve_tcp(listener: TcpListener, handle: Handle) {
    serve_each(listener, handle.clone(), |stream| serve(stream, handle.clone())).await;
}

/// How far a client has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// It has to open a bus.
    Closed,
    /// The bus is open; frames come once it asked for all of them.
    Opened,
    /// It gets every frame.
    Raw,
}

async fn serve(mut stream: TcpStream, handle: Handle) {
    let mut channel = Channel::join(&handle).await;
    let mut mode = Mode::Closed;
    let (mut waiting, mut text, mut frames, mut bus) = (Vec::new(), b"< hi >".to_vec(), Vec::new(), Vec::new());
    let mut chunk = [0; CHUNK];
    loop {
        // One message a write: some clients take whatever one read brings for one message.
        for part in text.split_inclusive(|byte| *byte == b'>') {
            if stream.write_all(part).await.is_err() {
                return;
            }
        }
        text.clear();
        tokio::select! {
            read = stream.read(&mut chunk) => match read {
                Ok(length @ 1..) => {
                    waiting.extend(&chunk[..length]);
                    if !receive(&mut waiting, &mut mode, &mut text, &mut frames) {
                        if stream.write_all(&text).await.is_ok() {
                            hang_up(stream).await;
                        }
                        return;
                    }
                }
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
            if mode == Mode::Raw {
                let mut line = [0; LONGEST];
                let length = encode_frame(&frame, channel.now_us(), &mut line).unwrap_or(0);
                text.extend(&line[..length]);
            }
        }
    }
}

/// Carries out every whole message; false where the client speaks something else.
fn receive(waiting: &mut Vec<u8>, mode: &mut Mode, text: &mut Vec<u8>, frames: &mut Vec<CanFrame>) -> bool {
    loop {
        let (command, length) = match message(waiting) {
            Ok(None) => {
                // Blanks before a message that never comes would fill the memory.
                let blanks = waiting.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                waiting.drain(..blanks);
                return true;
            }
            Ok(Some((command, length))) => (Command::decode(command), length),
            Err(why) => {
                text.extend(format!("< error {why} >").bytes());
                return false;
            }
        };
        let answer = match (command, *mode) {
            (Ok(Command::Echo), _) => "< echo >",
            (Ok(Command::Open(BUS)), Mode::Closed) => {
                *mode = Mode::Opened;
                "< ok >"
            }
            (Ok(Command::Open(_)), Mode::Closed) => "< error no such bus; there is can0 >",
            (_, Mode::Closed) => "< error open a bus first >",
            (Ok(Command::RawMode), _) => {
                *mode = Mode::Raw;
                "< ok >"
            }
            (Ok(Command::BcmMode), _) => {
                *mode = Mode::Opened;
                "< ok >"
            }
            (Ok(Command::Send(frame)), _) => {
                frames.push(frame);
                ""
            }
            (Ok(Command::Open(_) | Command::Other(_)), _) => "< error unknown command >",
            (Err(_), _) => "< error a frame is an identifier, a length and bytes >",
        };
        text.extend(answer.bytes());
        waiting.drain(..length);
    }
}
