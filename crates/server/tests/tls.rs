//! TLS, and people who are known by a certificate.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use headlock_server::api;
use headlock_server::client::{Address, Client, ClientError};
use headlock_wire::hex;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use serde_json::json;
use sha2::{Digest, Sha256};
use support::{House, Service, ask};

struct Authority(CertifiedIssuer<'static, KeyPair>);

struct Pair {
    chain: PathBuf,
    key: PathBuf,
    sha256: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn write(&self, path: &Path) {
        std::fs::write(path, self.0.pem()).unwrap();
    }

    fn issue(&self, folder: &Path, name: &str, (usage, until): (ExtendedKeyUsagePurpose, i32)) -> Pair {
        let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.extended_key_usages = vec![usage];
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let pair = Pair {
            chain: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
            sha256: hex::digits(&Sha256::digest(certificate.der())),
        };
        std::fs::write(&pair.chain, certificate.pem()).unwrap();
        std::fs::write(&pair.key, key.serialize_pem()).unwrap();
        pair
    }
}

fn client(service: &Service, ca: &Path, pair: Option<&Pair>) -> Client {
    let url = format!("https://127.0.0.1:{}", service.address.port());
    let certificate = pair.map(|pair| (pair.chain.clone(), pair.key.clone()));
    Client::new(&Address { url, ca: Some(ca.to_owned()), certificate }).unwrap()
}

#[test]
fn a_certificate_stands_for_somebody_until_it_is_revoked_and_only_if_it_is_of_the_right_authority() {
    let house = House::new();
    let folder = house.folder.path().to_owned();
    let (own, other) = (Authority::new("own"), Authority::new("other"));
    let (ca, other_ca) = (folder.join("ca.pem"), folder.join("other-ca.pem"));
    own.write(&ca);
    other.write(&other_ca);
    let server = own.issue(&folder, "server", (ExtendedKeyUsagePurpose::ServerAuth, 4000));
    let of = |authority: &Authority, name: &str, until| {
        authority.issue(&folder, name, (ExtendedKeyUsagePurpose::ClientAuth, until))
    };
    let (anna, stranger) = (of(&own, "anna", 4000), of(&own, "stranger", 4000));
    let (expired, foreign) = (of(&own, "expired", 2001), of(&other, "foreign", 4000));
    let mut config = house.config();
    config.tls = Some(headlock_server::TlsConfig {
        certificate: server.chain.clone(),
        key: server.key.clone(),
        client_ca: Some(ca.clone()),
    });
    config.check().expect("a good configuration");
    let service = house.serve_with(config);

    let root = client(&service, &ca, None).with_token(api::Secret::new(service.token("root")));
    for pair in [&anna, &expired, &foreign] {
        let new = api::NewCertificate { sha256: pair.sha256.clone(), label: "card".to_owned() };
        root.add_certificate("anna", &new).expect("a certificate on record");
    }
    let by_card = client(&service, &ca, Some(&anna));
    assert_eq!(by_card.me().unwrap().account.id, "anna");
    let release: api::Release = serde_json::from_value(ask(1)).unwrap();
    assert!(matches!(by_card.release("k", &release), Ok(api::Answer::Released(_))));
    let status = |client: &Client| client.me().unwrap_err().problem().map(|problem| problem.status);
    assert_eq!(status(&client(&service, &ca, Some(&stranger))), Some(401), "good, and nobody's");
    assert_eq!(status(&client(&service, &ca, None)), Some(401), "none at all");
    for pair in [&expired, &foreign] {
        let refused = client(&service, &ca, Some(pair)).me().unwrap_err();
        assert!(matches!(refused, ClientError::Transport(_)), "{refused}");
    }
    let other = client(&service, &other_ca, None).health().unwrap_err();
    assert!(matches!(other, ClientError::Transport(_)), "the service is checked too: {other}");
    root.revoke_certificate("anna", &anna.sha256).unwrap();
    assert_eq!(status(&by_card), Some(401), "revoked");
}

#[test]
fn a_configuration_says_what_is_wrong_with_it() {
    let house = House::new();
    let folder = house.folder.path().to_owned();
    let authority = Authority::new("own");
    let one = authority.issue(&folder, "one", (ExtendedKeyUsagePurpose::ServerAuth, 4000));
    let two = authority.issue(&folder, "two", (ExtendedKeyUsagePurpose::ServerAuth, 4000));
    let check = |change: &dyn Fn(&mut headlock_server::Config)| {
        let mut config = house.config();
        change(&mut config);
        config.check().unwrap_err().to_string()
    };
    let tls = |chain: &Path, key: &Path| {
        let (certificate, key) = (chain.to_owned(), key.to_owned());
        Some(headlock_server::TlsConfig { certificate, key, client_ca: None })
    };
    assert!(check(&|config| config.tls = tls(&one.chain, &two.key)).starts_with("tls: certificate, key:"));
    assert!(check(&|config| config.tls = tls(&folder.join("no"), &two.key)).starts_with("tls: certificate:"));
    assert!(check(&|config| config.listen = "0.0.0.0:80".parse().unwrap()).starts_with("listen:"));
    assert!(check(&|config| config.data = folder.join("no")).starts_with("data:"));
    assert!(check(&|config| config.rules = Some(folder.join("no"))).starts_with("rules:"));
    assert!(check(&|config| config.store = Some("mysql://x".to_owned())).starts_with("store:"));
    assert!(check(&|config| config.limits.batch = 0).starts_with("limits.batch:"));
    assert!(check(&|config| config.log.witnesses = vec!["x".to_owned()]).starts_with("log.witnesses:"));
    let unknown = headlock_server::Config::parse("listen = \"127.0.0.1:1\"\ndata = \".\"\nlissten = 1").unwrap_err();
    assert!(unknown.to_string().contains("lissten"), "{unknown}");
    let _ = json!({});
}
