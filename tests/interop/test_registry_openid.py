"""Signing in at the registry by a foreign provider of OpenID Connect, with the command that people use."""

import json
import os
import subprocess
import time
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from harness.programs import HEADLOCK, Program
from harness.provider import Provider
from harness.registry import Registry

SUBJECT = "anna@maker.example"


@pytest.fixture
def provider(tmp_path):
    provider = Provider(tmp_path)
    yield provider
    provider.kill()


@pytest.fixture
def desk(tmp_path, provider):
    registry = Registry(tmp_path, provider.section(tmp_path))
    registry.let_everybody_in()
    registry.tmp_path = tmp_path
    yield registry
    assert registry.ask_to_end() == 0
    assert "panicked" not in registry.stderr()


def registry(desk, who, *arguments):
    """The command, as somebody who has signed in, or as nobody."""
    file = desk.tmp_path / f"{who}.token"
    if who in desk.tokens and not file.exists():
        file.write_text(desk.tokens[who] + "\n")
    environment = os.environ | {"HEADLOCK_SERVER": desk.url, "HEADLOCK_TOKEN_FILE": str(file)}
    ran = subprocess.run([HEADLOCK, "registry", *arguments], capture_output=True, text=True, timeout=120, env=environment)
    return ran.returncode, ran.stdout + ran.stderr


def tie(desk, provider, account, *more, subject=SUBJECT):
    return registry(
        desk, "root", "who", "identity", account, "--issuer", provider.issuer, "--subject", subject, *more
    )


class SignIn(Program):
    """`sign-in --with`, once it has said what to open."""

    def __init__(self, desk):
        self.token_file = desk.tmp_path / "by-provider.token"
        asked = [HEADLOCK, "registry", "sign-in", "--with", "maker", "--server", desk.url]
        super().__init__([*asked, "--token-file", self.token_file, "--wait", "120"], desk.tmp_path, "sign-in")
        self.deadline = time.monotonic() + 120
        while not (line := self.next_line(self.deadline).strip()).startswith("http"):
            pass
        self.open = line

    def ended(self):
        code = self.process.wait(120)
        lines = []
        while (line := self._lines.get(timeout=30)) is not None:
            lines.append(line)
        return code, "\n".join(lines) + self.stderr()


def test_somebody_whom_the_provider_knows_is_let_in_as_whom_they_are_tied_to(desk, provider):
    code, said = registry(desk, "nobody", "check", "--config", desk.folder)
    assert code == 0 and "sign-in by maker" in said, said
    assert tie(desk, provider, "anna")[0] == 0
    code, said = registry(desk, "root", "who", "identities", "anna")
    assert code == 0 and f"{SUBJECT} at {provider.issuer}: identity, stands" in said
    sign_in = SignIn(desk)
    page = provider.log_in(sign_in.open, SUBJECT)
    assert page.status_code == 200 and "can be closed" in page.text
    assert sign_in.ended() == (0, f"signed in as anna; the session is in {sign_in.token_file}")
    assert sign_in.token_file.stat().st_mode & 0o777 == 0o600
    token = sign_in.token_file.read_text().strip()
    me = desk.ask("GET", "/v1/me", token=token)
    assert me["account"]["id"] == "anna" and me["expires_s"] > time.time()
    assert me["scopes"] == desk.ask("GET", "/v1/me", token=desk.tokens["anna"])["scopes"]
    # What the log says of it is there, and names nobody at the provider.
    events = json.dumps(desk.ask("GET", "/v1/log/events?from=0&limit=1000", token=desk.tokens["ed"]))
    assert "identity-tied" in events and SUBJECT not in events and provider.issuer not in events
    # Untied, the session is over at once.
    assert tie(desk, provider, "anna", "--revoke")[0] == 0
    answer = requests.get(f"{desk.url}/v1/me", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert answer.status_code == 401
    again = SignIn(desk)
    provider.log_in(again.open, SUBJECT)
    code, said = again.ended()
    assert code == 2 and "lets nobody in" in said, said


def test_somebody_else_and_nobody_are_not_let_in(desk, provider):
    assert tie(desk, provider, "anna")[0] == 0
    stranger = SignIn(desk)
    assert "can be closed" in provider.log_in(stranger.open, "anna").text
    code, said = stranger.ended()
    assert code == 2 and "lets nobody in" in said and not stranger.token_file.exists(), said
    code, said = registry(desk, "anna", "sign-in", "--with", "nobody")
    assert code == 2 and "there is maker" in said, said


def test_a_no_that_anybody_could_have_sent_ends_nothing(desk, provider):
    assert tie(desk, provider, "anna")[0] == 0
    sign_in = SignIn(desk)
    # This peer leaves the state out when it says no, which RFC 6749, 4.1.2.1, does not let it.
    denied = provider.deny(sign_in.open)
    assert denied.status_code == 404 and "nothing here" in denied.text
    provider.log_in(sign_in.open, SUBJECT)
    assert sign_in.ended()[0] == 0


def test_a_redirect_that_was_stolen_is_of_no_use_and_its_owner_still_comes_in(desk, provider):
    assert tie(desk, provider, "anna")[0] == 0
    sign_in = SignIn(desk)
    back = provider.leave(sign_in.open, SUBJECT)
    brought = {name: value for name, [value] in parse_qs(urlsplit(back).query).items()}
    for verifier in ["", "a-thief-s-own-verifier-of-forty-three-chars"]:
        stolen = {"state": brought["state"], "code": brought["code"], "code_verifier": verifier}
        answer = requests.post(f"{desk.url}/v1/sign-ins/finish", json=stolen, timeout=30)
        assert answer.status_code == 401 and answer.json()["type"] == "urn:headlock:problem:sign-in"
    requests.get(back, timeout=30)
    assert sign_in.ended()[0] == 0


def test_without_its_provider_the_desk_says_so_and_works_on(desk, provider):
    assert tie(desk, provider, "anna")[0] == 0
    provider.kill()
    code, said = registry(desk, "nobody", "sign-in", "--with", "maker")
    assert code == 5 and "cannot be relied on" in said, said
    assert desk.ask("GET", "/v1/me", token=desk.tokens["anna"])["account"]["id"] == "anna"
