//! An ECU on a thread of its own, on every line that it has, and what tests need around it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use headlock_link::host::{Clock, Endpoint, Handle, Host};
use headlock_link::tester::{DoipTransport, Patience, Tester};
use headlock_lock::Ignition;
use headlock_profile::{Catalog, Code, File, Provenance};
use headlock_twin::ecu::{Ecu, HmacKeys, Provisioned};
use headlock_twin::{Input, Provision, Spec, Twin};
use headlock_wire::doip::{Address, Message};
use headlock_wire::elm327::Persona;
use tokio::sync::oneshot;

pub const VIN: &[u8; 17] = b"SJNFDNJ10U1234567";
pub const ECU: u16 = 0x1001;
pub const READ_VIN: [u8; 3] = [0x22, 0xF1, 0x90];
const UNIT: &str = include_str!("../../../../tests/catalog/units/wicket/scan.toml");
const SOURCES: &str = "[[source]]\nid = \"example\"\nkind = \"example\"\nabout = \"a test\"\n\n[[source]]\nid = \"example-forum\"\nkind = \"forum\"\nabout = \"a test\"\n";
/// Of a page of memory; larger ones would only make the figure smaller.
const PAGE_BYTES: usize = 4_096;
const HOST_THREAD: &str = "the ECU's";

/// How long any answer may take on a machine that has a lot else to do.
pub const SOON: Duration = Duration::from_secs(10);

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Where a running ECU is reached. Dropping it ends the ECU, and fails if anything in it panicked.
pub struct Hosted {
    pub doip: SocketAddr,
    pub elm: SocketAddr,
    pub socketcand: SocketAddr,
    /// Two adapters: a serial line has one tester.
    pub slcan: [String; 2],
    pub handle: Handle,
    stop: Option<oneshot::Sender<Duration>>,
    thread: Option<JoinHandle<()>>,
}

impl Hosted {
    pub fn start() -> Self {
        watch_for_panics();
        let (sender, receiver) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name(HOST_THREAD.to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            tokio::task::LocalSet::new().block_on(&runtime, async {
                let ecu = ecu();
                let clock = Clock::new(ecu.twin().now_ms(), 1);
                let mut host = Host::start(ecu, clock, None);
                let any = "127.0.0.1:0".parse().expect("an address");
                let mut at = Vec::new();
                for endpoint in [
                    Endpoint::Doip(any),
                    Endpoint::Elm327Tcp(any, Persona::FairV15),
                    Endpoint::Socketcand(any),
                    Endpoint::SlcanPty(None),
                    Endpoint::SlcanPty(None),
                ] {
                    at.push(host.open(endpoint).await.expect("a free port").at);
                }
                sender.send((at, host.handle().clone())).expect("the test waits");
                let lingers = tokio::select! {
                    lingers = stopped => lingers.unwrap_or_default(),
                    ended = host.ended() => panic!("the ECU has ended: {ended:?}"),
                };
                host.stop().await.expect("no file to fail");
                tokio::time::sleep(lingers).await;
            });
        });
        let (at, handle) = receiver.recv().expect("the host starts");
        let address = |index: usize| at[index].parse().expect("an address");
        Self {
            doip: address(0),
            elm: address(1),
            socketcand: address(2),
            slcan: [at[3].clone(), at[4].clone()],
            handle,
            stop: Some(stop),
            thread: Some(thread.expect("a thread")),
        }
    }

    /// Ends the ECU, and lets its thread run for a while after it.
    pub fn stop_and_linger(&mut self, lingers: Duration) {
        let stop = self.stop.take().expect("it runs");
        stop.send(lingers).expect("the ECU runs");
    }

    /// A tester of one's own, who waits as long as a busy machine takes.
    pub fn tester(&self, source: u16) -> Tester {
        tester(self.doip, source)
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let alive = stop.send(Duration::ZERO).is_ok();
            assert!(alive || std::thread::panicking(), "the ECU's thread has ended");
        }
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(matches!(ended, Some(Ok(()))), "the ECU's thread panicked");
            assert_eq!(PANICS.load(Ordering::SeqCst), 0, "something on the ECU's thread panicked");
        }
    }
}

/// A task's panic stays in its task: only the hook sees it.
fn watch_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().name() == Some(HOST_THREAD) {
                PANICS.fetch_add(1, Ordering::SeqCst);
            }
            usual(info);
        }));
    });
}

pub fn ecu() -> Ecu {
    let files = [File { name: "sources.toml", text: SOURCES }, File { name: "scan.toml", text: UNIT }];
    let catalog = Catalog::load(files).expect("the test's own unit");
    let unit = catalog.unit("wicket/scan").expect("the test's own unit");
    let reading = &unit.readings[0];
    let code = Code::new("1234", Provenance::Stated).expect("a code");
    let provision = Provision::example(unit, &reading.firmware, vec![code]);
    let spec = Spec::new(unit, &reading.cases[0], provision).expect("a small unit");
    let provisioned = Provisioned {
        vin: *VIN,
        part_number: "28185-JD00A".to_owned(),
        keys: Box::new(HmacKeys::new([7; 32])),
        maker: Some(SigningKey::from_bytes(&[9; 32]).verifying_key().to_bytes()),
        entropy: [3; 32],
    };
    let mut ecu = Ecu::new(Twin::new_armed(Arc::new(spec)), provisioned);
    ecu.happen(0, Input::Ignition(Ignition::On));
    ecu
}

pub fn tester(at: SocketAddr, source: u16) -> Tester {
    let transport = DoipTransport::connect(&at.to_string(), Address(source), Address(ECU), None);
    Tester::new(Box::new(transport.expect("the host runs"))).with_patience(patient())
}

pub const fn patient() -> Patience {
    Patience { p2: SOON, p2_star: SOON, total: Duration::from_secs(30) }
}

/// The splitmix64 generator: small, and the same in every run.
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        let n = u64::try_from(n).expect("a small number");
        usize::try_from(self.next() % n).expect("a small number")
    }

    pub fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    pub fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// A message of DoIP, version 2.
pub fn doip(message: &Message<'_>) -> Vec<u8> {
    let mut bytes = vec![0; 8 + 5_000];
    let length = message.encode(2, &mut bytes).expect("a short message");
    bytes.truncate(length);
    bytes
}

pub fn diagnostic(source: u16, data: &[u8]) -> Vec<u8> {
    doip(&Message::Diagnostic { source: Address(source), target: Address(ECU), data })
}

pub fn activation(source: u16) -> Vec<u8> {
    doip(&Message::RoutingActivationRequest { source: Address(source), activation: 0, oem: None })
}

pub fn connect(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).expect("the host listens");
    stream.set_nodelay(true).and_then(|()| stream.set_read_timeout(Some(SOON))).expect("an open socket");
    stream
}

/// Reads one message of DoIP: its type and payload; none once the connection has ended.
pub fn receive(stream: &mut TcpStream) -> Option<(u16, Vec<u8>)> {
    let mut header = [0; 8];
    stream.read_exact(&mut header).ok()?;
    let mut payload = vec![0; usize::try_from(u32::from_be_bytes(header[4..].try_into().ok()?)).ok()?];
    stream.read_exact(&mut payload).ok()?;
    Some((u16::from_be_bytes([header[2], header[3]]), payload))
}

/// A connection on which routing is activated.
pub fn activated(at: SocketAddr, source: u16) -> TcpStream {
    let mut stream = connect(at);
    assert_eq!(activate(&mut stream, source), Some(0x10), "tester {source:04X}");
    stream
}

/// Asks for routing, and says with which code that was answered.
pub fn activate(stream: &mut TcpStream, source: u16) -> Option<u8> {
    stream.write_all(&activation(source)).ok()?;
    let (kind, payload) = receive(stream)?;
    (kind == 0x0006).then(|| payload[4])
}

/// Reads until the connection has ended, whichever way; fails if it does not within that time.
pub fn read_to_end(stream: &mut TcpStream, within: Duration) -> Vec<u8> {
    let until = Instant::now() + within;
    let mut all = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left)).expect("an open socket");
        match stream.read(&mut chunk) {
            Ok(0) => return all,
            Ok(read) => all.extend(&chunk[..read]),
            Err(why) if matches!(why.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => return all,
            Err(why) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("the connection is still open after {within:?}")
            }
            Err(why) => panic!("{why}"),
        }
        assert!(Instant::now() < until, "the connection is still open after {within:?}");
    }
}

/// Bytes of memory that this process has.
pub fn resident() -> usize {
    let text = fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("pages");
    pages * PAGE_BYTES
}
