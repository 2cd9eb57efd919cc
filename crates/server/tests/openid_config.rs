//! What a configuration says of providers: each mistake is named, and a build that cannot use them says so.
#![allow(clippy::unwrap_used)]

use headlock_server::Config;

const RIGHT: &str = "listen = \"127.0.0.1:0\"\ndata = \".\"\n[[sign_in.openid_connect]]\nname = \"maker\"\n\
    issuer = \"https://id.maker.example\"\nclient_id = \"headlock\"\nclient_secret_file = \"secret\"\n";

fn said(text: &str) -> String {
    Config::parse(text).map_or_else(|why| why.to_string(), |_| "nothing".to_owned())
}

#[cfg(not(feature = "oidc"))]
#[test]
fn a_build_without_such_sign_ins_refuses_a_configuration_that_names_a_provider() {
    let said = said(RIGHT);
    for word in ["sign_in.openid_connect \"maker\"", "built without", "--features oidc"] {
        assert!(said.contains(word), "{said}");
    }
    Config::parse("listen = \"127.0.0.1:0\"\ndata = \".\"\n[sign_in]\n").unwrap();
    let described = serde_json::to_value(headlock_server::openapi()).unwrap();
    let paths = described["paths"].as_object().unwrap();
    assert!(paths.contains_key("/v1/sessions"));
    assert!(paths.keys().all(|path| !path.contains("sign-ins") && !path.contains("identities")), "{paths:?}");
}

#[cfg(feature = "oidc")]
#[test]
fn a_provider_that_cannot_be_is_named_with_what_would_be_right() {
    assert_eq!(said(RIGHT), "nothing");
    let https = "issuer = \"https://id.maker.example\"";
    for (from, to, word) in [
        ("\"maker\"", "\"\"", "name: 1 to 32"),
        ("\"maker\"", "\"Maker\"", "name: 1 to 32"),
        (https, "issuer = \"http://id.maker.example\"", "issuer: http://id.maker.example is none"),
        (https, "issuer = \"http://localhost:9\"", "issuer: http://localhost:9 is none"),
        (https, "issuer = \"https://id.maker.example?a\"", "without query"),
        (https, "issuer = \"https://u:p@id.maker.example\"", "issuer"),
        (https, "issuer = \"id.maker.example\"", "issuer"),
        (https, "issuer = \"\"", "issuer"),
        ("\"headlock\"", "\"\"", "client_id"),
        ("\"headlock\"", "\"a b\"", "client_id"),
        ("client_id", "timeout_s = 0\nclient_id", "timeout_s: 0 is out of range; 1 to 20"),
        ("client_id", "timeout_s = 21\nclient_id", "timeout_s: 21 is out of range"),
        ("client_id", "algorithms = []\nclient_id", "algorithms"),
        ("client_id", "algorithms = [\"RS256\", \"HS256\"]\nclient_id", "HS256 cannot be"),
        ("client_id", "algorithms = [\"none\"]\nclient_id", "none cannot be"),
        ("client_id", "algorithms = [\"ES512\"]\nclient_id", "RS256"),
        ("client_id", "redirect_uris = []\nclient_id", "redirect_uris"),
        ("client_id", "redirect_uris = [\"https://a.example/\", \"http://a.example/\"]\nclient_id", "entry 2"),
        ("client_id", "redirect_uris = [\"app:/x\"]\nclient_id", "entry 1"),
        ("client_id", "acr_any_of = [\"\"]\nclient_id", "acr_any_of"),
        ("client_id", "amr_all_of = [\"a b\"]\nclient_id", "amr_all_of"),
        ("client_id", "client_secret = \"x\"\nclient_id", "unknown field"),
        ("name = \"maker\"\n", "", "missing field `name`"),
    ] {
        let text = RIGHT.replacen(from, to, 1);
        assert!(said(&text).contains(word), "{to}: {}", said(&text));
    }
    let (_, section) = RIGHT.split_once("[[").unwrap();
    assert!(said(&format!("{RIGHT}[[{section}")).contains("each provider has another one"));
    for good in ["http://127.0.0.1:9", "http://[::1]:9/realm", "https://id.maker.example/"] {
        assert_eq!(said(&RIGHT.replacen("https://id.maker.example", good, 1)), "nothing", "{good}");
    }
}

#[cfg(feature = "oidc")]
#[test]
fn a_secret_that_is_not_there_or_empty_is_named_when_it_is_checked() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("registry.toml");
    std::fs::write(&path, RIGHT).unwrap();
    let check = || Config::read(&path).unwrap().check().map_err(|why| why.to_string());
    assert!(check().unwrap_err().contains("client_secret_file"), "{:?}", check());
    std::fs::write(folder.path().join("secret"), "\nsecret").unwrap();
    assert!(check().unwrap_err().contains("is empty"), "{:?}", check());
    std::fs::write(folder.path().join("secret"), "the secret\n").unwrap();
    check().unwrap();
    std::fs::write(&path, format!("{RIGHT}ca = \"ca.pem\"\n")).unwrap();
    assert!(check().unwrap_err().contains("ca.pem"), "{:?}", check());
}
