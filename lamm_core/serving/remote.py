"""Media fetched from hosts on a list: by default from none.

Does not know what is done with them. What keeps a request from reaching what only this machine can reach: only listed
origins, also after each redirect; a name is looked up once, every address it has must be a public one, and the
connection goes to an address that was looked at; a limit of size and one of time for all of it together.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import anyio
import httpcore

from lamm_core.errors import ConfigError
from lamm_core.serving.media import Fetched
from lamm_core.serving.refusals import Refusal

__all__ = ["Remote", "is_public", "origin_of"]

MOST_REDIRECTS = 3
MOST_BYTES = 32_000_000
SECONDS = 20.0
TROUBLE = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)
SAFE = "/?%:@!$&'()*+,;=~-._"  # what may stand in a path or a query as it is
REDIRECTS = (301, 302, 303, 307, 308)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Tells the addresses of a host."""


def origin_of(entry: str) -> str:
    """``https://HOST:PORT`` of an entry of the list, which is a host's name or an origin. Raises ConfigError."""
    try:
        found = _origin(entry if "://" in entry else f"https://{entry}")
        path = urlsplit(entry if "://" in entry else f"https://{entry}")
        if path.path.strip("/") or path.query:
            raise ValueError("only a host is listed, not a path")
    except ValueError as error:
        raise ConfigError(f"{entry!r} is no host to fetch media from ({error}). Write images.example.org.") from error
    return found


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet at large, in whatever form it is written."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and address in ipaddress.ip_network("64:ff9b::/96"):  # translated to IPv4 on the way
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


class Remote:
    """Fetches media from listed origins. ``resolve`` and ``public`` are replaced in tests."""

    def __init__(
        self,
        origins: Iterable[str] = (),
        *,
        resolve: Resolve | None = None,
        public: Callable[[Address], bool] = is_public,
        seconds: float = SECONDS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._origins = frozenset(origin_of(entry) for entry in origins)
        self._network = Guarded(resolve or look_up, public)
        self._seconds, self._most = seconds, most_bytes

    async def fetch(self, url: str, modality: str, param: str) -> Fetched:
        """The medium at ``url``, named in a request as ``param``. Raises Refusal."""

        def refuse(what: str) -> Refusal:
            return Refusal(400, f"{param}: {what}", "invalid_media_url", param)

        if not self._origins:
            raise refuse("this server fetches nothing. Send the file itself as a data URL.")
        try:
            with anyio.fail_after(self._seconds):
                return await self._followed(url, refuse)
        except TimeoutError:
            raise refuse(f"the host took longer than {self._seconds:.0f} s.") from None
        except (*TROUBLE, OSError) as error:
            raise refuse(f"the host could not be asked ({type(error).__name__}).") from error

    async def _followed(self, url: str, refuse: Callable[[str], Refusal]) -> Fetched:
        for _ in range(MOST_REDIRECTS + 1):
            try:
                origin = _origin(url)
            except ValueError as error:
                raise refuse(f"this is no address to fetch ({error}).") from error
            if origin not in self._origins:
                raise refuse(f"{origin} is not among the hosts that this server fetches from.")
            found = await self._get(url, refuse)
            if isinstance(found, Fetched):
                return found
            url = urljoin(url, found)
        raise refuse(f"more than {MOST_REDIRECTS} redirects.")

    async def _get(self, url: str, refuse: Callable[[str], Refusal]) -> Fetched | str:
        """The medium, or where it is said to be."""
        parts = urlsplit(url)
        target = quote(parts.path or "/", safe=SAFE) + (f"?{quote(parts.query, safe=SAFE)}" if parts.query else "")
        # Put together from what was looked at, so that nobody reads the address another way.
        address = httpcore.URL(scheme=parts.scheme, host=parts.hostname or "", port=parts.port, target=target)
        headers = [("Host", parts.netloc), ("Accept-Encoding", "identity"), ("User-Agent", "lamm-serve")]
        async with httpcore.AsyncConnectionPool(network_backend=self._network) as pool:
            try:
                async with pool.stream("GET", address, headers=headers) as response:
                    given = {name.lower(): value.decode("latin-1") for name, value in response.headers}
                    if response.status in REDIRECTS and b"location" in given:
                        return given[b"location"]
                    if response.status != 200:
                        raise refuse(f"the host answered with status {response.status}.")
                    content = bytearray()
                    async for block in response.aiter_stream():
                        content += block
                        if len(content) > self._most:
                            raise refuse(f"the file is larger than {self._most / 1e6:,.0f} MB.")
                    return Fetched(bytes(content), given.get(b"content-type", ""), name=url)
            except NotPublic as error:
                raise refuse(str(error)) from error


class NotPublic(Exception):
    """A host's name leads to an address that is not of the internet at large."""


class Guarded(httpcore.AsyncNetworkBackend):
    """Connects to addresses that it has looked at, and to no others."""

    def __init__(self, resolve: Resolve, public: Callable[[Address], bool]) -> None:
        self._resolve, self._public = resolve, public
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(self, host: str, port: int, *arguments: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of ``host``. Raises NotPublic where any of them is not public."""
        addresses = [ipaddress.ip_address(address) for address in await self._resolve(host, port)]
        if not addresses or not all(self._public(address) for address in addresses):
            raise NotPublic(f"{host} is not on the public internet, from which alone this server fetches.")
        return await self._inner.connect_tcp(str(addresses[0]), port, *arguments, **options)

    async def connect_unix_socket(self, *arguments: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        """Never."""
        raise NotPublic("a socket of this machine is not fetched from.")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)


async def look_up(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, by the machine's resolver."""
    found = await anyio.getaddrinfo(host, port, type=1)  # SOCK_STREAM
    return [str(address[0]) for *_, address in found]


def _origin(url: str) -> str:
    """``SCHEME://HOST:PORT`` in lower case. Raises ValueError for what is not a plain http address."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError("only http and https are fetched")
    if parts.username is not None or parts.password is not None:
        raise ValueError("it carries a user's name")
    host = (parts.hostname or "").rstrip(".").lower()
    if not host or not host.isascii() or any(character in host for character in "\\%/@ "):
        raise ValueError("it names no host")
    return f"{parts.scheme}://{host}:{parts.port or {'http': 80, 'https': 443}[parts.scheme]}"
