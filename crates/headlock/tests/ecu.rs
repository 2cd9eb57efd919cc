//! A virtual ECU that is killed at any moment: what it has answered it has kept.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::cell::Cell;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ed25519_dalek::{Signer, SigningKey};
use headlock_link::tester::{DoipTransport, Flash, LinkError, TESTER, Tester};
use headlock_twin::ecu::{Content, DOWNLOAD_PROGRESS, HmacKeys, KeyProvider, Package, SIGNED_CONTEXT};
use headlock_wire::doip::Address;
use headlock_wire::uds::{Level, Nrc, Session};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const SECRET: [u8; 32] = [7; 32];
const MAKER: [u8; 32] = [9; 32];
const ENTER_CODE: u16 = 0xFD10;
const WRONG: u8 = 1;

/// The splitmix64 generator: small, and the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }
}

/// Where an ECU keeps its state, and the keys that it knows.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        fs::write(folder.path().join("key"), hex(&SECRET)).unwrap();
        let maker = SigningKey::from_bytes(&MAKER).verifying_key().to_bytes();
        fs::write(folder.path().join("maker"), hex(&maker)).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command that runs it, through a shell that first does something.
    fn command(&self, first: &str, state: &Path) -> Command {
        let units = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/catalog");
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{first}\nexec \"$@\""), "sh", env!("CARGO_BIN_EXE_headlock"), "--catalog"]);
        command.arg(units).args(["ecu", "wicket/scan", "--reading", "manual", "--code", "1234"]);
        command.args(["--serial", "WK20260001", "--doip", "127.0.0.1:0", "--state"]).arg(state);
        command.arg("--key-file").arg(self.path("key")).arg("--maker-key").arg(self.path("maker"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn start(&self) -> Ecu {
        self.start_after("")
    }

    fn start_after(&self, first: &str) -> Ecu {
        let mut child = self.command(first, &self.path("state.json")).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let at = lines.next().map(Result::unwrap).and_then(|line| line.strip_prefix("doip ").map(str::to_owned));
        let at = at.unwrap_or_else(|| panic!("it does not start: {}", said(&mut child)));
        assert_eq!(lines.next().unwrap().unwrap(), "ready");
        Ecu { child, at }
    }

    /// What comes of an ECU that cannot start.
    fn fails(&self, first: &str, state: &Path) -> Output {
        let output = self.command(first, state).output().unwrap();
        assert!(!output.status.success(), "it starts");
        output
    }
}

fn said(child: &mut Child) -> String {
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    text
}

/// A running ECU. Dropping it kills it.
struct Ecu {
    child: Child,
    at: String,
}

impl Ecu {
    fn tester(&self) -> Tester {
        let transport = DoipTransport::connect(&self.at, TESTER, Address(0x1001), None).unwrap();
        Tester::new(Box::new(transport))
    }

    /// SIGKILL: nothing of it runs any more when this returns.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Ecu {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn failed(tester: &mut Tester) -> u16 {
    tester.lock().unwrap().unwrap().failed
}

#[test]
fn no_wrong_code_is_forgotten_whenever_it_is_killed() {
    let mut chance = Chance(1);
    let mut seen_in_all = 0;
    for _ in 0..12 {
        let bench = Bench::new();
        let (mut sent, mut seen) = (0, 0);
        let mut ecu = bench.start();
        while sent < 3 {
            let mut tester = ecu.tester();
            tester.session(Session::Extended).unwrap();
            sent += 1;
            if chance.below(2) == 0 {
                // At once, or a moment after the answer.
                assert_eq!(tester.routine(ENTER_CODE, b"0000").unwrap(), [WRONG]);
                seen += 1;
                thread::sleep(Duration::from_micros(chance.below(300)));
            } else {
                // Nobody waits for the answer.
                tester.tell(&[&[0x31, 0x01, 0xFD, 0x10][..], b"0000"].concat()).unwrap();
                thread::sleep(Duration::from_micros(chance.below(2_500)));
            }
            ecu.kill();
            ecu = bench.start();
            let counted = failed(&mut ecu.tester());
            assert!((seen..=sent).contains(&counted), "{counted} counted, {seen} of {sent} were answered");
        }
        seen_in_all += seen;
    }
    assert!(seen_in_all >= 10, "only {seen_in_all} answers");
}

/// One wrong key; what the ECU says to it, or to the wish for a seed.
fn wrong_key(tester: &mut Tester) -> Nrc {
    tester.session(Session::Extended).unwrap();
    match tester.unlock(Level::of(1).unwrap(), &|_, _| Some(vec![0; 16])) {
        Err(LinkError::Negative { nrc, .. }) => nrc,
        other => panic!("{other:?}"),
    }
}

#[test]
fn wrong_keys_and_the_delay_after_them_outlast_kills() {
    for kills in [[false, false, true], [true, true, true], [false, true, false]] {
        let bench = Bench::new();
        let mut ecu = bench.start();
        for (number, killed) in kills.into_iter().enumerate() {
            let wanted = if number < 2 { Nrc::InvalidKey } else { Nrc::ExceededNumberOfAttempts };
            assert_eq!(wrong_key(&mut ecu.tester()), wanted, "key {number}");
            if killed {
                ecu.kill();
                ecu = bench.start();
            }
        }
        for _ in 0..3 {
            assert_eq!(wrong_key(&mut ecu.tester()), Nrc::RequiredTimeDelayNotExpired);
            ecu.kill();
            ecu = bench.start();
        }
        // With the right key, too.
        let keys = HmacKeys::new(SECRET);
        let mut tester = ecu.tester();
        tester.session(Session::Extended).unwrap();
        let right = move |level: Level, seed: &[u8]| Some(keys.key(level, seed.try_into().ok()?)?.to_vec());
        let refused = tester.unlock(Level::of(1).unwrap(), &right).unwrap_err();
        assert!(matches!(refused, LinkError::Negative { nrc: Nrc::RequiredTimeDelayNotExpired, .. }), "{refused:?}");
    }
}

fn package(payload_bytes: usize) -> Vec<u8> {
    let payload: Vec<u8> = (0..payload_bytes).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let length = u32::try_from(payload.len()).unwrap();
    let digest = Sha256::digest(&payload).into();
    let mut package = Package::unsigned(Content::Update, "wicket/scan", "2.10", (length, digest)).unwrap();
    let signature = SigningKey::from_bytes(&MAKER).sign(&[SIGNED_CONTEXT, &package].concat());
    package.extend(signature.to_bytes());
    package.extend(&payload);
    package
}

/// Writes the package, and tells of each step.
fn flash(tester: &mut Tester, package: &[u8], progress: &mut dyn FnMut(usize, usize)) -> Result<(), LinkError> {
    let keys = HmacKeys::new(SECRET);
    let key = move |level: Level, seed: &[u8]| Some(keys.key(level, seed.try_into().ok()?)?.to_vec());
    tester.flash(&mut Flash { package, key: &key, progress })
}

/// Bytes that the ECU says are safe.
fn safe(tester: &mut Tester) -> usize {
    let progress = tester.read(DOWNLOAD_PROGRESS).unwrap();
    usize::try_from(u32::from_be_bytes(progress[..4].try_into().unwrap())).unwrap()
}

#[test]
fn firmware_that_is_killed_at_any_moment_goes_on_where_the_ecu_says_and_ends_well() {
    let bench = Bench::new();
    let package = package(24 * 1024 * 1024);
    let mut chance = Chance(2);
    let mut acknowledged = 0;
    for _ in 0..6 {
        let mut ecu = bench.start();
        let from = safe(&mut ecu.tester());
        assert!(from >= acknowledged, "{from} bytes are safe, {acknowledged} were acknowledged");
        let mut tester = ecu.tester();
        let began = Cell::new(None);
        let mut blocks = 1 + chance.below(20);
        // Another process, which ends in the middle of a block or between two.
        let moment = Duration::from_micros(chance.below(3_000));
        let mut ends = Some(&mut ecu);
        thread::scope(|scope| {
            let mut progress = |safe: usize, _: usize| {
                began.set(began.get().or(Some(safe)));
                acknowledged = safe;
                if ends.is_none() {
                    // A machine with a lot else to do takes a moment to kill.
                    thread::sleep(Duration::from_millis(1));
                }
                blocks = blocks.saturating_sub(1);
                if blocks == 0
                    && let Some(ecu) = ends.take()
                {
                    scope.spawn(move || {
                        thread::sleep(moment);
                        ecu.kill();
                    });
                }
            };
            flash(&mut tester, &package, &mut progress).unwrap_err();
        });
        assert_eq!(began.get(), Some(from), "it goes on where it was");
        for _ in 0..4 {
            // And killed again before it has come to itself.
            let mut child = bench.command("", &bench.path("state.json")).spawn().unwrap();
            thread::sleep(Duration::from_micros(chance.below(25_000)));
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    let ecu = bench.start();
    let mut tester = ecu.tester();
    let from = safe(&mut tester);
    assert!(from >= acknowledged && from > 0);
    let mut first = None;
    flash(&mut tester, &package, &mut |safe, _| {
        first.get_or_insert(safe);
    })
    .unwrap();
    assert_eq!(first, Some(from));
}

/// It ends by itself, with an error that says what and where.
fn assert_says(output: &Output, parts: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr).replace('\n', " ");
    let text = text.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    assert!(output.status.code().is_some(), "killed by a signal: {text}");
    parts.iter().for_each(|part| assert!(text.contains(part), "no {part:?} in: {text}"));
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn a_state_file_of_something_else_is_refused_and_left_alone() {
    let bench = Bench::new();
    let state = bench.path("state.json");
    // Its first answer is behind its first state.
    bench.start().tester().read(DOWNLOAD_PROGRESS).unwrap();
    let whole = fs::read_to_string(&state).unwrap();
    let other = whole.replace("WK20260001", "WK20260002");
    assert_ne!(whole, other);
    let eeprom = whole.find("\"eeprom\"").unwrap();
    let damaged = [
        (other, "is the state of wicket/scan#manual, serial WK20260002, not of"),
        (whole[..whole.len() / 2].to_owned(), "is no state of an ECU"),
        (String::new(), "is no state of an ECU"),
        ("{}".to_owned(), "is no state of an ECU"),
        (whole.replacen("\"format\": 1", "\"format\": 2", 1), "format 2; this program knows 1"),
        (format!("{}\"eeprom\": \"0\"\n}}", &whole[..eeprom]), "not hexadecimal"),
        (format!("{}\"eeprom\": \"00\"\n}}", &whole[..eeprom]), "an EEPROM of 1 bytes"),
        (" ".repeat(1_000_001), "far too long"),
    ];
    for (text, says) in damaged {
        fs::write(&state, &text).unwrap();
        assert_says(&bench.fails("", &state), &[says]);
        assert_eq!(fs::read_to_string(&state).unwrap(), text, "it was changed");
    }
    fs::write(&state, &whole).unwrap();
    drop(bench.start());
}

#[test]
fn a_state_file_has_one_ecu_and_is_free_once_that_is_killed() {
    let bench = Bench::new();
    let mut ecu = bench.start();
    assert_says(&bench.fails("", &bench.path("state.json")), &["is in use by another ECU"]);
    ecu.tester().read(DOWNLOAD_PROGRESS).unwrap();
    ecu.kill();
    drop(bench.start());
}

#[test]
fn a_place_that_cannot_be_written_to_is_told_at_the_start() {
    let bench = Bench::new();
    for state in [Path::new("/proc/state.json"), Path::new("/nowhere/at/all/state.json")] {
        assert_says(&bench.fails("", state), &["cannot use the state file", &state.display().to_string()]);
    }
    let folder = bench.path("read-only");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).unwrap();
    // Some users may write anywhere.
    if fs::write(folder.join("probe"), "").is_err() {
        assert_says(&bench.fails("", &folder.join("state.json")), &["cannot use the state file"]);
    }
    // No file may have so much as the state.
    assert_says(&bench.fails("trap '' XFSZ; ulimit -f 1", &bench.path("full.json")), &["cannot use the state file"]);
}

#[test]
fn a_disk_that_gets_full_ends_the_ecu_and_takes_nothing_that_was_acknowledged() {
    let bench = Bench::new();
    let package = package(2 * 1024 * 1024);
    // A block is 512 bytes in some shells, 1,024 in others.
    let mut ecu = bench.start_after("trap '' XFSZ; ulimit -f 1000");
    let mut acknowledged = 0;
    let why = flash(&mut ecu.tester(), &package, &mut |safe, _| acknowledged = safe).unwrap_err();
    assert!(matches!(why, LinkError::Closed | LinkError::Io(_)), "{why:?}");
    let until = Instant::now() + Duration::from_secs(10);
    let status = loop {
        match ecu.child.try_wait().unwrap() {
            Some(status) => break status,
            None => assert!(Instant::now() < until, "it goes on without its file"),
        }
        thread::sleep(Duration::from_millis(10));
    };
    let text = said(&mut ecu.child);
    assert!(status.code().is_some_and(|code| code != 0) && text.contains("cannot use the state file"), "{text}");
    assert!(acknowledged > 0);
    let ecu = bench.start();
    let mut tester = ecu.tester();
    let from = safe(&mut tester);
    assert!(from >= acknowledged, "{from} bytes are safe, {acknowledged} were acknowledged");
    flash(&mut tester, &package, &mut |_, _| {}).unwrap();
}

#[test]
fn a_folder_that_goes_away_ends_the_ecu_before_it_answers() {
    let bench = Bench::new();
    let mut ecu = bench.start();
    let mut tester = ecu.tester();
    tester.session(Session::Extended).unwrap();
    fs::remove_dir_all(bench.folder.path()).unwrap();
    let why = tester.routine(ENTER_CODE, b"0000").unwrap_err();
    assert!(
        matches!(why, LinkError::Closed | LinkError::Io(_)),
        "a wrong code was answered and is kept nowhere: {why:?}"
    );
    assert!(!ecu.child.wait().unwrap().success());
}
