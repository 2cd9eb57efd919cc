//! `headlock registry cosign`: carries the log's newest checkpoint to witnesses, and what they answer back.

use std::path::PathBuf;

use headlock_registry::log::Submission;
use headlock_server::api::{Cosignatures, WitnessView};
use headlock_server::client::{Address, Client, ClientError};
use headlock_server::witness_client::{Verdict, WitnessClient};
use serde_json::{Value, json};

use super::remote::{Server, failed};
use crate::failure::Failure;
use crate::paint;

/// How often a witness may name another size before it is given up.
const ASKS: usize = 8;

/// How often all are asked again because one of them had come further than the rest.
const ROUNDS: usize = 4;

/// What it means that a witness saw another log.
const CONTRADICTION: &str = "A witness says that it cosigned what this service's log does not have. Either an old copy of the registry was put \
    back, or its log is shown differently to different people. Stop releasing, keep both logs, and tell whoever holds receipts.";

/// Has witnesses cosign the log's newest checkpoint, all of them the same one.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit code 0: every witness cosigned, and the service keeps it. 1: one of them did not.\nRun by an auditor or operator, or by cron with a token of theirs.\n\nExamples:\n  headlock registry cosign --witness https://witness.example --witness http://127.0.0.1:9001\n  headlock registry cosign --witness http://127.0.0.1:9001 --json"
)]
pub struct Args {
    /// A witness's submission prefix, before /add-checkpoint; may be repeated.
    #[arg(long, value_name = "URL", required = true)]
    witness: Vec<String>,
    /// Who signed the witnesses' certificates, PEM; without it those whom this machine trusts.
    #[arg(long, value_name = "FILE")]
    witness_ca: Option<PathBuf>,
    #[command(flatten)]
    server: Server,
}

/// One witness, and how far it has come.
struct Asked<'a> {
    url: &'a str,
    client: WitnessClient,
    /// Leaves that it has cosigned, as it says itself.
    at: u64,
    end: Option<End>,
}

/// What came of asking it.
enum End {
    Cosigned {
        leaves: u64,
        by: Vec<WitnessView>,
    },
    Not {
        why: String,
        /// What it saw and what the service shows cannot both be of one log.
        contradiction: bool,
    },
}

/// Runs it. The answer is no, exit code 1, if a witness did not cosign.
///
/// # Errors
/// The service refuses, or cannot be reached.
pub(super) fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let desk = args.server.client()?;
    let ask = |url: &String| {
        let address = Address { url: url.clone(), ca: args.witness_ca.clone(), certificate: None };
        WitnessClient::new(&address).map_err(|why| failed(&why))
    };
    let mut all = Vec::new();
    for url in &args.witness {
        all.push(Asked { url, client: ask(url)?, at: 0, end: None });
    }
    // Leaves of the one checkpoint that all are to cosign: the first one's, or of the newest that a witness cannot be asked to go behind.
    let mut size = None;
    for _ in 0..ROUNDS {
        let wanted = size;
        for witness in all.iter_mut().filter(|witness| witness.is_behind(wanted)) {
            witness.end = Some(witness.ask(&desk, &mut size)?);
        }
        if !all.iter().any(|witness| witness.is_behind(size)) {
            break;
        }
    }
    let complete =
        all.iter().all(|witness| matches!(witness.end, Some(End::Cosigned { .. })) && !witness.is_behind(size));
    if json {
        let witnesses: Vec<Value> = all.iter().map(Asked::json).collect();
        paint::say!("{:#}", json!({ "complete": complete, "leaves": size, "witnesses": witnesses }));
    } else {
        all.iter().for_each(Asked::print);
        if all.iter().any(Asked::contradicts) {
            paint::say!("{}TWO LOGS{:#}", paint::BAD, paint::BAD);
            paint::indented(2, CONTRADICTION);
        }
    }
    if complete { Ok(()) } else { Err(Failure::No) }
}

impl Asked<'_> {
    /// Not asked yet, or cosigned less than this.
    fn is_behind(&self, size: Option<u64>) -> bool {
        match &self.end {
            None => true,
            Some(End::Cosigned { leaves, .. }) => size.is_some_and(|size| *leaves < size),
            Some(End::Not { .. }) => false,
        }
    }

    fn contradicts(&self) -> bool {
        matches!(self.end, Some(End::Not { contradiction: true, .. }))
    }

    /// Asks until it cosigned or will not.
    fn ask(&mut self, desk: &Client, size: &mut Option<u64>) -> Result<End, Failure> {
        for _ in 0..ASKS {
            let submission = match desk.submission(self.at, *size) {
                Err(why) if is_short(&why) => match size.take() {
                    // The log may have grown since.
                    Some(_) => continue,
                    None => return Ok(self.ahead()),
                },
                Err(why) => return Err(failed(&why)),
                Ok(bytes) => bytes,
            };
            let read = Submission::from_bytes(&submission).and_then(|read| Some((read.claimed()?.head.size, read)));
            let (leaves, read) = read.ok_or_else(|| failed(&ClientError::Answer { status: 200 }))?;
            *size = Some(leaves);
            match self.client.add_checkpoint(&submission) {
                Err(why) => return Ok(not(format!("it cannot be asked: {}", reason(&why)))),
                Ok(Verdict::Cosigned { lines }) => {
                    let end = hand_in(desk, &read, (leaves, &lines))?;
                    self.at = leaves;
                    match end {
                        Some(end) => return Ok(end),
                        // Somebody else handed in a newer one meanwhile.
                        None => *size = None,
                    }
                }
                Ok(Verdict::Stale { size: at }) if at != self.at => self.at = at,
                Ok(Verdict::Stale { .. } | Verdict::Refused { status: 409, .. }) => {
                    let why = format!("it saw another tree of {leaves} leaves than this service shows");
                    return Ok(End::Not { why, contradiction: true });
                }
                Ok(Verdict::Refused { status: 422, .. }) => {
                    let why = format!(
                        "the {} leaves that it saw are not those that this service's {leaves} begin with",
                        self.at
                    );
                    return Ok(End::Not { why, contradiction: true });
                }
                Ok(Verdict::Refused { status, words }) => return Ok(not(refusal(status, &words))),
            }
        }
        Ok(not("it names another size each time".to_owned()))
    }

    fn ahead(&self) -> End {
        let why = format!("it cosigned {} leaves of this log, and this service shows fewer", self.at);
        End::Not { why, contradiction: true }
    }

    fn print(&self) {
        match &self.end {
            None => paint::say!("{}: not asked", self.url),
            Some(End::Cosigned { leaves, by }) => {
                let by: Vec<String> = by.iter().map(|by| format!("{} at {}", by.name, by.at_s)).collect();
                paint::say!(
                    "{}: {}cosigned{:#} {leaves} leaves: {}",
                    self.url,
                    paint::GOOD,
                    paint::GOOD,
                    by.join(", ")
                );
            }
            Some(End::Not { why, .. }) => {
                paint::say!("{}: {}NOT COSIGNED{:#}: {why}", self.url, paint::BAD, paint::BAD);
            }
        }
    }

    fn json(&self) -> Value {
        match &self.end {
            None => json!({ "url": self.url, "cosigned": false }),
            Some(End::Cosigned { leaves, by }) => {
                json!({ "url": self.url, "cosigned": true, "leaves": leaves, "by": by })
            }
            Some(End::Not { why, contradiction }) => {
                json!({ "url": self.url, "cosigned": false, "why": why, "contradiction": contradiction })
            }
        }
    }
}

/// Hands in a witness's lines; none if a newer checkpoint is kept by now.
fn hand_in(desk: &Client, asked: &Submission, (leaves, lines): (u64, &str)) -> Result<Option<End>, Failure> {
    let checkpoint = String::from_utf8_lossy(&asked.checkpoint).into_owned();
    let kept = match desk.cosign(&Cosignatures { checkpoint, lines: lines.to_owned() }) {
        Err(why) if why.problem().is_some_and(|problem| problem.status == 422) => {
            return Ok(Some(not(format!("what it answered is no cosignature of this checkpoint: {}", reason(&why)))));
        }
        kept => kept.map_err(|why| failed(&why))?,
    };
    if kept.leaves > leaves {
        return Ok(None);
    }
    // A line of signature is a dash, a name and base64.
    let names: Vec<&str> = lines.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    let by: Vec<WitnessView> = kept.witnesses.into_iter().filter(|by| names.contains(&by.name.as_str())).collect();
    Ok(Some(if by.is_empty() {
        let names: String = names.join(", ").chars().filter(|char| !char.is_control()).take(200).collect();
        not(format!("the service does not know its key: log.witnesses in its configuration lacks that of {names}"))
    } else {
        End::Cosigned { leaves, by }
    }))
}

fn not(why: String) -> End {
    End::Not { why, contradiction: false }
}

/// Why a witness cannot be heard, without the words that are the service's.
fn reason(why: &ClientError) -> String {
    if let ClientError::Transport(why) = why { why.to_string() } else { why.to_string() }
}

fn refusal(status: u16, words: &str) -> String {
    match status {
        403 => "it does not know the key that signed the log: its --log-key is another's".to_owned(),
        404 => "it does not know this log, or there is no witness at this address".to_owned(),
        400 => format!("it cannot read what it was sent: {words}"),
        status => format!("it answered with status {status}: {words}"),
    }
}

/// The log has fewer leaves than it was asked for.
fn is_short(why: &ClientError) -> bool {
    why.problem().is_some_and(|problem| {
        problem.status == 422 && problem.field.as_deref().is_some_and(|field| field == "old" || field == "size")
    })
}
