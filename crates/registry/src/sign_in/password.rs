//! Passwords of people: hashed with Argon2id, compared in constant time, as costly for a name that nobody has.

use std::fmt;
use std::io;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, Version};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::random;

const CHARACTERS_MIN: usize = 12;
const BYTES_MAX: usize = 1024;

/// OWASP's second choice, which fits a desk that answers several people at once: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// What a stored hash may ask of this machine: a store that was tampered with must not exhaust it.
const MEMORY_KIB_MAX: u32 = 256 * 1024;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 16;

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// A password that somebody chose. Wiped on drop; Debug shows nothing.
///
/// Shape: 12 characters to 1,024 bytes of UTF-8, any characters, compared byte by byte.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// Why a password cannot be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer than 12 characters.
    #[error("a password has {CHARACTERS_MIN} characters at least, and this one {have}")]
    Short {
        /// Characters that it has.
        have: usize,
    },
    /// More than 1,024 bytes.
    #[error("a password has {BYTES_MAX} bytes at most, and this one {have}")]
    Long {
        /// Bytes that it has.
        have: usize,
    },
}

/// Why a password is not hashed, or a stored hash is none.
#[derive(Debug, thiserror::Error)]
pub enum PasswordHashError {
    /// The system has no randomness.
    #[error("the system has no randomness")]
    Random(#[from] io::Error),
    /// There is no memory for the hash.
    #[error("there is no memory to hash a password with")]
    Memory,
    /// Not the PHC string of Argon2id, version 19, with a salt and a hash.
    #[error("not the text of an Argon2id hash")]
    Text,
    /// Costs that this desk will not pay.
    #[error("the stored hash asks for more memory or time than this desk gives")]
    Costs,
}

impl Password {
    /// A password for an account.
    ///
    /// # Errors
    /// Too short or too long.
    pub fn new(text: &str) -> Result<Self, PasswordError> {
        let have = text.chars().count();
        if have < CHARACTERS_MIN {
            return Err(PasswordError::Short { have });
        }
        if text.len() > BYTES_MAX {
            return Err(PasswordError::Long { have: text.len() });
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// What is kept of it, under a fresh salt and the costs of today.
    ///
    /// # Errors
    /// No randomness, or no memory.
    pub fn hash(&self) -> Result<PasswordHash, PasswordHashError> {
        let mut salt = [0; SALT_BYTES];
        random::fill(&mut salt)?;
        let costs = Costs { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES };
        let hash = costs.hash(self.0.as_bytes(), &salt).ok_or(PasswordHashError::Memory)?;
        let written = || {
            Some(phc::PasswordHash {
                algorithm: Algorithm::Argon2id.ident(),
                version: Some(Version::V0x13.into()),
                params: phc::ParamsString::try_from(&costs.params()?).ok()?,
                salt: Some(phc::Salt::new(&salt).ok()?),
                hash: Some(phc::Output::new(hash.as_slice()).ok()?),
            })
        };
        let text = written().ok_or(PasswordHashError::Text)?.to_string();
        PasswordHash::parse(&text)
    }

    /// Costs what [`PasswordHash::verify`] costs, for a name that has no account: an answer's time does not tell which names have one.
    pub fn dummy_verify(given: &str) {
        let costs = Costs { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES };
        std::hint::black_box(verify(given, costs, &[0; SALT_BYTES], &[0; HASH_BYTES]));
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Password(…)")
    }
}

/// What is kept of a password.
///
/// Shape: in text, a PHC string: `$argon2id$v=19$m=19456,t=2,p=1$` salt `$` hash. Debug shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: String,
    costs: Costs,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl PasswordHash {
    /// Reads the text that was kept.
    ///
    /// # Errors
    /// Not the text of such a hash, or one whose costs are beyond this desk.
    pub fn parse(text: &str) -> Result<Self, PasswordHashError> {
        let read = || {
            let parsed = phc::PasswordHash::new(text).ok()?;
            let version = parsed.version == Some(Version::V0x13.into());
            (parsed.algorithm == Algorithm::Argon2id.ident() && version).then_some(())?;
            let params = Params::try_from(&parsed).ok()?;
            let costs = Costs { memory_kib: params.m_cost(), passes: params.t_cost(), lanes: params.p_cost() };
            let (salt, hash) = (parsed.salt?, parsed.hash?);
            // A shorter one would be found by chance.
            (hash.as_bytes().len() >= 16).then_some(())?;
            Some(Self { text: text.to_owned(), costs, salt: salt.to_vec(), hash: hash.as_bytes().to_vec() })
        };
        let read = read().ok_or(PasswordHashError::Text)?;
        let Costs { memory_kib, passes, lanes } = read.costs;
        let payable = memory_kib <= MEMORY_KIB_MAX && passes <= PASSES_MAX && lanes <= LANES_MAX;
        if payable { Ok(read) } else { Err(PasswordHashError::Costs) }
    }

    /// The text to keep.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this is the password. False too when there is no memory to find out.
    pub fn verify(&self, given: &str) -> bool {
        verify(given, self.costs, &self.salt, &self.hash)
    }

    /// Whether its costs are not those of today: hash the password again when it was given rightly next.
    pub fn needs_rehash(&self) -> bool {
        let today = Costs { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES };
        self.costs != today || self.hash.len() != HASH_BYTES || self.salt.len() < SALT_BYTES
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PasswordHash(…)")
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Costs {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Costs {
    fn params(self) -> Option<Params> {
        Params::new(self.memory_kib, self.passes, self.lanes, None).ok()
    }

    fn hash_into(self, given: &[u8], salt: &[u8], hash: &mut [u8]) -> Option<()> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params()?);
        argon2.hash_password_into(given, salt, hash).ok()
    }

    fn hash(self, given: &[u8], salt: &[u8]) -> Option<Zeroizing<[u8; HASH_BYTES]>> {
        let mut hash = Zeroizing::new([0; HASH_BYTES]);
        self.hash_into(given, salt, hash.as_mut_slice())?;
        Some(hash)
    }
}

fn verify(given: &str, costs: Costs, salt: &[u8], expected: &[u8]) -> bool {
    // Never somebody's password, and not worth the time.
    if given.len() > BYTES_MAX {
        return false;
    }
    let mut hash = Zeroizing::new(vec![0; expected.len()]);
    costs.hash_into(given.as_bytes(), salt, &mut hash).is_some() && bool::from(hash.as_slice().ct_eq(expected))
}
