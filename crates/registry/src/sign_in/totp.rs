//! The six digits of an authenticator, each good once.

use std::fmt;
use std::io;

use subtle::ConstantTimeEq;
use totp_rs::{Algorithm, Builder, Secret, Totp};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::random;

/// Bytes of a secret: the length that RFC 4226, section 4, recommends.
pub const TOTP_SECRET_BYTES: usize = 20;

const STEP_S: u64 = 30;
const DIGITS: u8 = 6;

/// Steps before and after the present one whose digits are taken: clocks differ, and people type slowly.
const WINDOW: u64 = 1;

/// What an authenticator and the desk share. Wiped on drop; Debug shows nothing.
///
/// Source: RFC 6238 with HMAC-SHA-1, 30 seconds, 6 digits: what every authenticator does.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct TotpSecret([u8; TOTP_SECRET_BYTES]);

impl TotpSecret {
    /// A new one.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn random() -> io::Result<Self> {
        let mut secret = Self([0; TOTP_SECRET_BYTES]);
        random::fill(&mut secret.0)?;
        Ok(secret)
    }

    /// One that was kept, sealed.
    pub const fn from_bytes(bytes: &[u8; TOTP_SECRET_BYTES]) -> Self {
        Self(*bytes)
    }

    /// The bytes to keep, sealed.
    pub const fn as_bytes(&self) -> &[u8; TOTP_SECRET_BYTES] {
        &self.0
    }

    /// The step whose digits these are, which is then to be kept as `last_step`; none if they are wrong, or were good before.
    ///
    /// At `at_s`, in seconds since 1970, the digits of the present step, the one before and the one after are right; no step up to
    /// `last_step` is, so that digits that were seen being typed are worthless. If the desk's clock ran ahead and was set back, nobody
    /// signs in until it has come as far again.
    pub fn verify(&self, code: &str, at_s: u64, last_step: Option<u64>) -> Option<u64> {
        let totp = self.totp();
        let now = at_s / STEP_S;
        let mut found = None;
        for step in now.saturating_sub(WINDOW)..=now + WINDOW {
            let digits = Zeroizing::new(totp.generate(step.saturating_mul(STEP_S)).to_string());
            let right = bool::from(digits.as_bytes().ct_eq(code.as_bytes()));
            let fresh = last_step.is_none_or(|last| step > last);
            // The earliest: the next step stays good for the next sign-in. No way out of the loop tells which step it was.
            if right && fresh && found.is_none() {
                found = Some(step);
            }
        }
        found
    }

    /// The text of the QR code that an authenticator reads.
    ///
    /// Source: the key URI format of Google Authenticator. A colon in a name would end it, and is written as a hyphen.
    pub fn uri(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        let base32 = Zeroizing::new(Secret::from(self.0).to_base32());
        let (issuer, account) = (escaped(issuer), escaped(account));
        // In one piece, so that no copy stays behind in a buffer that was outgrown.
        let mut uri = Zeroizing::new(String::with_capacity(128 + 2 * issuer.len() + account.len()));
        let parts = ["otpauth://totp/", &issuer, ":", &account, "?secret=", &base32, "&issuer=", &issuer];
        parts.iter().for_each(|part| uri.push_str(part));
        uri.push_str("&algorithm=SHA1&digits=6&period=30");
        uri
    }

    fn totp(&self) -> Totp {
        // With otherwise valid settings only an account's name could be missing, and no name is needed to count.
        let secret = Secret::new_stack(self.0);
        let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(DIGITS).with_skew(0);
        builder.with_step_duration(STEP_S).with_secret(secret).build_noncompliant()
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("TotpSecret(…)")
    }
}

fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len() * 3);
    for byte in name.bytes() {
        match byte {
            b':' => text.push('-'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

/// The one-time code that an authenticator shows at `at_s` for an otpauth address; none if it is no such address.
pub fn one_time_code(address: &str, at_s: u64) -> Option<Zeroizing<String>> {
    let totp = Totp::from_url_unchecked(address).ok()?;
    Some(Zeroizing::new(totp.generate(at_s).to_string()))
}
