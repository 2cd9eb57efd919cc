//! What writes to the car: said first, then asked, then done.

use std::fs;
use std::io::{BufRead, IsTerminal, Write as _};
use std::path::Path;

use headlock_link::tester::{Flash, LinkError, Tester};
use headlock_profile::Provenance;
use headlock_twin::ecu::{HmacKeys, KeyProvider, Package, PackageError, RoutineId};
use headlock_wire::uds::{Level, Nrc, Session};
use indicatif::{ProgressBar, ProgressStyle};
use zeroize::Zeroizing;

use super::{Args, report::Report};
use crate::failure::Failure;
use crate::paint;

/// Routines by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Named {
    /// The unit tests itself.
    SelfTest,
    /// Forgets wrong codes and ends a wait.
    ClearAttempts,
    /// Opens the lock without the code.
    ClearSecurity,
    /// Ends a permanent lock.
    ClearLockedOut,
    /// Asks for no code any more.
    DisableChecking,
    /// Pairs the unit with this vehicle.
    Pair,
}

impl Named {
    const fn id(self) -> RoutineId {
        match self {
            Self::SelfTest => RoutineId::SelfTest,
            Self::ClearAttempts => RoutineId::ClearAttempts,
            Self::ClearSecurity => RoutineId::ClearSecurity,
            Self::ClearLockedOut => RoutineId::ClearLockedOut,
            Self::DisableChecking => RoutineId::DisableChecking,
            Self::Pair => RoutineId::Pair,
        }
    }

    /// What it changes; nothing where it changes nothing.
    const fn changes(self) -> Option<&'static str> {
        match self {
            Self::SelfTest => None,
            Self::ClearAttempts => Some("forgets the wrong codes of this unit and ends its wait"),
            Self::ClearSecurity => Some("opens the lock of this unit without its code"),
            Self::ClearLockedOut => Some("ends the permanent lock of this unit"),
            Self::DisableChecking => {
                Some("stops this unit from asking for its code, until a tester switches that on again")
            }
            Self::Pair => Some("pairs this unit with the vehicle that it sits in"),
        }
    }
}

/// Does what was asked for; false if nothing was.
pub(super) fn run(args: &Args, tester: &mut Tester, report: &Report, json: bool) -> Result<bool, Failure> {
    let mut wrote = false;
    if args.clear_dtcs {
        confirm(args, json, "clears the trouble codes of this unit")?;
        tester.clear_dtcs()?;
        wrote = true;
    }
    if let Some(code) = &args.enter_code {
        enter_code(args, tester, report, code, json)?;
        wrote = true;
    }
    if let Some(named) = args.run {
        if let Some(changes) = named.changes() {
            confirm(args, json, changes)?;
        }
        routine(args, tester, named, json)?;
        wrote = true;
    }
    if let Some(path) = &args.flash {
        flash(args, tester, report, path, json)?;
        wrote = true;
    }
    if args.reset {
        confirm(args, json, "restarts this unit")?;
        tester.reset()?;
        wrote = true;
    }
    Ok(wrote)
}

/// Says what will change, and asks.
fn confirm(args: &Args, json: bool, changes: &str) -> Result<(), Failure> {
    if args.yes {
        return Ok(());
    }
    let refused = || Failure::input(format!("not done: it {changes}"), "say --yes if that is what you want");
    if json || !std::io::stdin().is_terminal() {
        return Err(refused());
    }
    // Questions go to standard error, so that a report can be piped.
    eprint!("This {changes}. Go on? [y/N] ");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    if read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(refused()) }
}

fn enter_code(args: &Args, tester: &mut Tester, report: &Report, code: &str, json: bool) -> Result<(), Failure> {
    let code = super::super::plan::read_code(code, Provenance::Stated)?;
    if let Some(lock) = report.lock.as_ref().filter(|lock| lock.state == "waiting") {
        let left = lock.wait_left_s.map_or_else(|| "without a time".to_owned(), |s| format!("{s} s more"));
        return Err(Failure::input(
            format!("the unit waits, {left}; a code now would be lost or make it longer"),
            "wait first; headlock plan says how",
        ));
    }
    let left = report.lock.as_ref().and_then(|lock| lock.attempts_left);
    let left = left.map_or_else(String::new, |left| format!("; {left} are left for good"));
    confirm(args, json, &format!("enters the code: a wrong one uses an attempt{left}"))?;
    tester.session(Session::Extended)?;
    let answer = tester.routine(RoutineId::EnterCode.number(), code.reveal().as_bytes())?;
    let (good, what) = match answer[..] {
        [0] => (true, "the code was right: the unit is open"),
        [1] => (false, "the code was wrong, and an attempt is used"),
        [2] => (false, "the unit refused the code without comparing it"),
        [3] => (false, "the unit ignored the code"),
        _ => return Err(LinkError::Shape { what: "an answer to a code", bytes: answer.len() }.into()),
    };
    if !json {
        paint::item(if good { "✓" } else { "✗" }, what);
    }
    if good {
        Ok(())
    } else {
        Err(Failure::Link { word: "code-not-accepted", what: what.to_owned(), help: String::new() })
    }
}

fn routine(args: &Args, tester: &mut Tester, named: Named, json: bool) -> Result<(), Failure> {
    tester.session(Session::Extended)?;
    let number = named.id().number();
    let answer = match tester.routine(number, &[]) {
        Err(LinkError::Negative { nrc: Nrc::SecurityAccessDenied, .. }) => unlocked(args, tester, number)?,
        answer => answer?,
    };
    if !json {
        match (named, &answer[..]) {
            (Named::SelfTest, [0]) => paint::item("✓", "the self test found nothing"),
            (Named::SelfTest, [bits]) => {
                let parts = [(1, "its memory"), (2, "its supply"), (4, "a key")];
                let failing: Vec<&str> =
                    parts.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
                paint::item("✗", &format!("the self test finds fault with {}", failing.join(" and ")));
            }
            _ => paint::item("✓", "done"),
        }
    }
    Ok(())
}

/// Tries the levels, lowest first; a key that is known is right, so no attempt is wasted.
fn unlocked(args: &Args, tester: &mut Tester, number: u16) -> Result<Vec<u8>, Failure> {
    let keys = keys(args)?;
    for level in [1, 3, 5].into_iter().filter_map(Level::of) {
        match tester.unlock(level, &*keys) {
            Err(LinkError::Negative { nrc: Nrc::SubFunctionNotSupported, .. }) => continue,
            unlocked => unlocked?,
        }
        match tester.routine(number, &[]) {
            Err(LinkError::Negative { nrc: Nrc::SecurityAccessDenied, .. }) => {}
            answer => return Ok(answer?),
        }
    }
    Err(LinkError::Negative { sid: 0x31, nrc: Nrc::SecurityAccessDenied }.into())
}

type Keys = Box<dyn Fn(Level, &[u8]) -> Option<Vec<u8>>>;

fn keys(args: &Args) -> Result<Keys, Failure> {
    if let Some(command) = args.key_command.clone() {
        return Ok(Box::new(move |level, seed| ask(&command, level, seed)));
    }
    let Some(path) = &args.key_file else { return Ok(Box::new(|_, _| None)) };
    let keys = HmacKeys::new(*super::super::ecu::key(path)?);
    Ok(Box::new(move |level, seed| Some(keys.key(level, seed.try_into().ok()?)?.to_vec())))
}

/// The key that a command answers; none if it fails, or says something else.
fn ask(command: &Path, level: Level, seed: &[u8]) -> Option<Vec<u8>> {
    let level = level.request_seed().to_string();
    let out = std::process::Command::new(command)
        .args([&level, &headlock_wire::hex::digits(seed)])
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::inherit())
        .output()
        .ok()?;
    let text = Zeroizing::new(out.stdout);
    headlock_wire::hex::bytes(text.trim_ascii()).filter(|_| out.status.success())
}

fn flash(args: &Args, tester: &mut Tester, report: &Report, path: &Path, json: bool) -> Result<(), Failure> {
    let package = fs::read(path)
        .map(Zeroizing::new)
        .map_err(|why| Failure::input(format!("cannot read {}: {why}", path.display()), "a signed firmware package"))?;
    let header = Package::parse(&package).map_err(LinkError::from)?;
    let header = header.ok_or(LinkError::Package(PackageError::NoPackage))?;
    let runs = report.software.as_deref().unwrap_or("an unknown version");
    let supply = "the supply must hold until it is done";
    confirm(args, json, &format!("writes firmware {} over {runs} into {}; {supply}", header.version, header.unit))?;
    let bar = if json { ProgressBar::hidden() } else { ProgressBar::new(0) };
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let keys = keys(args)?;
    let mut progress = |safe: usize, all: usize| {
        bar.set_length(u64::try_from(all).unwrap_or(u64::MAX));
        bar.set_position(u64::try_from(safe).unwrap_or(u64::MAX));
    };
    let done = tester.flash(&mut Flash { package: &package, key: &*keys, progress: &mut progress });
    bar.finish_and_clear();
    done?;
    if !json {
        paint::item("✓", &format!("the unit runs {}", header.version));
    }
    Ok(())
}
