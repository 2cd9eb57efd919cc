//! `headlock registry verify`: what an outsider can prove with the public key alone.

use std::fs;
use std::path::{Path, PathBuf};

use headlock_registry::log::{
    Disk, Event, Finding, MAX_RECEIPT_BYTES, Outsider, Policy, Receipt, Report, Shown, VerifierKey,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::paint;

/// Proves offline that nothing was removed from a registry's log or changed in it, and that receipts are in it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The folder is a copy of the log's: what the service serves under /checkpoint and /tile.\n\nExamples:\n  headlock registry verify desk/log --log-key 'desk.example/log+1b2c3d4e+AQ...' --receipt receipt.txt"
)]
pub struct Args {
    /// The log, or a copy of it; left out where only receipts are verified.
    folder: Option<PathBuf>,
    /// The log's public key, as init showed it; or a file with it.
    #[arg(long, value_name = "KEY")]
    log_key: String,
    /// A witness's public key, or a file with it: it must have cosigned the log; may be repeated.
    #[arg(long, value_name = "KEY")]
    witness: Vec<String>,
    /// So many of the witnesses are enough; all of them without it.
    #[arg(long, value_name = "COUNT", requires = "witness")]
    quorum: Option<usize>,
    /// A receipt to verify; may be repeated.
    #[arg(long, value_name = "FILE")]
    receipt: Vec<PathBuf>,
}

/// Runs it. The answer is no, exit code 1, if anything does not hold.
///
/// # Errors
/// A key or a file that is none.
pub(super) fn run(args: &Args, json: bool) -> Result<(), Failure> {
    if args.folder.is_none() && args.receipt.is_empty() {
        return Err(Failure::input("there is nothing to verify", "the log's folder, or --receipt FILE, or both"));
    }
    let mut outsider = outsider(&args.log_key)?;
    let mut receipts = Vec::new();
    for path in &args.receipt {
        receipts.push((path, receipt(path)?));
    }
    let mut shown = Vec::new();
    for (path, receipt) in &receipts {
        match outsider.receipt(receipt, None) {
            Ok(said) => shown.push((path, Ok(said))),
            Err(why) => shown.push((path, Err(why.to_string()))),
        }
    }
    // The log still has to hold the tree that each receipt is of.
    for (_, said) in &shown {
        if let Ok(said) = said {
            outsider = outsider.with_known(said.head);
        }
    }
    // A receipt is of the moment in which it was made, before any witness could cosign.
    let outsider = outsider.with_policy(policy(args)?);
    let report = args.folder.as_ref().map(|folder| whole(&outsider, folder));
    let holds = shown.iter().all(|(_, said)| said.is_ok()) && report.as_ref().is_none_or(Report::is_clean);
    if json {
        let receipts: Vec<_> = shown.iter().map(|(path, said)| receipt_json(path, said)).collect();
        let log = report.as_ref().map(report_json);
        paint::say!("{:#}", json!({ "holds": holds, "receipts": receipts, "log": log }));
    } else {
        shown.iter().for_each(|(path, said)| print_receipt(path, said));
        report.iter().for_each(print_report);
    }
    if holds { Ok(()) } else { Err(Failure::No) }
}

/// Somebody who has the public key and nothing else.
pub(super) fn outsider(log_key: &str) -> Result<Outsider, Failure> {
    let key = verifier_key("--log-key", log_key)?;
    Ok(Outsider::new(key.name(), vec![key.clone()]))
}

/// A public key, or the one in a file.
pub(super) fn verifier_key(option: &str, given: &str) -> Result<VerifierKey, Failure> {
    let text = match fs::read_to_string(given) {
        Ok(text) => text.trim().to_owned(),
        Err(_) => given.to_owned(),
    };
    VerifierKey::parse(&text).map_err(|why| {
        let help = "name+hash+key, as headlock registry init or headlock registry witness init showed it";
        Failure::input(format!("{option}: {why}"), help)
    })
}

fn policy(args: &Args) -> Result<Policy, Failure> {
    let witnesses: Vec<VerifierKey> =
        args.witness.iter().map(|text| verifier_key("--witness", text)).collect::<Result<_, _>>()?;
    let needed = args.quorum.unwrap_or(witnesses.len());
    Policy::new(needed, witnesses).map_err(|why| {
        Failure::input(format!("--witness: {why}"), "each witness's key once, and --quorum no more than there are")
    })
}

fn receipt(path: &Path) -> Result<Receipt, Failure> {
    let bytes = fs::read(path).map_err(|why| {
        Failure::input(format!("cannot read {}: {why}", path.display()), "a receipt, as a release came with it")
    })?;
    Receipt::from_bytes(&bytes).ok_or_else(|| {
        let what = format!("{} is no receipt of at most {MAX_RECEIPT_BYTES} bytes", path.display());
        Failure::input(what, "a tlog-proof, whose first line is c2sp.org/tlog-proof@v1")
    })
}

fn whole(outsider: &Outsider, folder: &Path) -> Report {
    let bar = ProgressBar::new(0);
    bar.set_style(
        ProgressStyle::with_template("{bar:40} {pos} of {len} leaves, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let report = outsider.verify(&Disk::new(folder), &mut |progress| {
        bar.set_length(progress.of);
        bar.set_position(progress.leaves);
    });
    bar.finish_and_clear();
    report
}

fn print_receipt(path: &Path, said: &Result<Shown<'_>, String>) {
    match said {
        Err(why) => paint::say!("{}: {}NOT PROVED{:#}: {why}", path.display(), paint::BAD, paint::BAD),
        Ok(said) => {
            paint::say!(
                "{}: {}proved{:#}: leaf {} of {}",
                path.display(),
                paint::GOOD,
                paint::GOOD,
                said.index,
                said.head.size
            );
            if let Some(event) = said.event {
                paint::indented(2, &format!("{}, at {}", event.kind(), event.at_s()));
                for (name, value) in event.fields() {
                    paint::indented(2, &format!("{name}: {value}"));
                }
            }
        }
    }
}

fn print_report(report: &Report) {
    match report.head {
        Some(head) if report.is_clean() => {
            paint::say!("the log: {}whole{:#}: {} leaves, {} tiles", paint::GOOD, paint::GOOD, head.size, report.tiles);
            paint::say!("  nothing was removed or changed; root {}", head.root);
        }
        _ => {
            paint::say!("the log: {}NOT WHOLE{:#}", paint::BAD, paint::BAD);
            report.findings.listed().iter().for_each(|finding| paint::item("-", &finding.to_string()));
            if report.findings.more() > 0 {
                paint::item("-", &format!("{} more", report.findings.more()));
            }
        }
    }
    if let Some((head, seen)) = &report.witnessed {
        let who: Vec<String> = seen.iter().map(|seen| format!("{} at {}", seen.witness, seen.at_s)).collect();
        paint::say!("  {} leaves were cosigned by {}", head.size, who.join(", "));
    }
}

fn receipt_json(path: &Path, said: &Result<Shown<'_>, String>) -> Value {
    match said {
        Err(why) => json!({ "file": path, "proved": false, "why": why }),
        Ok(said) => {
            let event = said.event.map(event_json);
            json!({ "file": path, "proved": true, "leaf": said.index, "leaves": said.head.size, "event": event })
        }
    }
}

/// An event for machines.
pub(super) fn event_json(event: &Event) -> Value {
    let fields: serde_json::Map<String, Value> =
        event.fields().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    json!({ "kind": event.kind(), "at_s": event.at_s(), "fields": fields })
}

fn report_json(report: &Report) -> Value {
    let findings: Vec<String> = report.findings.listed().iter().map(Finding::to_string).collect();
    json!({
        "whole": report.is_clean(),
        "leaves": report.head.map(|head| head.size),
        "root": report.head.map(|head| head.root.to_string()),
        "tiles": report.tiles,
        "findings": findings,
        "more_findings": report.findings.more(),
        "witnessed": report.witnessed.as_ref().map(|(head, seen)| {
            let seen: Vec<_> = seen.iter().map(|seen| json!({ "name": seen.witness, "at_s": seen.at_s })).collect();
            json!({ "leaves": head.size, "witnesses": seen })
        }),
    })
}
