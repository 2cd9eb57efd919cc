//! Numbers of the log's texts: ASCII decimals in their only spelling.

/// A number without a sign, without spaces and without a leading zero.
pub(super) fn parse(text: &str) -> Option<u64> {
    let spelled_once = text == "0" || !text.starts_with('0');
    (spelled_once && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}
