"""Media are fetched from listed public hosts and from nowhere else, whatever names, redirects and servers say."""

from __future__ import annotations

import asyncio
import ipaddress
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from lamm_core.errors import ConfigError
from lamm_core.serving.media import Fetched
from lamm_core.serving.refusals import Refusal
from lamm_core.serving.remote import Remote, is_public, origin_of


class Host(ThreadingHTTPServer):
    """A host of pictures, some of them wicked; ``seen`` are the paths and Host headers that it was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server: Any = self.server
        server.seen.append((self.path, self.headers["Host"]))
        if self.path.startswith("/to?"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to?"))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(404 if self.path == "/none" else 200)
        self.send_header("Content-Type", "text/html" if self.path == "/page" else "image/png; charset=x")
        if self.path == "/endless":
            self.end_headers()
            self.pour(b"\0" * 100_000, pause=0)
        elif self.path == "/drip":
            self.end_headers()
            self.pour(b"\0", pause=0.05)
        else:
            self.send_header("Content-Length", "7")
            self.end_headers()
            self.wfile.write(b"picture")

    def pour(self, block: bytes, *, pause: float) -> None:
        try:
            while True:
                self.wfile.write(block)
                time.sleep(pause)
        except OSError:
            self.close_connection = True

    def log_message(self, *unused: object) -> None:
        pass


@pytest.fixture(scope="module")
def running() -> Iterator[Host]:
    host = Host()
    thread = threading.Thread(target=host.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield host
    host.shutdown()
    host.server_close()


@pytest.fixture
def host(running: Host) -> Host:
    running.seen.clear()
    return running


def names(table: dict[str, list[str]]) -> Callable[[str, int], Any]:
    """A resolver that knows these names; ``asked`` lists those it was asked for."""

    async def resolve(name: str, port: int) -> Sequence[str]:
        resolve.asked.append(name)  # type: ignore[attr-defined]
        return table[name]

    resolve.asked = []  # type: ignore[attr-defined]
    return resolve


def remote(host: Host, **more: Any) -> Remote:
    """Fetches from "pictures.example", which is this host; its address counts as public, no other of this machine."""
    options = {
        "resolve": names({"pictures.example": ["127.0.0.1"], "inside.example": ["10.0.0.7"]}),
        "public": lambda address: address == ipaddress.ip_address("127.0.0.1") or is_public(address),
        **more,
    }
    return Remote([f"http://pictures.example:{host.port}", f"http://inside.example:{host.port}"], **options)


def fetch(remote: Remote, url: str) -> Fetched:
    return asyncio.run(remote.fetch(url, "image", "url"))


def refusal(remote: Remote, url: str) -> str:
    with pytest.raises(Refusal) as caught:
        fetch(remote, url)
    assert caught.value.status == 400 and caught.value.param == "url"
    return caught.value.message


def test_a_listed_host_is_asked_by_its_name_at_the_address_that_was_looked_at(host: Host) -> None:
    resolve: Any = names({"pictures.example": ["127.0.0.1"]})
    found = fetch(remote(host, resolve=resolve), f"http://pictures.example:{host.port}/a%20b.png?size=2#part")
    assert (found.content, found.mime) == (b"picture", "image/png")
    assert host.seen == [("/a%20b.png?size=2", f"pictures.example:{host.port}")]
    assert resolve.asked == ["pictures.example"], "looked up once: a second answer could be another one"


def test_a_redirect_within_the_list_is_followed(host: Host) -> None:
    at = f"http://pictures.example:{host.port}"
    assert fetch(remote(host), f"{at}/to?/b.png").content == b"picture"
    assert fetch(remote(host), f"{at}/to?{at}/b.png").content == b"picture"


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]:{port}/",
        "//127.0.0.1:{port}/",
        "http://pictures.example:1/",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "gopher://pictures.example:{port}/",
    ],
)
def test_a_redirect_out_of_the_list_is_not_followed(host: Host, target: str) -> None:
    url = f"http://pictures.example:{host.port}/to?{target.format(port=host.port)}"
    told = refusal(remote(host), url)
    assert any(words in told for words in ("not among the hosts", "only http", "names no host"))
    assert len(host.seen) == 1


def test_redirects_in_a_circle_end(host: Host) -> None:
    at = f"http://pictures.example:{host.port}"
    circle = f"{at}/to?" * 8
    assert "redirects" in refusal(remote(host), f"{circle}{at}/x.png")


@pytest.mark.parametrize(
    "addresses",
    [["10.0.0.7"], ["127.0.0.1", "8.8.8.8"], ["8.8.8.8", "169.254.169.254"], ["::1"], ["::ffff:10.0.0.1"], []],
)
def test_a_name_with_a_private_address_is_not_connected_to(host: Host, addresses: list[str]) -> None:
    inside = remote(host, resolve=names({"pictures.example": addresses}), public=is_public)
    assert "public internet" in refusal(inside, f"http://pictures.example:{host.port}/a.png")
    assert host.seen == []


def test_a_redirect_to_a_listed_name_of_a_private_address_is_not_followed(host: Host) -> None:
    inside = f"http://inside.example:{host.port}/a.png"
    assert "public internet" in refusal(remote(host), f"http://pictures.example:{host.port}/to?{inside}")


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
     "2002:7f00:1::", "2001:db8::1"],
)  # fmt: skip
def test_private_addresses_are_known_in_every_form(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


def test_public_addresses_are_public() -> None:
    assert all(is_public(ipaddress.ip_address(address)) for address in ("8.8.8.8", "2606:4700::1111"))


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://pictures.example/a.png",
        "http:///a.png",
        "http://user:word@pictures.example:{port}/",
        "http://pictures.example:{port}@127.0.0.1/",
        "http://pictures.example:99999/",
        "http://127.0.0.1:{port}\\@pictures.example:{port}/",
        "http://pictures.example.evil.example:{port}/",
        "http://2130706433:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://pictures。example:{port}/",
        "https://pictures.example:{port}/",
        "",
        "a.png",
    ],
)
def test_only_plain_addresses_of_listed_hosts_are_asked(host: Host, url: str) -> None:
    refusal(remote(host), url.format(port=host.port))
    assert host.seen == []


def test_a_line_break_in_an_address_makes_no_header(host: Host) -> None:
    fetch(remote(host), f"http://pictures.example:{host.port}/a\r\nX-Evil: 1")
    assert len(host.seen) == 1 and "\n" not in host.seen[0][0]


def test_what_is_endless_slow_missing_or_closed_is_given_up(host: Host) -> None:
    at = f"http://pictures.example:{host.port}"
    assert "larger than 1 MB" in refusal(remote(host, most_bytes=1_000_000), f"{at}/endless")
    assert "longer than" in refusal(remote(host, seconds=0.3), f"{at}/drip")
    assert "status 404" in refusal(remote(host), f"{at}/none")
    closed = Remote([f"http://pictures.example:{free_port()}"], resolve=names({"pictures.example": ["127.0.0.1"]}),
                    public=lambda address: True)  # fmt: skip
    (origin,) = closed._origins
    assert "could not be asked" in refusal(closed, f"{origin}/a.png")


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def test_the_list_takes_hosts_and_origins_and_nothing_else() -> None:
    assert origin_of("Images.Example.org") == "https://images.example.org:443"
    assert origin_of("http://intranet.example:8080/") == "http://intranet.example:8080"
    for entry in ("https://a.example/path", "file:///", "", "a b"):
        with pytest.raises(ConfigError, match="no host"):
            origin_of(entry)
