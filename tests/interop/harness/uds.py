"""udsoncan, configured for our ECU, over whatever carries it."""

import time
from contextlib import contextmanager

import udsoncan
from doipclient import DoIPClient
from doipclient.connectors import DoIPClientUDSConnector
from udsoncan.client import Client
from udsoncan.exceptions import NegativeResponseException

from harness.ecu import LOGICAL_ADDRESS, TESTER_ADDRESS, key_for

VIN_DID, SERIAL_DID, SESSION_DID = 0xF190, 0xF18C, 0xF186
LOCK_STATE_DID, ATTEMPTS_LEFT_DID, WAIT_LEFT_DID = 0xFD00, 0xFD01, 0xFD02
SUPPLY_DID, DOWNLOAD_DID = 0xFD03, 0xFD04
LOCK_DIDS = {LOCK_STATE_DID, ATTEMPTS_LEFT_DID, WAIT_LEFT_DID}
DIDS = {SESSION_DID, 0xF187, 0xF189, SERIAL_DID, VIN_DID, 0xF195, SUPPLY_DID, DOWNLOAD_DID} | LOCK_DIDS

DEFAULT, PROGRAMMING, EXTENDED = 1, 2, 3
COUNTERS, LOCK, FIRMWARE = 1, 3, 5
"""Levels of SecurityAccess, by what they open."""

DELAY_S = 10


class Bytes(udsoncan.DidCodec):
    """A value as it is, whatever its length."""

    def encode(self, value):
        return bytes(value)

    def decode(self, payload):
        return bytes(payload)

    def __len__(self):
        raise udsoncan.DidCodec.ReadAllRemainingData


def configuration(**more):
    return {
        **udsoncan.configs.default_client_config,
        "data_identifiers": dict.fromkeys(DIDS, Bytes),
        "security_algo": lambda level, seed, params: key_for(level, seed),
        # The machine may be busy: that our P2 is kept is what one test looks at, and not every one.
        "use_server_timing": False,
        "request_timeout": 15,
        "p2_timeout": 5,
        **more,
    }


@contextmanager
def over_doip(ecu, source=TESTER_ADDRESS, version=2, **more):
    """A udsoncan client on doipclient."""
    host, port = ecu.tcp("doip")
    doip = DoIPClient(
        host,
        LOGICAL_ADDRESS,
        tcp_port=port,
        udp_port=port,
        protocol_version=version,
        client_logical_address=source,
    )
    with Client(DoIPClientUDSConnector(doip, close_connection=True), config=configuration(**more)) as client:
        yield client


def read(client, did):
    return client.read_data_by_identifier(did).service_data.values[did]


def number(client, did):
    return int.from_bytes(read(client, did), "big")


def refusal(call, *arguments, **keywords):
    """The NRC with which a request is refused."""
    try:
        call(*arguments, **keywords)
    except NegativeResponseException as refused:
        return refused.response.code
    raise AssertionError(f"{call.__name__}{arguments} was granted")


def wait_until_seeds_are_given(client, level, within_s):
    """Asks for a seed until the delay is over; answers how long that took. Keeps the session alive by asking."""
    started = time.monotonic()
    while time.monotonic() - started < within_s:
        try:
            client.request_seed(level)
        except NegativeResponseException as refused:
            assert refused.response.code == 0x37, hex(refused.response.code)
            time.sleep(0.5)
        else:
            return time.monotonic() - started
    raise AssertionError(f"no seed within {within_s} s")
