//! `headlock ecu`: a virtual unit that testers talk to.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use headlock_link::host::{Clock, Endpoint, Host, Names, StateFile, entropy, raise_file_limit};
use headlock_lock::Ignition;
use headlock_twin::ecu::{Ecu, HmacKeys, Provisioned};
use headlock_twin::{Input, Supply, Twin};
use headlock_wire::elm327::Persona;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use super::one_unit::OneUnit;
use crate::failure::Failure;
use crate::store::Texts;

/// Hosts a virtual unit as an ECU that testers talk to.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headlock ecu clarion-cl --reading s1-faq --code 1234 --doip --elm327 tcp:127.0.0.1:35000\n  headlock ecu toolbox --state radio.json --elm327 pty:/tmp/elm --slcan pty:/tmp/can --socketcand\n\nEach endpoint is told on a line of its own, then `ready`. It ends with SIGINT or SIGTERM; with --state a kill loses no attempt.\nThe addresses, identifiers and routines are in docs/diagnostics.md."
)]
pub struct Args {
    #[command(flatten)]
    unit: OneUnit,
    /// It is open at first; otherwise it asks for its code.
    #[arg(long)]
    open: bool,
    /// The number of its vehicle.
    #[arg(long, default_value = "SJNFDNJ10U1234567", value_parser = vin)]
    vin: [u8; 17],
    /// The vehicle maker's part number.
    #[arg(long, default_value = "28185-JD00A", value_name = "NUMBER")]
    part_number: String,
    /// A file with the 32 bytes of its SecurityAccess key as 64 hexadecimal digits; without it nobody can unlock it.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// A file with the public key of who signs its firmware, as 64 hexadecimal digits; without it the unit takes none.
    #[arg(long, value_name = "FILE")]
    maker_key: Option<PathBuf>,
    /// Keeps what a real unit keeps when its supply goes.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// DoIP on TCP and UDP.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:13400")]
    doip: Vec<SocketAddr>,
    /// An ELM327: tcp:ADDRESS, pty, or pty:LINK; may be repeated.
    #[arg(long, value_name = "PORT", value_parser = port)]
    elm327: Vec<Port>,
    /// Which chip the ELM327 is, or which copy of it.
    #[arg(long, value_name = "NAME", default_value = "fair-v1.5", value_parser = persona)]
    clone: Persona,
    /// An SLCAN adapter: pty, or pty:LINK.
    #[arg(long, value_name = "PORT", value_parser = port)]
    slcan: Vec<Port>,
    /// socketcand on TCP, with the bus can0.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:29536")]
    socketcand: Vec<SocketAddr>,
    /// A CAN interface of the kernel, like can0.
    #[cfg(feature = "socketcan")]
    #[arg(long, value_name = "INTERFACE")]
    socketcan: Vec<String>,
    /// SOVD on HTTP.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:7690")]
    sovd: Vec<SocketAddr>,
    /// How much faster than real time its clock runs.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    speed: u32,
    /// Its supply, in millivolts.
    #[arg(long, default_value_t = 12_600, value_name = "MV", value_parser = clap::value_parser!(u32).range(0..=60_000))]
    supply_mv: u32,
}

/// Where a serial adapter is to be.
#[derive(Clone, Debug)]
enum Port {
    Tcp(SocketAddr),
    Pty(Option<PathBuf>),
}

fn port(text: &str) -> Result<Port, String> {
    match text.split_once(':') {
        Some(("tcp", at)) => {
            at.parse().map(Port::Tcp).map_err(|_| format!("{at:?} is no address; like tcp:127.0.0.1:35000"))
        }
        Some(("pty", link)) if !link.is_empty() => Ok(Port::Pty(Some(link.into()))),
        None if text == "pty" => Ok(Port::Pty(None)),
        _ => Err("tcp:127.0.0.1:35000, pty, or pty:LINK".to_owned()),
    }
}

fn vin(text: &str) -> Result<[u8; 17], String> {
    let fits = text.bytes().all(|c| c.is_ascii_digit() || (c.is_ascii_uppercase() && !b"IOQ".contains(&c)));
    let bytes = text.as_bytes().try_into().ok().filter(|_| fits);
    bytes
        .ok_or_else(|| "a vehicle's number has 17 digits and capital letters, without I, O and Q (ISO 3779)".to_owned())
}

const PERSONAS: [(&str, Persona); 9] = [
    ("genuine-v1.4", Persona::Genuine14),
    ("genuine-v2.2", Persona::Genuine22),
    ("fair-v1.5", Persona::FairV15),
    ("clone-v1.5", Persona::CloneV15),
    ("two-byte-v2.1", Persona::TwoByteV21),
    ("bluetooth-freeze", Persona::BluetoothFreeze),
    ("hangs-on-tpa0", Persona::HangsOnTpa0),
    ("leading-zeros", Persona::LeadingZeros),
    ("stn1110", Persona::Stn1110),
];

fn persona(text: &str) -> Result<Persona, String> {
    let found = PERSONAS.iter().find(|(name, _)| *name == text).map(|(_, persona)| *persona);
    found.ok_or_else(|| format!("one of {}", PERSONAS.map(|(name, _)| name).join(", ")))
}

/// Runs it until it is told to end.
///
/// # Errors
/// No such unit or reading, a bad file, or an endpoint that cannot be had.
pub fn run(args: &Args, texts: &Texts, json: bool) -> Result<(), Failure> {
    let endpoints = endpoints(args)?;
    let (mut ecu, names) = ecu(args, texts)?;
    let file = match &args.state {
        Some(path) => Some(StateFile::open(path, names, &mut ecu)?),
        None => None,
    };
    let now_ms = ecu.twin().now_ms();
    ecu.happen(now_ms, Input::Supply(Supply::Millivolts(args.supply_mv)));
    ecu.happen(now_ms, Input::Ignition(Ignition::On));
    // Fewer connections than wanted are no reason not to start.
    let _ = raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|why| system(&why))?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, host(ecu, Clock::new(now_ms, args.speed), file, endpoints, json))
}

async fn host(
    ecu: Ecu,
    clock: Clock,
    file: Option<StateFile>,
    endpoints: Vec<Endpoint>,
    json: bool,
) -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|why| system(&why))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|why| system(&why))?;
    let mut host = Host::start(ecu, clock, file);
    for endpoint in endpoints {
        let reached = host.open(endpoint).await.map_err(|error| {
            Failure::input(
                error.to_string(),
                "an address of this machine that is free, port 0 is any free one; for a link, a path that is not taken",
            )
        })?;
        if json {
            crate::paint::say!("{}", json!({ "protocol": reached.protocol, "at": reached.at }));
        } else {
            crate::paint::say!("{} {}", reached.protocol, reached.at);
        }
    }
    crate::paint::say!("{}", if json { json!({ "ready": true }).to_string() } else { "ready".to_owned() });
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        ended = host.ended() => return ended.map_err(Failure::from),
    }
    host.stop().await.map_err(Failure::from)
}

fn endpoints(args: &Args) -> Result<Vec<Endpoint>, Failure> {
    let mut all: Vec<Endpoint> = args.doip.iter().map(|at| Endpoint::Doip(*at)).collect();
    for port in &args.elm327 {
        all.push(match port {
            Port::Tcp(at) => Endpoint::Elm327Tcp(*at, args.clone),
            Port::Pty(link) => Endpoint::Elm327Pty(link.clone(), args.clone),
        });
    }
    for port in &args.slcan {
        all.push(match port {
            Port::Tcp(_) => return Err(Failure::input("SLCAN is spoken on a serial line", "--slcan pty or pty:LINK")),
            Port::Pty(link) => Endpoint::SlcanPty(link.clone()),
        });
    }
    all.extend(args.socketcand.iter().map(|at| Endpoint::Socketcand(*at)));
    #[cfg(feature = "socketcan")]
    all.extend(args.socketcan.iter().cloned().map(Endpoint::Socketcan));
    all.extend(args.sovd.iter().map(|at| Endpoint::Sovd(*at)));
    if all.is_empty() {
        return Err(Failure::input(
            "an ECU that nobody can reach",
            "name an endpoint: --doip, --elm327 tcp:127.0.0.1:35000, --slcan pty, --socketcand, --sovd",
        ));
    }
    Ok(all)
}

fn ecu(args: &Args, texts: &Texts) -> Result<(Ecu, Names), Failure> {
    let (twin, names) = twin(args, texts)?;
    let entropy = || entropy().map_err(|why| system(&why));
    let secret = match &args.key_file {
        Some(path) => *key(path)?,
        None => entropy()?,
    };
    let provisioned = Provisioned {
        vin: args.vin,
        part_number: args.part_number.clone(),
        keys: Box::new(HmacKeys::new(secret)),
        maker: args.maker_key.as_deref().map(key).transpose()?.map(|key| *key),
        entropy: entropy()?,
    };
    Ok((Ecu::new(twin, provisioned), names))
}

fn twin(args: &Args, texts: &Texts) -> Result<(Twin, Names), Failure> {
    let running = args.unit.start(texts, !args.open)?;
    let reading = running.label.split_once(" reading ").map_or("", |(_, reading)| reading);
    let reading = reading.split(" (").next().unwrap_or_default().to_owned();
    let (unit, serial) = (running.twin.spec().unit_id().to_owned(), running.twin.spec().serial().to_owned());
    Ok((running.twin, Names { unit, reading, serial }))
}

/// 32 bytes as 64 hexadecimal digits.
pub(super) fn key(path: &Path) -> Result<Zeroizing<[u8; 32]>, Failure> {
    let wrong = |what: String| Failure::input(what, "a file with 64 hexadecimal digits: openssl rand -hex 32 > FILE");
    let text = fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|why| wrong(format!("cannot read {}: {why}", path.display())))?;
    let bytes = headlock_wire::hex::bytes(text.trim()).map(Zeroizing::new);
    let key = bytes.and_then(|bytes| <[u8; 32]>::try_from(&bytes[..]).ok());
    key.map(Zeroizing::new).ok_or_else(|| wrong(format!("{} is no key of 32 bytes", path.display())))
}

fn system(why: &std::io::Error) -> Failure {
    Failure::input(format!("the system refuses: {why}"), "try again; if it stays so, look at its limits")
}
