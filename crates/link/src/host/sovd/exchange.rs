//! One request to the ECU, and its final answer.

use std::time::Duration;

use headlock_twin::ecu::Reply;
use headlock_wire::uds::{NEGATIVE, Nrc, POSITIVE_OFFSET, Response};
use tokio::time::{Instant, timeout_at};

use super::REQUEST_BYTES_MAX;
use crate::host::Line;

/// For an answer: P2 of the ECU, and whoever else asks it.
const P2: Duration = Duration::from_secs(2);
/// For the next one after a response pending: P2*, and as much again for a busy machine.
const P2_STAR: Duration = Duration::from_secs(10);
/// For all of it.
const PATIENCE: Duration = Duration::from_secs(45);

/// Why there is no answer to make anything of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The ECU says no.
    Refused {
        /// To which service.
        sid: u8,
        /// Why.
        nrc: Nrc,
    },
    /// It says nothing, or is no more.
    NoAnswer,
    /// It says what its service does not say.
    Garbled,
    /// Too many ask.
    Busy,
    /// The lock of who asked is over.
    Ended,
}

/// Asks, and waits through every response pending; each of them is told.
pub(super) async fn exchange(line: &mut Line, request: &[u8], mut pending: impl FnMut()) -> Result<Vec<u8>, Failure> {
    // The late answer to a request that was given up.
    while line.try_reply().is_some() {}
    let latest = Instant::now() + PATIENCE;
    let mut deadline = Instant::now() + P2;
    timeout_at(deadline, line.request(false, REQUEST_BYTES_MAX, request.to_vec()))
        .await
        .map_err(|_| Failure::NoAnswer)?;
    loop {
        let reply = timeout_at(deadline.min(latest), line.reply()).await;
        let Ok(Some(Reply { bytes, .. })) = reply else { return Err(Failure::NoAnswer) };
        match Response::decode(&bytes) {
            Ok(Response::Negative { sid, .. }) if request.first() != Some(&sid) => {}
            Ok(Response::Negative { nrc: Nrc::RequestCorrectlyReceivedResponsePending, .. }) => {
                pending();
                deadline = Instant::now() + P2_STAR;
            }
            Ok(Response::Negative { sid, nrc }) => return Err(Failure::Refused { sid, nrc }),
            Ok(_) if answers(request, &bytes) => return Ok(bytes),
            // An answer to something else; it is late.
            Ok(_) => {}
            Err(_) if bytes.first() == Some(&NEGATIVE) || !answers(request, &bytes) => {}
            Err(_) => return Err(Failure::Garbled),
        }
    }
}

/// Whether a positive response repeats what it must of the request (ISO 14229-1, clauses 10 to 15).
fn answers(request: &[u8], answer: &[u8]) -> bool {
    let repeated = match request {
        [0x10 | 0x19 | 0x27, ..] => 1..2,
        [0x22, ..] => 1..3,
        [0x31, ..] => 1..4,
        _ => 1..1,
    };
    let sid = request.first().map(|sid| sid.wrapping_add(POSITIVE_OFFSET));
    sid.is_some() && answer.first().copied() == sid && answer.get(repeated.clone()) == request.get(repeated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_that_repeats_its_question() {
        assert!(answers(&[0x22, 0xF1, 0x90], &[0x62, 0xF1, 0x90, 1]));
        assert!(!answers(&[0x22, 0xF1, 0x90], &[0x62, 0xF1, 0x8C, 1]));
        assert!(!answers(&[0x22, 0xF1, 0x90], &[0x62]));
        assert!(answers(&[0x31, 1, 0xFD, 0x14], &[0x71, 1, 0xFD, 0x14, 0]));
        assert!(!answers(&[0x31, 1, 0xFD, 0x14], &[0x71, 1, 0xFD, 0x10, 0]));
        assert!(answers(&[0x14, 0xFF, 0xFF, 0xFF], &[0x54]));
        assert!(!answers(&[], &[0x40]));
    }
}
