"""The way to other hosts: through which proxy, and which certificate authorities count. Nothing is opened here.

The variables and their meaning are those of curl, pip and most programs: a proxy per scheme with ``ALL_PROXY`` behind it,
exceptions in ``NO_PROXY``, and bundles of certificates that add to those of the system. A proxy's credentials are in no ``repr``.
"""

from __future__ import annotations

import os
import re
import ssl
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

#: Upper and lower case are both in use; where both are set, lower case counts, as in curl.
_HTTPS_PROXY = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_HTTP_PROXY = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_NO_PROXY = ("no_proxy", "NO_PROXY")

#: The variables that name certificate authorities; OpenSSL's own two first.
_CA_FILES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_CA_DIRECTORIES = "SSL_CERT_DIR"

_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_NOT_IN_A_URL = re.compile(r"[\x00-\x20\x7f-\U0010ffff]")


class OutboundError(ValueError):
    """A variable with a value that can't be used. The text names the variable and never quotes a value that may hold a password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy that tunnels. ``url`` holds no credentials."""

    url: str
    username: str | None = field(default=None, repr=False)
    password: str = field(default="", repr=False)

    @property
    def authorization(self) -> str | None:
        """The value of the header ``Proxy-Authorization``; None without credentials."""
        if self.username is None:
            return None
        return "Basic " + b64encode(f"{self.username}:{self.password}".encode()).decode("ascii")

    @property
    def full_url(self) -> str:
        """``url`` with the credentials: a secret."""
        if self.username is None:
            return self.url
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{quote(self.username, safe='')}:{quote(self.password, safe='')}@{rest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """How this process reaches other hosts. ``ca_paths`` are files and directories of certificates, beside the system's."""

    http_proxy: Proxy | None = None
    https_proxy: Proxy | None = None
    no_proxy: tuple[str, ...] = ()
    ca_paths: tuple[Path, ...] = ()

    def proxy_for(self, url: str) -> Proxy | None:
        """The proxy for ``url``, whose scheme is http, https, ws or wss; None where the host is reached directly."""
        parts = urlsplit(url)
        proxy = self.https_proxy if parts.scheme in ("https", "wss") else self.http_proxy
        if proxy is None:
            return None
        host = (parts.hostname or "").rstrip(".")
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
        return None if any(_matches(entry, host, port) for entry in self.no_proxy) else proxy


def outbound_from(environment: Mapping[str, str]) -> Outbound:
    """What the variables in ``environment`` say. Raises ``OutboundError``."""
    return Outbound(
        http_proxy=_proxy(environment, _HTTP_PROXY),
        https_proxy=_proxy(environment, _HTTPS_PROXY),
        no_proxy=_exceptions(environment),
        ca_paths=_ca_paths(environment),
    )


def _first_set(environment: Mapping[str, str], names: Sequence[str]) -> tuple[str, str] | None:
    return next(((name, environment[name].strip()) for name in names if name in environment), None)


def _proxy(environment: Mapping[str, str], names: Sequence[str]) -> Proxy | None:
    found = _first_set(environment, names)
    if found is None or not found[1]:
        return None
    name, text = found
    parts = _split(name, text if "://" in text else f"http://{text}")
    if parts.scheme.startswith("socks"):
        raise OutboundError(
            f"{name} names a SOCKS proxy, which is not supported; name an HTTP proxy (http://host:port)"
        )
    if parts.scheme not in ("http", "https"):
        raise OutboundError(f"{name} must begin with http:// or https://, and then name the proxy's host")
    if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise OutboundError(
            f"{name} must be no more than http://user:password@host:port; user and password may be absent"
        )
    return Proxy(
        url=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
        username=None if parts.username is None else unquote(parts.username),
        password=unquote(parts.password or ""),
    )


def _split(name: str, url: str) -> SplitResult:
    if not _NOT_IN_A_URL.search(url):
        try:
            parts = urlsplit(url)
            if parts.port != 0:  # reading a port checks it
                return parts
        except ValueError:
            pass
    # Without the cause: its text may quote the value.
    raise OutboundError(f"{name} is no address of a proxy; write http://host:port, other signs as %XX") from None


def _exceptions(environment: Mapping[str, str]) -> tuple[str, ...]:
    found = _first_set(environment, _NO_PROXY)
    return tuple(re.split(r"[,\s]+", found[1].lower().strip(", "))) if found and found[1].strip(", ") else ()


def _matches(entry: str, host: str, port: int) -> bool:
    """Whether the exception ``entry`` means ``host``: a name and all below it, an address, a network, each perhaps with a port."""
    if entry == "*":
        return True
    name, _, suffix = entry.rpartition(":")
    has_port = suffix.isdigit() and (name.endswith("]") or (name != "" and ":" not in name))
    if has_port and int(suffix) != port:
        return False
    wanted = (name if has_port else entry).strip("[]")
    try:
        return ip_address(host) in ip_network(wanted, strict=False)
    except ValueError:
        wanted = wanted.removeprefix("*").strip(".")
        return wanted != "" and (host == wanted or host.endswith(f".{wanted}"))


def _ca_paths(environment: Mapping[str, str]) -> tuple[Path, ...]:
    paths = {}
    for name in _CA_FILES:
        if environment.get(name):
            paths[Path(environment[name])] = name
    for path, name in paths.items():
        _check_certificates(name, path)
    directories = [Path(text) for text in environment.get(_CA_DIRECTORIES, "").split(os.pathsep) if text]
    found = [path for path in directories if path.is_dir()]
    if directories and not found:
        raise OutboundError(f"{_CA_DIRECTORIES} names no directory that exists")
    return tuple(dict.fromkeys([*paths, *found]))


def _check_certificates(name: str, path: Path) -> None:
    """Raise ``OutboundError`` if ``path`` has no certificates, because every connection would fail later without a word of it."""
    if path.is_dir():
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise OutboundError(f"{name}: '{path}' holds no certificate in PEM form") from None
    except OSError as error:
        raise OutboundError(f"{name}: '{path}' can't be read ({error.strerror})") from error
