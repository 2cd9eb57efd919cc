//! Asking a witness for its cosignature: the log's side of c2sp.org/tlog-witness.

use std::io::Read as _;

use ureq::Agent;
use ureq::http::header::CONTENT_TYPE;

use crate::client::{Address, ClientError, agent};
use crate::witness::SIZE_TYPE;

/// Bytes of an answer; a longer one is not read.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// Characters of an answer that is shown.
const WORDS_MAX: usize = 200;

/// What a witness answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Lines of cosignature, as yet unchecked.
    Cosigned {
        /// Each ended.
        lines: String,
    },
    /// It has cosigned another size than the submission goes on from.
    Stale {
        /// That size.
        size: u64,
    },
    /// It does not cosign.
    Refused {
        /// The status of HTTP.
        status: u16,
        /// What it said, made fit to be shown.
        words: String,
    },
}

/// The way to one witness.
#[derive(Clone, Debug)]
pub struct WitnessClient {
    agent: Agent,
    url: String,
}

impl WitnessClient {
    /// The witness whose submission prefix is this address.
    ///
    /// # Errors
    /// [`ClientError::File`], or nobody whose signature would be believed.
    pub fn new(address: &Address) -> Result<Self, ClientError> {
        Ok(Self { agent: agent(address)?, url: format!("{}/add-checkpoint", address.url.trim_end_matches('/')) })
    }

    /// Hands it a submission.
    ///
    /// # Errors
    /// It cannot be reached.
    pub fn add_checkpoint(&self, submission: &[u8]) -> Result<Verdict, ClientError> {
        let response = self.agent.post(&self.url).send(submission)?;
        let status = response.status().as_u16();
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let tells_size = kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(SIZE_TYPE));
        let mut bytes = Vec::new();
        let body = response.into_body().into_with_config().limit(ANSWER_BYTES_MAX + 1).reader();
        body.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes).map_err(ureq::Error::from)?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(match status {
            200 => Verdict::Cosigned { lines: text.into_owned() },
            409 if tells_size => match text.strip_suffix('\n').unwrap_or(&text).parse() {
                Ok(size) => Verdict::Stale { size },
                Err(_) => Verdict::Refused { status, words: words(&text) },
            },
            _ => Verdict::Refused { status, words: words(&text) },
        })
    }
}

/// The first line of a stranger's text, without anything that a terminal would obey.
fn words(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().filter(|char| !char.is_control()).take(WORDS_MAX).collect()
}
