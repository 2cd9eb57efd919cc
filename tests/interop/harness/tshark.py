"""What Wireshark's dissectors make of a capture, of DoIP or of CAN frames."""

import subprocess

CAN_CARRIES_UDS = ["-d", "can.subdissector,iso15765", "-d", "iso15765.subdissector,uds"]


def dissect(pcap, *arguments, doip_ports=()):
    """What tshark prints; DoIP is looked for on its own port and on these."""
    ports = [word for port in doip_ports for word in ("-d", f"tcp.port=={port},doip", "-d", f"udp.port=={port},doip")]
    command = ["tshark", "-r", str(pcap), *CAN_CARRIES_UDS, *ports, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def expert_errors(pcap, *doip_ports, among="frame"):
    """What it finds wrong in the packets that `among`, a display filter, lets through."""
    return dissect(pcap, "-Y", f"({among}) && _ws.expert.severity>=error", doip_ports=doip_ports)


def uds_messages(pcap, *doip_ports):
    """The service identifiers that it saw: a dissector that saw nothing found nothing wrong, either."""
    return dissect(pcap, "-Y", "uds", "-T", "fields", "-e", "uds.sid", doip_ports=doip_ports).split()
