//! The code in memory: what a dump tells, and what the clock tells.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod chance;
mod part;

use std::hint::black_box;
use std::time::Instant;

use chance::Chance;
use headlock_lock::{Charged, NoCounter, Phase, Policy, Region, State, Store, StoredKey, Verifier};
use part::{Part, QuickKey};

fn key(seed: u64) -> StoredKey {
    let mut chance = Chance::new(seed);
    StoredKey::new(std::array::from_fn(|_| chance.byte()))
}

fn salt(seed: u64) -> [u8; 16] {
    let mut chance = Chance::new(!seed);
    std::array::from_fn(|_| chance.byte())
}

/// The right to as many comparisons as a test wants.
fn charged() -> Charged {
    let region = Region::new(0, 2).unwrap();
    let mut part = Part::new(region.bytes(32), 32);
    let policy: Policy = Chance::new(1).policy();
    let state = State { phase: Phase::Checking, ..State::armed(&policy) };
    let mut store = Store::format(&mut part, region, &QuickKey, &NoCounter, &state).unwrap();
    store.charge(&mut part, &QuickKey, &mut NoCounter, &state).unwrap()
}

fn codes() -> impl Iterator<Item = String> {
    (0..10_000).map(|code| format!("{code:04}"))
}

#[test]
fn a_verifier_accepts_its_code_and_no_other() {
    let (key, charged) = (key(1), charged());
    let verifier = Verifier::new(&key, salt(1), b"1234");
    let accepted: Vec<String> = codes().filter(|code| verifier.accepts(&key, code.as_bytes(), &charged)).collect();
    assert_eq!(accepted, ["1234"]);
    for other in [&b""[..], b"123", b"12345", b"1234\0", b"\x001234", b"\x09\x091234"] {
        assert!(!verifier.accepts(&key, other, &charged));
    }
    let image = verifier.to_bytes();
    assert_eq!(Verifier::from_bytes(&image), verifier);
    for bit in 0..Verifier::BYTES * 8 {
        let mut damaged = image;
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(!Verifier::from_bytes(&damaged).accepts(&key, b"1234", &charged));
    }
}

#[test]
fn a_verifier_is_worth_nothing_on_another_device_or_with_another_salt() {
    let (one, charged) = (key(1), charged());
    let verifier = Verifier::new(&one, salt(9), b"1234");
    assert!(!verifier.accepts(&key(2), b"1234", &charged));
    assert_ne!(verifier, Verifier::new(&one, salt(8), b"1234"));
    assert_eq!(verifier, Verifier::new(&one, salt(9), b"1234"));
    assert_eq!(verifier.salt(), salt(9));
}

#[test]
fn a_device_key_never_shows_itself() {
    let key = StoredKey::new([0xAB; 32]);
    for shown in [format!("{key:?}"), format!("{key:#?}")] {
        assert_eq!(shown, "StoredKey(redacted)");
    }
}

/// A dump without the device key: whoever tries every code under every key that he might guess at finds none; the code's digits
/// stand nowhere; and under the key itself four digits fall at once.
#[test]
fn a_dump_tells_nothing_without_the_key_and_all_with_it() {
    let charged = charged();
    let mut told = 0;
    let mut found_with_key = 0;
    for (number, code) in (0..).zip(codes()) {
        let secret = key(number);
        let image = Verifier::new(&secret, salt(number), code.as_bytes()).to_bytes();
        let verifier = Verifier::from_bytes(&image);
        // What an attacker has without the key: zeros, an erased key, the salt and the tag as keys, another device's key.
        let salted: [u8; 32] = std::array::from_fn(|i| image[i % 16]);
        let tag: [u8; 32] = image[16..].try_into().unwrap();
        let guesses =
            [StoredKey::new([0; 32]), StoredKey::new([0xFF; 32]), StoredKey::new(salted), StoredKey::new(tag)];
        told += guesses.iter().filter(|guess| verifier.accepts(*guess, code.as_bytes(), &charged)).count();
        told += usize::from(verifier.accepts(&key(number + 1), code.as_bytes(), &charged));
        let digits: Vec<u8> = code.bytes().map(|digit| digit - b'0').collect();
        let packed = [digits[0] << 4 | digits[1], digits[2] << 4 | digits[3]];
        told += usize::from(image.windows(4).any(|window| window == code.as_bytes() || window == digits));
        // Two bytes stand somewhere by chance; that they stand where the last unit had its own is what would tell.
        told += usize::from(image[..2] == packed && image[16..18] == packed);
        if number < 20 {
            let all: Vec<String> =
                codes().filter(|code| verifier.accepts(&secret, code.as_bytes(), &charged)).collect();
            found_with_key += usize::from(all == [code]);
        }
    }
    assert_eq!((told, found_with_key), (0, 20));
}

/// The same code under the same key leaves nothing that two dumps share.
#[test]
fn two_units_with_one_code_have_nothing_in_common() {
    let secret = key(5);
    let tag = |salt| Verifier::new(&secret, salt, b"1234").to_bytes()[16..].to_vec();
    let shared = tag(salt(1)).iter().zip(tag(salt(2))).filter(|(a, b)| *a == b).count();
    assert!(shared < 8, "{shared} of 32 bytes");
}

/// Welch's t between two classes of inputs, timed one by one in random order; the slowest tenth, which tells of the machine, left out.
fn welch(samples: u32, mut timed: impl FnMut(bool)) -> f64 {
    const WARM_UP: u32 = 10_000;
    let mut chance = Chance::new(11);
    let mut times: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    for n in 0..samples + WARM_UP {
        let class = chance.flip();
        let started = Instant::now();
        timed(class);
        let taken = started.elapsed().as_nanos();
        if n >= WARM_UP {
            times[usize::from(class)].push(f64::from(u32::try_from(taken).unwrap_or(u32::MAX)));
        }
    }
    let mut all: Vec<f64> = times.concat();
    all.sort_by(f64::total_cmp);
    let limit = all[all.len() * 9 / 10];
    let [first, second] = times.map(|times| {
        let kept: Vec<f64> = times.into_iter().filter(|time| *time <= limit).collect();
        let count = f64::from(u32::try_from(kept.len()).unwrap());
        let mean = kept.iter().sum::<f64>() / count;
        let variance = kept.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    });
    (first.0 - second.0) / (first.1 + second.1).sqrt()
}

/// As dudect does it (Reparaz, Balasch, Verbauwhede 2017): the right code against wrong ones. A comparison that stops at the first
/// byte that differs, over the same tags, must be seen.
#[test]
fn the_time_of_a_comparison_tells_nothing() {
    const SAMPLES: u32 = 1_000_000;
    /// Beyond this the two classes differ.
    const SEEN: f64 = 4.5;
    let (secret, charged) = (key(3), charged());
    let verifier = Verifier::new(&secret, salt(3), b"1234");
    let ours = || {
        let t = welch(SAMPLES, |right| {
            let entered: &[u8] = if right { b"1234" } else { b"8234" };
            black_box(verifier.accepts(&secret, black_box(entered), &charged));
        });
        println!("ours: t = {t:.2}");
        t.abs()
    };
    // The machine may be busy with something else: a leak would show each time.
    assert!((0..3).map(|_| ours()).any(|t| t < SEEN), "the time of a comparison tells whether the code is right");
    let tag = verifier.to_bytes();
    let wrong: [u8; 48] = std::array::from_fn(|i| if i == 16 { !tag[i] } else { tag[i] });
    let leaky = welch(SAMPLES, |right| {
        let entered = black_box(if right { &tag } else { &wrong });
        black_box(entered.iter().zip(black_box(&tag)).all(|(a, b)| black_box(a) == black_box(b)));
    });
    println!("leaky: t = {leaky:.2}");
    assert!(leaky.abs() > SEEN, "a comparison that leaks was not seen: t = {leaky:.2}");
}
