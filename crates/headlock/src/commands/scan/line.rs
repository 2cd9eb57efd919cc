//! Which line leads to the unit.

use std::path::{Path, PathBuf};

use embedded_can::{ExtendedId, Id, StandardId};
use headlock_link::tester::{
    CanTransport, DoipTransport, Elm327, HexLines, LinkError, Slcan, Socketcand, TESTER, Tester, Trace, Transport,
};
use headlock_wire::doip::Address;

use super::report::Adapter;
use crate::failure::Failure;

/// The line.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// An ELM327: a serial port like /dev/ttyUSB0 or /dev/rfcomm0, or tcp:HOST:PORT.
    #[arg(long, value_name = "PORT")]
    elm327: Option<String>,
    /// A DoIP gateway, HOST:PORT.
    #[arg(long, value_name = "ADDRESS")]
    doip: Option<String>,
    /// An SLCAN adapter: a serial port, or tcp:HOST:PORT.
    #[arg(long, value_name = "PORT")]
    slcan: Option<String>,
    /// A socketcand server, HOST:PORT or HOST:PORT/BUS.
    #[arg(long, value_name = "ADDRESS")]
    socketcand: Option<String>,
    /// A CAN interface of the kernel, like can0, that is up at the car's speed.
    #[cfg(feature = "socketcan")]
    #[arg(long, value_name = "INTERFACE")]
    socketcan: Option<String>,
    /// A virtual ECU of a test tool: tcp-lines://HOST:PORT.
    #[arg(long, value_name = "URL")]
    target: Option<String>,
}

/// The line, and who is on it.
#[derive(Debug, clap::Args)]
pub(super) struct LineArgs {
    #[command(flatten)]
    which: Which,
    /// The speed of the serial port; without it the usual ones are tried, and 115200 for SLCAN.
    #[arg(long, value_name = "BAUD")]
    baud: Option<u32>,
    /// The unit's address on DoIP.
    #[arg(long, default_value = "1001", value_name = "HEX", value_parser = address)]
    ecu: Address,
    /// This tester's address on DoIP.
    #[arg(long, default_value_t = TESTER, value_name = "HEX", value_parser = address)]
    source: Address,
    /// The identifier of requests on CAN: 3 digits are 11 bits, 8 are 29.
    #[arg(long, default_value = "7E0", value_name = "HEX", value_parser = identifier)]
    request_id: Id,
    /// The identifier of answers on CAN.
    #[arg(long, default_value = "7E8", value_name = "HEX", value_parser = identifier)]
    response_id: Id,
    /// Writes what is said: uds.txt, trace.txt, and trace.pcap for Wireshark.
    #[arg(long, value_name = "DIR")]
    trace: Option<PathBuf>,
}

fn address(text: &str) -> Result<Address, String> {
    let address = headlock_wire::hex::bytes(text).and_then(|bytes| <[u8; 2]>::try_from(bytes).ok());
    address
        .map(|bytes| Address(u16::from_be_bytes(bytes)))
        .ok_or_else(|| "four hexadecimal digits, like 1001".to_owned())
}

fn identifier(text: &str) -> Result<Id, String> {
    let is_hex = text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let raw = u32::from_str_radix(text, 16).ok().filter(|_| is_hex);
    let id = raw.and_then(|raw| match text.len() {
        1..=3 => StandardId::new(u16::try_from(raw).ok()?).map(Id::Standard),
        8 => ExtendedId::new(raw).map(Id::Extended),
        _ => None,
    });
    id.ok_or_else(|| "an identifier of CAN: 7E0, or 18DA10F1".to_owned())
}

impl LineArgs {
    /// Opens it.
    pub(super) fn open(&self) -> Result<(Tester, Option<Adapter>), Failure> {
        let ids = (self.request_id, self.response_id);
        #[cfg(feature = "socketcan")]
        if let Some(interface) = &self.which.socketcan {
            let bus = headlock_link::tester::Socketcan::open(interface)?;
            return Ok((Tester::new(Box::new(CanTransport::new(bus, ids.0, ids.1, self.can_trace()?))), None));
        }
        let mut adapter = None;
        let transport: Box<dyn Transport> = if let Some(at) = &self.which.elm327 {
            let elm = Elm327::open(at, self.baud, ids, self.can_trace()?)?;
            adapter = Some(Adapter::of(elm.identity()));
            Box::new(elm)
        } else if let Some(at) = &self.which.doip {
            Box::new(DoipTransport::connect(at, self.source, self.ecu, self.ip_trace()?)?)
        } else if let Some(at) = &self.which.slcan {
            let bus = Slcan::open(at, self.baud.unwrap_or(115_200))?;
            Box::new(CanTransport::new(bus, ids.0, ids.1, self.can_trace()?))
        } else if let Some(at) = &self.which.socketcand {
            let (at, bus) = at.split_once('/').unwrap_or((at, "can0"));
            let bus = Socketcand::open(at, bus)?;
            Box::new(CanTransport::new(bus, ids.0, ids.1, self.can_trace()?))
        } else {
            let url = self.which.target.as_deref().unwrap_or_default();
            let at = url
                .strip_prefix("tcp-lines://")
                .ok_or_else(|| Failure::input(format!("{url:?} is no virtual ECU"), "tcp-lines://127.0.0.1:20162"))?;
            Box::new(HexLines::connect(at, self.ip_trace()?)?)
        };
        Ok((Tester::new(transport), adapter))
    }

    fn can_trace(&self) -> Result<Option<Trace>, Failure> {
        traced(self.trace.as_deref(), Trace::of_can)
    }

    fn ip_trace(&self) -> Result<Option<Trace>, Failure> {
        traced(self.trace.as_deref(), Trace::of_ip)
    }
}

fn traced(folder: Option<&Path>, make: impl Fn(&Path) -> std::io::Result<Trace>) -> Result<Option<Trace>, Failure> {
    let Some(folder) = folder else { return Ok(None) };
    make(folder).map(Some).map_err(|why| Failure::from(LinkError::Open { at: folder.display().to_string(), why }))
}
