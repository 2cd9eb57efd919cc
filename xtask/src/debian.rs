//! Programs that Debian's packages bring.

use std::env;
use std::ffi::OsString;
use std::process::Command;

use crate::run::root;

/// Installs Debian packages that something needs, or says which are lacking and how to get them.
pub(crate) fn packages(who: &str, names: &[&str]) -> Result<(), String> {
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
        format!("{who} need {names}, which could not be installed; try: apt-get install {names}\n{why}{update}")
    })
}

/// Whether the shell would find the program.
pub(crate) fn on_path(program: &str) -> bool {
    env::split_paths(&env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join(program).is_file())
}

/// Runs a program without showing what it says, unless it fails; answers what it printed.
pub(crate) fn quiet(program: impl Into<OsString>, arguments: &[&str]) -> Result<String, String> {
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
