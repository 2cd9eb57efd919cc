//! Releases and look-ups a second over loopback, beside what bare HTTP does in the same process with the same client.
//!
//! The client is cheap on purpose: bytes made before the clock starts, sockets kept open, answers looked at no further than their status
//! and length. Both sides share the machine's cores, so a ratio to bare HTTP says more than a number alone.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use axum::routing::{get, post};
use headlock_registry::desk::{Action, Ask, Command, Credential, Desk, Document, Wanted};
use headlock_registry::record::{Serial, Vin};
use headlock_registry::sign_in::{Role, Token};
use headlock_server::Config;
use serde::{Deserialize, Serialize};
use support::{House, Service, account, catalog, new_unit, serial_of, vin_of};

// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const UNITS: u32 = 40_000;
const DEALERS: u32 = 200;
const RUN: Duration = Duration::from_secs(4);

/// The rules that a registry begins with, without limits that a bench would run into.
fn rules() -> String {
    let mut rules = headlock_registry::rules::DEFAULT.to_owned();
    for (name, old) in [("person", "40"), ("company", "200"), ("serial", "6"), ("vin", "6")] {
        let line =
            rules.lines().find(|line| line.starts_with(&format!("{name} = {{ burst = {old},"))).unwrap().to_owned();
        rules = rules.replace(&line, &format!("{name} = {{ burst = 1000000, period_ms = 1000000 }}"));
    }
    let minutes = "session_minutes = 480";
    assert!(rules.contains(minutes), "the rules changed");
    // A few dealers ask for what thousands would: that looks like one who trades in codes, who is not what is measured here.
    rules.replace(minutes, "session_minutes = 100000000")
        + "\n[watch]\nsequence_count = 32\nsequence_within_s = 1\nguess_count = 32\nguess_within_s = 1\n\
           broker_units_max = 31\nbroker_regions_max = 31\nbroker_within_s = 1\n"
}

#[derive(Clone, Copy)]
struct Figures {
    a_second: f64,
    p50_us: f64,
    p99_us: f64,
}

/// Keeps `connections` busy for a while; each takes the next request of the list when its last one is answered.
fn load(address: SocketAddr, connections: usize, requests: &Arc<Vec<Vec<u8>>>) -> Figures {
    let next = Arc::new(AtomicUsize::new(0));
    let threads = connections.min(2);
    let begun = Instant::now();
    let workers: Vec<_> = (0..threads)
        .map(|number| {
            let (next, requests) = (Arc::clone(&next), Arc::clone(requests));
            let own = connections / threads + usize::from(number < connections % threads);
            thread::spawn(move || drive(address, own, (&next, &requests)))
        })
        .collect();
    let mut times: Vec<u64> = workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
    let took = begun.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] as f64 / 1_000.0;
    Figures { a_second: times.len() as f64 / took, p50_us: at(0.5), p99_us: at(0.99) }
}

/// Many sockets on one thread, by epoll.
fn drive(address: SocketAddr, connections: usize, (next, requests): (&AtomicUsize, &[Vec<u8>])) -> Vec<u64> {
    use rustix::event::epoll;
    let poll = epoll::create(epoll::CreateFlags::empty()).unwrap();
    let mut sockets: Vec<(TcpStream, Instant, Vec<u8>)> = (0..connections)
        .map(|number| {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_nodelay(true).unwrap();
            epoll::add(&poll, &stream, epoll::EventData::new_u64(number as u64), epoll::EventFlags::IN).unwrap();
            (stream, Instant::now(), Vec::new())
        })
        .collect();
    let mut times = Vec::with_capacity(1 << 20);
    let send = |socket: &mut (TcpStream, Instant, Vec<u8>)| {
        let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) else { return false };
        socket.1 = Instant::now();
        socket.2.clear();
        socket.0.write_all(request).unwrap();
        true
    };
    let begun = Instant::now();
    let mut busy = sockets.iter_mut().filter_map(|socket| send(socket).then_some(())).count();
    let mut events = Vec::with_capacity(64);
    let mut buffer = [0; 16_384];
    while busy > 0 {
        events.clear();
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None).unwrap();
        for event in &events {
            let socket = &mut sockets[usize::try_from(event.data.u64()).unwrap()];
            let count = socket.0.read(&mut buffer).unwrap();
            assert!(count > 0, "the service hung up");
            socket.2.extend_from_slice(&buffer[..count]);
            if !is_whole(&socket.2) {
                continue;
            }
            assert!(socket.2.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&socket.2));
            times.push(u64::try_from(socket.1.elapsed().as_nanos()).unwrap());
            if begun.elapsed() > RUN || !send(socket) {
                busy -= 1;
            }
        }
    }
    times
}

fn is_whole(read: &[u8]) -> bool {
    let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let name = b"content-length: ";
    let Some(at) = read[..end].windows(name.len()).position(|window| window == name) else { return false };
    let digits = read[at + name.len()..end].iter().take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    read.len() >= end + 4 + length
}

#[derive(Serialize, Deserialize)]
struct Hello {
    serial: String,
    vin: String,
    what: String,
    proof: String,
    document_sha256: String,
}

/// A service that does nothing, as axum's own examples have it.
fn bare() -> SocketAddr {
    let (told, address) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let router =
                axum::Router::new().route("/v1/releases", post(|body: axum::Json<Hello>| async move { body })).route(
                    "/v1/units/{serial}",
                    get(|axum::extract::Path(serial): axum::extract::Path<String>| async move {
                        axum::Json(
                            serde_json::json!({ "serial": serial, "unit": "wicket/scan", "state": "in-service" }),
                        )
                    }),
                );
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            told.send(listener.local_addr().unwrap()).unwrap();
            let listener = axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true)));
            axum::serve(listener, router).await.unwrap();
        });
    });
    address.recv().unwrap()
}

fn dealer_of(number: u32) -> String {
    format!("dealer-{}", number % DEALERS)
}

/// A unit in no order: serials that lie in a row, or in equal steps, would be asked about. One of the first hundred is another region's.
fn unit_of(number: u32) -> u32 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b1);
    100 + (mixed ^ mixed >> 15).wrapping_mul(0x85eb_ca6b) % (UNITS - 100)
}

fn releases(service: &Service, round: &str, count: u32) -> Arc<Vec<Vec<u8>>> {
    let request = |number: u32| {
        let token = service.token(&dealer_of(number));
        let unit = unit_of(number);
        let body = format!(
            "{{\"serial\":\"{}\",\"vin\":\"{}\",\"what\":\"code\",\"proof\":\"registration\",\"document_sha256\":\"{}\"}}",
            serial_of(unit),
            vin_of(unit),
            "07".repeat(32)
        );
        format!(
            "POST /v1/releases HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
             idempotency-key: {round}-{number}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    };
    Arc::new((0..count).map(request).collect())
}

fn look_ups(service: &Service, count: u32) -> Arc<Vec<Vec<u8>>> {
    let request = |number: u32| {
        let token = service.token(&dealer_of(number));
        let serial = serial_of(100 + number.wrapping_mul(7_919) % (UNITS - 100));
        format!("GET /v1/units/{serial} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n").into_bytes()
    };
    Arc::new((0..count).map(request).collect())
}

fn house() -> House {
    let mut house = House::with_rules(&rules());
    let mut desk = Desk::open(house.tools(), house.now_ms()).unwrap();
    for from in (100..UNITS).step_by(10_000) {
        house.add(&mut desk, (from..(from + 10_000).min(UNITS)).map(|number| new_unit(number, "eu")).collect());
    }
    // The numbers that the support made already, and those that lie between.
    house.add(&mut desk, (10..50).chain(51..100).map(|number| new_unit(number, "eu")).collect());
    for number in 0..DEALERS {
        let id = dealer_of(number);
        let new = account(&id, &format!("company-{number}"), &[Role::Requester]);
        house.console(&mut desk, Action::AddAccount(new));
        house.let_in(&mut desk, &id, "$argon2id$stands-for-one");
    }
    drop(desk);
    // The clock of the house goes as the world's does.
    let (now_ms, begun) = (Arc::clone(&house.now_ms), Instant::now());
    let from_ms = now_ms.load(Ordering::Relaxed);
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_millis(1));
            now_ms.store(from_ms + begun.elapsed().as_millis() as u64, Ordering::Relaxed);
        }
    });
    house
}

fn serve(house: House, batch: usize) -> Service {
    let config = Config {
        limits: headlock_server::Limits { batch, lookups_a_minute: 1 << 30, ..headlock_server::Limits::default() },
        ..house.config()
    };
    house.serve_with(config)
}

/// The desk alone, and a single commit: what HTTP is added to.
fn desk_alone(house: &House) -> (f64, f64) {
    let mut desk = Desk::open(house.tools(), house.now_ms()).unwrap();
    let credential = |unit| Credential::Token(Token::parse(&house.tokens[&dealer_of(unit)]).unwrap().digest().0);
    let command = |key: String, unit: u32| Command {
        credential: credential(unit),
        action: Action::Release(Ask {
            idempotency_key: key,
            serial: Serial::new(&serial_of(unit)).unwrap(),
            vin: Some(Vin::new(&vin_of(unit)).unwrap()),
            companion: None,
            wanted: Wanted::Code,
            proof: "registration".to_owned(),
            document: Some(Document { digest: [7; 32], photo: None }),
        }),
    };
    let mut singles: Vec<f64> = (0..300)
        .map(|number| {
            let one = [command(format!("single-{number}"), 100 + number)];
            let begun = Instant::now();
            assert!(desk.apply(house.now_ms(), &one).unwrap().remove(0).is_ok());
            begun.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    singles.sort_by(f64::total_cmp);
    let begun = Instant::now();
    for round in 0..100 {
        let batch: Vec<_> =
            (0..50).map(|number| command(format!("fifty-{round}-{number}"), 1_000 + round * 50 + number)).collect();
        assert!(desk.apply(house.now_ms(), &batch).unwrap().iter().all(Result::is_ok));
    }
    (singles[150], 5_000.0 / begun.elapsed().as_secs_f64())
}

fn say(what: &str, figures: Figures) {
    let Figures { a_second, p50_us, p99_us } = figures;
    println!("{what:44} {a_second:>9.0}/s   p50 {p50_us:>8.0} us   p99 {p99_us:>8.0} us");
}

fn held(what: &str, found: f64, (at_least, wanted): (bool, f64)) {
    let is = if at_least { found >= wanted } else { found <= wanted };
    let sign = if at_least { ">=" } else { "<=" };
    println!("{} {what}: {found:.2} ({sign} {wanted})", if is { "held  " } else { "MISSED" });
}

fn main() {
    let _ = catalog();
    let house = house();
    let (single_us, alone) = desk_alone(&house);
    println!(
        "one release, decided and committed by itself: {single_us:.0} us; the desk alone, 50 a batch: {alone:.0}/s"
    );

    let service = serve(house, 256);
    if std::env::args().any(|argument| argument == "profile") {
        say("releases, 50 connections", load(service.address, 50, &releases(&service, "many", 400_000)));
        return;
    }
    let bare = bare();
    let posts = releases(&service, "bare", 1_000_000);
    let gets = look_ups(&service, 1_000_000);
    let bare_post = load(bare, 50, &posts);
    say("bare POST, 50 connections", bare_post);
    let bare_get = load(bare, 50, &gets);
    say("bare GET, 50 connections", bare_get);
    drop(posts);

    let many = load(service.address, 50, &releases(&service, "many", 400_000));
    say("releases, 50 connections", many);
    let one = load(service.address, 1, &releases(&service, "one", 100_000));
    say("releases, 1 connection", one);
    let looked_up = load(service.address, 50, &gets);
    say("look-ups, 50 connections", looked_up);
    let metrics = support::http::call(service.address, "GET", "/metrics", ("", b"")).text();
    for line in metrics.lines().filter(|line| {
        line.contains("batch_commands_") || line.contains("commit_seconds_sum") || line.contains("log_sync_seconds_")
    }) {
        if !line.contains("bucket") {
            println!("    {line}");
        }
    }
    let house = service.stop();
    let service = serve(house, 1);
    let by_one = load(service.address, 50, &releases(&service, "batch1", 100_000));
    say("releases, 50 connections, batches of one", by_one);
    drop(service);

    held("releases to bare POST", many.a_second / bare_post.a_second, (true, 0.45));
    held("releases to batches of one", many.a_second / by_one.a_second, (true, 5.0));
    held("p99 of releases at 50 connections, ms", many.p99_us / 1_000.0, (false, 5.0));
    held("p99 of releases at 1 connection, in single commits", one.p99_us / single_us, (false, 5.0));
    held("look-ups to bare GET", looked_up.a_second / bare_get.a_second, (true, 0.70));
}
