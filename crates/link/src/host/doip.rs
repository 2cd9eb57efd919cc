//! The ECU as a DoIP entity (ISO 13400-2), on TCP and UDP.

mod connection;

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use headlock_wire::doip::{
    ANNOUNCE, Address, Announcement, HEADER_BYTES, Header, Message, Nack, PORT, PayloadType, PowerMode,
};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{mpsc, oneshot};

use super::actor::Handle;
use super::serve_each;

/// The ECU's logical address.
pub const ECU: Address = Address(0x1001);
/// The address of all ECUs at once.
pub const FUNCTIONAL: Address = Address(0xE400);
/// The longest message that is taken, in bytes; longer ones are refused and skipped.
pub const MESSAGE_BYTES_MAX: u32 = 1 << 20;
/// Connections that it tells to have, as far as a byte can tell.
const SOCKETS_MAX: u8 = 255;
/// The version that answers who asks for any.
const VERSION: u8 = 2;

/// Who holds which tester's address, and how to ask whether it is still alive.
type Sockets = Rc<RefCell<HashMap<Address, mpsc::Sender<oneshot::Sender<bool>>>>>;

/// A DoIP entity that listens.
#[derive(Debug)]
pub struct Entity {
    listener: TcpListener,
    socket: UdpSocket,
    at: SocketAddr,
}

impl Entity {
    /// Takes the port on TCP and UDP; 0 is any free one.
    ///
    /// # Errors
    /// It cannot be had.
    pub async fn bind(at: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(at).await?;
        let at = listener.local_addr()?;
        let socket = UdpSocket::bind(at).await?;
        Ok(Self { listener, socket, at })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.at
    }

    /// Announces itself, and answers.
    pub async fn run(self, handle: Handle) {
        let Self { listener, socket, at } = self;
        let Some(vin) = handle.vin().await else { return };
        let who = announcement(vin);
        let udp = answer_datagrams(socket, at, who, handle.clone());
        let sockets = Sockets::default();
        let serve = |stream| connection::serve(stream, handle.clone(), sockets.clone());
        tokio::join!(udp, serve_each(listener, handle.clone(), serve));
    }
}

fn announcement(vin: [u8; 17]) -> Announcement {
    // A MAC address of one's own choice, told apart by the end of the vehicle's number.
    let eid = [0x02, b'H', b'L', vin[14], vin[15], vin[16]];
    Announcement { vin, address: ECU, eid, gid: eid, further_action: 0, sync_status: Some(0) }
}

async fn answer_datagrams(socket: UdpSocket, at: SocketAddr, who: Announcement, handle: Handle) {
    announce(&socket, at, &who).await;
    let mut datagram = [0; 512];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut datagram).await else { continue };
        let mut answer = [0; 64];
        if let Some(length) = answer_datagram(&datagram[..length], &who, &handle, &mut answer) {
            let _ = socket.send_to(&answer[..length], from).await;
        }
    }
}

/// Three times, to whoever listens on the standard's port; on the loopback it stays there.
async fn announce(socket: &UdpSocket, at: SocketAddr, who: &Announcement) {
    let IpAddr::V4(own) = at.ip() else { return };
    let to = if own.is_loopback() { Ipv4Addr::new(127, 255, 255, 255) } else { Ipv4Addr::BROADCAST };
    if socket.set_broadcast(true).is_err() {
        return;
    }
    let mut datagram = [0; 64];
    let Ok(length) = Message::Announcement(*who).encode(VERSION, &mut datagram) else { return };
    for number in 0..ANNOUNCE.0 {
        if number > 0 {
            tokio::time::sleep(Duration::from_millis(ANNOUNCE.1)).await;
        }
        let _ = socket.send_to(&datagram[..length], (to, PORT)).await;
    }
}

fn answer_datagram(bytes: &[u8], who: &Announcement, handle: &Handle, room: &mut [u8]) -> Option<usize> {
    let (header, payload) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let nack = |nack, room: &mut [u8]| Message::HeaderNack(nack).encode(VERSION, room).ok();
    let Ok(header) = Header::decode(*header) else { return nack(Nack::IncorrectPattern, room) };
    if usize::try_from(header.length).ok() != Some(payload.len()) {
        return nack(Nack::InvalidPayloadLength, room);
    }
    let version = if header.version == 0xFF { VERSION } else { header.version };
    let answer = match Message::decode(header.payload_type, payload) {
        Ok(Message::IdentificationRequest) => Message::Announcement(*who),
        Ok(Message::IdentificationRequestEid(eid)) if eid == who.eid => Message::Announcement(*who),
        Ok(Message::IdentificationRequestVin(vin)) if vin == who.vin => Message::Announcement(*who),
        Ok(Message::EntityStatusRequest) => Message::EntityStatusResponse {
            node_type: 1,
            sockets_max: SOCKETS_MAX,
            sockets_open: u8::try_from(handle.connections()).unwrap_or(SOCKETS_MAX),
            message_bytes_max: Some(MESSAGE_BYTES_MAX),
        },
        Ok(Message::PowerModeRequest) => Message::PowerModeResponse(PowerMode::Ready),
        // Somebody else's announcement, or a question for somebody else.
        Ok(_) => return None,
        Err(why) => match header.payload_type {
            PayloadType::Announcement | PayloadType::HeaderNack => return None,
            _ => return nack(why.nack(), room),
        },
    };
    answer.encode(version, room).ok()
}
