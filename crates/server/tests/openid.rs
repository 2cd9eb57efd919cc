//! Signing in by a provider, over HTTP: the whole way, whose it is, and what a provider may say without letting anybody in.
#![cfg(feature = "oidc")]
#![allow(clippy::unwrap_used)]

mod support;

use std::fmt::Write as _;
use std::net::SocketAddr;

use headlock_registry::sign_in::one_time_code;
use headlock_server::Config;
use serde_json::{Value, json};
use support::http::{Reply, call};
use support::provider::{Answer, CLIENT, CLIENT_SECRET, Provider, SUBJECT, Signed};
use support::{House, PASSWORD, START_S, Service, ask, code_of, shown};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// Of that verifier: RFC 7636, appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const BACK: &str = "http://127.0.0.1:40113/callback";

/// A service, and the provider whom it believes.
struct Both {
    service: Service,
    provider: Provider,
}

/// A configuration with a provider, and more of that provider's section.
fn config(house: &House, provider: &Provider, more: &str) -> Config {
    let secret = house.folder.path().join("client-secret");
    std::fs::write(&secret, format!("{CLIENT_SECRET}\n")).unwrap();
    let mut text = format!("listen = \"127.0.0.1:0\"\ndata = {}\n", shown(house.folder.path()));
    write!(text, "[[sign_in.openid_connect]]\nname = \"maker\"\nissuer = \"{}\"\n", provider.issuer()).unwrap();
    write!(text, "client_id = \"{CLIENT}\"\nclient_secret_file = {}\n{more}", shown(&secret)).unwrap();
    let provider = Config::parse(&text).unwrap_or_else(|why| panic!("{why}: {text}")).sign_in;
    Config { sign_in: provider, ..house.config() }
}

impl Both {
    fn new(more: &str) -> Self {
        let both = Self::untied(&format!("algorithms = [\"ES256\"]\n{more}"));
        let tied = both.tie("anna", SUBJECT);
        assert_eq!(tied.status, 204, "{}", tied.text());
        both
    }

    fn untied(more: &str) -> Self {
        let provider = Provider::new(START_S);
        let house = House::new();
        let config = config(&house, &provider, more);
        Self { service: house.serve_with(config), provider }
    }

    fn tie(&self, id: &str, subject: &str) -> Reply {
        let new = json!({"issuer": self.provider.issuer(), "subject": subject, "label": "the maker's"});
        self.service.by("root", "POST", &format!("/v1/accounts/{id}/identities"), &new)
    }

    fn post(&self, path: &str, body: &Value) -> Reply {
        post(self.service.address, path, body)
    }

    fn begin(&self) -> Reply {
        self.post("/v1/sign-ins", &json!({"with": "maker", "redirect_uri": BACK, "code_challenge": CHALLENGE}))
    }

    /// What comes back in the browser of somebody who began.
    fn come_back(&self) -> (String, String) {
        let begun = self.begin();
        assert_eq!(begun.status, 201, "{}", begun.text());
        let (code, state, _) = self.provider.browse(begun.json()["open"].as_str().unwrap());
        assert_eq!(begun.json()["state"], state.as_str());
        (code, state)
    }

    fn finish(&self, code: &str, state: &str, verifier: &str) -> Reply {
        self.post("/v1/sign-ins/finish", &json!({"state": state, "code": code, "code_verifier": verifier}))
    }

    fn sign_in(&self) -> Reply {
        let (code, state) = self.come_back();
        self.finish(&code, &state, VERIFIER)
    }

    fn me(&self, token: &str) -> Reply {
        call(self.service.address, "GET", "/v1/me", (&format!("authorization: Bearer {token}\r\n"), b""))
    }
}

fn post(address: SocketAddr, path: &str, body: &Value) -> Reply {
    call(address, "POST", path, ("content-type: application/json\r\n", body.to_string().as_bytes()))
}

fn token(reply: &Reply) -> String {
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()["token"].as_str().unwrap().to_owned()
}

/// A problem without what differs between any two.
fn alike(reply: &Reply) -> (u16, Value) {
    let mut body = reply.json();
    body.as_object_mut().unwrap().remove("request_id");
    (reply.status, body)
}

/// What somebody hears whose password is wrong.
fn wrong_password(address: SocketAddr) -> (u16, Value) {
    alike(&post(address, "/v1/sessions", &json!({"name": "nobody", "password": PASSWORD, "one_time_code": "000000"})))
}

#[test]
fn somebody_who_is_tied_to_an_account_gets_the_session_that_a_password_would_give() {
    let both = Both::new("");
    let begun = both.begin();
    assert_eq!(begun.status, 201, "{}", begun.text());
    let open = begun.json()["open"].as_str().unwrap().to_owned();
    let (code, state, asked) = both.provider.browse(&open);
    let of = |name: &str| asked.get(name).map(String::as_str);
    assert_eq!((of("response_type"), of("scope"), of("client_id")), (Some("code"), Some("openid"), Some(CLIENT)));
    assert_eq!((of("redirect_uri"), of("code_challenge")), (Some(BACK), Some(CHALLENGE)));
    assert_eq!(of("code_challenge_method"), Some("S256"));
    assert!([of("state"), of("nonce")].iter().all(|random| random.is_some_and(|random| random.len() == 43)));
    assert_ne!(of("state"), of("nonce"));
    assert!(!open.contains(VERIFIER) && !open.contains("secret"));
    let by_provider = both.finish(&code, &state, VERIFIER);
    let mine = token(&by_provider);
    let me = both.me(&mine).json();
    assert_eq!(me["account"]["id"], "anna");
    let service = &both.service;
    let otpauth = &service.house.secrets["anna"];
    // The code of before was used when the house was built.
    service.house.pass(30);
    both.provider.set(|provider| provider.now_s += 30);
    let one_time = one_time_code(otpauth, service.house.now_ms() / 1000).unwrap();
    let by_password = json!({"name": "anna", "password": PASSWORD, "one_time_code": &*one_time});
    let by_password = both.post("/v1/sessions", &by_password);
    let other = both.me(&token(&by_password)).json();
    assert_eq!((&me["scopes"], &me["account"]), (&other["scopes"], &other["account"]));
    let lasts = |reply: &Reply| reply.json()["expires_s"].as_u64().unwrap();
    assert_eq!(lasts(&by_provider) + 30, lasts(&by_password));
    let headers = format!("authorization: Bearer {mine}\r\ncontent-type: application/json\r\nidempotency-key: k\r\n");
    let released = call(service.address, "POST", "/v1/releases", (&headers, ask(1).to_string().as_bytes()));
    assert_eq!(released.json()["code"], code_of(1).as_str());
    assert_eq!(both.provider.asked("/.well-known/openid-configuration"), 1);
    assert_eq!(both.provider.asked("/keys"), 1);
}

#[test]
fn only_who_began_finishes_once_in_time_and_everybody_else_hears_what_a_wrong_password_hears() {
    let both = Both::new("");
    let wrong = wrong_password(both.service.address);
    assert_eq!(wrong.0, 401);
    let refused = |reply: &Reply, what: &str| assert_eq!(alike(reply), wrong, "{what}");
    let (code, state) = both.come_back();
    let thief = "a-thief-s-own-verifier-of-forty-three-chars";
    refused(&both.finish(&code, &state, thief), "a stolen redirect");
    refused(&both.finish(&code, &state, ""), "without a verifier");
    refused(&both.finish(&code, &state, CHALLENGE), "what was seen on the way");
    refused(&both.finish(&code, "another-state", VERIFIER), "another state");
    assert_eq!(both.provider.asked("/token"), 0, "none of these goes to the provider");
    token(&both.finish(&code, &state, VERIFIER));
    refused(&both.finish(&code, &state, VERIFIER), "a second time");
    let (_, again) = both.come_back();
    refused(&both.finish(&code, &again, VERIFIER), "the code of before");
    let ((one, first), (other, second)) = (both.come_back(), both.come_back());
    assert_ne!((&one, &first), (&other, &second));
    // The provider knows each code with its own nonce, and PKCE is the same for both.
    refused(&both.finish(&other, &first, VERIFIER), "another sign-in's code");
    let (late, state) = both.come_back();
    both.service.house.pass(600);
    both.provider.set(|provider| provider.now_s += 600);
    refused(&both.finish(&late, &state, VERIFIER), "too late");
    token(&both.sign_in());
}

#[test]
fn a_redirect_that_names_another_issuer_or_none_where_one_is_promised_lets_nobody_in() {
    let both = Both::new("");
    both.provider.set(|provider| {
        provider.description.insert("authorization_response_iss_parameter_supported".to_owned(), true.into());
    });
    let own = both.provider.issuer();
    for (iss, status) in [(Some(own.as_str()), 201), (Some("https://evil.example"), 401), (Some(""), 401), (None, 401)]
    {
        let (code, state) = both.come_back();
        let shown = json!({"state": state, "code": code, "code_verifier": VERIFIER, "iss": iss});
        assert_eq!(both.post("/v1/sign-ins/finish", &shown).status, status, "{iss:?}");
    }
    assert_eq!(both.provider.tokens(), 1);
}

#[test]
fn what_is_asked_for_wrongly_is_named() {
    let both = Both::new("");
    let right = json!({"with": "maker", "redirect_uri": BACK, "code_challenge": CHALLENGE});
    for (field, value, word) in [
        ("with", "nobody", "there is maker"),
        ("with", "", "there is maker"),
        ("redirect_uri", "https://evil.example/callback", "redirect_uris"),
        ("redirect_uri", "http://127.0.0.1:9/elsewhere", "redirect_uris"),
        ("redirect_uri", "http://localhost:9/callback", "redirect_uris"),
        ("redirect_uri", "http://127.0.0.1:9/callback#x", "redirect_uris"),
        ("redirect_uri", "nonsense", "redirect_uris"),
        ("code_challenge", "", "43 characters"),
        ("code_challenge", "too-short", "43 characters"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c=", "43 characters"),
    ] {
        let mut body = right.clone();
        body[field] = value.into();
        let reply = both.post("/v1/sign-ins", &body);
        assert_eq!((reply.status, reply.json()["field"].as_str()), (422, Some(field)), "{value}: {}", reply.text());
        assert!(reply.text().contains(word), "{value}: {}", reply.text());
    }
    assert_eq!(both.provider.asked("/.well-known/openid-configuration"), 0);
}

/// Tells a lie in an ID token, and answers what came of it; the truth works before and after.
fn lie(both: &Both, what: &str, tell: impl FnOnce(&mut support::provider::Behaviour)) -> Reply {
    let before = both.provider.tokens();
    both.provider.set(tell);
    let reply = both.sign_in();
    assert_eq!(both.provider.tokens(), before + 1, "{what}: it was not told");
    both.provider.set(|provider| {
        provider.claims.clear();
        provider.signed = Signed::Well;
    });
    // Whatever keys were looked for: that is another matter.
    both.service.house.pass(10);
    both.provider.set(|provider| provider.now_s += 10);
    reply
}

#[test]
fn no_claim_that_is_wrong_lets_anybody_in() {
    let both = Both::new("");
    let now_s = START_S;
    for (claim, value, status) in [
        ("nonce", json!("another"), 401),
        ("nonce", json!(""), 401),
        ("nonce", Value::Null, 401),
        ("sub", json!("248289761002"), 401),
        ("sub", json!("anna"), 401),
        ("sub", Value::Null, 503),
        ("sub", json!(""), 503),
        ("sub", json!("2".repeat(256)), 503),
        ("sub", json!("248289761001\n"), 503),
        ("sub", json!(["248289761001"]), 503),
        ("iss", json!("https://evil.example"), 503),
        ("iss", json!(format!("{}/", both.provider.issuer())), 503),
        ("iss", Value::Null, 503),
        ("aud", json!("another"), 503),
        ("aud", json!([]), 503),
        ("aud", json!([CLIENT, "another"]), 503),
        ("aud", Value::Null, 503),
        ("azp", json!("another"), 503),
        ("exp", json!(now_s - 1_000), 503),
        ("exp", json!(0), 503),
        ("exp", json!("tomorrow"), 503),
        ("exp", Value::Null, 503),
        ("iat", json!(now_s + 86_400), 503),
        ("iat", json!(now_s - 86_400), 503),
        ("iat", Value::Null, 503),
    ] {
        let said = format!("{claim} {value}");
        let reply = lie(&both, &said, |provider| {
            provider.claims.insert(claim.to_owned(), value);
        });
        let kind = if status == 401 { "sign-in" } else { "provider" };
        assert_eq!((reply.status, reply.problem().as_str()), (status, kind), "{said}: {}", reply.text());
    }
    for (claim, value) in [("azp", json!(CLIENT)), ("aud", json!([CLIENT])), ("email", json!("root@maker.example"))] {
        let reply = lie(&both, claim, |provider| {
            provider.claims.insert(claim.to_owned(), value);
        });
        assert_eq!(both.me(&token(&reply)).json()["account"]["id"], "anna");
    }
}

#[test]
fn no_signature_but_that_of_a_published_key_lets_anybody_in() {
    let both = Both::new("");
    token(&both.sign_in());
    for signed in [
        Signed::ByAnother,
        Signed::ByNobody,
        Signed::Not,
        Signed::NotButSo,
        Signed::ByPublicKey,
        Signed::BySecret,
        Signed::Changed,
    ] {
        let reply = lie(&both, &format!("{signed:?}"), |provider| provider.signed = signed);
        assert_eq!((reply.status, reply.problem().as_str()), (503, "provider"), "{signed:?}: {}", reply.text());
    }
    token(&both.sign_in());
}

#[test]
fn an_algorithm_that_is_not_configured_is_none_however_well_it_signs() {
    let both = Both::untied("");
    assert_eq!(both.tie("anna", SUBJECT).status, 204);
    let reply = both.sign_in();
    assert_eq!((reply.status, reply.problem().as_str()), (503, "provider"), "RS256 alone is usual, and this is ES256");
}

#[test]
fn keys_that_are_new_are_fetched_once_and_not_as_often_as_tokens_name_unknown_ones() {
    let both = Both::new("");
    token(&both.sign_in());
    assert_eq!(both.provider.asked("/keys"), 1);
    both.provider.set(|provider| provider.key = 1);
    token(&both.sign_in());
    token(&both.sign_in());
    assert_eq!(both.provider.asked("/keys"), 2, "the rotated key was fetched, and kept");
    both.provider.set(|provider| provider.signed = Signed::ByNobody);
    for _ in 0..3 {
        assert_eq!(both.sign_in().problem(), "provider");
    }
    assert_eq!(both.provider.asked("/keys"), 2, "not again within ten seconds");
    both.service.house.pass(10);
    for _ in 0..3 {
        assert_eq!(both.sign_in().problem(), "provider");
    }
    assert_eq!(both.provider.asked("/keys"), 3);
    both.provider.set(|provider| provider.signed = Signed::Well);
    token(&both.sign_in());
    // What it says of itself is believed for an hour.
    both.service.house.pass(3_600);
    both.provider.set(|provider| provider.now_s += 3_610);
    token(&both.sign_in());
    assert_eq!((both.provider.asked("/keys"), both.provider.asked("/.well-known/openid-configuration")), (4, 2));
}

#[test]
fn a_provider_that_fails_in_any_way_costs_a_503_and_lets_nobody_in() {
    let both = Both::new("timeout_s = 1\n");
    let elsewhere = format!("{}/keys", both.provider.issuer());
    let ways = || {
        [
            Answer::Never,
            Answer::Trickle,
            Answer::Endless,
            Answer::Cut,
            Answer::Moved(elsewhere.clone()),
            Answer::Other(500, "{}".to_owned()),
            Answer::Other(200, "no JSON".to_owned()),
            Answer::Other(200, "{}".to_owned()),
            Answer::Other(200, "[]".to_owned()),
            Answer::Other(200, String::new()),
            Answer::Other(200, "[".repeat(100_000)),
        ]
    };
    let failed = |reply: &Reply, what: &str| {
        assert_eq!((reply.status, reply.problem().as_str()), (503, "provider"), "{what}: {}", reply.text());
        assert_eq!(reply.header("retry-after"), Some("5"), "{what}");
    };
    for path in ["/.well-known/openid-configuration", "/keys"] {
        for way in ways() {
            // A set without keys is a set; it is of no use later.
            if path == "/keys" && way == Answer::Other(200, "{}".to_owned()) {
                continue;
            }
            let what = format!("{path}: {way:?}").chars().take(80).collect::<String>();
            let before = both.provider.asked(path);
            both.provider.set(|provider| drop(provider.at.insert(path, way)));
            failed(&both.begin(), &what);
            assert_eq!(both.provider.asked(path), before + 1, "{what}");
            both.provider.set(|provider| provider.at.clear());
        }
    }
    for way in ways() {
        let what = format!("token: {way:?}").chars().take(80).collect::<String>();
        let (code, state) = both.come_back();
        both.provider.set(|provider| drop(provider.at.insert("/token", way)));
        failed(&both.finish(&code, &state, VERIFIER), &what);
        both.provider.set(|provider| provider.at.clear());
        assert_eq!(both.finish(&code, &state, VERIFIER).status, 401, "{what}: it is begun anew");
    }
    let errors = [("invalid_grant", 401), ("invalid_client", 503), ("server_error", 503), ("of its own", 503)];
    for (error, status) in errors {
        let (code, state) = both.come_back();
        let said = Answer::Other(400, json!({ "error": error }).to_string());
        both.provider.set(|provider| drop(provider.at.insert("/token", said)));
        assert_eq!(both.finish(&code, &state, VERIFIER).status, status, "{error}");
        both.provider.set(|provider| provider.at.clear());
    }
    token(&both.sign_in());
}

#[test]
fn a_description_that_leads_elsewhere_is_not_followed() {
    let both = Both::new("");
    let other = Provider::new(START_S);
    for (field, value) in [
        ("issuer", json!("https://evil.example")),
        ("issuer", json!(other.issuer())),
        ("token_endpoint", json!("http://evil.example/token")),
        ("token_endpoint", json!("ftp://evil.example/token")),
        ("token_endpoint", Value::Null),
        ("jwks_uri", json!("http://10.0.0.1/keys")),
        ("jwks_uri", json!("file:///etc/passwd")),
        ("authorization_endpoint", json!("javascript:alert(1)")),
        ("authorization_endpoint", json!("http://evil.example/authorize")),
        ("token_endpoint_auth_methods_supported", json!(["private_key_jwt"])),
    ] {
        let said = format!("{field}: {value}");
        both.provider.set(|provider| drop(provider.description.insert(field.to_owned(), value)));
        let reply = both.begin();
        assert_eq!((reply.status, reply.problem().as_str()), (503, "provider"), "{said}: {}", reply.text());
        both.provider.set(|provider| provider.description.clear());
        both.service.house.pass(3_600);
        both.provider.set(|provider| provider.now_s += 3_600);
    }
    // A secret in the body, where that is the only way.
    both.provider.set(|provider| {
        let post = json!(["client_secret_post"]);
        provider.description.insert("token_endpoint_auth_methods_supported".to_owned(), post);
    });
    token(&both.sign_in());
}

#[test]
fn whoever_waits_for_a_provider_holds_up_nobody_else() {
    let both = Both::new("timeout_s = 20\n");
    both.provider.set(|provider| drop(provider.at.insert("/.well-known/openid-configuration", Answer::Never)));
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..8).map(|_| scope.spawn(|| both.begin().status)).collect();
        // All of them are there before anybody else asks.
        while both.provider.asked("/.well-known/openid-configuration") < 8 {
            std::thread::yield_now();
        }
        assert_eq!(both.service.release("anna", "meanwhile", &ask(1)).json()["code"], code_of(1).as_str());
        assert_eq!(both.begin().status, 503, "all turns are taken");
        assert_eq!(both.service.get("ben", "/v1/me").status, 200);
        both.provider.set(|provider| provider.at.clear());
        assert!(waiting.into_iter().all(|one| one.join().unwrap() == 503));
    });
    token(&both.sign_in());
}

#[test]
fn a_second_factor_that_was_not_asked_for_is_missed() {
    let both = Both::new("acr_any_of = [\"two\", \"three\"]\namr_all_of = [\"otp\"]\n");
    let open = both.begin().json()["open"].as_str().unwrap().to_owned();
    assert_eq!(both.provider.browse(&open).2["acr_values"], "two three");
    token(&both.sign_in());
    for (claim, value) in [
        ("acr", json!("one")),
        ("acr", json!("")),
        ("acr", Value::Null),
        ("amr", json!(["pwd"])),
        ("amr", json!([])),
        ("amr", Value::Null),
    ] {
        let said = format!("{claim} {value}");
        let reply = lie(&both, &said, |provider| {
            provider.claims.insert(claim.to_owned(), value);
        });
        assert_eq!((reply.status, reply.problem().as_str()), (401, "sign-in"), "{said}");
    }
    let reply = lie(&both, "acr three", |provider| {
        provider.claims.insert("acr".to_owned(), "three".into());
    });
    token(&reply);
}

#[test]
fn an_administrator_ties_and_unties_and_what_rested_on_it_is_over() {
    let both = Both::untied("algorithms = [\"ES256\"]\n");
    let service = &both.service;
    let wrong = wrong_password(service.address);
    assert_eq!(alike(&both.sign_in()), wrong, "whom nobody tied");
    let new = json!({"issuer": both.provider.issuer(), "subject": SUBJECT, "label": "the maker's"});
    let path = "/v1/accounts/anna/identities";
    assert_eq!(service.by("anna", "POST", path, &new).problem(), "not-allowed");
    assert_eq!(service.by("ed", "POST", path, &new).problem(), "not-allowed");
    for (field, value) in [("issuer", "https://other.example"), ("issuer", ""), ("subject", ""), ("subject", "é")] {
        let mut body = new.clone();
        body[field] = value.into();
        let reply = service.by("root", "POST", path, &body);
        assert_eq!((reply.status, reply.json()["field"].as_str()), (422, Some(field)), "{value}: {}", reply.text());
    }
    assert_eq!(service.by("root", "POST", path, &new).status, 204);
    assert_eq!(service.by("root", "POST", path, &new).problem(), "conflict");
    assert_eq!(service.by("root", "POST", "/v1/accounts/ben/identities", &new).problem(), "conflict");
    let mine = token(&both.sign_in());
    let listed = service.get("anna", path).json();
    let sha256 = listed[0]["sha256"].as_str().unwrap().to_owned();
    assert_eq!((&listed[0]["subject"], &listed[0]["revoked_s"]), (&json!(SUBJECT), &Value::Null));
    assert_eq!(service.get("ben", path).problem(), "not-allowed");
    let own = service.get("anna", "/v1/tokens").text();
    assert!(own.contains("openid-connect"), "{own}");
    let untie = format!("{path}/{sha256}");
    assert_eq!(service.by("anna", "DELETE", &untie, &json!(null)).problem(), "not-allowed");
    assert_eq!(service.by("root", "DELETE", "/v1/accounts/anna/identities/zz", &json!(null)).status, 422);
    assert_eq!(both.me(&mine).status, 200);
    assert_eq!(service.by("root", "DELETE", &untie, &json!(null)).status, 204);
    assert_eq!(both.me(&mine).problem(), "not-signed-in", "at once");
    assert_eq!(alike(&both.sign_in()), wrong);
    assert!(service.get("root", path).json()[0]["revoked_s"].is_u64());
    assert!(!service.get("anna", "/v1/tokens").text().contains("openid-connect"));
}

#[test]
fn an_account_that_is_locked_stays_so_whatever_a_provider_says() {
    let both = Both::new("");
    let lock = json!({"change": "state", "state": "locked", "reason": "left"});
    both.service.by("root", "PATCH", "/v1/accounts/anna", &lock);
    assert_eq!(alike(&both.sign_in()), wrong_password(both.service.address));
}

#[test]
fn the_description_of_the_routes_has_these() {
    let both = Both::new("");
    let described = both.service.get("root", "/openapi.json").json();
    for path in ["/v1/sign-ins", "/v1/sign-ins/finish"] {
        let responses = &described["paths"][path]["post"]["responses"];
        assert!(["201", "4XX", "503"].iter().all(|status| responses[status].is_object()), "{path}: {responses}");
    }
    assert!(described["paths"]["/v1/accounts/{id}/identities"]["get"].is_object());
}
