//! The query of an address: names and values, as a form writes them.

/// The pairs, decoded. A name without `=` has an empty value; what is no UTF-8 is left out.
pub(super) fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    let parts = query.unwrap_or_default().split('&').filter(|part| !part.is_empty());
    parts
        .filter_map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Some((decoded(name)?, decoded(value)?))
        })
        .collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                *headlock_wire::hex::bytes(digits)?.first()?
            }
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_decoded_and_nonsense_is_left_out() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(pairs(None), []);
        assert_eq!(pairs(Some("")), []);
        assert_eq!(pairs(Some("a=b&c")), [pair("a", "b"), pair("c", "")]);
        assert_eq!(pairs(Some("status%5Bmask%5D=0f&x=a+b")), [pair("status[mask]", "0f"), pair("x", "a b")]);
        assert_eq!(pairs(Some("a=%zz&b=%4&%ff=c&=&ok=1")), [pair("", ""), pair("ok", "1")]);
    }
}
