//! Which addresses a provider may have, and where it may send people back.

use openidconnect::url::{Host, Url};

/// Whether what goes there is seen by nobody else: `https`, or on this machine.
pub(super) fn is_private(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => is_loopback(url),
        _ => false,
    }
}

/// Whether it is an address of this machine, as a number: names can be made to lead elsewhere.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(four)) => four.is_loopback(),
        Some(Host::Ipv6(six)) => six.is_loopback(),
        _ => false,
    }
}

/// Whether nothing is in it but where it is.
pub(super) fn is_bare(url: &Url) -> bool {
    url.fragment().is_none() && url.username().is_empty() && url.password().is_none()
}

/// The address to come back to, if it may be.
///
/// Source: RFC 8252, 7.3: on a loopback address the port is whoever listens to choose.
pub(super) fn redirect(allowed: &[Url], asked: &str) -> Option<String> {
    let url = Url::parse(asked).ok().filter(|url| is_bare(url) && is_private(url))?;
    let same = |known: &Url| *known == url || (is_loopback(known) && without_port(known) == without_port(&url));
    allowed.iter().any(same).then(|| url.to_string())
}

fn without_port(url: &Url) -> Option<Url> {
    let mut url = url.clone();
    (url.scheme() == "http" && url.set_port(None).is_ok()).then_some(url)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_way_back_is_one_that_was_named_but_for_the_port_on_this_machine() {
        let allowed = ["http://127.0.0.1/callback", "http://[::1]/cb?a=b", "https://desk.example/back"];
        let allowed = allowed.map(|url| Url::parse(url).unwrap());
        for good in [
            "http://127.0.0.1/callback",
            "http://127.0.0.1:40113/callback",
            "http://[::1]:9/cb?a=b",
            "https://desk.example/back",
        ] {
            assert_eq!(redirect(&allowed, good).as_deref(), Some(good));
        }
        for bad in [
            "",
            "callback",
            "javascript:alert(1)",
            "http://127.0.0.1:40113/callback#x",
            "http://127.0.0.1:40113/callback/",
            "http://127.0.0.1:40113/callback?x",
            "http://127.0.0.2:40113/callback",
            "http://127.0.0.1:x/callback",
            "http://user@127.0.0.1:40113/callback",
            "http://127.0.0.1:40113@evil.example/callback",
            "https://127.0.0.1:40113/callback",
            "http://localhost:40113/callback",
            "http://[::1]:9/cb",
            "https://desk.example:8443/back",
            "http://desk.example/back",
            "https://desk.example/back/more",
            "https://evil.example/back",
        ] {
            assert_eq!(redirect(&allowed, bad), None, "{bad}");
        }
    }
}
