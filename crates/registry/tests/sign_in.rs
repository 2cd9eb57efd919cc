//! Passwords, authenticator codes, tokens, scopes, roles, and the wait after failures.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::time::{Duration, Instant};

use headlock_registry::sign_in::lockout::{Admission, Lockout, allowed, fail};
use headlock_registry::sign_in::{
    Password, PasswordError, PasswordHash, PasswordHashError, Role, RoleError, Roles, Scope, ScopeError, Scopes, Token,
    TokenError, TotpSecret,
};

// --- passwords

const CHOSEN: &str = "correct horse battery";

#[test]
fn a_password_verifies_and_nothing_else_does() {
    let hash = Password::new(CHOSEN).unwrap().hash().unwrap();
    assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(hash.verify(CHOSEN));
    for given in ["", "correct horse batterz", "correct horse battery ", "Correct horse battery", &"x".repeat(5_000)] {
        assert!(!hash.verify(given), "{given}");
    }
    assert!(!hash.needs_rehash());
    let kept = PasswordHash::parse(hash.as_str()).unwrap();
    assert!(kept.verify(CHOSEN) && kept == hash);
}

#[test]
fn the_same_password_is_kept_under_another_salt() {
    let password = Password::new(CHOSEN).unwrap();
    assert_ne!(password.hash().unwrap().as_str(), password.hash().unwrap().as_str());
}

#[test]
fn a_password_has_twelve_characters_to_1024_bytes() {
    assert_eq!(Password::new("elevenchars").unwrap_err(), PasswordError::Short { have: 11 });
    assert_eq!(Password::new("éééééééé").unwrap_err(), PasswordError::Short { have: 8 });
    assert!(Password::new("twelve chars").is_ok());
    assert!(Password::new(&"x".repeat(1_024)).is_ok());
    assert_eq!(Password::new(&"é".repeat(513)).unwrap_err(), PasswordError::Long { have: 1_026 });
}

#[test]
fn the_hash_of_the_reference_implementation_verifies_and_is_due_again() {
    // From the test vectors of the reference implementation (phc-winner-argon2, test.c): Argon2id, version 19.
    let kept = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    let kept = PasswordHash::parse(kept).unwrap();
    assert!(kept.verify("password") && !kept.verify("passwore"));
    assert!(kept.needs_rehash());
}

#[test]
fn texts_that_are_no_hash_or_ask_for_too_much_are_refused() {
    let hash = Password::new(CHOSEN).unwrap().hash().unwrap();
    let text = hash.as_str();
    let bad = [
        String::new(),
        "secret".to_owned(),
        text.replace("argon2id", "argon2i"),
        text.replace("argon2id", "scrypt"),
        text.replace("v=19", "v=16"),
        text.rsplit_once('$').unwrap().0.to_owned(),
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQM".to_owned(),
    ];
    for text in bad {
        assert!(matches!(PasswordHash::parse(&text), Err(PasswordHashError::Text)), "{text}");
    }
    for costs in ["m=1048576,t=2,p=1", "m=19456,t=1000,p=1", "m=19456,t=2,p=200"] {
        let text = text.replace("m=19456,t=2,p=1", costs);
        assert!(matches!(PasswordHash::parse(&text), Err(PasswordHashError::Costs)), "{text}");
    }
}

#[test]
fn a_name_without_an_account_costs_what_one_with_an_account_does() {
    let hash = Password::new(CHOSEN).unwrap().hash().unwrap();
    // In turns, and the fastest of each: other work on the machine only slows them.
    let timed = |fastest: &mut Duration, work: &dyn Fn()| {
        let begun = Instant::now();
        work();
        *fastest = begun.elapsed().min(*fastest);
    };
    let (mut known, mut unknown) = (Duration::MAX, Duration::MAX);
    let alike = (0..40).any(|_| {
        timed(&mut known, &|| assert!(!hash.verify("not the password")));
        timed(&mut unknown, &|| Password::dummy_verify("not the password"));
        unknown < known.saturating_mul(2) && known < unknown.saturating_mul(2)
    });
    println!("{known:?} and {unknown:?}");
    assert!(alike, "{known:?} and {unknown:?}");
}

#[test]
fn debug_shows_no_password_and_no_secret() {
    let password = Password::new(CHOSEN).unwrap();
    assert_eq!(format!("{password:?}"), "Password(…)");
    assert_eq!(format!("{:?}", password.hash().unwrap()), "PasswordHash(…)");
    assert_eq!(format!("{:?}", TotpSecret::random().unwrap()), "TotpSecret(…)");
    assert_eq!(format!("{:?}", Token::random().unwrap()), "Token(…)");
}

// --- the authenticator's digits

const RFC_SECRET: &[u8; 20] = b"12345678901234567890";

/// RFC 6238, appendix B, SHA-1: the last six of its eight digits.
const RFC_CODES: [(u64, &str); 6] = [
    (59, "287082"),
    (1_111_111_109, "081804"),
    (1_111_111_111, "050471"),
    (1_234_567_890, "005924"),
    (2_000_000_000, "279037"),
    (20_000_000_000, "353130"),
];

#[test]
fn the_codes_of_rfc_6238_verify_in_their_window_and_not_beyond() {
    let secret = TotpSecret::from_bytes(RFC_SECRET);
    for (at_s, code) in RFC_CODES {
        let step = at_s / 30;
        for now in step.saturating_sub(3)..=step + 3 {
            let expected = now.abs_diff(step) <= 1;
            assert_eq!(secret.verify(code, now * 30, None), expected.then_some(step), "{code} at step {now}");
            assert_eq!(secret.verify(code, now * 30 + 29, None), expected.then_some(step));
        }
    }
}

#[test]
fn a_code_is_good_once_and_no_older_one_after_it() {
    let secret = TotpSecret::from_bytes(RFC_SECRET);
    let step = secret.verify("081804", 1_111_111_109, None).unwrap();
    assert_eq!(secret.verify("081804", 1_111_111_109, Some(step)), None);
    assert_eq!(secret.verify("081804", 1_111_111_111, Some(step)), None);
    let next = secret.verify("050471", 1_111_111_111, Some(step));
    assert_eq!(next, Some(step + 1));
    // The older one was never used, and comes too late.
    assert_eq!(secret.verify("081804", 1_111_111_111, next), None);
    assert_eq!(secret.verify("081804", 1_111_111_111, None), Some(step));
}

#[test]
fn digits_of_two_steps_in_a_row_are_good_once_for_each() {
    // Found by counting: these two steps happen to have the same digits.
    let (secret, step, code) = (TotpSecret::from_bytes(RFC_SECRET), 40_628_458, "669470");
    let first = secret.verify(code, step * 30, None);
    assert_eq!(first, Some(step));
    assert_eq!(secret.verify(code, step * 30, first), Some(step + 1));
    assert_eq!(secret.verify(code, step * 30, Some(step + 1)), None);
}

#[test]
fn what_is_not_six_digits_is_no_code() {
    let secret = TotpSecret::from_bytes(RFC_SECRET);
    for code in ["", "28708", "2870820", "94287082", "+87082", "287082 ", "２87082"] {
        assert_eq!(secret.verify(code, 59, None), None, "{code}");
    }
    assert_eq!(secret.verify("287082", u64::MAX, None), None);
    assert!(secret.verify("755224", 0, None) == Some(0), "counter 0 of RFC 4226, appendix D");
}

#[test]
fn another_implementation_reads_the_uri() {
    let secret = TotpSecret::from_bytes(RFC_SECRET);
    let uri = secret.uri("Acme & Söhne: parts", "desk 7@acme.example");
    assert!(
        uri.starts_with("otpauth://totp/Acme%20%26%20S%C3%B6hne-%20parts:desk%207%40acme.example?secret=GEZDGNBVGY3TQ")
    );
    let read = totp_rs::Totp::from_url(uri.as_str()).unwrap();
    assert_eq!(read.secret().as_bytes(), RFC_SECRET);
    assert_eq!((read.issuer(), read.account_name()), (Some("Acme & Söhne- parts"), "desk 7@acme.example"));
    assert_eq!((read.digits(), read.step()), (6, 30));
    assert_eq!(read.generate(59).to_string(), "287082");
}

// --- tokens

#[test]
fn a_token_is_read_as_it_was_shown_and_kept_as_its_digest() {
    let token = Token::random().unwrap();
    let text = token.text();
    assert_eq!((&text[..4], text.len()), ("hlt_", 52));
    let read = Token::parse(&text).unwrap();
    assert_eq!(read.digest(), token.digest());
    assert_ne!(Token::random().unwrap().digest(), token.digest());
}

#[test]
fn any_one_mistyped_character_of_a_token_is_told() {
    let text = Token::random().unwrap().text();
    for index in 4..text.len() {
        for typed in ('0'..='9').chain('a'..='z').chain('A'..='Z').chain(['-', '_', '+', '=', ' ']) {
            let mut wrong = text.to_string();
            wrong.replace_range(index..=index, &typed.to_string());
            if wrong != *text {
                assert_eq!(Token::parse(&wrong).unwrap_err(), TokenError::Mistyped, "place {index}");
            }
        }
    }
    assert_eq!(Token::parse(&text[..51]).unwrap_err(), TokenError::Length { have: 51 });
    assert_eq!(Token::parse(&format!("{}0", *text)).unwrap_err(), TokenError::Length { have: 53 });
    assert_eq!(Token::parse(&text[4..]).unwrap_err(), TokenError::Head);
    assert_eq!(Token::parse(&text.to_uppercase()).unwrap_err(), TokenError::Head);
}

// --- scopes and roles

#[test]
fn every_set_of_scopes_is_read_as_it_is_written() {
    let mut texts = HashSet::new();
    for bits in 0..128 {
        let scopes = Scopes::from_bits(bits).unwrap();
        assert_eq!(scopes.to_string().parse(), Ok(scopes));
        assert_eq!(scopes.bits(), bits);
        assert!(texts.insert(scopes.to_string()));
    }
    assert_eq!(Scopes::from_bits(127).unwrap().to_string(), "release,approve,administer,audit,import,custody,read");
    assert_eq!(Scopes::from_bits(128), Err(ScopeError::Bits));
    assert_eq!(" read , release ".parse(), Ok(Scopes::NONE.with(Scope::Release).with(Scope::Read)));
    assert_eq!("read,write".parse::<Scopes>(), Err(ScopeError::Unknown { place: 2 }));
    assert_eq!("read,".parse::<Scopes>(), Err(ScopeError::Unknown { place: 2 }));
    assert_eq!("read,read".parse::<Scopes>(), Err(ScopeError::Twice { scope: Scope::Read }));
}

#[test]
fn nobody_hands_on_more_than_they_have() {
    let own = Scopes::NONE.with(Scope::Release).with(Scope::Read);
    assert!(own.covers(own) && own.covers(Scopes::NONE) && own.covers(Scopes::NONE.with(Scope::Read)));
    assert!(!own.covers(own.with(Scope::Audit)) && !Scopes::NONE.covers(own));
}

#[test]
fn an_auditor_is_no_administrator_in_whatever_order() {
    let auditor = Roles::NONE.with(Role::Auditor).unwrap();
    assert_eq!(auditor.with(Role::Administrator), Err(RoleError::AuditorAdministers));
    let administrator = Roles::NONE.with(Role::Administrator).unwrap();
    assert_eq!(administrator.with(Role::Auditor), Err(RoleError::AuditorAdministers));
    assert!(administrator.without(Role::Administrator).with(Role::Auditor).is_ok());
    let sets = (0..64).filter(|bits| Roles::from_bits(*bits).is_ok()).count();
    assert_eq!(sets, 48, "all but the 16 sets that hold both");
    assert_eq!(Roles::from_bits(64), Err(RoleError::Bits));
    assert_eq!(Roles::from_bits(12), Err(RoleError::AuditorAdministers));
    assert!(Role::ALL.into_iter().all(|role| role.name().parse() == Ok(role)));
    assert_eq!("root".parse::<Role>(), Err(RoleError::Unknown));
}

// --- the wait after failures

const NOW_MS: u64 = 1_700_000_000_000;

fn failed(times: u32) -> Lockout {
    (0..times).fold(Lockout::default(), |state, _| fail(state, NOW_MS))
}

#[test]
fn four_failures_are_free_and_then_the_wait_doubles_up_to_an_hour() {
    for times in 0..5 {
        assert_eq!(allowed(failed(times), NOW_MS), Admission::Allowed);
    }
    let minutes = [1, 2, 4, 8, 16, 32, 60, 60, 60];
    for (times, minutes) in (5..).zip(minutes) {
        let wait_ms = minutes * 60_000;
        let state = failed(times);
        assert_eq!(allowed(state, NOW_MS), Admission::Wait { wait_ms });
        assert_eq!(allowed(state, NOW_MS + wait_ms - 1), Admission::Wait { wait_ms: 1 });
        assert_eq!(allowed(state, NOW_MS + wait_ms), Admission::Allowed);
    }
    let worst = fail(Lockout { failures: u32::MAX, until_ms: 0 }, NOW_MS);
    assert_eq!(allowed(worst, NOW_MS), Admission::Wait { wait_ms: 3_600_000 });
}

#[test]
fn an_hour_without_success_forgets_nothing() {
    let state = fail(failed(5), NOW_MS + 86_400_000);
    assert_eq!(allowed(state, NOW_MS + 86_400_000), Admission::Wait { wait_ms: 120_000 });
}

#[test]
fn a_clock_that_is_set_back_costs_one_more_wait_and_no_longer_one() {
    let state = failed(6);
    let back_ms = NOW_MS - 365 * 86_400_000;
    assert_eq!(allowed(state, back_ms), Admission::Wait { wait_ms: 120_000 });
    let settled = state.settled(back_ms);
    assert_eq!(settled.failures, 6);
    assert_eq!(allowed(settled, back_ms + 119_999), Admission::Wait { wait_ms: 1 });
    assert_eq!(allowed(settled, back_ms + 120_000), Admission::Allowed);
    assert_eq!(settled.settled(back_ms + 60_000), settled, "settling again does not prolong it");
}

#[test]
fn an_undisturbed_clock_settles_nothing_and_no_clock_overflows() {
    for times in 0..20 {
        let state = failed(times);
        for later_ms in [0, 1, 59_999, 3_600_000, u64::MAX - NOW_MS] {
            assert_eq!(state.settled(NOW_MS + later_ms), state);
        }
        let last = (0..times).fold(Lockout::default(), |state, _| fail(state, u64::MAX));
        assert_eq!(allowed(last, u64::MAX), Admission::Allowed);
    }
}
