"""Reads the state of the hardware from sysfs and procfs below a given root folder."""

from __future__ import annotations

import glob
import os
import re
from typing import Dict, List, Optional

CPUFREQ = "sys/devices/system/cpu/cpu0/cpufreq"
POLICIES = "sys/devices/system/cpu/cpufreq/policy*"
CPU_ZONES = (
    "cpu-thermal",
    "cpu_thermal",
    "x86_pkg_temp",
    "soc-thermal",
    "cpu-therm",
    "tj-thermal",
)
THROTTLE_FILES = "sys/devices/platform/*/*firmware*/get_throttled"
VCGENCMD = ("usr/bin/vcgencmd", "opt/vc/bin/vcgencmd")
CPU_COOLING = re.compile(r"cpufreq|processor|^cpu", re.IGNORECASE)
"""Cooling devices that slow the processor down, by type; fans are not among them."""
PROGRAM_TIMEOUT_S = 2
NVPMODEL = "var/lib/nvpmodel/status"


class Sensors:
    """Sensors below a root folder, ``/`` on a real board."""

    def __init__(self, root: str = "/") -> None:
        self.root = root
        self._zone = ""
        self._policies = self.matches(POLICIES) or self.matches(CPUFREQ)
        self._throttle_files = self.matches(THROTTLE_FILES)
        self._cooling = self._cpu_cooling()

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

    def matches(self, pattern: str) -> List[str]:
        """Paths below the root that match, relative to it."""
        found = glob.glob(os.path.join(self.root, pattern))
        return sorted(os.path.relpath(path, self.root) for path in found)

    def say(self, *arguments: str) -> Optional[str]:
        """What the board's vcgencmd answers, or None; a process is started for it."""
        for name in VCGENCMD:
            program = os.path.join(self.root, name)
            if not os.access(program, os.X_OK):
                continue
            import subprocess  # only Raspberry Pis need it

            try:
                done = subprocess.run(
                    [program, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    timeout=PROGRAM_TIMEOUT_S,
                    check=False,
                )
            except (OSError, subprocess.SubprocessError):
                return None
            text = done.stdout.decode("utf-8", "replace").strip()
            return None if done.returncode or text.startswith("error") else text
        return None

    def temperature_c(self) -> Optional[float]:
        """The processor's temperature: the zone that names it, else the hottest zone."""
        if self._zone:
            return self._zone_c(self._zone)
        readings: Dict[str, float] = {}
        for zone in self.matches("sys/class/thermal/thermal_zone*"):
            value = self._zone_c(zone)
            kind = self.text(zone + "/type") or zone
            if kind in CPU_ZONES and value is not None and kind not in readings:
                readings[kind] = value
                if kind == CPU_ZONES[0]:
                    self._zone = zone
            elif value is not None:
                readings.setdefault(kind, value)
        for kind in CPU_ZONES:
            if kind in readings:
                return readings[kind]
        return max(readings.values()) if readings else None

    def _zone_c(self, zone: str) -> Optional[float]:
        value = self.number(zone + "/temp")
        return value / 1000.0 if value is not None and -40000 < value < 200000 else None

    def clock_mhz(self) -> Optional[float]:
        """The present clock of the fastest cluster, as the kernel knows it."""
        return self._highest_mhz("scaling_cur_freq")

    def firmware_clock_mhz(self) -> Optional[float]:
        """The clock that a Raspberry Pi's firmware really gives; the kernel does not see it fall."""
        answer = self.say("measure_clock", "arm")
        found = re.search(r"=(\d+)", answer or "")
        return int(found.group(1)) / 1e6 if found else None

    def max_clock_mhz(self) -> Optional[float]:
        """The highest clock of the fastest cluster."""
        return self._highest_mhz("cpuinfo_max_freq")

    def _highest_mhz(self, name: str) -> Optional[float]:
        values = [self.number("%s/%s" % (policy, name)) for policy in self._policies]
        known = [value for value in values if value is not None]
        return max(known) / 1000.0 if known else None

    def governor(self) -> Optional[str]:
        """The clock governor; several when the clusters differ."""
        found = [self.text(policy + "/scaling_governor") for policy in self._policies]
        return ", ".join(sorted({name for name in found if name})) or None

    def throttled(self) -> Optional[str]:
        """Raspberry Pi throttle bits as hexadecimal without a prefix, from a file."""
        for path in self._throttle_files:
            try:
                return "%x" % int(self.text(path) or "", 16)
            except ValueError:
                continue
        return None

    def firmware_throttled(self) -> Optional[str]:
        """The same bits from the file or, where there is none, from vcgencmd."""
        known = self.throttled()
        if known is not None:
            return known
        found = re.search(r"throttled=(0x[0-9a-fA-F]+)", self.say("get_throttled") or "")
        return "%x" % int(found.group(1), 16) if found else None

    def _cpu_cooling(self) -> List[str]:
        devices = self.matches("sys/class/thermal/cooling_device*")
        return [d for d in devices if CPU_COOLING.search(self.text(d + "/type") or "")]

    def cooling_level(self) -> Optional[int]:
        """The deepest level of any device that slows the processor down; 0 is full speed."""
        values = [self.number(device + "/cur_state") for device in self._cooling]
        known = [value for value in values if value is not None]
        return max(known) if known else None

    def pressure_us(self, resource: str) -> Optional[int]:
        """Running total of microseconds in which some task waited: cpu, memory or io."""
        for line in (self.text("proc/pressure/" + resource) or "").splitlines():
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

    def free_memory_mb(self) -> Optional[int]:
        """Memory that a new process could use without swapping, in megabytes."""
        found = re.search(r"^MemAvailable:\s+(\d+)", self.text("proc/meminfo") or "", re.MULTILINE)
        return int(found.group(1)) * 1024 // 1000000 if found else None

    def power_mode(self) -> Optional[str]:
        """A Jetson's nvpmodel mode: it sets which cores run and how fast they may."""
        found = re.search(r"pmode:(\w+)", self.text(NVPMODEL) or "")
        return found.group(1) if found else None

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
