"""The text of the systemd unit that serves a model: pure, so that systemd-analyze can judge it."""

from __future__ import annotations

import json
from typing import NamedTuple

WATCHDOG_S = 30
"""An inference that takes longer counts as hung."""
HARDENING = """\
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=strict
ProtectControlGroups=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
CapabilityBoundingSet=
AmbientCapabilities=
IPAddressDeny=any
IPAddressAllow=localhost
UMask=0077
"""
"""What a model server can do without. MemoryDenyWriteExecute is left out: engines generate code.
Source: systemd.exec(5), systemd.resource-control(5)."""


class Unit(NamedTuple):
    """What the unit is made from."""

    app: str
    user: str
    home: str
    """Home folder of the user, absolute."""
    python: str
    port: int
    threads: int
    is_system: bool
    """False for a unit of the user's own manager, which cannot be sandboxed."""
    devices: tuple[str, ...] = ()
    """Device nodes of accelerators; none hides every device."""


def unit_name(app: str) -> str:
    """The unit's name."""
    return "edgekit-%s.service" % app


def unit_text(unit: Unit) -> str:
    """The whole file.

    Raises:
        ValueError: a path has characters that systemd would not take as they are.
    """
    for path in (unit.home, unit.python):
        if not path.startswith("/") or any(c in path for c in "\"'\\%$\n\r\t "):
            raise ValueError("the path %r cannot stand in a unit" % path)
    base = "%s/.edgekit" % unit.home
    asked = json.dumps({"app": unit.app, "port": unit.port, "threads": unit.threads})
    lines = [
        "# Made by edgekit; the next deployment with --service writes it anew.",
        "[Unit]",
        "Description=edgekit model %s" % unit.app,
        "StartLimitIntervalSec=300",
        "StartLimitBurst=10",
        "",
        "[Service]",
        "Type=notify",
        "NotifyAccess=main",
        "ExecStart=%s -I %s/apps/%s/runner.pyz serve" % (unit.python, base, unit.app),
        "StandardInput=data",
        "StandardInputText=%s" % asked,
        "StandardOutput=journal",
        "StandardError=journal",
        "Restart=always",
        "RestartSec=2",
        "TimeoutStartSec=300",
        "TimeoutStopSec=20",
        "WatchdogSec=%d" % WATCHDOG_S,
    ]
    if unit.is_system:
        lines += ["User=%s" % unit.user, "Environment=HOME=%s" % unit.home]
        lines += HARDENING.splitlines()
        lines += ["ProtectHome=read-only", "ReadWritePaths=%s" % base]
        if unit.devices:
            lines.append("DevicePolicy=closed")
            lines += ["DeviceAllow=%s rw" % device for device in unit.devices]
        else:
            lines.append("PrivateDevices=yes")
    wanted_by = "multi-user.target" if unit.is_system else "default.target"
    return "\n".join([*lines, "", "[Install]", "WantedBy=%s" % wanted_by, ""])
