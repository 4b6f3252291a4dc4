"""Named networks: ``networks/<id>.toml``, the project's own, or a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from edgekit.core.errors import ConfigError
from edgekit.core.network import NetworkProfile
from edgekit.core.suggest import did_you_mean
from edgekit.networks.model import parse_trace
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
    problems = [f"{path}: {problem}" for problem in _problems(network)]
    if network.id != path.stem:
        problems.append(f"{path}: id: expected {path.stem!r}, got {network.id!r}")
    if problems:
        raise ConfigError("\n".join(problems), details={"problems": problems})
    return _with_mean_rates(network)


def _with_mean_rates(network: NetworkProfile) -> NetworkProfile:
    """Where a capacity changes, its mean stands for it wherever one number is needed."""
    return replace(
        network,
        up_kbit_s=_mean_kbit_s(network.up_trace, network.up_kbit_s),
        down_kbit_s=_mean_kbit_s(network.down_trace, network.down_kbit_s),
    )


def _mean_kbit_s(trace: str, constant_kbit_s: float) -> float:
    if not trace:
        return constant_kbit_s
    return parse_trace(trace_path(trace).read_text(encoding="utf-8")).mean_kbit_s


def list_networks() -> tuple[NetworkProfile, ...]:
    """Every network, nearest first."""
    found = (load_network(name) for name in network_paths())
    return tuple(sorted(found, key=lambda network: (network.rtt_ms, network.id)))


def trace_path(name: str) -> Path:
    """The file of a trace: ``traces/<name>`` beside the project's or the shipped networks.

    Raises:
        ConfigError: there is none.
    """
    for folder in (PROJECT, SHIPPED):
        path = folder / "traces" / name
        if path.is_file():
            return path.absolute()
    known = [path.name for folder in (PROJECT, SHIPPED) for path in folder.glob("traces/*")]
    raise ConfigError(
        f"no trace is called {name!r} in {PROJECT}/traces", hint=did_you_mean(name, known)
    )


def _problems(network: NetworkProfile) -> Iterator[str]:
    for key in ("rtt_ms", "jitter_ms", "up_kbit_s", "down_kbit_s", "queue_ms"):
        value = getattr(network, key)
        if value < 0:
            yield f"{key}: expected 0 or more, got {value}"
    if not 0 <= network.loss_share < 1:
        yield f"loss_share: expected a share from 0 to below 1, got {network.loss_share}"
    for key in ("up_trace", "down_trace"):
        name = getattr(network, key)
        try:
            if name:
                parse_trace(trace_path(name).read_text(encoding="utf-8"))
        except ConfigError as err:
            yield f"{key}: {err.message}"
        except ValueError as err:
            yield f"{key}: {name}: {err}"
