"""Named networks: ``networks/<id>.toml``, the project's own, or a file."""

from __future__ import annotations

from pathlib import Path

from edgekit.core.errors import ConfigError
from edgekit.core.network import NetworkProfile
from edgekit.core.suggest import did_you_mean
from edgekit.profiles.validated import read_toml

SHIPPED = Path(__file__).parent / "networks"
PROJECT = Path("networks")


def network_paths() -> dict[str, Path]:
    """Network id to file; the project's folder ``networks/`` comes first."""
    found: dict[str, Path] = {}
    for folder in (PROJECT, SHIPPED):
        if folder.is_dir():
            for path in sorted(folder.glob("*.toml")):
                found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def load_network(name: str) -> NetworkProfile:
    """A network by its id or by the path of its file.

    Raises:
        ConfigError: unknown, or the file does not validate.
    """
    is_path = name.endswith(".toml") or "/" in name
    path = Path(name) if is_path else network_paths().get(name)
    if path is None:
        raise ConfigError(
            f"no network is called {name!r}",
            hint=f"{did_you_mean(name, network_paths())}  (edgekit net list)",
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
