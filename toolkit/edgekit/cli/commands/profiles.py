"""List, show and check device profiles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli.output import Output, aligned, output_options, table
from edgekit.core.errors import ProfileError
from edgekit.core.record import to_plain

if TYPE_CHECKING:
    from edgekit.core.profile import DeviceProfile


@click.group()
def command() -> None:
    """Device profiles: what a board type can do.

    \b
    Examples:
      edgekit profiles list
      edgekit profiles show raspberrypi
      edgekit profiles check my-board.toml
    """


@command.command("list")
@output_options
def list_command(output: Output) -> None:
    """List every profile."""
    from edgekit.profiles.device import list_profiles

    profiles = list_profiles()
    rows = [
        (p.id, p.name, p.userlands[0].arch, _cores(p), _ram(p), p.engines[0].name)
        for p in profiles
    ]
    headers = ("id", "name", "arch", "cores", "RAM", "first engine")
    output.data([to_plain(profile) for profile in profiles], table(headers, rows))
    output.next_step("edgekit profiles show raspberrypi")


@command.command("show")
@click.argument("profile")
@output_options
def show_command(profile: str, output: Output) -> None:
    """Show a profile with the sources of its figures."""
    from edgekit.profiles.device import load_profile

    found = load_profile(profile)
    output.data(to_plain(found), _describe(found))


@command.command("check")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@output_options
def check_command(file: Path | None, output: Output) -> None:
    """Check one profile file, or all profiles."""
    from edgekit.profiles.device import check_profile, profile_paths

    paths = [file] if file else list(profile_paths().values())
    problems = [problem for path in paths for problem in check_profile(path)]
    if problems:
        raise ProfileError("\n".join(problems), details={"problems": problems})
    output.data({"checked": [str(path) for path in paths]}, f"{len(paths)} profiles are in order")


def _cores(profile: DeviceProfile) -> str:
    return " + ".join(f"{c.count} x {c.kind} {c.clock_mhz} MHz" for c in profile.cores)


def _ram(profile: DeviceProfile) -> str:
    sizes = [f"{size / 1000:g}" for size in profile.memory.ram_mb]
    return f"{'/'.join(sizes)} GB"


def _describe(profile: DeviceProfile) -> str:
    facts = [
        ("id", profile.id + (f" (stands for {profile.alias_of})" if profile.alias_of else "")),
        ("architecture", f"{profile.arch}  {' '.join(profile.isa_features)}"),
        ("cores", _cores(profile)),
        ("memory", _ram(profile)),
    ]
    if profile.memory.bandwidth_mb_s:
        facts.append(("bandwidth", f"{profile.memory.bandwidth_mb_s} MB/s"))
    if profile.thermal:
        facts.append(("throttles at", f"{profile.thermal.throttle_c:g} C"))
    facts.append(("power", profile.power.source))
    facts += [("accelerator", f"{a.name} ({a.kind}) {a.note}") for a in profile.accelerators]
    facts += [
        ("userland", f"{u.name}: {u.arch}, {u.libc}, Python {u.python}") for u in profile.userlands
    ]
    facts += [("engine", f"{e.name} {e.version}  {e.note}") for e in profile.engines]
    facts += [
        ("precision", f"{p.name} {'pays' if p.pays else 'does not pay'}: {p.reason}")
        for p in profile.precisions
    ]
    width = max(len(key) for key, _ in facts)
    lines = [profile.name, profile.summary, ""]
    lines += [f"{key:<{width}}  {value}".rstrip() for key, value in facts]
    rows = [(", ".join(s.fields), s.title, s.url, s.date) for s in profile.sources]
    return "\n".join([*lines, "", aligned(("figures", "source", "address", "read"), rows)])
