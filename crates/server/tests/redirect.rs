//! The socket that a browser comes back to.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use headlock_server::redirect::{Proof, Redirect, RedirectError};
use sha2::{Digest, Sha256};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(2);

fn address(redirect: &Redirect) -> String {
    redirect.uri().trim_start_matches("http://").trim_end_matches("/callback").to_owned()
}

fn get(address: &str, target: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    // In two pieces, as some send it.
    write!(stream, "GET {target} HTTP/1.1\r\nhost: {address}").unwrap();
    stream.flush().unwrap();
    write!(stream, "\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn one_comes_back_whoever_else_knocks_before() {
    let redirect = Redirect::listen(0).unwrap();
    let address = address(&redirect);
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| redirect.wait("the-state", PATIENCE));
        let silent: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(&address).unwrap()).collect();
        let mut long = TcpStream::connect(&address).unwrap();
        // It may hang up at any of these.
        let _ = (0..64).try_for_each(|_| long.write_all(&[b'a'; 1_024]));
        for target in ["/favicon.ico", "/callback?state=another&code=evil", "/callback?code=evil", "/callback"] {
            assert!(get(&address, target).starts_with("HTTP/1.1 404 "), "{target}");
        }
        let answer = get(&address, "/callback?code=a%2Fb&state=the-state&iss=https%3A%2F%2Fid.example");
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("can be closed"), "{answer}");
        assert!(!answer.contains("a/b") && answer.contains("cache-control: no-store"), "{answer}");
        let returned = waiting.join().unwrap().unwrap();
        assert_eq!((returned.code.reveal(), returned.iss.as_deref()), ("a/b", Some("https://id.example")));
        assert!(!format!("{returned:?}").contains("a/b"));
        drop(silent);
    });
    assert!(TcpStream::connect(&address).is_err(), "nobody listens any more");
}

#[test]
fn a_no_ends_it_and_so_does_its_time() {
    let redirect = Redirect::listen(0).unwrap();
    let address = address(&redirect);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| redirect.wait("s", PATIENCE));
        get(&address, "/callback?error=access_denied&state=s");
        let refused = waiting.join().unwrap().unwrap_err();
        assert!(matches!(&refused, RedirectError::Refused { error } if error == "access_denied"), "{refused}");
    });
    let nobody = Redirect::listen(0).unwrap().wait("s", Duration::ZERO).unwrap_err();
    assert!(matches!(nobody, RedirectError::Nobody { waited_s: 0 }), "{nobody}");
}

#[test]
fn a_proof_is_made_anew_each_time_and_shows_nothing() {
    use base64::Engine;
    let url = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let (one, other) = (Proof::random().unwrap(), Proof::random().unwrap());
    assert_ne!(one.challenge, other.challenge);
    assert_eq!(one.verifier.reveal().len(), 43);
    assert_eq!(one.challenge, url.encode(Sha256::digest(one.verifier.reveal())));
    assert!(!format!("{one:?}").contains(one.verifier.reveal()));
}
