"""oidc-provider-mock as a program, and a browser of one's own for it."""

import sys

import requests

from harness.emulator import answers, free_port
from harness.programs import Program


class Provider(Program):
    """A provider of OpenID Connect on a free port of this machine, which believes whatever name is typed."""

    def __init__(self, folder, *more):
        self.port = free_port()
        served = [sys.executable, "-m", "oidc_provider_mock", "--port", str(self.port), "--require-nonce", "true", *more]
        super().__init__(served, folder, "provider")
        self.issuer = f"http://127.0.0.1:{self.port}"
        assert answers(("127.0.0.1", self.port), 60), f"no provider on {self.issuer}: {self.stderr()}"

    def section(self, folder):
        """What a registry's configuration says of it. The secret is any: this peer believes every one."""
        secret = folder / "provider.secret"
        secret.write_text("a secret of two\n")
        return f"""
[[sign_in.openid_connect]]
name = "maker"
issuer = "{self.issuer}"
client_id = "headlock"
client_secret_file = "{secret}"
"""

    def log_in(self, address, subject):
        """What a person does in a browser: opens the address, types who they are, and is sent back. The last page."""
        form = requests.get(address, timeout=30)
        assert form.status_code == 200 and "<form" in form.text, form.text
        return requests.post(address, data={"sub": subject}, timeout=30)

    def deny(self, address):
        return requests.post(address, data={"action": "deny"}, timeout=30)

    def leave(self, address, subject):
        """The same, but for the way back: the address that the browser would go to."""
        return requests.post(address, data={"sub": subject}, timeout=30, allow_redirects=False).headers["Location"]
