"""Named networks: ``networks/<id>.toml``, the project's own, or a file."""

from __future__ import annotations

from pathlib import Path

from edgekit.core.errors import ConfigError
from edgekit.core.network import NetworkProfile
from edgekit.profiles.validated import choose_file, files_by_stem, read_toml

SHIPPED = Path(__file__).parent / "data"
PROJECT = Path("networks")


def network_paths() -> dict[str, Path]:
    """Network id to file; the project's folder ``networks/`` comes first."""
    return files_by_stem((PROJECT, SHIPPED))


def load_network(name: str) -> NetworkProfile:
    """A network by its id or by the path of its file.

    Raises:
        ConfigError: unknown, or the file does not validate.
    """
    path = choose_file(
        name, network_paths(), what="network", listing="edgekit net list", error=ConfigError
    )
    network = read_toml(NetworkProfile, path)
    problems = [
        f"{path}: {key}: expected 0 or more, got {getattr(network, key)}"
        for key in ("rtt_ms", "jitter_ms", "up_kbit_s", "down_kbit_s")
        if getattr(network, key) < 0
    ]
    if network.id != path.stem:
        problems.append(f"{path}: id: expected {path.stem!r}, got {network.id!r}")
    if problems:
        raise ConfigError("\n".join(problems), details={"problems": problems})
    return network


def list_networks() -> tuple[NetworkProfile, ...]:
    """Every network, nearest first."""
    found = (load_network(name) for name in network_paths())
    return tuple(sorted(found, key=lambda network: (network.rtt_ms, network.id)))
