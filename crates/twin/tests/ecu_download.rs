//! Firmware through the connector: formats, blocks, signatures, and what a cut at any time leaves (ISO 14229-1, 15).

mod ecu_support;
use ecu_support::{Bench, MAKER, UNIT, package, signed_by, with_header};
use ed25519_dalek::SigningKey;
use headlock_lock::Phase;
use headlock_twin::Input;
use headlock_twin::ecu::{Content, DOWNLOAD_PROGRESS, Package};
use sha2::{Digest, Sha256};

const PROGRAMMING: &str = "> 10 03\n< 50 03 ..\n> 10 02\n< 50 02 ..\nunlock 05\n";
const DONE: &str = "> 37\n< 77\n";
const RESTART: &str = "> 11 01\n< 51 01\n+ 20ms\n";

fn programming(reading: &str) -> Bench {
    let mut bench = Bench::new(reading);
    bench.run(PROGRAMMING);
    bench
}

/// An update to 2.00 whose payload is this long.
fn update(payload_bytes: usize) -> Vec<u8> {
    let payload: Vec<u8> = (0..payload_bytes).map(|at| u8::try_from(at * 7 % 251).expect("a byte")).collect();
    package(Content::Update, UNIT, "2.00", &payload)
}

fn request(address: usize, size: usize) -> Vec<u8> {
    let mut request = vec![0x34, 0x00, 0x44];
    request.extend(u32::try_from(address).expect("an address").to_be_bytes());
    request.extend(u32::try_from(size).expect("a size").to_be_bytes());
    request
}

/// Sends bytes from there on, and answers the last block's answer; ends at the first that was refused.
fn send(bench: &mut Bench, bytes: &[u8], from: usize, block: usize) -> Vec<u8> {
    let answer = bench.exchange(&request(from, bytes.len() - from)).expect("an answer");
    if answer[..] != [0x74, 0x20, 0x0F, 0xFF] {
        return answer;
    }
    let mut last = answer;
    for (counter, block) in (1_usize..).zip(bytes[from..].chunks(block)) {
        let counter = u8::try_from(counter % 256).expect("a byte");
        last = bench.exchange(&[&[0x36, counter], block].concat()).expect("an answer");
        if last != [0x76, counter] {
            break;
        }
    }
    last
}

fn progress(bench: &mut Bench) -> (usize, [u8; 32]) {
    let answer = bench.exchange(&[&[0x22], &DOWNLOAD_PROGRESS.0.to_be_bytes()[..]].concat()).expect("an answer");
    let safe = u32::from_be_bytes(answer[3..7].try_into().expect("its length"));
    (safe.try_into().expect("its length"), answer[7..].try_into().expect("its length"))
}

fn refused(bench: &mut Bench, bytes: &[u8], nrc: &str) {
    let answer = send(bench, bytes, 0, 64);
    let answer = if answer[0] == 0x76 { bench.exchange(&[0x37]).expect("an answer") } else { answer };
    assert!(answer[0] == 0x7F && format!("{:02X}", answer[2]) == nrc, "{answer:02X?} instead of {nrc}");
    bench.run("> 36 01 00\n< 7F 36 24\n> 37\n< 7F 37 24\n");
    assert_eq!(progress(bench).0, 0, "what was refused is dropped");
    // Nothing waits to be written, and the old firmware runs.
    bench
        .run(RESTART)
        .run("> 22 F1 89\n< 62 F1 89 \"1.05\"\n+ 2min\n> 22 F1 89\n< 62 F1 89 \"1.05\"\n")
        .run(PROGRAMMING);
}

#[test]
fn a_package_is_taken_and_written_at_the_restart() {
    for (reading, takes) in [("manual", "2s"), ("fragile", "60s")] {
        let mut bench = programming(reading);
        let package = update(1_000);
        assert_eq!(send(&mut bench, &package, 0, 100), [0x76, 12]);
        let header = &package[..package.len() - 1_000];
        assert_eq!(progress(&mut bench), (package.len(), Sha256::digest(header).into()));
        bench.run(DONE).run("> 22 F1 89\n< 62 F1 89 \"1.05\"\n").run(RESTART);
        // While it writes it is silent.
        bench.run("> 3E 00\n> 01 00\n+ 1s\n> 22 F1 89\n");
        bench.run(&format!("+ {takes}\n> 22 F1 89 F1 95 F1 86\n< 62 F1 89 \"2.00\" F1 95 \"2.00\" F1 86 01\n"));
        assert_eq!(progress(&mut bench).0, 0);
        bench.run("+ 1min\n").run(RESTART).run("> 22 F1 89\n< 62 F1 89 \"2.00\"\n");
        bench.run("killed\n> 22 F1 89\n< 62 F1 89 \"2.00\"\n");
    }
}

#[test]
fn a_package_without_protection_opens_the_lock_where_the_reading_offers_that() {
    let package = package(Content::Unprotected, UNIT, "2.00", b"no lock");
    let mut bench = programming("manual");
    send(&mut bench, &package, 0, 4_000);
    bench.run(DONE).run(RESTART).run("+ 2s\n> 22 F1 89 FD 00\n< 62 F1 89 \"2.00\" FD 00 00 00 00\n");
    assert!(matches!(bench.ecu.twin().lock_state(0).unwrap().phase, Phase::Open { .. }));
    let mut bench = programming("fragile");
    refused(&mut bench, &package, "22");
}

#[test]
fn a_download_names_its_format_place_and_size() {
    let mut bench = programming("manual");
    bench.run(
        "
        # Packed or encrypted, at another place, of no size, longer than the memory.
        > 34 10 44 00 00 00 00 00 00 10 00
        < 7F 34 31
        > 34 01 44 00 00 00 00 00 00 10 00
        < 7F 34 31
        > 34 00 44 00 00 00 01 00 00 10 00
        < 7F 34 31
        > 34 00 44 00 00 00 00 00 00 00 00
        < 7F 34 31
        > 34 00 44 00 00 00 00 04 00 00 01
        < 7F 34 31
        > 34 00 88 FF FF FF FF FF FF FF FF FF FF FF FF FF FF FF FF
        < 7F 34 31
        > 34 00 90 00 00 00
        < 7F 34 31
        > 34 00 44 00 00 00 00 00 00 10
        < 7F 34 13
        > 34 00 44 00 00 00 00 00 00 10 00 00
        < 7F 34 13
        > 36 01 00
        < 7F 36 24
        # Widths from one byte to eight.
        > 34 00 11 00 10
        < 74 20 0F FF
        > 34 00 81 00 00 00 00 00 00 00 00 10
        < 74 20 0F FF
        > 34 00 18 00 00 00 00 00 00 00 00 10
        < 74 20 0F FF
        > 34 00 44 00 00 00 00 04 00 00 00
        < 74 20 0F FF
        # Only with the level, which another session has lost.
        > 10 02
        < 50 02 ..
        > 34 00 11 00 10
        < 7F 34 33
        > 36 01 00
        < 7F 36 24
        unlock 01
        > 34 00 11 00 10
        < 7F 34 33
        unlock 05
        > 10 03
        < 50 03 ..
        > 34 00 11 00 10
        < 7F 34 7F
        ",
    );
}

#[test]
fn blocks_are_counted_and_the_counter_wraps() {
    let package = update(700);
    let mut bench = programming("manual");
    assert_eq!(bench.exchange(&request(0, package.len())), Some(vec![0x74, 0x20, 0x0F, 0xFF]));
    let block =
        |counter: usize| [&[0x36, u8::try_from(counter % 256).unwrap()], &package[counter - 1..counter]].concat();
    let taken = |counter: usize| Some(vec![0x76, u8::try_from(counter % 256).unwrap()]);
    // The first block is 1, and there is none before it to be repeated.
    for wrong in [0, 2, 0xFF] {
        assert_eq!(bench.exchange(&[0x36, wrong, package[0]]), Some(vec![0x7F, 0x36, 0x73]));
    }
    for counter in 1..=package.len() {
        assert_eq!(bench.exchange(&block(counter)), taken(counter));
        // Its answer was lost: the same block is taken once, and answered again.
        assert_eq!(bench.exchange(&block(counter)), taken(counter));
        for skipped in [counter + 2, counter + 255] {
            let wrong = [0x36, u8::try_from(skipped % 256).unwrap(), 0];
            assert_eq!(bench.exchange(&wrong), Some(vec![0x7F, 0x36, 0x73]), "behind {counter}");
        }
        assert_eq!(progress(&mut bench).0, counter);
        if counter < package.len() && counter % 100 == 0 {
            bench.run("> 37\n< 7F 37 24\n");
        }
    }
    bench.run(DONE).run("> 37\n< 7F 37 24\n").run(RESTART).run("+ 2s\n> 22 F1 89\n< 62 F1 89 \"2.00\"\n");
}

#[test]
fn more_than_was_announced_is_not_taken() {
    let package = update(100);
    let mut bench = programming("manual");
    bench.exchange(&request(0, package.len()));
    let (most, rest) = package.split_at(package.len() - 1);
    assert_eq!(bench.exchange(&[&[0x36, 1], most].concat()), Some(vec![0x76, 1]));
    assert_eq!(bench.exchange(&[&[0x36, 2], rest, &[0]].concat()), Some(vec![0x7F, 0x36, 0x71]));
    bench.run("> 37\n< 7F 37 24\n> 36 02\n< 7F 36 13\n");
    assert_eq!(bench.exchange(&[&[0x36, 2], rest].concat()), Some(vec![0x76, 2]));
    assert_eq!(bench.exchange(&[0x36, 3, 0]), Some(vec![0x7F, 0x36, 0x71]));
    bench.run("> 37 00\n< 7F 37 13\n").run(DONE);
}

#[test]
fn a_block_is_no_longer_than_the_ecu_said() {
    let package = update(10_000);
    let mut bench = programming("manual");
    bench.exchange(&request(0, package.len()));
    assert_eq!(bench.exchange(&[&[0x36, 1], &package[..4_094]].concat()), Some(vec![0x7F, 0x36, 0x13]));
    assert_eq!(bench.exchange(&[&[0x36, 1], &package[..4_093]].concat()), Some(vec![0x76, 1]));
}

#[test]
fn what_its_maker_did_not_sign_for_this_unit_is_refused() {
    let other = SigningKey::from_bytes(&[9; 32]);
    let payload = [7; 300];
    let good = package(Content::Update, UNIT, "2.00", &payload);
    let header = good.len() - payload.len();
    for reading in ["manual", "fragile"] {
        let mut bench = programming(reading);
        refused(&mut bench, &signed_by(&other, (Content::Update, UNIT, "2.00"), &payload), "72");
        refused(&mut bench, &package(Content::Update, "wicket/scam", "2.00", &payload), "31");
        refused(&mut bench, &without_a_version(&payload), "72");
        // Signed, but with a version that is none: it could never say what runs.
        refused(&mut bench, &package(Content::Update, UNIT, "not a version", &payload), "72");
        refused(&mut bench, &good[..header], "72");
        refused(&mut bench, &good[..header - 1], "72");
        refused(&mut bench, &good[..good.len() - 1], "72");
        refused(&mut bench, &[&good[..], &[0]].concat(), "72");
        refused(&mut bench, &payload, "72");
        assert_eq!(send(&mut bench, &good, 0, 64)[0], 0x76);
    }
}

/// The maker's, signed, with an empty version, which nobody who packs one is given.
fn without_a_version(payload: &[u8]) -> Vec<u8> {
    let what = (u32::try_from(payload.len()).expect("a short payload"), Sha256::digest(payload).into());
    assert_eq!(Package::unsigned(Content::Update, UNIT, "", what), None);
    let mut header = Package::unsigned(Content::Update, UNIT, "2", what).expect("short texts");
    let length_at = 4 + 2 + 1 + UNIT.len();
    header.splice(length_at..length_at + 2, [0]);
    with_header(&SigningKey::from_bytes(&MAKER), header, payload)
}

#[test]
fn a_bit_flipped_anywhere_is_noticed() {
    let good = package(Content::Update, UNIT, "2.00", &[7; 24]);
    for bit in 0..good.len() * 8 {
        let mut bench = programming("manual");
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let answer = send(&mut bench, &bad, 0, 4_000);
        let answer = if answer[0] == 0x76 { bench.exchange(&[0x37]).unwrap() } else { answer };
        assert_eq!(answer[0], 0x7F, "bit {bit}");
        assert!(!bench.ecu.retained().package_ready, "bit {bit}");
    }
}

#[test]
fn another_tester_does_not_interfere() {
    let package = update(200);
    let mut bench = programming("manual");
    bench.exchange(&request(0, package.len()));
    assert_eq!(bench.exchange(&[&[0x36, 1], &package[..50]].concat()), Some(vec![0x76, 1]));
    bench.run(
        "
        B> 36 02 00
        B< 7F 36 7F
        B> 10 03
        B< 50 03 ..
        B> 10 02
        B< 50 02 ..
        B> 36 02 00
        B< 7F 36 24
        B> 37
        B< 7F 37 24
        B> 34 00 11 00 10
        B< 7F 34 33
        B unlock 05
        B> 34 00 11 00 10
        B< 7F 34 70
        B> 36 02 00
        B< 7F 36 24
        B> 11 01
        B< 7F 11 22
        B> 10 01
        B< 50 01 ..
        ",
    );
    assert_eq!(bench.exchange(&[&[0x36, 2], &package[50..]].concat()), Some(vec![0x76, 2]));
    bench.run(DONE).run("B> 11 01\nB< 51 01\n+ 20ms\n+ 2s\n> 22 F1 89\n< 62 F1 89 \"2.00\"\n");
}

#[test]
fn a_download_ends_with_the_session_and_another_tester_may_go_on() {
    let package = update(200);
    for ends in ["+ 5s", "> 10 01\n< 50 01 ..", "> 10 02\n< 50 02 .."] {
        let mut bench = programming("manual");
        bench.exchange(&request(0, package.len()));
        assert_eq!(bench.exchange(&[&[0x36, 1], &package[..50]].concat()), Some(vec![0x76, 1]));
        bench.run(ends).run(PROGRAMMING).run("> 36 02 00\n< 7F 36 24\n");
        let (safe, _) = progress(&mut bench);
        assert_eq!(safe, 50);
        assert_eq!(send(&mut bench, &package, safe, 64)[0], 0x76);
        bench.run(DONE);
    }
}

#[test]
fn a_transfer_that_a_cut_broke_off_goes_on_where_it_was() {
    let package = update(2_000);
    for restart in ["cut\n+ 1s\nrestored\n", "killed 1s\n", "killed 90s\n", "> 11 01\n< 51 01\n+ 20ms\n"] {
        for cut_after in [1, 3, 20] {
            let mut bench = programming("manual");
            bench.exchange(&request(0, package.len()));
            for (counter, block) in (1_u8..=cut_after).zip(package.chunks(100)) {
                assert_eq!(bench.exchange(&[&[0x36, counter], block].concat()), Some(vec![0x76, counter]));
            }
            let before = progress(&mut bench);
            bench.run(restart);
            assert_eq!(progress(&mut bench), before);
            let (safe, _) = before;
            assert_eq!(safe, usize::from(cut_after) * 100);
            bench.run(PROGRAMMING);
            // Not from elsewhere.
            assert_eq!(bench.exchange(&request(safe + 1, 10)), Some(vec![0x7F, 0x34, 0x31]));
            assert_eq!(bench.exchange(&request(safe - 1, 10)), Some(vec![0x7F, 0x34, 0x31]));
            assert_eq!(send(&mut bench, &package, safe, 333)[0], 0x76);
            bench.run(DONE).run(RESTART).run("+ 2s\n> 22 F1 89\n< 62 F1 89 \"2.00\"\n");
        }
    }
}

#[test]
fn a_transfer_that_starts_anew_forgets_what_was_there() {
    let package = update(500);
    let mut bench = programming("manual");
    let mut bad = package.clone();
    bad[400] ^= 1;
    bench.exchange(&request(0, bad.len()));
    bench.exchange(&[&[0x36, 1], &bad[..450]].concat());
    let epoch = bench.ecu.staged_epoch();
    assert_eq!(send(&mut bench, &package, 0, 64)[0], 0x76);
    assert_ne!(bench.ecu.staged_epoch(), epoch);
    bench.run(DONE);
}

#[test]
fn what_a_host_kept_of_a_package_is_checked_again() {
    let package = update(100);
    let mut bench = programming("manual");
    send(&mut bench, &package, 0, 64);
    bench.run(DONE);
    let kept = bench.ecu.retained();
    assert!(kept.package_ready);
    let mut damaged = package.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let mut foreign = package.clone();
    foreign[10] ^= 1;
    for (staged, ready) in [
        (&package[..], true),
        (&damaged, false),
        (&foreign, false),
        (&package[..150], false),
        (&[], false),
        (&[0], false),
    ] {
        bench.ecu.restore(&kept, staged, 0).unwrap();
        assert_eq!(bench.ecu.retained().package_ready, ready);
    }
}

#[test]
fn a_package_that_waits_is_written_after_a_kill_too() {
    let mut bench = programming("manual");
    send(&mut bench, &update(100), 0, 64);
    bench.run(DONE).run("killed\n> 22 F1 89\n< 62 F1 89 \"1.05\"\n").run(RESTART);
    bench.run("+ 2s\n> 22 F1 89\n< 62 F1 89 \"2.00\"\n");
}

#[test]
fn a_cut_before_the_restart_writes_nothing() {
    let mut bench = programming("fragile");
    send(&mut bench, &update(100), 0, 64);
    bench.run(DONE).run("> 11 01\n< 51 01\ncut\n+ 1s\nrestored\n+ 1s\n> 22 F1 89\n< 62 F1 89 \"1.05\"\n");
    bench.run(RESTART).run("> 3E 00\n+ 60s\n> 22 F1 89\n< 62 F1 89 \"2.00\"\n");
}

#[test]
fn a_cut_while_firmware_is_written_keeps_the_old_one_or_kills_as_the_reading_says() {
    for cut in ["cut\n+ 1s\nrestored\n", "supply 3000\nsupply 12600\n", "killed 1s\n"] {
        let mut bench = programming("manual");
        send(&mut bench, &update(100), 0, 64);
        bench.run(DONE).run(RESTART).run("+ 1s\n").run(cut).run("> 22 F1 89\n< 62 F1 89 \"1.05\"\n");
        bench.run("+ 1min\n> 22 F1 89\n< 62 F1 89 \"1.05\"\n").run(PROGRAMMING);
        assert_eq!(send(&mut bench, &update(100), 0, 64)[0], 0x76, "and it can be tried again");

        let mut bench = programming("fragile");
        send(&mut bench, &update(100), 0, 64);
        bench.run(DONE).run(RESTART).run("+ 59s\n").run(cut).run("> 22 F1 89\n+ 1min\n> 3E 00\n");
        assert!(bench.ecu.retained().bricked);
        bench.run("killed\n> 3E 00\n+ 1min\n> 11 01\n");
    }
    // Firmware without protection has no way back in any reading.
    let mut bench = programming("manual");
    send(&mut bench, &package(Content::Unprotected, UNIT, "2.00", b"no lock"), 0, 64);
    bench.run(DONE).run(RESTART).run("+ 1s\ncut\nrestored\n> 3E 00\n");
    // A stick that is pulled out is none of its business.
    let mut bench = programming("fragile");
    send(&mut bench, &update(100), 0, 64);
    bench.run(DONE).run(RESTART).run("+ 1s\n");
    bench.happen(Input::Usb(None));
    bench.run("+ 60s\n> 22 F1 89\n< 62 F1 89 \"2.00\"\n");
}

#[test]
fn whatever_outlasts_a_cut_is_announced_to_who_keeps_it() {
    // An armed lock writes nothing when firmware is new: the version and the danger have to be announced by themselves.
    for reading in ["manual", "fragile"] {
        let mut bench = programming(reading);
        send(&mut bench, &update(100), 0, 64);
        let mut last = (bench.ecu.generation(), bench.ecu.retained());
        let mut changes = 0;
        for row in
            ["> 37\n< 77\n", "> 11 01\n< 51 01\n", "+ 20ms\n", "+ 60s\n", "+ 1s\n", "supply 8500\n", "supply 12600\n"]
        {
            bench.run(row);
            let now = (bench.ecu.generation(), bench.ecu.retained());
            assert!(now.1 == last.1 || now.0 != last.0, "{reading}, `{row}`: changed, and nobody was told");
            changes += u32::from(now.1 != last.1);
            last = now;
        }
        assert!(changes >= 4, "the rows do not test it");
    }
    // A package that is overwritten waits no more.
    let mut bench = programming("manual");
    let package = update(100);
    send(&mut bench, &package, 0, 64);
    bench.run(DONE);
    let before = bench.ecu.generation();
    assert_eq!(bench.exchange(&request(package.len(), 10)).unwrap()[0], 0x74);
    assert!(!bench.ecu.retained().package_ready);
    assert_ne!(bench.ecu.generation(), before);
}

#[test]
fn a_unit_that_takes_no_firmware_says_so() {
    let without = ecu_support::spec("fragile", |text| {
        let kept = text.lines().filter(|line| !line.starts_with("update ="));
        kept.collect::<Vec<_>>().join("\n")
    });
    let sessions = "> 10 03\n< 50 03 ..\n> 10 02\n< 50 02 ..\n";
    let asks = "> 34 00 11 00 10\n< 7F 34 70\n";
    Bench::of(without).run(sessions).run(asks).run("unlock 05\n").run(asks);
}
