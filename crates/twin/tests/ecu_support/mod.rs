//! A bench for the virtual ECU: text tables, one exchange a row.
//!
//! | row | means |
//! | --- | --- |
//! | `> 10 03` | tester A asks; `B> 10 03`: tester B does; `A~> 3E 80`: A asks all ECUs at once |
//! | `< 50 03 ..` | A's next reply; `B< ..` B's. `??` is any byte, `..` any rest, `"5169"` text |
//! | `+ 5s` | time passes, in one step |
//! | `cut`, `restored`, `supply 8500`, `ignition off`, `plant worn`, `mend worn`, `plant stuck 5` | the car and the unit |
//! | `cut at write 3` | the supply goes at the third byte written from now on |
//! | `killed`, `killed 90s` | a new ECU starts with what this one kept, after an outage |
//! | `seed 01`, `key 01`, `key 01 wrong`, `unlock 01` | SecurityAccess; `B unlock 01` |
//!
//! Whatever is answered must stand in the table: a request without a `<` row under it is met with silence.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ed25519_dalek::{Signer, SigningKey};
use headlock_lock::Ignition;
use headlock_profile::{Catalog, Code, File, Provenance};
use headlock_twin::ecu::{
    Content, Ecu, HmacKeys, KeyProvider, Package, Peer, Provisioned, Reply, SEED_BYTES, SIGNED_CONTEXT, TesterId,
};
use headlock_twin::{Fault, Input, Provision, Spec, Supply, Tear, Twin};
use headlock_wire::uds::Level;
use sha2::{Digest, Sha256};

pub(crate) const UNIT: &str = "wicket/scan";
pub(crate) const CODE: &str = "5169";
const SOURCES: &str = "[[source]]\nid = \"example\"\nkind = \"example\"\nabout = \"a bench\"\n\n\
    [[source]]\nid = \"example-forum\"\nkind = \"forum\"\nabout = \"a bench's thread\"\n";
const SCAN: &str = include_str!("../../../../tests/catalog/units/wicket/scan.toml");
const SECRET: [u8; 32] = [0x5A; 32];
pub(crate) const MAKER: [u8; 32] = [0x4D; 32];

/// The key that opens a level for a seed.
pub(crate) fn key_for(level: u8, seed: &[u8; SEED_BYTES]) -> Vec<u8> {
    let level = Level::of(level).expect("a level");
    HmacKeys::new(SECRET).key(level, seed).expect("a level of this ECU").to_vec()
}

/// A package as its maker signs it.
pub(crate) fn package(content: Content, unit: &str, version: &str, payload: &[u8]) -> Vec<u8> {
    signed_by(&SigningKey::from_bytes(&MAKER), (content, unit, version), payload)
}

/// A package signed by whoever holds the key.
pub(crate) fn signed_by(key: &SigningKey, (content, unit, version): (Content, &str, &str), payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload");
    let header =
        Package::unsigned(content, unit, version, (length, Sha256::digest(payload).into())).expect("short texts");
    with_header(key, header, payload)
}

/// A package with a header as it stands, which need not be one.
pub(crate) fn with_header(key: &SigningKey, header: Vec<u8>, payload: &[u8]) -> Vec<u8> {
    let mut package = header;
    let signature = key.sign(&[SIGNED_CONTEXT, &package].concat());
    package.extend(signature.to_bytes());
    package.extend(payload);
    package
}

pub(crate) fn spec(reading: &str, alter: impl Fn(&str) -> String) -> Arc<Spec> {
    let text = alter(SCAN);
    let files = [File { name: "sources.toml", text: SOURCES }, File { name: "scan.toml", text: &text }];
    let catalog = Catalog::load(files).expect("the bench's unit");
    let unit = catalog.unit(UNIT).expect("the bench's unit");
    let reading = unit.readings.iter().find(|known| known.id == reading).expect("a reading of the unit");
    let code = Code::new(CODE, Provenance::Stated).expect("a code");
    let provision = Provision::example(unit, &reading.firmware, vec![code]);
    Arc::new(Spec::new(unit, &reading.cases[0], provision).expect("a small unit"))
}

fn provisioned(start: u8) -> Provisioned {
    Provisioned {
        vin: *b"VWVWZZZ1KZAB12345",
        part_number: "28185-XX00A".to_owned(),
        keys: Box::new(HmacKeys::new(SECRET)),
        maker: Some(SigningKey::from_bytes(&MAKER).verifying_key().to_bytes()),
        entropy: [start; 32],
    }
}

/// An armed unit as an ECU, at its start of this number.
pub(crate) fn ecu(spec: Arc<Spec>, start: u8) -> Ecu {
    Ecu::new(Twin::new_armed(spec), provisioned(start))
}

/// One ECU, its testers, and a clock.
pub(crate) struct Bench {
    pub(crate) ecu: Ecu,
    pub(crate) now_ms: u64,
    spec: Arc<Spec>,
    starts: u8,
    replies: VecDeque<Reply>,
    seeds: BTreeMap<TesterId, [u8; SEED_BYTES]>,
    tear: Tear,
}

impl Bench {
    /// Armed, with supply and ignition, under this reading.
    pub(crate) fn new(reading: &str) -> Self {
        Self::of(spec(reading, str::to_owned))
    }

    /// The same of a unit that is prepared already.
    pub(crate) fn of(spec: Arc<Spec>) -> Self {
        let mut ecu = self::ecu(Arc::clone(&spec), 1);
        ecu.happen(0, Input::Ignition(Ignition::On));
        Self { ecu, now_ms: 0, spec, starts: 1, replies: VecDeque::new(), seeds: BTreeMap::new(), tear: Tear::Byte }
    }

    #[must_use]
    pub(crate) fn tearing(mut self, tear: Tear) -> Self {
        self.tear = tear;
        self
    }

    /// Runs a table.
    #[track_caller]
    pub(crate) fn run(&mut self, table: &str) -> &mut Self {
        for (number, row) in (1..).zip(table.lines()) {
            let row = row.split('#').next().unwrap_or_default().trim();
            if row.is_empty() {
                continue;
            }
            if let Err(why) = self.row(row) {
                panic!("row {number}, `{row}`: {why}");
            }
        }
        self
    }

    fn row(&mut self, row: &str) -> Result<(), String> {
        if let Some((who, wanted)) = row.split_once('<').filter(|(who, _)| who.len() <= 1) {
            let reply = self.replies.pop_front().ok_or("silence")?;
            let right = reply.to == tester(who) && fits(&reply.bytes, wanted.trim());
            return if right { Ok(()) } else { Err(format!("got {}", shown(&reply))) };
        }
        if let Some(reply) = self.replies.pop_front() {
            return Err(format!("before it: an answer that no row expects: {}", shown(&reply)));
        }
        if let Some((who, request)) = row.split_once('>').filter(|(who, _)| who.len() <= 2) {
            let (who, functional) = who.strip_suffix('~').map_or((who, false), |who| (who, true));
            self.ask(tester(who), functional, &bytes(request));
            return Ok(());
        }
        let words: Vec<&str> = row.split_whitespace().collect();
        let (who, words) = match words.as_slice() {
            [who, rest @ ..] if who.len() == 1 && who.chars().all(|c| c.is_ascii_uppercase()) => (tester(who), rest),
            words => (tester(""), words),
        };
        match *words {
            ["+", time] => self.pass(millis(time)),
            ["cut"] => self.happen(Input::Supply(Supply::Cut)),
            ["restored"] => self.happen(Input::Supply(Supply::Restored)),
            ["supply", mv] => self.happen(Input::Supply(Supply::Millivolts(mv.parse().expect("millivolts")))),
            ["ignition", word] => self.happen(Input::Ignition(match word {
                "off" => Ignition::Off,
                "acc" => Ignition::Acc,
                _ => Ignition::On,
            })),
            ["plant", ref fault @ ..] => self.happen(Input::Plant(self.fault(fault))),
            ["mend", ref fault @ ..] => self.happen(Input::Mend(self.fault(fault))),
            ["cut", "at", "write", n] => self.ecu.schedule_cut(n.parse().expect("a number"), self.tear),
            ["killed"] => self.killed(0),
            ["killed", time] => self.killed(millis(time)),
            ["seed", level] => self.ask(who, false, &[0x27, hex(level)]),
            ["key", level] => self.key(who, hex(level), true),
            ["key", level, "wrong"] => self.key(who, hex(level), false),
            ["unlock", level] => return self.unlock(who, hex(level)),
            _ => panic!("no such row: {row}"),
        }
        Ok(())
    }

    fn fault(&self, words: &[&str]) -> Fault {
        match *words {
            ["worn"] => Fault::EepromWorn,
            ["stuck", key] => Fault::StuckKey(self.spec.key(key).expect("a key of the unit")),
            _ => panic!("no such fault: {words:?}"),
        }
    }

    pub(crate) fn happen(&mut self, input: Input) {
        self.ecu.happen(self.now_ms, input);
    }

    pub(crate) fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
        let mut out = Vec::new();
        self.ecu.poll(self.now_ms, &mut out);
        self.replies.extend(out);
    }

    pub(crate) fn ask(&mut self, tester: TesterId, functional: bool, request: &[u8]) {
        let mut out = Vec::new();
        let peer = Peer { tester, functional, bytes_max: 4095 };
        self.ecu.request(self.now_ms, peer, request, &mut out);
        for reply in &out {
            if let [0x67, level, seed @ ..] = &*reply.bytes
                && level % 2 == 1
                && let Ok(seed) = seed.try_into()
            {
                self.seeds.insert(reply.to, seed);
            }
        }
        self.replies.extend(out);
    }

    /// A's request, and what came at once: nothing, or one answer.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Option<Vec<u8>> {
        assert!(self.replies.is_empty(), "an answer that no row expects");
        self.ask(tester(""), false, request);
        assert!(self.replies.len() <= 1, "more than one answer to {request:02X?}");
        self.replies.pop_front().map(|reply| reply.bytes)
    }

    /// A's request that all ECUs get, and what came at once.
    pub(crate) fn exchange_functional(&mut self, request: &[u8]) -> Option<Vec<u8>> {
        self.ask(tester(""), true, request);
        self.replies.pop_front().map(|reply| reply.bytes)
    }

    fn key(&mut self, who: TesterId, level: u8, right: bool) {
        let seed = self.seeds.get(&who).copied().unwrap_or([0; SEED_BYTES]);
        let mut request = vec![0x27, level + 1];
        request.extend(key_for(level, &seed));
        if !right {
            request[17] ^= 1;
        }
        self.ask(who, false, &request);
    }

    fn unlock(&mut self, who: TesterId, level: u8) -> Result<(), String> {
        self.ask(who, false, &[0x27, level]);
        let seed = self.replies.pop_front().ok_or("no seed")?;
        self.key(who, level, true);
        let answer = self.replies.pop_front().ok_or("no answer to the key")?;
        match &*answer.bytes {
            [0x67, sub] if *sub == level + 1 => Ok(()),
            _ => Err(format!("{}, then {}", shown(&seed), shown(&answer))),
        }
    }

    /// The process is killed, and another one goes on with what was kept.
    pub(crate) fn killed(&mut self, outage_ms: u64) {
        let (kept, staged) = (self.ecu.retained(), self.ecu.staged().to_vec());
        self.starts += 1;
        self.ecu = ecu(Arc::clone(&self.spec), self.starts);
        self.ecu.restore(&kept, &staged, outage_ms).expect("its own image");
        self.now_ms = self.ecu.twin().now_ms();
        self.happen(Input::Ignition(Ignition::On));
    }

    /// Wrong keys until the delay starts; the session is A's, and extended or programming.
    pub(crate) fn wrong_keys_left(&mut self) -> u32 {
        for n in 1..10 {
            let seed = self.exchange(&[0x27, 0x01]).expect("an answer");
            if seed[..] == [0x7F, 0x27, 0x37] {
                return n - 1;
            }
            self.key(tester(""), 0x01, false);
            match &*self.replies.pop_front().expect("an answer").bytes {
                [0x7F, 0x27, 0x35] => {}
                [0x7F, 0x27, 0x36] => return n,
                other => panic!("a wrong key got {other:02X?}"),
            }
        }
        panic!("wrong keys without end");
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let (Some(reply), false) = (self.replies.pop_front(), std::thread::panicking()) {
            panic!("behind the last row: an answer that no row expects: {}", shown(&reply));
        }
    }
}

fn tester(name: &str) -> TesterId {
    TesterId(match name.trim().bytes().next() {
        None => 0,
        Some(letter) => u64::from(letter - b'A'),
    })
}

fn shown(reply: &Reply) -> String {
    let who = char::from(b'A' + u8::try_from(reply.to.0).unwrap_or(25));
    format!("{who}< {:02X?}", reply.bytes)
}

fn hex(text: &str) -> u8 {
    u8::from_str_radix(text, 16).unwrap_or_else(|_| panic!("no byte: {text}"))
}

/// Bytes and texts in quotation marks.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let token = |token: &str| match token.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(text) => text.as_bytes().to_vec(),
        None => vec![hex(token)],
    };
    text.split_whitespace().flat_map(token).collect()
}

fn fits(found: &[u8], wanted: &str) -> bool {
    let (wanted, open) = wanted.strip_suffix("..").map_or((wanted, false), |start| (start, true));
    let mut found = found.iter();
    for token in wanted.split_whitespace() {
        let right = if token == "??" {
            found.next().is_some()
        } else {
            bytes(token).iter().all(|byte| found.next() == Some(byte))
        };
        if !right {
            return false;
        }
    }
    open || found.next().is_none()
}

fn millis(text: &str) -> u64 {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).expect("a unit of time"));
    number.parse::<u64>().expect("a number")
        * match unit {
            "ms" => 1,
            "s" => 1000,
            "min" => 60_000,
            other => panic!("no unit of time: {other}"),
        }
}
