//! Notes, keys, checkpoints, cosignatures and the witness.
#![allow(clippy::unwrap_used)]

mod log_support;

use base64::Engine;
use ed25519_dalek::Signer;
use headlock_registry::log::{
    Checkpoint, CheckpointError, Hash, KeyError, KeyKind, MAX_NOTE_BYTES, Note, NoteError, Policy, PolicyError,
    Refusal, SecretKey, Submission, TreeHead, Unwitnessed, VerifierKey, Witness, consistency, root,
};
use log_support::{ORIGIN, Plain, Random, SharedHead, log_key, witness_key};

/// The example of Go's `golang.org/x/mod/sumdb/note`: a foreign key and a foreign signature.
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_SECRET: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const GO_TEXT: &str =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const GO_LINE: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn go_note() -> Vec<u8> {
    format!("{GO_TEXT}\n{GO_LINE}").into_bytes()
}

/// The 32 secret bytes of Go's example: base64 of a byte for the kind and the seed, without that byte.
fn go_seed() -> [u8; 32] {
    let bytes = base64::engine::general_purpose::STANDARD.decode(GO_SECRET).unwrap();
    bytes[1..].try_into().unwrap()
}

#[test]
fn a_note_of_gos_is_read_and_believed() {
    let key = VerifierKey::parse(GO_KEY).unwrap();
    let note = Note::parse(&go_note()).unwrap();
    assert_eq!(note.text(), GO_TEXT);
    assert_eq!(note.verified(std::slice::from_ref(&key)).unwrap()[0].key.name(), "PeterNeumann");
    assert_eq!(note.to_bytes(), go_note());
    assert_eq!(key.to_string(), GO_KEY);
    assert_eq!(key.id(), 0xc74f_20a3);
}

#[test]
fn we_sign_what_go_signs_byte_for_byte() {
    let key = SecretKey::new("PeterNeumann", KeyKind::Note, &go_seed()).unwrap();
    assert_eq!(key.public().to_string(), GO_KEY);
    let mut note = Note::new(GO_TEXT).unwrap();
    note.sign(&key);
    assert_eq!(note.to_bytes(), go_note());
}

#[test]
fn every_byte_of_a_note_counts() {
    let key = [VerifierKey::parse(GO_KEY).unwrap()];
    for at in 0..go_note().len() {
        for bit in 0..8 {
            let mut bytes = go_note();
            bytes[at] ^= 1 << bit;
            let believed = Note::parse(&bytes).is_ok_and(|note| note.verified(&key).is_ok());
            assert!(!believed, "bit {bit} of byte {at}");
        }
        assert!(!Note::parse(&go_note()[..at]).is_ok_and(|note| note.verified(&key).is_ok()), "cut at {at}");
    }
}

#[test]
fn every_part_of_a_key_counts() {
    for from in 0..GO_KEY.len() {
        for to in from..=GO_KEY.len() {
            assert_eq!(VerifierKey::parse(&GO_KEY[from..to]).is_ok(), (from, to) == (0, GO_KEY.len()));
        }
        let mut bytes = GO_KEY.as_bytes().to_vec();
        bytes[from] += 1;
        assert!(VerifierKey::parse(str::from_utf8(&bytes).unwrap()).is_err(), "byte {from}");
    }
    let none = |text: &str| VerifierKey::parse(text).unwrap_err();
    assert_eq!(none(&GO_KEY.replace("c74f20a3", "C74F20A3")), KeyError::Id);
    assert_eq!(none(&GO_KEY.replace("PeterNeumann", "Peter Neumann")), KeyError::Name);
    assert_eq!(none(&GO_KEY.replace("+AR", "+BB")), KeyError::Id);
    assert_eq!(none(&GO_KEY.replace("+AR", "+CR")), KeyError::Kind);
    assert_eq!(none(&GO_KEY.replace("PeterNeumann+", "")), KeyError::Form);
    // A point of small order verifies signatures that nobody made.
    assert_eq!(none("weak+00000000+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), KeyError::Point);
    for name in ["", "a b", "a+b", "a\nb", "a\u{a0}b"] {
        assert_eq!(SecretKey::new(name, KeyKind::Note, &[1; 32]).unwrap_err(), KeyError::Name, "{name:?}");
    }
}

#[test]
fn unknown_keys_are_passed_over_and_a_wrong_signature_of_a_known_one_is_not() {
    let (own, other) = (log_key(), SecretKey::new(ORIGIN, KeyKind::Note, &[8; 32]).unwrap());
    let public = |key: &SecretKey| key.public().clone();
    let mut note = Note::new("text\n").unwrap();
    note.sign(&other);
    // The same name with another id is another key.
    assert_eq!(note.verified(&[public(&own)]).unwrap_err(), NoteError::Unsigned);
    assert_eq!(note.verified(&[]).unwrap_err(), NoteError::Unsigned);
    note.sign(&own);
    note.sign(&own);
    assert_eq!(note.signatures(), 2);
    assert_eq!(note.verified(&[public(&own)]).unwrap().len(), 1);
    let both = [public(&own), public(&other)];
    assert_eq!(note.verified(&both).unwrap().len(), 2);
    let stolen = String::from_utf8(note.to_bytes()).unwrap().replace("text\n", "test\n");
    let stolen = Note::parse(stolen.as_bytes()).unwrap();
    assert_eq!(stolen.verified(&both).unwrap_err(), NoteError::Wrong { name: ORIGIN.to_owned() });
    // One good signature does not excuse a wrong one of the same key.
    let mut two = Note::new("other\n").unwrap();
    two.sign(&own);
    let line = two.signature_lines();
    let mixed = [note.to_bytes(), line.into_bytes()].concat();
    assert!(matches!(Note::parse(&mixed).unwrap().verified(&[public(&own)]), Err(NoteError::Wrong { .. })));
}

#[test]
fn lines_that_are_no_signatures_are_named() {
    let note = |lines: &str| Note::parse(format!("text\n\n{lines}").as_bytes());
    let good = "\u{2014} name AAAAAAAA\n";
    assert_eq!(note(good).unwrap().signatures(), 1);
    for bad in [
        "\u{2014} name AAAAAA==\n",
        "\u{2014} name AAAAAAA\n",
        "\u{2014} name\n",
        "- name AAAAAAAA\n",
        "\u{2014}  AAAAAAAA\n",
        "\u{2014} a b AAAAAAAA\n",
        "\u{2014} a+b AAAAAAAA\n",
        "\u{2014} name AAAAAAB=\n",
        "\u{2014} name AAAA AAAA\n",
    ] {
        assert_eq!(note(&format!("{good}{bad}")).unwrap_err(), NoteError::Line { line: 2 }, "{bad:?}");
    }
    assert_eq!(note("").unwrap_err(), NoteError::Form);
    assert_eq!(note(good.trim_end()).unwrap_err(), NoteError::Form);
    assert_eq!(Note::parse(good.as_bytes()).unwrap_err(), NoteError::Form);
    assert_eq!(Note::parse(b"te\x07xt\n\n").unwrap_err(), NoteError::Characters);
    assert_eq!(Note::parse(b"te\rxt\n\n").unwrap_err(), NoteError::Characters);
    assert_eq!(Note::parse(b"\xff\n\n").unwrap_err(), NoteError::Characters);
    assert_eq!(note(&good.repeat(65)).unwrap_err(), NoteError::TooLong);
    assert_eq!(note(&good.repeat(64)).unwrap().signatures(), 64);
    assert_eq!(Note::parse(&vec![b'a'; MAX_NOTE_BYTES + 1]).unwrap_err(), NoteError::TooLong);
    // A text may have blank lines; the last one ends it.
    let spaced = Note::parse(format!("a\n\nb\n\n{good}").as_bytes()).unwrap();
    assert_eq!(spaced.text(), "a\n\nb\n");
    assert_eq!(Note::new("no end").unwrap_err(), NoteError::Form);
}

fn checkpoint(text: &str) -> Result<Checkpoint, CheckpointError> {
    Checkpoint::from_text(text)
}

#[test]
fn a_checkpoint_has_one_spelling() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    let text = format!("example.com/behind-the-sofa\n20852163\n{root}\n");
    let parsed = checkpoint(&text).unwrap();
    assert_eq!((parsed.origin.as_str(), parsed.head.size), ("example.com/behind-the-sofa", 20_852_163));
    assert_eq!(parsed.to_text(), text);
    let extended = checkpoint(&format!("{text}one\ntwo\n")).unwrap();
    assert_eq!(extended.extensions, ["one", "two"]);
    let wrong = |text: &str, line| match checkpoint(text).unwrap_err() {
        CheckpointError::Line { line: found, .. } => assert_eq!(found, line, "{text:?}"),
        other => panic!("{other}"),
    };
    wrong("", 1);
    wrong(&format!("\n1\n{root}\n"), 1);
    for size in ["", "01", "+1", "-1", " 1", "1 ", "18446744073709551616", "0x1", "1e3"] {
        wrong(&format!("o\n{size}\n{root}\n"), 2);
    }
    wrong("o\n1\n", 3);
    wrong(&format!("o\n1\n{}\n", &root[..43]), 3);
    wrong(&format!("o\n1\n{}\n", root.replace("2I=", "2J=")), 3);
    wrong(&format!("o\n1\nAA{root}\n"), 3);
    wrong(&format!("o\n0\n{root}\n"), 3);
    wrong(&format!("o\n1\n{root}\n\n"), 4);
    wrong(&format!("o\n1\n{root}\none\n\n"), 5);
    // Without its last end of line it is another text.
    wrong(&format!("o\n1\n{root}"), 1);
}

#[test]
fn a_checkpoint_is_believed_by_the_logs_key_and_origin_alone() {
    let head = TreeHead { size: 5, root: Hash::leaf(b"root") };
    let note = Checkpoint::new(ORIGIN, head).sign(&log_key()).unwrap();
    let keys = [log_key().public().clone()];
    let (opened, _) = Checkpoint::open(&note.to_bytes(), ORIGIN, &keys).unwrap();
    assert_eq!(opened.head, head);
    let other = Checkpoint::open(&note.to_bytes(), "another.example", &keys).unwrap_err();
    assert_eq!(other, CheckpointError::Origin { found: ORIGIN.to_owned() });
    // A witness's word alone is not the log's.
    let mut seen = Note::new(&Checkpoint::new(ORIGIN, head).to_text()).unwrap();
    assert!(seen.cosign(&witness_key(1), 9));
    let witness = [witness_key(1).public().clone()];
    assert_eq!(Checkpoint::open(&seen.to_bytes(), ORIGIN, &witness).unwrap_err(), NoteError::Unsigned.into());
}

#[test]
fn a_cosignature_holds_its_time_and_its_text() {
    let head = TreeHead { size: 5, root: Hash::leaf(b"root") };
    let mut note = Checkpoint::new(ORIGIN, head).sign(&log_key()).unwrap();
    assert!(note.cosign(&witness_key(1), 1_679_315_147));
    assert!(!note.cosign(&witness_key(1), 1 << 63));
    let policy = Policy::new(1, vec![witness_key(1).public().clone()]).unwrap();
    assert_eq!(policy.check(&note).unwrap()[0].at_s, 1_679_315_147);
    // The message of c2sp.org/tlog-cosignature, signed by other means.
    let message = format!("cosignature/v1\ntime 1679315147\n{}", note.text());
    let signature = ed25519_dalek::SigningKey::from_bytes(&[101; 32]).sign(message.as_bytes());
    let line = note.signature_lines().lines().last().unwrap().to_owned();
    let bytes = base64::engine::general_purpose::STANDARD.decode(line.rsplit(' ').next().unwrap()).unwrap();
    assert_eq!(bytes[..4], witness_key(1).public().id().to_be_bytes());
    assert_eq!(bytes[4..12], 1_679_315_147_u64.to_be_bytes());
    assert_eq!(bytes[12..], signature.to_bytes());
    // Another time is not what was signed.
    let mut later = bytes.clone();
    later[11] ^= 1;
    let engine = base64::engine::general_purpose::STANDARD;
    let forged = String::from_utf8(note.to_bytes()).unwrap().replace(&engine.encode(&bytes), &engine.encode(&later));
    let forged = Note::parse(forged.as_bytes()).unwrap();
    assert!(matches!(policy.check(&forged), Err(Unwitnessed::Note(NoteError::Wrong { .. }))));
}

#[test]
fn a_policy_counts_each_witness_once() {
    let public = |number| witness_key(number).public().clone();
    let head = TreeHead { size: 5, root: Hash::leaf(b"root") };
    let mut note = Checkpoint::new(ORIGIN, head).sign(&log_key()).unwrap();
    let policy = Policy::new(2, vec![public(1), public(2), public(3)]).unwrap();
    assert_eq!(policy.check(&note).unwrap_err(), Unwitnessed::TooFew { found: 0, needed: 2 });
    note.cosign(&witness_key(1), 5);
    note.cosign(&witness_key(1), 6);
    note.cosign(&witness_key(4), 6);
    assert_eq!(policy.check(&note).unwrap_err(), Unwitnessed::TooFew { found: 1, needed: 2 });
    note.cosign(&witness_key(3), 7);
    let times: Vec<u64> = policy.check(&note).unwrap().iter().map(|signed| signed.at_s).collect();
    assert_eq!(times, [6, 7]);
    let renamed = SecretKey::new("witness.example/other", KeyKind::Cosignature, &[101; 32]).unwrap();
    assert_eq!(Policy::new(2, vec![public(1), renamed.public().clone()]).unwrap_err(), PolicyError::Twice);
    assert_eq!(Policy::new(2, vec![public(1), public(1)]).unwrap_err(), PolicyError::Twice);
    assert_eq!(Policy::new(2, vec![public(1)]).unwrap_err(), PolicyError::TooMany);
    assert_eq!(Policy::new(1, vec![log_key().public().clone()]).unwrap_err(), PolicyError::Kind);
}

struct Logged {
    tree: Plain,
}

impl Logged {
    fn head(&self, size: u64) -> TreeHead {
        let Ok(root) = root(&self.tree, size);
        TreeHead { size, root }
    }

    fn request(&self, old: u64, new: u64) -> Submission {
        let Ok(proof) = consistency(&self.tree, old, new);
        let checkpoint = Checkpoint::new(ORIGIN, self.head(new)).sign(&log_key()).unwrap().to_bytes();
        Submission { old_size: old, proof: proof.unwrap_or_default(), checkpoint }
    }
}

#[test]
fn a_witness_signs_what_goes_on_and_refuses_the_rest_with_the_statuses_of_the_specification() {
    let log = Logged { tree: Plain::of(300) };
    let seen = SharedHead::default();
    let keys = vec![log_key().public().clone()];
    let mut witness = Witness::new(witness_key(1), ORIGIN, keys.clone(), seen.clone());
    let mut ask = |request: &Submission| witness.add_checkpoint(&request.to_bytes(), 1000);
    let status = |answer: Result<String, Refusal>| answer.unwrap_err().status();

    let line = ask(&log.request(0, 100)).unwrap();
    let note = [log.request(0, 100).checkpoint, line.into_bytes()].concat();
    let policy = Policy::new(1, vec![witness_key(1).public().clone()]).unwrap();
    assert_eq!(policy.check(&Note::parse(&note).unwrap()).unwrap()[0].at_s, 1000);
    ask(&log.request(100, 100)).unwrap();
    ask(&log.request(100, 257)).unwrap();
    assert_eq!(*seen.0.lock().unwrap(), Some(log.head(257)));

    assert!(matches!(ask(&log.request(100, 300)), Err(Refusal::Stale { size: 257 })));
    assert!(matches!(ask(&log.request(0, 300)), Err(Refusal::Stale { size: 257 })));
    assert_eq!(status(ask(&log.request(257, 100))), 400);
    let mut wrong = log.request(257, 300);
    wrong.proof[0].0[0] ^= 1;
    assert_eq!(status(ask(&wrong)), 422);
    // A log that signs another tree of the same size, or a rewritten one that is longer.
    let mut other = Plain::of(300).0.swap_remove(0);
    other[3] = Hash::leaf(b"rewritten");
    let fork = Logged { tree: Plain::new(other) };
    assert!(matches!(ask(&fork.request(257, 257)), Err(Refusal::Fork { size: 257 })));
    assert_eq!(status(ask(&fork.request(257, 257))), 409);
    assert_eq!(status(ask(&fork.request(257, 300))), 422);

    let mut unsigned = log.request(257, 300);
    let stranger = SecretKey::new(ORIGIN, KeyKind::Note, &[9; 32]).unwrap();
    unsigned.checkpoint = Checkpoint::new(ORIGIN, log.head(300)).sign(&stranger).unwrap().to_bytes();
    assert_eq!(status(ask(&unsigned)), 403);
    let mut elsewhere = log.request(257, 300);
    elsewhere.checkpoint = Checkpoint::new("another.example", log.head(300)).sign(&log_key()).unwrap().to_bytes();
    assert_eq!(status(ask(&elsewhere)), 404);
    elsewhere.checkpoint = Checkpoint::new("another.example", log.head(300)).sign(&stranger).unwrap().to_bytes();
    assert_eq!(status(ask(&elsewhere)), 404, "whoever signed it");
    let mut malformed = log.request(257, 300);
    malformed.checkpoint.pop();
    assert_eq!(status(ask(&malformed)), 400);

    assert_eq!(*seen.0.lock().unwrap(), Some(log.head(257)), "a refusal changes nothing");
    let line = ask(&log.request(257, 300)).unwrap();
    // Its own line comes again where it was there already, and nobody else's.
    let mut cosigned = log.request(300, 300);
    cosigned.checkpoint.extend_from_slice(line.as_bytes());
    assert_eq!(ask(&cosigned).unwrap(), line);

    // It keeps what it saw: another process of the same witness goes on from there.
    let mut again = Witness::new(witness_key(1), ORIGIN, keys, seen);
    assert!(matches!(again.add_checkpoint(&log.request(0, 50).to_bytes(), 1), Err(Refusal::Stale { size: 300 })));
}

#[test]
fn a_submission_is_read_as_it_was_written() {
    let log = Logged { tree: Plain::of(300) };
    let request = log.request(77, 300);
    assert_eq!(Submission::from_bytes(&request.to_bytes()), Some(request.clone()));
    let text = String::from_utf8(request.to_bytes()).unwrap();
    for bad in [
        text.replacen("old 77", "old 077", 1),
        text.replacen("old 77", "Old 77", 1),
        text.replacen("old 77\n", "old 77\nAAAA\n", 1),
        text.replacen("old 77\n", &format!("old 77\n{}", format!("{}\n", Hash::EMPTY).repeat(64)), 1),
        text.replacen("\n\n", "\n", 1).replacen("\n\n", "\n", 1),
        String::new(),
    ] {
        assert_eq!(Submission::from_bytes(bad.as_bytes()), None, "{bad}");
    }
}

#[test]
fn secrets_are_not_printed() {
    let key = format!("{:?}", log_key());
    assert!(key.contains(ORIGIN) && !key.contains("7, 7") && !key.contains("0707"), "{key}");
    let salt = format!("{:?}", log_support::salt(7));
    assert_eq!(salt, "Salt(…)");
    let event = format!("{:?}", log_support::event("denied"));
    assert!(event.contains("denied") && !event.contains("NV12345678") && !event.contains("desk"), "{event}");
}

#[test]
fn random_bytes_are_no_note_and_no_key_and_break_nothing() {
    let mut random = Random(21);
    let alphabet: Vec<char> = "\u{2014} +\nabcAB=/019oldxtie.\u{0}\u{e9}".chars().collect();
    for _ in 0..60_000 {
        let length = random.below(120);
        let text: String =
            (0..length).map(|_| alphabet[usize::try_from(random.below(alphabet.len() as u64)).unwrap()]).collect();
        if let Ok(note) = Note::parse(text.as_bytes()) {
            assert_eq!(note.to_bytes(), text.as_bytes());
            assert_eq!(note.verified(&[log_key().public().clone()]).unwrap_err(), NoteError::Unsigned);
        }
        if let Ok(checkpoint) = Checkpoint::from_text(&text) {
            assert_eq!(checkpoint.to_text(), text);
        }
        assert!(VerifierKey::parse(&text).is_err());
        let bytes: Vec<u8> = (0..length).map(|_| random.next().to_le_bytes()[3]).collect();
        assert!(Note::parse(&bytes).is_err());
        let request = [b"old 5\n\n".as_slice(), &bytes].concat();
        let _ = Submission::from_bytes(&request);
        assert_eq!(Submission::from_bytes(&bytes), None);
    }
}
