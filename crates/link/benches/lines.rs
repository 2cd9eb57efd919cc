//! The ECU on its lines: DoIP by our own tester, and an ELM327 beside ELM327-emulator, asked by the same client in the same run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ed25519_dalek::{Signer, SigningKey};
use headlock_link::host::{Clock, Endpoint, Host};
use headlock_link::tester::{DoipTransport, Flash, TESTER, Tester};
use headlock_lock::Ignition;
use headlock_profile::{Catalog, Code, File, Provenance};
use headlock_twin::ecu::{Content, Ecu, HmacKeys, KeyProvider, Package, Provisioned, SIGNED_CONTEXT};
use headlock_twin::{Input, Provision, Spec, Twin};
use headlock_wire::doip::Address;
use headlock_wire::elm327::Persona;
use headlock_wire::uds::Level;
use sha2::{Digest, Sha256};

const UNIT: &str = include_str!("../../../tests/catalog/units/wicket/scan.toml");
const SOURCES: &str = "[[source]]\nid = \"example\"\nkind = \"example\"\nabout = \"a bench\"\n\n[[source]]\nid = \"example-forum\"\nkind = \"forum\"\nabout = \"a bench\"\n";
const SECRET: [u8; 32] = [7; 32];
const MAKER: [u8; 32] = [9; 32];
const PACKAGE_BYTES: usize = 48 * 1024 * 1024;

fn main() {
    let (doip, elm) = host();
    println!("\nDoIP, our tester and our ECU on the loopback, one connection, two threads");
    reads(&doip);
    flash(&doip);
    println!("\nELM327 over TCP, one client, one query after the other");
    let ours = queries(elm, "our ELM327");
    match peer() {
        Some((mut peer, at)) => {
            let theirs = queries(at, "ELM327-emulator");
            peer.kill().and_then(|()| peer.wait()).expect("our own child");
            println!("  ratio                            {:>10.1} x", ours / theirs);
        }
        None => println!("  ELM327-emulator is not installed: cargo xtask interop installs it below target/interop"),
    }
}

/// An ECU on a thread of its own.
fn host() -> (String, SocketAddr) {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let ecu = ecu();
            let clock = Clock::new(ecu.twin().now_ms(), 1);
            let mut host = Host::start(ecu, clock, None);
            let any = "127.0.0.1:0".parse().expect("an address");
            let doip = host.open(Endpoint::Doip(any)).await.expect("a port").at;
            let elm = host.open(Endpoint::Elm327Tcp(any, Persona::FairV15)).await.expect("a port").at;
            sender.send((doip, elm.parse().expect("an address"))).expect("the bench waits");
            host.ended().await.expect("no file to fail");
        });
    });
    receiver.recv().expect("the host starts")
}

fn ecu() -> Ecu {
    let files = [File { name: "sources.toml", text: SOURCES }, File { name: "scan.toml", text: UNIT }];
    let catalog = Catalog::load(files).expect("the bench's own unit");
    let unit = catalog.unit("wicket/scan").expect("the bench's own unit");
    let reading = &unit.readings[0];
    let code = Code::new("1234", Provenance::Stated).expect("a code");
    let provision = Provision::example(unit, &reading.firmware, vec![code]);
    let spec = Spec::new(unit, &reading.cases[0], provision).expect("a small unit");
    let provisioned = Provisioned {
        vin: *b"SJNFDNJ10U1234567",
        part_number: "28185-JD00A".to_owned(),
        keys: Box::new(HmacKeys::new(SECRET)),
        maker: Some(SigningKey::from_bytes(&MAKER).verifying_key().to_bytes()),
        entropy: [3; 32],
    };
    let mut ecu = Ecu::new(Twin::new_armed(Arc::new(spec)), provisioned);
    ecu.happen(0, Input::Ignition(Ignition::On));
    ecu
}

fn tester(at: &str) -> Tester {
    Tester::new(Box::new(DoipTransport::connect(at, TESTER, Address(0x1001), None).expect("the host runs")))
}

fn reads(at: &str) {
    const COUNT: usize = 60_000;
    let mut tester = tester(at);
    let mut times = Vec::with_capacity(COUNT);
    let started = Instant::now();
    for _ in 0..COUNT {
        let asked = Instant::now();
        let answer = tester.request(&[0x22, 0xF1, 0x90]).expect("an answer");
        assert_eq!(&answer[3..], b"SJNFDNJ10U1234567");
        times.push(asked.elapsed());
    }
    let took = started.elapsed();
    times.sort_unstable();
    println!("  ReadDataByIdentifier             {:>10.0} a second", per_second(COUNT, took));
    println!("  half of them within              {:>10.1} us", us(times[COUNT / 2]));
    println!("  99 of 100 within                 {:>10.1} us", us(times[COUNT * 99 / 100]));
}

fn flash(at: &str) {
    let payload: Vec<u8> = (0..PACKAGE_BYTES).map(|at| u8::try_from(at % 251).unwrap_or(0)).collect();
    let digest = Sha256::digest(&payload).into();
    let length = u32::try_from(payload.len()).expect("a small payload");
    let mut package =
        Package::unsigned(Content::Update, "wicket/scan", "2.10", (length, digest)).expect("a short name");
    let signature = SigningKey::from_bytes(&MAKER).sign(&[SIGNED_CONTEXT, &package].concat());
    package.extend(signature.to_bytes());
    package.extend(&payload);
    let keys = HmacKeys::new(SECRET);
    let key = move |level: Level, seed: &[u8]| Some(keys.key(level, seed.try_into().ok()?)?.to_vec());
    let mut last = (Instant::now(), Instant::now());
    let mut tester = tester(at);
    let mut progress = |safe: usize, all: usize| {
        if safe == 0 {
            last.0 = Instant::now();
        }
        if safe == all {
            last.1 = Instant::now();
        }
    };
    tester.flash(&mut Flash { package: &package, key: &key, progress: &mut progress }).expect("a signed package");
    let took = last.1 - last.0;
    println!("  flash, bytes taken and hashed    {:>10.1} MB/s", per_second(package.len(), took) / 1e6);
}

/// One query after the other, each with the number of answers that it wants, as fast testers send them.
fn queries(at: SocketAddr, name: &str) -> f64 {
    let mut line = TcpStream::connect(at).expect("an adapter");
    line.set_nodelay(true).and_then(|()| line.set_read_timeout(Some(Duration::from_secs(5)))).expect("an open socket");
    for command in ["ATZ", "ATE0", "ATL0", "ATH1", "ATSP6", "0100"] {
        exchange(&mut line, command);
    }
    let started = Instant::now();
    let mut count = 0;
    while started.elapsed() < Duration::from_secs(3) {
        let answer = exchange(&mut line, "01001");
        assert!(answer.replace(' ', "").contains("064100"), "{name}: {answer:?}");
        count += 1;
    }
    let rate = per_second(count, started.elapsed());
    println!("  {name:<32} {rate:>10.0} queries a second");
    rate
}

fn exchange(line: &mut TcpStream, command: &str) -> String {
    line.write_all(format!("{command}\r").as_bytes()).expect("an open socket");
    let mut answer = Vec::new();
    let mut chunk = [0; 1_024];
    while !answer.ends_with(b">") {
        let read = line.read(&mut chunk).expect("an answer in time");
        assert!(read > 0, "the adapter has gone");
        answer.extend(&chunk[..read]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// The foreign emulator, where it is installed.
fn peer() -> Option<(Child, SocketAddr)> {
    let program: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/interop/venv/bin/elm");
    let at = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a free port");
    let mut child = Command::new(program)
        .args(["-s", "car", "-n", &at.port().to_string()])
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    // It reads commands from its standard input; what it prints is read so that it never waits for room.
    let out = child.stdout.take()?;
    std::thread::spawn(move || BufReader::new(out).lines().for_each(drop));
    let until = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(at).is_err() {
        assert!(Instant::now() < until, "ELM327-emulator does not listen");
        std::thread::sleep(Duration::from_millis(100));
    }
    // It takes one connection at a time, and has to see that the trial is over.
    std::thread::sleep(Duration::from_millis(1_500));
    Some((child, at))
}

fn per_second(count: usize, took: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / took.as_secs_f64()
}

fn us(took: Duration) -> f64 {
    took.as_secs_f64() * 1e6
}
