"""A registry with people of every role, and how they sign in."""

import base64
import hashlib
import hmac
import json
import struct
import subprocess
import time
from urllib.parse import parse_qs, urlsplit

import requests

from harness.programs import HEADLOCK, ROOT, Program

CATALOG = ROOT / "tests/catalog"
UNIT, SERIAL, VIN = "wicket/scan", "WK20260001", "SJNFAAJ10U1234567"
PASSWORD = "a password of {} for one test"
PEOPLE = {
    "root": ["administrator"],
    "anna": ["requester"],
    "carl": ["approver"],
    "ed": ["auditor"],
    "line": ["operator"],
    "kim": ["custodian"],
}
"""Accounts by name. The first is the one that the registry begins with."""
SCOPES = {
    "root": "administer",
    "anna": "release",
    "carl": "approve",
    "ed": "audit",
    "line": "import",
    "kim": "custody",
}


def one_time_code(otpauth, at_s=None):
    """What an authenticator shows (RFC 6238), by its own means."""
    asked = parse_qs(urlsplit(otpauth).query)
    assert (asked["algorithm"], asked["digits"], asked["period"]) == (["SHA1"], ["6"], ["30"]), otpauth
    secret = asked["secret"][0]
    secret = base64.b32decode(secret + "=" * (-len(secret) % 8))
    step = struct.pack(">Q", int(time.time() if at_s is None else at_s) // 30)
    digest = hmac.new(secret, step, hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


class Instance(Program):
    """A service of a registry, on a free port of this machine."""

    def __init__(self, folder, name="registry"):
        served = [HEADLOCK, "--catalog", CATALOG, "registry", "serve", "--config", folder, "--listen", "127.0.0.1:0"]
        super().__init__(served, folder, name)
        self.folder = folder
        deadline = time.monotonic() + 30
        self.url = "http://" + self.next_line(deadline).split()[-1]
        while self.next_line(deadline) != "ready":
            pass

    def ask(self, method, path, body=None, token=None, **headers):
        """One request of ours, which must go well."""
        if token:
            headers["Authorization"] = f"Bearer {token}"
        answer = requests.request(method, self.url + path, json=body, headers=headers, timeout=30)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


class Registry(Instance):
    """A registry in a new folder, unsealed by a key file."""

    def __init__(self, folder, more_configuration="", rules=(), store=None, escrow=None):
        self._secrets = folder
        desk = folder / "desk"
        password = self._secret("root.password", PASSWORD.format("root"))
        begun = [HEADLOCK, "--json", "--catalog", CATALOG, "registry", "init", desk]
        begun += ["--origin", "desk.example/log", "--admin", "root", "--person", "R. Oot", "--company", "maker"]
        begun += ["--key-file", folder / "desk.key", "--password-file", password]
        begun += ["--one-time-file", folder / "root.otpauth"]
        begun += ["--store", store] if store else []
        begun += ["--escrow", escrow] if escrow else []
        said = subprocess.run(begun, check=True, capture_output=True, timeout=60)
        self.log_key = json.loads(said.stdout)["log_key"]
        with open(desk / "registry.toml", "a") as configuration:
            configuration.write(more_configuration)
        for old, new in rules:
            text = (desk / "rules.toml").read_text()
            assert old in text, f"the policy has no {old!r} any more"
            (desk / "rules.toml").write_text(text.replace(old, new))
        super().__init__(desk)
        self.tokens = {}

    def another(self, name):
        """One more instance of the same registry, with a folder of its own that has nothing of the log yet."""
        folder = self._secrets / name
        (folder / "log").mkdir(parents=True)
        for file in ["registry.toml", "rules.toml"]:
            (folder / file).write_text((self.folder / file).read_text())
        return Instance(folder, name)

    def _secret(self, name, text):
        path = self._secrets / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        return path

    def sign_in(self, name, otpauth=None):
        body = {"name": name, "password": PASSWORD.format(name)}
        if otpauth:
            body["one_time_code"] = one_time_code(otpauth)
        return self.ask("POST", "/v1/sessions", body)["token"]

    def token(self, name):
        """A token that may do all that this account's session may. The session itself stays out of the tests' hands."""
        body = {"label": "interop", "scopes": [SCOPES[name], "read"], "days": 1}
        return self.ask("POST", "/v1/tokens", body, self.tokens[name])["token"]

    def let_everybody_in(self):
        """Makes the accounts, and a session of each."""
        root = (self._secrets / "root.otpauth").read_text().strip()
        self.tokens["root"] = self.sign_in("root", root)
        for name, roles in list(PEOPLE.items())[1:]:
            self.let_in(name, roles)

    def let_in(self, name, roles):
        """Makes an account, and a session of it."""
        person = {"id": name, "person": name.title(), "company": "acme" if name == "anna" else "maker"}
        person |= {"roles": roles, "password": PASSWORD.format(name)}
        self.ask("POST", "/v1/accounts", person, self.tokens["root"])
        # A first session is good for a one-time secret alone.
        first = self.sign_in(name)
        changed = self.ask("PATCH", f"/v1/accounts/{name}", {"change": "one-time-secret"}, first)
        self.tokens[name] = self.sign_in(name, changed["otpauth"])

    def provision(self, serial=SERIAL, vin=VIN):
        body = {"serial": serial, "unit": UNIT, "region": "eu", "vin": vin}
        return self.ask("POST", "/v1/units", body, self.tokens["line"])
