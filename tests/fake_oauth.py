"""A small server that stands for Hugging Face's sign-in: whoever comes is let in as the person set, with a signed name.

Does not know who asks; Gradio's own client, Authlib, talks to it.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from http.server import ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.local_http import Answering, running

__all__ = ["CLIENT", "SECRET", "FakeOAuth", "running_oauth"]

CLIENT, SECRET = "client-of-the-space", "secret-of-the-space"


class FakeOAuth(ThreadingHTTPServer):
    """``person`` is who sits before the browser; ``nonces`` by the code that was handed out with each."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        from joserfc.jwk import RSAKey

        super().__init__(address, Requests)
        self.person = "ann"
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.nonces: dict[str, str] = {}

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Requests(Answering):
    """What OpenID Connect asks of a provider: its description, its keys, a yes of the person, a token for the code."""

    server: FakeOAuth

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        address = self.server.address
        if asked.path == "/.well-known/openid-configuration":
            self.answer({
                "issuer": address, "authorization_endpoint": f"{address}/oauth/authorize",
                "token_endpoint": f"{address}/oauth/token", "userinfo_endpoint": f"{address}/oauth/userinfo",
                "jwks_uri": f"{address}/oauth/jwks", "id_token_signing_alg_values_supported": ["RS256"],
            })  # fmt: skip
        elif asked.path == "/oauth/jwks":
            self.answer({"keys": [self.server.key.as_dict(private=False)]})
        elif asked.path == "/oauth/authorize":
            given = {name: values[0] for name, values in parse_qs(asked.query).items()}
            code = f"code-{len(self.server.nonces)}"
            self.server.nonces[code] = given["nonce"]
            back = given["redirect_uri"] + ("&" if "?" in given["redirect_uri"] else "?")
            back += urlencode({"code": code, "state": given["state"]})
            self.answer({}, status=302 if given["client_id"] == CLIENT else 400, headers={"Location": back})
        else:
            self.answer({}, status=404)

    def do_POST(self) -> None:
        from joserfc import jwt

        given = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        name, now = self.server.person, int(time.time())
        about = {
            "iss": self.server.address, "aud": CLIENT, "sub": name, "iat": now, "exp": now + 3600, "name": name,
            "nonce": self.server.nonces.pop(given["code"][0]), "preferred_username": name,
            "profile": f"https://huggingface.co/{name}", "picture": "",
        }  # fmt: skip
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, about, self.server.key)
        self.answer({"access_token": "a", "token_type": "bearer", "expires_in": 3600, "id_token": signed})


def running_oauth() -> AbstractContextManager[FakeOAuth]:
    """One that answers until the block ends."""
    return running(FakeOAuth())
