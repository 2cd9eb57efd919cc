//! The foreign peers: other people's testers, ECUs and dissectors, which ours must get on with.

use std::fs;
use std::path::{Path, PathBuf};

use crate::debian::{on_path, packages, quiet};
use crate::run::{root, run as call};

/// What is no Python package: the program, and the Debian package that brings it.
const PROGRAMS: [(&str, &str); 3] = [("age", "age"), ("socat", "socat"), ("tshark", "tshark")];

/// Installs the peers and lets them meet the release build; `arguments` go to pytest.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let python = install()?;
    // Some meet several instances of the registry on one database.
    crate::engines::install()?;
    // With all that is left out of a small build, and met here.
    let build = ["build", "--release", "--locked", "--package", "headlock", "--features", "oidc"];
    call("release build", "cargo", &build, &[])?;
    let mut all = vec!["-m", "pytest", "tests/interop"];
    all.extend(arguments.iter().map(String::as_str));
    // What Python compiles stays out of the sources.
    call("foreign peers", &python.to_string_lossy(), &all, &[("PYTHONDONTWRITEBYTECODE", "1")])
}

/// Installs what is lacking and names the Python that has all peers; fast when nothing is lacking.
pub(crate) fn install() -> Result<PathBuf, String> {
    programs()?;
    let wanted = root().join("tests/interop/requirements.txt");
    let wanted = fs::read_to_string(&wanted).map_err(|why| format!("{}: {why}", wanted.display()))?;
    let home = root().join("target/interop/venv");
    let python = home.join("bin/python");
    // The stamp is the list itself: what is installed is what it says, or is installed anew.
    let stamp = home.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && quiet(&python, &["--version"]).is_ok() {
        return Ok(python);
    }
    environment(&home)?;
    let arguments =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "tests/interop/requirements.txt"];
    call("installing foreign peers", &python.to_string_lossy(), &arguments, &[])
        .map_err(|why| format!("{why}\nthe peers in tests/interop/requirements.txt come from pypi.org; Python 3.11"))?;
    fs::write(&stamp, wanted).map_err(|why| format!("{}: {why}", stamp.display()))?;
    Ok(python)
}

/// Programs that Debian packages bring.
fn programs() -> Result<(), String> {
    let lacking: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| !on_path(program)).map(|(_, package)| *package).collect();
    if lacking.is_empty() { Ok(()) } else { packages("the foreign peers", &lacking) }
}

/// An empty Python environment. Debian's own Python can make one only with a package more.
fn environment(home: &Path) -> Result<(), String> {
    let target = home.to_string_lossy();
    let arguments = ["-m", "venv", "--clear", &target];
    let Err(first) = quiet("python3", &arguments) else { return Ok(()) };
    packages("the foreign peers", &["python3-venv"]).map_err(|why| format!("{first}\n{why}"))?;
    quiet("/usr/bin/python3", &arguments).map(drop)
}
