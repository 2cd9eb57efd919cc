//! One tester on one TCP connection: routing activation, diagnostic messages, alive checks, time-outs.

use std::time::Duration;

use headlock_twin::ecu::Reply;
use headlock_wire::doip::{
    ALIVE_CHECK_MS, Activation, ActivationRefusal, Address, DiagnosticNack, GENERAL_INACTIVITY_MS, HEADER_BYTES,
    Header, INITIAL_INACTIVITY_MS, Message, Nack,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::{ECU, FUNCTIONAL, MESSAGE_BYTES_MAX, Sockets};
use crate::host::actor::{Handle, Line};

/// A tester that takes no answers for this long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Room that the reader asks for at once.
const CHUNK: usize = 64 * 1024;

struct Connection {
    line: Line,
    sockets: Sockets,
    checks: mpsc::Sender<oneshot::Sender<bool>>,
    source: Option<Address>,
    version: u8,
    /// What was read and not yet understood.
    waiting: Vec<u8>,
    /// Bytes of a message that was refused and is still coming.
    skip: u64,
    out: Vec<u8>,
    /// Somebody wants this tester's address.
    alive_check: Option<(oneshot::Sender<bool>, Instant)>,
}

/// What follows from a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    GoOn,
    Close,
}

pub(super) async fn serve(mut stream: TcpStream, handle: &Handle, sockets: Sockets) {
    let (checks, mut inbox) = mpsc::channel(4);
    let line = handle.join().await;
    let mut connection = Connection {
        line,
        sockets,
        checks,
        source: None,
        version: 2,
        waiting: Vec::new(),
        skip: 0,
        out: Vec::new(),
        alive_check: None,
    };
    let mut heard = Instant::now();
    loop {
        let inactivity_ms = if connection.source.is_some() { GENERAL_INACTIVITY_MS } else { INITIAL_INACTIVITY_MS };
        let idle = heard + Duration::from_millis(inactivity_ms);
        let due = connection.alive_check.as_ref().map_or(idle, |(_, at)| idle.min(*at));
        connection.waiting.reserve(CHUNK);
        let then = tokio::select! {
            read = stream.read_buf(&mut connection.waiting) => match read {
                Ok(1..) => {
                    heard = Instant::now();
                    connection.receive().await
                }
                Ok(0) | Err(_) => Then::Close,
            },
            reply = connection.line.reply() => match reply {
                Some(reply) => {
                    connection.answer(&reply);
                    while let Some(reply) = connection.line.try_reply() {
                        connection.answer(&reply);
                    }
                    Then::GoOn
                }
                None => Then::Close,
            },
            Some(asked) = inbox.recv() => {
                connection.put(&Message::AliveCheckRequest);
                let until = Instant::now() + Duration::from_millis(ALIVE_CHECK_MS);
                connection.alive_check = Some((asked, until));
                Then::GoOn
            }
            () = tokio::time::sleep_until(due) => Then::Close,
        };
        if !connection.out.is_empty() {
            match timeout(WRITE_TIMEOUT, stream.write_all(&connection.out)).await {
                Ok(Ok(())) => connection.out.clear(),
                Ok(Err(_)) | Err(_) => break,
            }
        }
        if then == Then::Close {
            break;
        }
    }
    connection.gone();
}

impl Connection {
    fn put(&mut self, message: &Message<'_>) {
        let from = self.out.len();
        let mut room = HEADER_BYTES + 64;
        if let Message::Diagnostic { data, .. } = message {
            room += data.len();
        }
        self.out.resize(from + room, 0);
        let written = message.encode(self.version, &mut self.out[from..]).unwrap_or(0);
        self.out.truncate(from + written);
    }

    fn answer(&mut self, reply: &Reply) {
        if let Some(target) = self.source {
            self.put(&Message::Diagnostic { source: ECU, target, data: &reply.bytes });
        }
    }

    /// Carries out every whole message that was read.
    async fn receive(&mut self) -> Then {
        let mut at = 0;
        let waiting = std::mem::take(&mut self.waiting);
        let mut then = Then::GoOn;
        while then == Then::GoOn {
            let rest = &waiting[at..];
            let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(rest.len());
            self.skip -= u64::try_from(skipped).unwrap_or(0);
            at += skipped;
            let rest = &rest[skipped..];
            let Some((header, payload)) = rest.split_first_chunk::<HEADER_BYTES>() else { break };
            let Ok(header) = Header::decode(*header) else {
                self.put(&Message::HeaderNack(Nack::IncorrectPattern));
                then = Then::Close;
                break;
            };
            if header.length > MESSAGE_BYTES_MAX {
                self.put(&Message::HeaderNack(Nack::MessageTooLarge));
                self.skip = u64::from(header.length);
                at += HEADER_BYTES;
                continue;
            }
            let length = usize::try_from(header.length).unwrap_or(usize::MAX);
            let Some(payload) = payload.get(..length) else { break };
            at += HEADER_BYTES + length;
            then = self.message(header, payload).await;
        }
        self.waiting = waiting;
        self.waiting.drain(..at);
        then
    }

    async fn message(&mut self, header: Header, payload: &[u8]) -> Then {
        self.version = if header.version == 0xFF { self.version } else { header.version };
        match Message::decode(header.payload_type, payload) {
            Ok(Message::Diagnostic { source, target, data }) => self.diagnostic(source, target, data).await,
            Ok(Message::RoutingActivationRequest { source, activation, .. }) => self.activate(source, activation).await,
            Ok(Message::AliveCheckResponse { source }) => {
                if let Some((asked, _)) = self.alive_check.take().filter(|_| self.source == Some(source)) {
                    let _ = asked.send(true);
                }
                Then::GoOn
            }
            // What belongs on UDP, or comes from an entity, means nothing here.
            Ok(_) => {
                self.put(&Message::HeaderNack(Nack::UnknownPayloadType));
                Then::GoOn
            }
            Err(why) => {
                let nack = why.nack();
                self.put(&Message::HeaderNack(nack));
                if nack.closes() { Then::Close } else { Then::GoOn }
            }
        }
    }

    async fn diagnostic(&mut self, source: Address, target: Address, data: &[u8]) -> Then {
        let refuse = |reason| Message::DiagnosticNack { source: target, target: source, reason, previous: &[] };
        if self.source != Some(source) {
            self.put(&refuse(DiagnosticNack::InvalidSource));
            return Then::Close;
        }
        if target != ECU && target != FUNCTIONAL {
            self.put(&refuse(DiagnosticNack::UnknownTarget));
            return Then::GoOn;
        }
        self.put(&Message::DiagnosticAck { source: target, target: source, previous: &[] });
        let bytes_max = usize::try_from(MESSAGE_BYTES_MAX).unwrap_or(usize::MAX) - 4;
        self.line.request(target == FUNCTIONAL, bytes_max, data.to_vec()).await;
        // The ECU runs on this thread: with its turn now, acknowledgement and answer are one write.
        tokio::task::yield_now().await;
        while let Some(reply) = self.line.try_reply() {
            self.answer(&reply);
        }
        Then::GoOn
    }

    async fn activate(&mut self, source: Address, activation: u8) -> Then {
        let result = self.activation(source, activation).await;
        let tester = source;
        self.put(&Message::RoutingActivationResponse { tester, entity: ECU, result, oem: None });
        if result == Activation::Routed {
            self.sockets.borrow_mut().insert(source, self.checks.clone());
            self.source = Some(source);
            return Then::GoOn;
        }
        Then::Close
    }

    async fn activation(&self, source: Address, activation: u8) -> Activation {
        if !source.is_tester() {
            return Activation::Refused(ActivationRefusal::UnknownSource);
        }
        if self.source.is_some_and(|own| own != source) {
            return Activation::Refused(ActivationRefusal::SourceMismatch);
        }
        // The usual kind, and the one by law.
        if !matches!(activation, 0 | 1) {
            return Activation::Refused(ActivationRefusal::UnsupportedType);
        }
        let holder = self.sockets.borrow().get(&source).filter(|holder| !holder.same_channel(&self.checks)).cloned();
        let Some(holder) = holder else { return Activation::Routed };
        // Whoever holds the address keeps it if it still answers (ISO 13400-2, 7.2.4).
        let (asked, answer) = oneshot::channel();
        let wait = Duration::from_millis(ALIVE_CHECK_MS + 100);
        let alive =
            holder.send(asked).await.is_ok() && timeout(wait, answer).await.is_ok_and(|alive| alive == Ok(true));
        if alive { Activation::Refused(ActivationRefusal::SourceActive) } else { Activation::Routed }
    }

    /// Gives the address back, if nobody has taken it since.
    fn gone(self) {
        if let Some(source) = self.source {
            let mut sockets = self.sockets.borrow_mut();
            if sockets.get(&source).is_some_and(|holder| holder.same_channel(&self.checks)) {
                sockets.remove(&source);
            }
        }
    }
}
