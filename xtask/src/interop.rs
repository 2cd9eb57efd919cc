//! The foreign peers: other people's testers, ECUs and dissectors, which ours must get on with.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{root, run as call};

/// What is no Python package: the program, and the Debian package that brings it.
const PROGRAMS: [(&str, &str); 2] = [("socat", "socat"), ("tshark", "tshark")];

/// Installs the peers and lets them meet the release build; `arguments` go to pytest.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let python = install()?;
    call("release build", "cargo", &["build", "--release", "--locked", "--package", "headlock"], &[])?;
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
    if lacking.is_empty() { Ok(()) } else { packages(&lacking) }
}

/// An empty Python environment. Debian's own Python can make one only with a package more.
fn environment(home: &Path) -> Result<(), String> {
    let target = home.to_string_lossy();
    let arguments = ["-m", "venv", "--clear", &target];
    let Err(first) = quiet("python3", &arguments) else { return Ok(()) };
    packages(&["python3-venv"]).map_err(|why| format!("{first}\n{why}"))?;
    quiet("/usr/bin/python3", &arguments).map(drop)
}

/// Installs Debian packages, or says which are lacking and how to get them.
fn packages(names: &[&str]) -> Result<(), String> {
    println!("== installing {}", names.join(", "));
    let root = quiet("id", &["-u"])?.trim() == "0";
    let become_root: &[&str] = if root { &["env"] } else { &["sudo", "-n", "env"] };
    let apt = |arguments: &[&str]| {
        let apt_get = ["DEBIAN_FRONTEND=noninteractive", "apt-get"];
        quiet(become_root[0], &[&become_root[1..], &apt_get, arguments].concat())
    };
    let update = apt(&["update", "--quiet=2"]);
    let install = [&["install", "--yes", "--quiet=2", "--no-install-recommends"], names].concat();
    apt(&install).map(drop).map_err(|why| {
        let update = update.err().map(|why| format!("\n{why}")).unwrap_or_default();
        let names = names.join(" ");
        format!(
            "the foreign peers need {names}, which could not be installed; try: apt-get install {names}\n{why}{update}"
        )
    })
}

/// Whether the shell would find the program.
fn on_path(program: &str) -> bool {
    env::split_paths(&env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join(program).is_file())
}

/// Runs a program without showing what it says, unless it fails; answers what it printed.
fn quiet(program: impl Into<OsString>, arguments: &[&str]) -> Result<String, String> {
    let program = program.into();
    let shown = format!("{} {}", program.to_string_lossy(), arguments.join(" "));
    let mut command = Command::new(&program);
    command.args(arguments).current_dir(root());
    let output = command.output().map_err(|why| format!("{shown}: {why}"))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(said(&output.stdout))
    } else {
        Err(format!("{shown} failed: {}\n{}", said(&output.stdout), said(&output.stderr)))
    }
}
