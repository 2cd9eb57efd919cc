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
use crate::host::hang_up;

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
    /// Who wants this tester's address, and until when it may say that it is still there.
    alive_check: Option<(Vec<oneshot::Sender<bool>>, Instant)>,
}

/// What follows from a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    GoOn,
    Close,
}

pub(super) async fn serve(mut stream: TcpStream, handle: Handle, sockets: Sockets) {
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
    let connected = Instant::now();
    let mut heard = connected;
    loop {
        // Only an activation ends the first wait: bytes alone would keep a socket for ever (ISO 13400-2, table 12).
        let idle = match connection.source {
            Some(_) => heard + Duration::from_millis(GENERAL_INACTIVITY_MS),
            None => connected + Duration::from_millis(INITIAL_INACTIVITY_MS),
        };
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
            Some(asked) = inbox.recv() => connection.check_alive(asked),
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
    hang_up(stream).await;
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

    /// Asks the tester whether it is still there, once for all who want to know.
    fn check_alive(&mut self, asked: oneshot::Sender<bool>) -> Then {
        if !self.holds_its_address() {
            // It took no notice for so long that the address is somebody else's by now.
            return Then::Close;
        }
        match &mut self.alive_check {
            Some((asking, _)) => asking.push(asked),
            None => {
                let until = Instant::now() + Duration::from_millis(ALIVE_CHECK_MS);
                self.alive_check = Some((vec![asked], until));
                self.put(&Message::AliveCheckRequest);
            }
        }
        Then::GoOn
    }

    fn holds_its_address(&self) -> bool {
        let sockets = self.sockets.borrow();
        self.source.and_then(|source| sockets.get(&source)).is_some_and(|holder| holder.same_channel(&self.checks))
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
                if self.source == Some(source)
                    && let Some((asking, _)) = self.alive_check.take()
                {
                    for asked in asking {
                        let _ = asked.send(true);
                    }
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
        loop {
            let holder = self.sockets.borrow().get(&source).filter(|own| !own.same_channel(&self.checks)).cloned();
            let Some(holder) = holder else { return Activation::Routed };
            // Whoever holds the address keeps it if it still answers (ISO 13400-2, 7.2.4).
            if is_alive(&holder).await {
                return Activation::Refused(ActivationRefusal::SourceActive);
            }
            // Somebody else who waited for the same may hold it by now, and is asked in turn.
            let mut sockets = self.sockets.borrow_mut();
            if sockets.get(&source).is_some_and(|now| now.same_channel(&holder)) {
                sockets.remove(&source);
            }
        }
    }

    /// Gives the address back, if nobody has taken it since.
    fn gone(self) {
        if self.holds_its_address()
            && let Some(source) = self.source
        {
            self.sockets.borrow_mut().remove(&source);
        }
    }
}

/// Whether who holds an address answers for it in time.
async fn is_alive(holder: &mpsc::Sender<oneshot::Sender<bool>>) -> bool {
    let (asked, answer) = oneshot::channel();
    // A holder that does not even take the question is as good as gone.
    let answered = async { holder.send(asked).await.is_ok() && answer.await == Ok(true) };
    timeout(Duration::from_millis(ALIVE_CHECK_MS + 100), answered).await.unwrap_or(false)
}
