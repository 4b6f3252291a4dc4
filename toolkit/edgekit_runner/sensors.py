"""Reads the state of the hardware from sysfs and procfs below a given root folder."""

from __future__ import annotations

import glob
import os
from typing import Dict, Optional

CPUFREQ = "sys/devices/system/cpu/cpu0/cpufreq"
CPU_ZONES = (
    "cpu-thermal",
    "cpu_thermal",
    "x86_pkg_temp",
    "soc-thermal",
    "cpu-therm",
    "tj-thermal",
)
THROTTLE_FILES = "sys/devices/platform/*/*firmware*/get_throttled"


class Sensors:
    """Sensors below a root folder, ``/`` on a real board."""

    def __init__(self, root: str = "/") -> None:
        self.root = root

    def text(self, path: str) -> Optional[str]:
        """A file's content without blanks at its ends and NULs, or None when it cannot be read."""
        try:
            with open(os.path.join(self.root, path), "rb") as stream:
                return stream.read(65536).decode("utf-8", "replace").strip("\0 \n\t")
        except OSError:
            return None

    def number(self, path: str) -> Optional[int]:
        """A file's content as an integer, or None."""
        try:
            return int(self.text(path) or "")
        except ValueError:
            return None

    def temperature_c(self) -> Optional[float]:
        """The processor's temperature: the zone that names it, else the hottest zone."""
        readings: Dict[str, float] = {}
        for zone in sorted(glob.glob(os.path.join(self.root, "sys/class/thermal/thermal_zone*"))):
            value = self.number(os.path.relpath(os.path.join(zone, "temp"), self.root))
            kind = self.text(os.path.relpath(os.path.join(zone, "type"), self.root)) or zone
            if value is not None and -40000 < value < 200000:
                readings[kind] = value / 1000.0
        for kind in CPU_ZONES:
            if kind in readings:
                return readings[kind]
        return max(readings.values()) if readings else None

    def clock_mhz(self) -> Optional[float]:
        """The present clock of the first processor."""
        value = self.number(CPUFREQ + "/scaling_cur_freq")
        return None if value is None else value / 1000.0

    def max_clock_mhz(self) -> Optional[float]:
        """The highest clock of the first processor."""
        value = self.number(CPUFREQ + "/cpuinfo_max_freq")
        return None if value is None else value / 1000.0

    def governor(self) -> Optional[str]:
        """The clock governor of the first processor."""
        return self.text(CPUFREQ + "/scaling_governor")

    def throttled(self) -> Optional[str]:
        """Raspberry Pi throttle bits as hexadecimal without a prefix."""
        for path in sorted(glob.glob(os.path.join(self.root, THROTTLE_FILES))):
            text = self.text(os.path.relpath(path, self.root))
            try:
                return "%x" % int(text or "", 16)
            except ValueError:
                continue
        return None

    def cpu_pressure_us(self) -> Optional[int]:
        """Running total of microseconds in which some task waited for a processor."""
        for line in (self.text("proc/pressure/cpu") or "").splitlines():
            if line.startswith("some"):
                try:
                    return int(line.rpartition("total=")[2])
                except ValueError:
                    return None
        return None

    def steal_ticks(self) -> Optional[int]:
        """Clock ticks that a hypervisor took away since boot."""
        fields = (self.text("proc/stat") or "").split("\n", 1)[0].split()
        return int(fields[8]) if len(fields) > 8 and fields[8].isdigit() else None

    def load_1min(self) -> Optional[float]:
        """Load average of the last minute."""
        try:
            return float((self.text("proc/loadavg") or "").split()[0])
        except (IndexError, ValueError):
            return None

    def board_model(self) -> Optional[str]:
        """Name of the board from the device tree or DMI."""
        for path in (
            "proc/device-tree/model",
            "sys/firmware/devicetree/base/model",
            "sys/class/dmi/id/product_name",
        ):
            text = self.text(path)
            if text:
                return text
        return None
