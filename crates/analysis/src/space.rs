//! The codes that a panel can type at all.

use headlock_profile::behaviour::{Behaviour, DiagnosticSpec, RequestWord};
use headlock_profile::typing;
use serde::Serialize;

/// How many codes there are, and how many of them the panel can type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Space {
    /// Codes of the right length in the right alphabet.
    pub codes: u64,
    /// Those that the panel can type.
    pub typable: u64,
    /// Those that a tester can enter, or the panel where none can.
    pub by_tester: u64,
    /// Codes said to open every unit of the kind: they are tried first.
    pub defaults: u64,
}

impl Space {
    /// Of the main lock, for this serial.
    pub fn of(behaviour: &Behaviour, serial: &str) -> Self {
        let length = usize::from(behaviour.code.length.resolve(serial, |_| None));
        let alphabets = typing::alphabets(&behaviour.code.alphabet, length);
        let product = |count: &dyn Fn(usize, &[char]) -> usize| {
            let each = alphabets.iter().enumerate().map(|(place, alphabet)| count(place, alphabet) as u64);
            each.fold(1_u64, u64::saturating_mul)
        };
        let codes = product(&|_, alphabet| alphabet.len());
        let typable = product(&|place, alphabet| typing::typable(&behaviour.entry, alphabet, place).len());
        let enters = |spec: &DiagnosticSpec| spec.supported && spec.request == RequestWord::EnterCode;
        Self {
            codes,
            typable,
            by_tester: if behaviour.diagnostic.iter().any(enters) { codes } else { typable },
            defaults: behaviour.code.defaults.len() as u64,
        }
    }
}
