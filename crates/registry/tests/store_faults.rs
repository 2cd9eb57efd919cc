//! Between the shared store and a real server something breaks at any moment: no acknowledged batch is lost, and none is there twice.
#![allow(clippy::unwrap_used)]

mod store_server;
mod store_suite;

use std::collections::BTreeSet;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use headlock_registry::store::{
    Change, Committed, Isolation, Postgres, Read, Row, Scan, Settings, Standing, Store, StoreError, Value,
};
use store_server::shared;
use store_suite::histories::batch;
use store_suite::random::Random;
use store_suite::tables::{MIGRATIONS, RECORDS, record, text};

/// What the line does to one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// The connection breaks before the server hears of the end.
    LostBefore,
    /// The connection breaks, and the server hears of the end all the same, a little later.
    LostUnderWay,
    /// The server has committed, and nobody hears of it.
    LostAfter,
    /// The server would have to undo it: serialization failure.
    Serialization,
    /// The same at the first statement.
    SerializationAtOnce,
    /// Deadlock.
    Deadlock,
    /// The connection breaks at any other message.
    LostAnywhere,
}

const ALL: [Fault; 7] = [
    Fault::LostBefore,
    Fault::LostUnderWay,
    Fault::LostAfter,
    Fault::Serialization,
    Fault::SerializationAtOnce,
    Fault::Deadlock,
    Fault::LostAnywhere,
];

/// A line to the server that breaks as its seed has it.
struct Line {
    port: u16,
    server: u16,
    random: Mutex<Random>,
    /// Of every ten thousand messages so many break the connection.
    anywhere: u64,
    happened: Mutex<Vec<Fault>>,
}

impl Line {
    fn to(server: u16, seed: u64) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let line = Arc::new(Self {
            port: listener.local_addr().unwrap().port(),
            server,
            random: Mutex::new(Random::new(seed)),
            anywhere: 100,
            happened: Mutex::new(Vec::new()),
        });
        let own = Arc::clone(&line);
        thread::spawn(move || {
            for client in listener.incoming() {
                let line = Arc::clone(&own);
                // A connection that breaks is what this is about.
                thread::spawn(move || drop(line.carry(client.unwrap())));
            }
        });
        line
    }

    fn below(&self, bound: u64) -> u64 {
        self.random.lock().unwrap().below(bound)
    }

    fn happens(&self, fault: Fault) -> Fault {
        self.happened.lock().unwrap().push(fault);
        fault
    }

    /// What is to happen to a message of the client.
    fn fate(&self, message: &Message) -> Option<Fault> {
        let fault = if message.is_query("COMMIT") {
            // About half of them go through.
            *ALL[..6].get(usize::try_from(self.below(12)).unwrap()).filter(|f| **f != Fault::SerializationAtOnce)?
        } else if message.is_query("BEGIN") {
            *[Fault::SerializationAtOnce].get(usize::try_from(self.below(12)).unwrap())?
        } else {
            (self.below(10_000) < self.anywhere).then_some(Fault::LostAnywhere)?
        };
        Some(self.happens(fault))
    }

    fn carry(&self, mut client: TcpStream) -> io::Result<()> {
        let mut server = TcpStream::connect(("127.0.0.1", self.server))?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
        let answers: Arc<Mutex<Option<Instead>>> = Arc::default();
        let instead = Arc::clone(&answers);
        let back = thread::spawn(move || -> io::Result<()> {
            loop {
                let message = Message::read(&mut from_server)?;
                let ended = message.kind == b'C' && message.body.starts_with(b"COMMIT");
                let undone = message.kind == b'C' && message.body.starts_with(b"ROLLBACK");
                let mut instead = instead.lock().unwrap();
                match *instead {
                    Some(Instead::Silence) if ended => break to_client.shutdown(Shutdown::Both),
                    Some(Instead::Error(code)) if undone => {
                        *instead = None;
                        Message::error(code).write(&mut to_client)?;
                    }
                    _ => message.write(&mut to_client)?,
                }
            }
        });
        Message::first(&mut client)?.write(&mut server)?;
        let carried = self.forth(&mut client, &mut server, &answers);
        let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
        let _ = back.join();
        carried
    }

    fn forth(
        &self,
        client: &mut TcpStream,
        server: &mut TcpStream,
        answers: &Mutex<Option<Instead>>,
    ) -> io::Result<()> {
        loop {
            let message = Message::read(client)?;
            match self.fate(&message) {
                None => message.write(server)?,
                Some(Fault::LostBefore | Fault::LostAnywhere) => return Ok(()),
                Some(Fault::LostUnderWay) => {
                    *answers.lock().unwrap() = Some(Instead::Silence);
                    client.shutdown(Shutdown::Both)?;
                    thread::sleep(Duration::from_millis(self.below(40)));
                    message.write(server)?;
                    // It is carried out, or not, as a server does whose client is gone.
                    thread::sleep(Duration::from_millis(self.below(20)));
                    return Ok(());
                }
                Some(Fault::LostAfter) => {
                    *answers.lock().unwrap() = Some(Instead::Silence);
                    message.write(server)?;
                }
                Some(Fault::Serialization) => {
                    *answers.lock().unwrap() = Some(Instead::Error("40001"));
                    Message::query("ROLLBACK").write(server)?;
                }
                Some(Fault::Deadlock) => {
                    *answers.lock().unwrap() = Some(Instead::Error("40P01"));
                    Message::query("ROLLBACK").write(server)?;
                }
                Some(Fault::SerializationAtOnce) => {
                    let raise = "DO $$ BEGIN RAISE EXCEPTION 'injected' USING ERRCODE = '40001'; END $$";
                    Message::query(&format!("{}; {raise}", message.text())).write(server)?;
                }
            }
        }
    }
}

/// What the client is given for the answer to its commit.
#[derive(Clone, Copy)]
enum Instead {
    Silence,
    Error(&'static str),
}

/// One message of the protocol: a kind, a length that counts itself, a body.
struct Message {
    kind: u8,
    body: Vec<u8>,
}

impl Message {
    fn query(text: &str) -> Self {
        Self { kind: b'Q', body: [text.as_bytes(), &[0]].concat() }
    }

    fn error(code: &str) -> Self {
        let mut body = Vec::new();
        for (field, value) in [(b'S', "ERROR"), (b'V', "ERROR"), (b'C', code), (b'M', "injected")] {
            body.push(field);
            body.extend(value.as_bytes());
            body.push(0);
        }
        body.push(0);
        Self { kind: b'E', body }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.body.strip_suffix(&[0]).unwrap_or(&self.body)).into_owned()
    }

    fn is_query(&self, words: &str) -> bool {
        self.kind == b'Q' && self.body.starts_with(words.as_bytes())
    }

    /// The only message without a kind.
    fn first(from: &mut TcpStream) -> io::Result<Self> {
        Ok(Self { kind: 0, body: Self::body(from)? })
    }

    fn read(from: &mut TcpStream) -> io::Result<Self> {
        let mut kind = [0];
        from.read_exact(&mut kind)?;
        Ok(Self { kind: kind[0], body: Self::body(from)? })
    }

    fn body(from: &mut TcpStream) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        from.read_exact(&mut length)?;
        let mut body = vec![0; (u32::from_be_bytes(length) as usize).saturating_sub(4)];
        from.read_exact(&mut body)?;
        Ok(body)
    }

    fn write(&self, to: &mut TcpStream) -> io::Result<()> {
        let length = u32::try_from(self.body.len() + 4).unwrap().to_be_bytes();
        let kind: &[u8] = if self.kind == 0 { &[] } else { &[self.kind] };
        to.write_all(&[kind, &length, &self.body].concat())
    }
}

/// Counts a row up that all writers share, and leaves one of its own with each batch. Answers the names of those that were done.
fn write(address: &str, settings: Settings, writer: u64, times: usize) -> BTreeSet<String> {
    // Opening gives up at once; whoever starts tries again.
    let open = || Postgres::open(address, settings, MIGRATIONS);
    let mut store = (0..100).find_map(|_| open().ok()).expect("not every attempt breaks");
    let mut random = Random::new(writer);
    let (mut done, mut base) = (BTreeSet::new(), store.standing().unwrap());
    let mut attempt = 0;
    while done.len() < times {
        attempt += 1;
        let counted = store.get(&RECORDS, &[vec![text("counter")]]).unwrap().remove(0);
        let count = counted.map_or(0, |row| if let Value::Whole(count) = row[1] { count } else { panic!("a number") });
        let name = format!("{writer}-{attempt}");
        let changes = [record("counter", count + 1), record(&name, 1)];
        let changes = changes.map(|row| Change::Put { table: &RECORDS, row }).to_vec();
        let next = batch(base, 1 + random.below(3), changes, &mut random);
        base = loop {
            match store.commit(&next) {
                Ok(Committed::Done(standing)) => {
                    done.insert(name);
                    break standing;
                }
                Ok(Committed::Overtaken(standing)) => break standing,
                // Whoever does not know gives the same batch again.
                Err(StoreError::Unavailable(_)) => {}
                Err(other) => panic!("{other:?}"),
            }
        };
    }
    done
}

fn survives(isolation: Isolation, seed: u64) {
    const WRITERS: u64 = 2;
    const TIMES: usize = 150;
    let server = shared();
    let schema = server.schema();
    let settings = Settings { isolation, connections: 4, patience: Duration::from_secs(20) };
    drop(Postgres::open(&server.address(&schema), settings, MIGRATIONS).unwrap());
    let line = Line::to(server.port, seed);
    let address = store_server::address(line.port, &schema);
    let done: Vec<BTreeSet<String>> = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let address = &address;
                scope.spawn(move || write(address, settings, seed * 10 + writer, TIMES))
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let done: BTreeSet<String> = done.into_iter().flatten().collect();

    let mut store = Postgres::open(&server.address(&schema), settings, MIGRATIONS).unwrap();
    let standing: Standing = store.standing().unwrap();
    let scan = Scan { table: &RECORDS, prefix: &[], after: None, backwards: false, limit: usize::MAX };
    let rows: Vec<Row> = store.scan(&scan).unwrap();
    let found: BTreeSet<String> = rows
        .iter()
        .filter_map(|row| if let Value::Text(name) = &row[0] { Some(name.clone()) } else { None })
        .filter(|name| name != "counter")
        .collect();
    assert_eq!(found, done, "every batch that was said to be done is there, and no other");
    let batches = WRITERS * TIMES as u64;
    assert_eq!(standing.version, batches, "and none twice");
    assert!(rows.contains(&record("counter", i64::try_from(batches).unwrap())));
    assert_eq!(
        store.leaves(0, usize::MAX).unwrap().len() as u64,
        standing.head.size,
        "no leaf is missing, none doubled"
    );

    let happened = line.happened.lock().unwrap();
    for fault in ALL {
        let times = happened.iter().filter(|happened| **happened == fault).count();
        println!("{fault:?}: {times} times");
        assert!(times >= 5, "{fault:?} only {times} times");
    }
}

#[test]
fn nothing_is_lost_or_doubled_at_read_committed() {
    survives(Isolation::ReadCommitted, 1);
}

#[test]
fn nothing_is_lost_or_doubled_at_serializable() {
    survives(Isolation::Serializable, 2);
}
