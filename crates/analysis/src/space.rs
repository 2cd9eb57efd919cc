//! The codes that a panel can type at all.

use headlock_profile::behaviour::Behaviour;
use headlock_profile::typing;
use serde::Serialize;

/// How many codes there are, and how many of them the panel can type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Space {
    /// Codes of the right length in the right alphabet.
    pub codes: u64,
    /// Those that the panel can type.
    pub typable: u64,
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
        Self {
            codes: product(&|_, alphabet| alphabet.len()),
            typable: product(&|place, alphabet| typing::typable(&behaviour.entry, alphabet, place).len()),
            defaults: behaviour.code.defaults.len() as u64,
        }
    }
}
