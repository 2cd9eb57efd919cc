//! Codes sealed and opened, keys wrapped, split on paper and kept in a file.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::Instant;

use headlock_registry::seal::key_file::{self, KeyFileError};
use headlock_registry::seal::{
    DataKey, JoinError, Kek, MESSAGES_MAX, OVERHEAD_BYTES, OpenError, PaperError, SealError, Sealer, Share, ShareError,
    SplitError,
};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|char| char.to_digit(16)?.try_into().ok()).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn counting() -> DataKey {
    DataKey::from_bytes(&std::array::from_fn(|index| index.try_into().unwrap()))
}

// --- data keys

#[test]
fn the_example_of_rfc_8439_opens() {
    // RFC 8439, 2.8.2.
    let key = std::array::from_fn(|index| (0x80 + index).try_into().unwrap());
    let aad = hex("50515253c0c1c2c3c4c5c6c7");
    let sealed = hex("070000004041424344454647
        d31a8d34648e60db7b86afbc53ef7ec2 a4aded51296e08fea9e2b5a736ee62d6 3dbea45e8ca9671282fafb69da92728b
        1a71de0a9e060b2905d6a5b67ecd3b36 92ddbd7f2d778b8c9803aee328091b58 fab324e4fad675945585808b4831d7bc
        3ff4def08e4b7a9de576d26586cec64b 6116
        1ae10b594f09e26a7e902ecbd0600691");
    let plain = DataKey::from_bytes(&key).open(&sealed, &aad).unwrap();
    let told: &[u8] = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
        sunscreen would be it.";
    assert_eq!(plain.as_slice(), told);
}

#[test]
fn the_second_example_of_rfc_8439_opens() {
    // RFC 8439, A.5: its text is the Internet-Drafts boilerplate.
    let key = hex("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0");
    let sealed = hex("000000000102030405060708
        64a0861575861af460f062c79be643bd 5e805cfd345cf389f108670ac76c8cb2 4c6cfc18755d43eea09ee94e382d26b0
        bdb7b73c321b0100d4f03b7f355894cf 332f830e710b97ce98c8a84abd0b9481 14ad176e008d33bd60f982b1ff37c855
        9797a06ef4f0ef61c186324e2b350638 3606907b6a7c02b0f9f6157b53c867e4 b9166c767b804d46a59b5216cde7a4e9
        9040c5a40433225ee282a1b0a06c523e af4534d7f83fa1155b0047718cbc546a 0d072b04b3564eea1b422273f548271a
        0bb2316053fa76991955ebd63159434e cebb4e466dae5a1073a6727627097a10 49e617d91d361094fa68f0ff77987130
        305beaba2eda04df997b714d6c6f2c29 a6ad5cb4022b02709b
        eead9d67890cbb22392336fea1851f38");
    let key = DataKey::from_bytes(key.as_slice().try_into().unwrap());
    let plain = key.open(&sealed, &hex("f33388860000000000004e91")).unwrap();
    assert!(plain.starts_with(b"Internet-Drafts are draft documents valid for a maximum of six months"));
    assert_eq!(plain.len(), 265);
}

#[test]
fn what_is_sealed_opens_with_its_key_for_its_place_only() {
    let (key, other) = (DataKey::random().unwrap(), DataKey::random().unwrap());
    let sealed = key.seal(b"0042", b"acme/nova-200 NV1").unwrap();
    assert_eq!(sealed.len(), 4 + OVERHEAD_BYTES);
    assert_eq!(key.open(&sealed, b"acme/nova-200 NV1").unwrap().as_slice(), b"0042");
    assert_eq!(key.open(&sealed, b"acme/nova-200 NV2"), Err(OpenError::Forged));
    assert_eq!(key.open(&sealed, b""), Err(OpenError::Forged));
    assert_eq!(other.open(&sealed, b"acme/nova-200 NV1"), Err(OpenError::Forged));
}

#[test]
fn every_changed_bit_and_every_lost_byte_is_seen() {
    let key = counting();
    let sealed = key.seal(b"5169", b"here").unwrap();
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(key.open(&changed, b"here"), Err(OpenError::Forged), "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert!(key.open(&sealed[..length], b"here").is_err(), "{length} bytes");
        assert!(key.open(&sealed[sealed.len() - length..], b"here").is_err(), "{length} bytes");
    }
    assert_eq!(key.open(&sealed[..OVERHEAD_BYTES - 1], b"here"), Err(OpenError::Length { have: OVERHEAD_BYTES - 1 }));
    assert_eq!(key.open(&[sealed, vec![0]].concat(), b"here"), Err(OpenError::Forged));
}

#[test]
fn an_empty_text_and_a_long_one_are_sealed_too() {
    let key = counting();
    for length in [0, 1, 63, 64, 65, 100_000] {
        let plain = vec![0xa5; length];
        assert_eq!(key.open(&key.seal(&plain, b"x").unwrap(), b"x").unwrap().as_slice(), plain);
    }
}

#[test]
fn a_derived_key_is_that_of_rfc_5869_and_each_purpose_has_its_own() {
    // From an independent implementation of HKDF, with a counting key: label "codes", input "row 7".
    let key = counting();
    assert_eq!(
        key.derive("codes", b"row 7").as_slice(),
        hex("35c1d855230c3b6e12c918a8d276116be4bdccd7c6e0acbc9e423df84f537c0c")
    );
    let purposes: &[(&str, &[u8])] = &[("codes", b"row 7"), ("codes", b"row 8"), ("code", b"srow 7"), ("codes", b"")];
    let keys: HashSet<_> = purposes.iter().map(|(label, input)| *key.derive(label, input)).collect();
    assert_eq!(keys.len(), purposes.len());
}

#[test]
fn a_device_key_is_an_hmac_of_the_serial() {
    // From an independent implementation of HMAC-SHA256.
    let master = counting();
    let expected = hex("c6f480fb6c70047f61764a35f7dddcf17ca97e93225d382ec4df14bca66b9ef5");
    assert_eq!(master.device_key("NV12345678").as_slice(), expected);
    assert_ne!(master.device_key("NV12345679").as_slice(), expected);
}

// --- the sealer

#[test]
fn a_sealer_seals_what_the_key_opens_and_never_takes_a_nonce_twice() {
    let key = DataKey::random().unwrap();
    let mut sealer = Sealer::new(&key, 0);
    let mut nonces = HashSet::new();
    let mut out = Vec::new();
    for index in 0..5_000_u32 {
        let aad = index.to_be_bytes();
        out.clear();
        sealer.seal_into(b"0042", &aad, &mut out).unwrap();
        assert!(nonces.insert(out[..12].to_vec()));
        assert_eq!(key.open(&out, &aad).unwrap().as_slice(), b"0042");
    }
    assert_eq!(sealer.left(), MESSAGES_MAX - 5_000);
}

#[test]
fn a_sealer_stops_when_its_key_is_worn() {
    let mut sealer = Sealer::new(&counting(), MESSAGES_MAX - 2);
    let mut out = b"before".to_vec();
    sealer.seal_into(b"1", b"", &mut out).unwrap();
    sealer.seal_into(b"2", b"", &mut out).unwrap();
    let length = out.len();
    assert!(matches!(sealer.seal_into(b"3", b"", &mut out), Err(SealError::Worn)));
    assert!(matches!(sealer.seal(b"3", b""), Err(SealError::Worn)));
    assert_eq!((out.len(), sealer.left()), (length, 0));
    assert!(matches!(Sealer::new(&counting(), u32::MAX).seal(b"", b""), Err(SealError::Worn)));
}

/// `cargo test --release -p headlock-registry --test seal -- --ignored --nocapture`
#[test]
#[ignore = "measures"]
fn sealing_a_code_takes_how_long() {
    const CODES: u32 = 65_536 * 30;
    let mut out = Vec::new();
    let begun = Instant::now();
    let mut sealer = Sealer::new(&counting(), 0);
    for index in 0..CODES {
        if sealer.left() == 0 {
            sealer = Sealer::new(&counting(), 0);
        }
        out.clear();
        sealer.seal_into(b"0042", &index.to_be_bytes(), &mut out).unwrap();
    }
    let spent = begun.elapsed();
    println!(
        "{} ns a code, {:.0} a second",
        spent.as_nanos() / u128::from(CODES),
        f64::from(CODES) / spent.as_secs_f64()
    );
    let begun = Instant::now();
    let key = counting();
    for _ in 0..200_000 {
        std::hint::black_box(key.open(&out, &(CODES - 1).to_be_bytes()).unwrap());
    }
    println!("{} ns to open one", begun.elapsed().as_nanos() / 200_000);
}

// --- the key over the keys

#[test]
fn a_data_key_is_unwrapped_with_its_kek_for_its_context_only() {
    let kek = Kek::random().unwrap();
    let key = DataKey::random().unwrap();
    let sealed = key.seal(b"0042", b"").unwrap();
    let wrapped = kek.wrap(&key, b"codes 7").unwrap();
    assert_eq!(kek.unwrap(&wrapped, b"codes 7").unwrap().open(&sealed, b"").unwrap().as_slice(), b"0042");
    assert_eq!(kek.unwrap(&wrapped, b"codes 8").unwrap_err(), OpenError::Forged);
    assert_eq!(Kek::random().unwrap().unwrap(&wrapped, b"codes 7").unwrap_err(), OpenError::Forged);
    for index in 0..wrapped.len() {
        let mut changed = wrapped.clone();
        changed[index] ^= 0x10;
        assert_eq!(kek.unwrap(&changed, b"codes 7").unwrap_err(), OpenError::Forged, "byte {index}");
    }
    assert_eq!(kek.unwrap(&wrapped[..20], b"codes 7").unwrap_err(), OpenError::Length { have: 20 });
}

#[test]
fn debug_shows_no_secret() {
    let kek = Kek::random().unwrap();
    let fingerprint = format!("{:016x}", u64::from_be_bytes(kek.fingerprint()));
    assert_eq!(format!("{kek:?}"), format!("Kek(… with fingerprint {fingerprint})"));
    assert_eq!(format!("{:?}", counting()), "DataKey(…)");
    assert_eq!(format!("{:?}", Sealer::new(&counting(), 6)), "Sealer(… with 65530 left)");
    let share = &kek.split(2, 3).unwrap()[1];
    assert_eq!(format!("{share:?}"), "Share(number 2, 2 make the key, …)");
}

// --- shares

#[test]
fn every_quorum_of_three_of_five_joins_the_key_and_no_two_do() {
    let kek = Kek::random().unwrap();
    let fingerprint = kek.fingerprint();
    let shares = kek.split(3, 5).unwrap();
    for subset in 0_u32..32 {
        let chosen = (0..5).filter(|index| subset >> index & 1 == 1).map(|index| shares[index].clone());
        let mut chosen: Vec<Share> = chosen.collect();
        chosen.reverse();
        match Kek::join(&chosen, fingerprint) {
            Ok(joined) => {
                assert!(chosen.len() >= 3);
                let wrapped = kek.wrap(&counting(), b"").unwrap();
                assert!(joined.unwrap(&wrapped, b"").is_ok());
            }
            Err(error) => {
                assert!(chosen.len() < 3, "{subset:05b}");
                let need = if chosen.is_empty() { 2 } else { 3 };
                assert_eq!(error, JoinError::TooFew { have: chosen.len(), need });
            }
        }
    }
}

#[test]
fn shares_of_two_splits_of_one_key_do_not_mix() {
    let kek = Kek::random().unwrap();
    let (old, new) = (kek.split(2, 3).unwrap(), kek.split(2, 3).unwrap());
    let mixed = [old[0].clone(), new[1].clone()];
    assert_eq!(Kek::join(&mixed, kek.fingerprint()).unwrap_err(), JoinError::OtherSet { number: 2 });
    assert!(Kek::join(&new[1..], kek.fingerprint()).is_ok());
}

#[test]
fn a_share_that_is_typed_twice_does_not_count_twice() {
    let kek = Kek::random().unwrap();
    let shares = kek.split(2, 3).unwrap();
    let twice = [shares[2].clone(), Share::parse(&shares[2].text()).unwrap()];
    assert_eq!(Kek::join(&twice, kek.fingerprint()).unwrap_err(), JoinError::Twice { number: 3 });
}

#[test]
fn shares_of_another_key_make_another_fingerprint() {
    let (kek, other) = (Kek::random().unwrap(), Kek::random().unwrap());
    let shares = other.split(2, 2).unwrap();
    assert_eq!(Kek::join(&shares, kek.fingerprint()).unwrap_err(), JoinError::Fingerprint);
}

#[test]
fn splits_that_protect_nothing_or_never_join_are_refused() {
    let kek = Kek::random().unwrap();
    assert!(matches!(kek.split(0, 3), Err(SplitError::Quorum { quorum: 0 })));
    assert!(matches!(kek.split(1, 3), Err(SplitError::Quorum { quorum: 1 })));
    assert!(matches!(kek.split(4, 3), Err(SplitError::TooFew { shares: 3, quorum: 4 })));
    let most = kek.split(255, 255).unwrap();
    assert!(Kek::join(&most, kek.fingerprint()).is_ok());
    assert_eq!(Kek::join(&most[1..], kek.fingerprint()).unwrap_err(), JoinError::TooFew { have: 254, need: 255 });
}

#[test]
fn a_printed_share_is_read_however_it_is_typed() {
    let share = Kek::random().unwrap().split(3, 5).unwrap().remove(3);
    let text = share.text().to_string();
    let groups: Vec<&str> = text.split(' ').collect();
    assert_eq!((groups[0], groups.len()), ("headlock-share-1", 18));
    assert!(groups[1..].iter().all(|group| group.len() == 5));
    let printed = &text["headlock-share-1".len()..];
    let typed = [
        text.to_lowercase(),
        format!("  {}\n", text.replace(' ', "\n")),
        format!("HEADLOCK-SHARE-1{}", printed.replace(' ', "-")),
        format!("headlock-share-1{}", printed.replace(' ', "")),
        format!("headlock-share-1{}", printed.replace('0', "O").replace('1', "l")),
        format!("headlock-share-1{}", printed.replace('0', "o").replace('1', "I")),
    ];
    for typed in typed {
        assert_eq!(Share::parse(&typed).unwrap(), share, "{typed}");
    }
    assert_eq!((share.number(), share.quorum()), (4, 3));
}

#[test]
fn any_one_mistyped_character_names_its_group() {
    let share = Kek::random().unwrap().split(2, 2).unwrap().remove(0);
    let text = share.text().to_string();
    let head = "headlock-share-1 ".len();
    for (index, printed) in text.char_indices().skip(head).filter(|(_, char)| *char != ' ') {
        let group = (index - head) / 6 + 1;
        for typed in "0123456789ABCDEFGHJKMNPQRSTVWXYZ".chars().filter(|typed| *typed != printed) {
            let mut wrong = text.clone();
            wrong.replace_range(index..=index, &typed.to_string());
            assert_eq!(Share::parse(&wrong), Err(PaperError::Group { group }.into()));
        }
        let mut wrong = text.clone();
        wrong.replace_range(index..=index, "U");
        let place = (index - head) % 6 + 1;
        assert_eq!(Share::parse(&wrong), Err(PaperError::Character { group, place }.into()));
        wrong.replace_range(index..=index, "ß");
        assert_eq!(Share::parse(&wrong), Err(PaperError::Character { group, place }.into()));
        wrong.replace_range(index..index + 2, "");
        assert_eq!(Share::parse(&wrong), Err(PaperError::Group { group }.into()));
    }
}

#[test]
fn characters_and_groups_that_changed_places_are_seen() {
    let share = Kek::random().unwrap().split(2, 2).unwrap().remove(1);
    let text = share.text().to_string();
    let (head, groups) = text.split_once(' ').unwrap();
    let groups: Vec<Vec<u8>> = groups.split(' ').map(|group| group.as_bytes().to_vec()).collect();
    let written = |groups: &[Vec<u8>]| {
        let groups: Vec<&str> = groups.iter().map(|group| str::from_utf8(group).unwrap()).collect();
        format!("{head} {}", groups.join(" "))
    };
    assert_eq!(Share::parse(&written(&groups)).unwrap(), share);
    for group in 0..groups.len() {
        for (one, other) in (0..5).flat_map(|one| (0..one).map(move |other| (one, other))) {
            let mut wrong = groups.clone();
            wrong[group].swap(one, other);
            if wrong != groups {
                assert_eq!(Share::parse(&written(&wrong)), Err(PaperError::Group { group: group + 1 }.into()));
            }
        }
        for other in 0..group {
            let mut wrong = groups.clone();
            wrong.swap(group, other);
            if wrong != groups {
                assert_eq!(Share::parse(&written(&wrong)), Err(PaperError::Group { group: other + 1 }.into()));
            }
        }
    }
}

#[test]
fn two_mistyped_characters_of_one_group_are_seen_by_the_whole() {
    let share = Kek::random().unwrap().split(2, 2).unwrap().remove(0);
    let text = share.text().to_string();
    let alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut seen_by_the_whole = 0;
    for (one, other) in alphabet.chars().flat_map(|one| alphabet.chars().map(move |other| (one, other))) {
        let mut wrong = text.clone();
        wrong.replace_range(17..18, &one.to_string());
        wrong.replace_range(18..19, &other.to_string());
        if wrong != text {
            let error = Share::parse(&wrong).unwrap_err();
            assert!(matches!(error, ShareError::Paper(PaperError::Group { group: 1 } | PaperError::Sum)));
            seen_by_the_whole += usize::from(error == PaperError::Sum.into());
        }
    }
    // One in 32 pairs passes the group's check: the pair that was printed, and 31 others.
    assert_eq!(seen_by_the_whole, 31);
}

#[test]
fn a_share_has_one_spelling_to_its_last_bit() {
    let share = Kek::random().unwrap().split(2, 2).unwrap().remove(0);
    let text = share.text().to_string();
    let alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let begun = &text[..text.len() - 2];
    let ends = alphabet.chars().flat_map(|last| alphabet.chars().map(move |check| format!("{begun}{last}{check}")));
    let read: Vec<String> = ends.filter(|typed| Share::parse(typed).is_ok()).collect();
    assert_eq!(read, [text]);
}

#[test]
fn a_text_that_is_no_share_says_what_is_wrong() {
    let head = PaperError::Head { head: "headlock-share-1" };
    for text in ["", "headlock-share-2 AAAAA", "ééééééééééééééééééé", "headlock-key-1 00000"] {
        assert_eq!(Share::parse(text), Err(head.into()));
    }
    let short = PaperError::Length { have: 0, need: 85 };
    assert_eq!(Share::parse("headlock-share-1"), Err(short.into()));
    let text = Kek::random().unwrap().split(2, 2).unwrap()[0].text().to_string();
    let short = PaperError::Length { have: 80, need: 85 };
    assert_eq!(Share::parse(&text[..text.len() - 6]), Err(short.into()));
    let long = PaperError::Length { have: 90, need: 85 };
    assert_eq!(Share::parse(&format!("{text} 00000")), Err(long.into()));
}

// --- the key file

#[test]
fn a_key_file_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kek");
    let kek = Kek::random().unwrap();
    key_file::write(&path, &kek).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&path).unwrap().starts_with("headlock-key-1 "));
    assert_eq!(key_file::read(&path).unwrap().fingerprint(), kek.fingerprint());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    assert_eq!(key_file::read(&path).unwrap().fingerprint(), kek.fingerprint());
}

#[test]
fn a_key_file_is_never_written_over_another_file_or_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kek");
    fs::write(&path, "precious").unwrap();
    let kek = Kek::random().unwrap();
    assert_eq!(key_file::write(&path, &kek).unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    let (link, target) = (folder.path().join("link"), folder.path().join("target"));
    symlink(&target, &link).unwrap();
    assert!(key_file::write(&link, &kek).is_err());
    assert!(!target.exists());
}

#[test]
fn a_key_file_that_others_can_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kek");
    key_file::write(&path, &Kek::random().unwrap()).unwrap();
    for bit in [0o040, 0o020, 0o010, 0o004, 0o002, 0o001] {
        let mode = 0o600 | bit;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(key_file::read(&path), Err(KeyFileError::Open { mode: told }) if told == mode));
    }
}

#[test]
fn a_damaged_key_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kek");
    key_file::write(&path, &Kek::random().unwrap()).unwrap();
    let text = fs::read(&path).unwrap();
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        key_file::read(&path)
    };
    for index in 0..text.len() - 1 {
        let mut changed = text.clone();
        changed[index] = if changed[index] == b'7' { b'8' } else { b'7' };
        assert!(read(&changed).is_err(), "byte {index}");
        assert!(read(&text[..index]).is_err(), "{index} bytes");
    }
    assert!(matches!(read(&[0xff; 40]), Err(KeyFileError::Text)));
    assert!(matches!(read(&[b' '; 4096]), Err(KeyFileError::Long)));
    assert!(matches!(read(b""), Err(KeyFileError::Paper(PaperError::Head { .. }))));
    assert!(read(&text).is_ok());
    assert!(matches!(key_file::read(folder.path()), Err(KeyFileError::Kind)));
    assert!(matches!(key_file::read(&folder.path().join("none")), Err(KeyFileError::Io(_))));
}
