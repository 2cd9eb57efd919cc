//! The database servers that the registry's shared store is tested on: PostgreSQL, and what makes a pair of it.

use std::fs;
use std::path::Path;

use crate::debian::{on_path, packages, quiet};

/// Installs what is lacking; fast when nothing is.
pub(crate) fn install() -> Result<(), String> {
    let lacking: Vec<&str> = [
        ("postgresql", has_postgres()),
        ("patroni", on_path("patroni")),
        ("etcd-server", on_path("etcd")),
        // Patroni is Debian's, and so is the Python that it runs on.
        ("python3-etcd", quiet("/usr/bin/python3", &["-c", "import etcd"]).is_ok()),
        // `setpriv` and `unshare`.
        ("util-linux", on_path("setpriv") && on_path("unshare")),
    ]
    .into_iter()
    .filter(|(_, there)| !there)
    .map(|(package, _)| package)
    .collect();
    if lacking.is_empty() { Ok(()) } else { packages("the tests of the registry's stores", &lacking) }
}

/// Debian keeps the server off the path, in a folder for each version.
fn has_postgres() -> bool {
    let versions = fs::read_dir(Path::new("/usr/lib/postgresql"));
    let mut versions = versions.into_iter().flatten().flatten();
    on_path("postgres") || versions.any(|version| version.path().join("bin/postgres").is_file())
}
