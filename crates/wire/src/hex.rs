//! Hexadecimal text: digits without a prefix and without a sign.

use alloc::string::String;
use alloc::vec::Vec;

/// The value of one digit.
pub(crate) fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// One to eight digits.
pub(crate) fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    if digits { u32::from_str_radix(text, 16).ok() } else { None }
}

/// Exactly two digits.
pub(crate) fn byte(text: &str) -> Option<u8> {
    if text.len() == 2 { u8::try_from(number(text)?).ok() } else { None }
}

/// The bytes of pairs of digits, of either case; none if a digit is left over, or anything is no digit.
pub fn bytes(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    let pairs = text.as_ref().chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect()
}

/// Two capitals a byte.
pub fn digits(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).map(char::from).collect()
}

/// The digit of a value below 16, in upper case.
pub(crate) fn digit(value: u8) -> u8 {
    match value & 0x0F {
        low @ 0..=9 => b'0' + low,
        high => b'A' + high - 10,
    }
}

/// Appends a byte as two digits.
pub(crate) fn push(byte: u8, into: &mut Vec<u8>) {
    into.extend([digit(byte >> 4), digit(byte)]);
}
