//! TLS: the service's own certificate, and who signs those of people and machines.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};

use crate::config::TlsConfig;

/// Why TLS is not possible with these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that is not there, or not PEM of what is wanted.
    #[error("{field}: {path}: {why}; PEM is wanted")]
    Pem {
        /// Which field.
        field: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        why: rustls::pki_types::pem::Error,
    },
    /// A file without any certificate.
    #[error("{field}: {path} has no certificate")]
    Empty {
        /// Which field.
        field: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key do not belong together, or one of them is not supported.
    #[error("certificate, key: {0}")]
    Pair(#[from] rustls::Error),
    /// The authority is none.
    #[error("client_ca: {0}")]
    Authority(#[from] VerifierBuilderError),
}

/// SHA-256 of the first certificate of a PEM text, in hexadecimal digits, as an account keeps it; none if there is no certificate.
pub fn certificate_fingerprint(pem: &[u8]) -> Option<String> {
    let certificate = CertificateDer::from_pem_slice(pem).ok()?;
    Some(headlock_wire::hex::digits(&Sha256::digest(&certificate)))
}

/// What connections are made with.
pub(crate) fn load(config: &TlsConfig) -> Result<Arc<ServerConfig>, TlsError> {
    let certificates = certificates("certificate", &config.certificate)?;
    let pem = |why| TlsError::Pem { field: "key", path: config.key.clone(), why };
    let key = PrivateKeyDer::from_pem_file(&config.key).map_err(pem)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match &config.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in self::certificates("client_ca", path)? {
                roots.add(certificate)?;
            }
            // Whoever shows none can still sign in; one that is shown has to be good.
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.allow_unauthenticated().build()?)
        }
    };
    let mut server = builder.with_single_cert(certificates, key)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(server))
}

/// When any of the files was changed last.
pub(crate) fn changed(config: &TlsConfig) -> Vec<Option<SystemTime>> {
    let files = [Some(&config.certificate), Some(&config.key), config.client_ca.as_ref()];
    let time = |path: &PathBuf| fs::metadata(path).and_then(|about| about.modified()).ok();
    files.into_iter().flatten().map(time).collect()
}

fn certificates(field: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = |why| TlsError::Pem { field, path: path.to_owned(), why };
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(pem)?.collect();
    let read = read.map_err(pem)?;
    if read.is_empty() { Err(TlsError::Empty { field, path: path.to_owned() }) } else { Ok(read) }
}
