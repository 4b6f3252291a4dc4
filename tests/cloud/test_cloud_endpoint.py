"""Addresses of endpoints and what they ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit.cloud.endpoint import CloudAccess, CloudAddress, parse_endpoint
from edgekit.core.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("grpc://host:8081", CloudAddress("grpc", "host", 8081, is_tls=False)),
        ("host:1", CloudAddress("grpc", "host", 1, is_tls=False)),
        ("grpcs://[::1]:8081/", CloudAddress("grpc", "::1", 8081, is_tls=True)),
        ("http://host:80", CloudAddress("rest", "host", 80, is_tls=False)),
        ("https://host:443/", CloudAddress("rest", "host", 443, is_tls=True)),
    ],
)
def test_endpoints(text: str, expected: CloudAddress) -> None:
    assert parse_endpoint(text) == expected


@pytest.mark.parametrize("text", ["host", "grpc://host:0", "grpc://h:99999", ""])
def test_what_is_no_endpoint(text: str) -> None:
    with pytest.raises(ConfigError, match="no endpoint"):
        parse_endpoint(text)


def test_an_unknown_protocol_gets_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="not known") as caught:
        parse_endpoint("htpp://host:80")
    assert "http" in caught.value.hint


def test_a_token_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("secret\n")
    address = parse_endpoint("https://models.example.com:443")
    found = address.document(CloudAccess(path), via=("127.0.0.1", 5000))
    assert (found["token"], found["host"], found["port"]) == ("secret", "127.0.0.1", 5000)
    assert found["server_name"] == "models.example.com", "the certificate names the real host"
    with pytest.raises(ConfigError, match="cannot be read"):
        CloudAccess(tmp_path / "none").token()
    with pytest.raises(ConfigError, match="no such file"):
        CloudAccess(None, tmp_path / "none").token()
