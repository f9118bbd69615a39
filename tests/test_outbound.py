"""Proxies and certificate authorities as the environment names them."""

from __future__ import annotations

from pathlib import Path

import pytest
from environs import EnvError

from app.outbound import OutboundError, outbound_from
from app.settings import load_settings

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "https://api.example/", None),
        ({"HTTPS_PROXY": PROXY}, "https://api.example/", PROXY),
        ({"HTTPS_PROXY": PROXY}, "wss://stream.example:9443/ws", PROXY),
        ({"HTTPS_PROXY": PROXY}, "http://api.example/", None),
        ({"HTTP_PROXY": PROXY}, "ws://stream.example/ws", PROXY),
        ({"HTTP_PROXY": PROXY}, "https://api.example/", None),
        ({"ALL_PROXY": PROXY}, "https://api.example/", PROXY),
        ({"all_proxy": PROXY}, "http://api.example/", PROXY),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other"}, "https://api.example/", PROXY),
        ({"https_proxy": "", "HTTPS_PROXY": PROXY}, "https://api.example/", None),
        ({"HTTPS_PROXY": "proxy.example:3128"}, "https://api.example/", PROXY),
        ({"HTTPS_PROXY": "https://proxy.example"}, "https://api.example/", "https://proxy.example"),
        ({"HTTPS_PROXY": "http://[::1]:3128/"}, "https://api.example/", "http://[::1]:3128"),
        # The specific one serves, so the other is nobody's concern.
        ({"HTTPS_PROXY": PROXY, "HTTP_PROXY": PROXY, "ALL_PROXY": "socks5://x"}, "https://api.example/", PROXY),
    ],
)
def test_the_proxy_of_a_scheme(environment: dict[str, str], url: str, proxy: str | None) -> None:
    """Sockets use the proxy of their secure or plain form; lower case counts before upper case."""
    found = outbound_from(environment).proxy_for(url)
    assert (found and found.url) == proxy


@pytest.mark.parametrize(
    ("exceptions", "url", "is_direct"),
    [
        ("*", "https://api.example/", True),
        ("api.example", "https://api.example/", True),
        ("example", "https://api.example/", True),
        (".example", "https://api.example/", True),
        ("*.example", "https://api.example/", True),
        ("ample", "https://api.example/", False),
        ("API.Example", "https://api.example./", True),
        ("localhost, api.example,", "https://api.example/", True),
        ("localhost api.example", "https://api.example/", True),
        ("api.example:443", "https://api.example/", True),
        ("api.example:8443", "https://api.example/", False),
        ("127.0.0.1", "http://127.0.0.1:9000/", True),
        ("127.0.0.1:9000", "http://127.0.0.1:9000/", True),
        ("127.0.0.1:9001", "http://127.0.0.1:9000/", False),
        ("10.0.0.0/8", "wss://10.1.2.3/", True),
        ("10.0.0.0/8", "wss://11.1.2.3/", False),
        ("::1", "http://[::1]:9000/", True),
        ("[::1]:9000", "http://[::1]:9000/", True),
        ("fd00::/8", "http://[fd12::1]/", True),
        ("", "https://api.example/", False),
        (".", "https://api.example/", False),
    ],
)
def test_exceptions(exceptions: str, url: str, is_direct: bool) -> None:
    """A name and all names below it, an address, a network; each may have a port."""
    outbound = outbound_from({"ALL_PROXY": PROXY, "NO_PROXY": exceptions})
    assert (outbound.proxy_for(url) is None) is is_direct


def test_credentials_are_decoded_and_not_shown() -> None:
    """What the address of a proxy escapes is unescaped, once; no text of the value shows it."""
    outbound = outbound_from({"HTTPS_PROXY": "http://desk:c%40nary%3A%25@proxy.example:3128"})
    proxy = outbound.https_proxy
    assert proxy is not None
    assert (proxy.username, proxy.password) == ("desk", "c@nary:%")
    assert proxy.full_url == "http://desk:c%40nary%3A%25@proxy.example:3128"
    assert proxy.authorization == "Basic ZGVzazpjQG5hcnk6JQ=="
    assert "nary" not in repr(outbound) + str(outbound) + proxy.url


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("socks5://desk:canary@proxy.example:1080", "SOCKS"),
        ("socks5h://proxy.example", "SOCKS"),
        ("ftp://desk:canary@proxy.example", "http://"),
        ("http://", "http://"),
        ("http://desk:canary@proxy.example:port", "http://host:port"),
        ("http://desk:canary@proxy.example:99999", "http://host:port"),
        ("http://desk:canary@proxy.example:0", "http://host:port"),
        ("http://desk:canary@proxy.example/path", "http://"),
        ("http://desk:can/ary@proxy.example:3128", "http://"),
        ("http://desk:can ary@proxy.example:3128", "%XX"),
        ("http://[::1", "http://host:port"),
    ],
)
def test_a_proxy_that_can_t_be_used_stops_the_start(monkeypatch: pytest.MonkeyPatch, text: str, word: str) -> None:
    """The sentence names the variable, and never quotes its value."""
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, text)
    with pytest.raises(EnvError, match="https_proxy") as raised:
        load_settings()
    assert word in str(raised.value)
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_bundle_without_certificates_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, content: str | None
) -> None:
    """Otherwise every connection would fail later, and no error would name the variable."""
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv(name, str(path))
    with pytest.raises(EnvError, match=name):
        load_settings()


def test_directories_of_certificates(tmp_path: Path) -> None:
    """One of several may be absent, as in OpenSSL; one must be there."""
    outbound = outbound_from({"SSL_CERT_DIR": f"{tmp_path / 'no'}:{tmp_path}", "REQUESTS_CA_BUNDLE": str(tmp_path)})
    assert outbound.ca_paths == (tmp_path,)
    with pytest.raises(OutboundError, match="SSL_CERT_DIR"):
        outbound_from({"SSL_CERT_DIR": str(tmp_path / "no")})
