//! The one base64 of the log's texts: RFC 4648, section 4, padded, in its only spelling.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The text of these bytes.
pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Puts the text of these bytes behind what is there.
pub(super) fn append(bytes: &[u8], text: &mut String) {
    STANDARD.encode_string(bytes, text);
}

/// The bytes of a text: none if the padding is missing, a bit is left over, or a character does not belong.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
