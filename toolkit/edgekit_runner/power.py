"""Power of the board from whatever sensor it has, and the energy that a run took.

Sources: kernel documentation hwmon/ina3221 and sysfs-interface (mV, mA, uW); powercap (uJ);
NVIDIA Jetson Linux developer guide, power rails; Raspberry Pi ``vcgencmd pmic_read_adc``.
"""

from __future__ import annotations

import re
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

from .sensors import Sensors

INA3221 = "sys/bus/i2c/drivers/ina3221/*/hwmon/hwmon*"
INA3221_OLD = "sys/bus/i2c/drivers/ina3221x/*/iio:device*"
HWMON_POWER = "sys/class/hwmon/hwmon*/power*_input"
RAPL = "sys/class/powercap/intel-rapl:*"
WHOLE_BOARD = ("VDD_IN", "POM_5V_IN", "VDD_IN_5V", "SYS5V")
"""Rails that feed everything; others are parts of them and must not be added on top."""
NOT_A_RAIL = "sum of shunt voltages"
PMIC_LINE = re.compile(r"(\w+)_([AV])\s+(?:current|volt)\(\d+\)=([0-9.]+)[AV]")


class Meter(NamedTuple):
    """One way to know the power."""

    source: str
    read_mw: Optional[Callable[[], Optional[float]]]
    """The present power; None where there is only a counter of energy."""
    read_uj: Optional[Callable[[], Optional[int]]]
    """A running total of energy."""
    wrap_uj: int
    """Where the counter starts again."""
    is_costly: bool
    """Each reading starts a process."""


def find_meter(sensors: Sensors) -> Optional[Meter]:
    """The best sensor of this board, or None."""
    return _jetson(sensors) or _rapl(sensors) or _hwmon(sensors) or _pmic(sensors)


class Energy:
    """Adds up the energy of a run from readings of a meter."""

    def __init__(self, meter: Meter, at_ns: int) -> None:
        self.meter = meter
        self.readings = 0
        self.energy_mj = 0.0
        self.first_ns = self.last_ns = at_ns
        self.last_mw: Optional[float] = None
        self.last_uj: Optional[int] = None

    def take(self, at_ns: int) -> Optional[float]:
        """Reads the meter; gives the power in milliwatts, averaged where only energy is told."""
        if self.meter.read_uj:
            return self._count(self.meter.read_uj(), at_ns)
        power_mw = self.meter.read_mw() if self.meter.read_mw else None
        if power_mw is None:
            return None
        if self.last_mw is not None:
            self.energy_mj += (self.last_mw + power_mw) / 2 * (at_ns - self.last_ns) / 1e9
        else:
            self.first_ns = at_ns
        self.last_mw, self.last_ns = power_mw, at_ns
        self.readings += 1
        return power_mw

    def _count(self, energy_uj: Optional[int], at_ns: int) -> Optional[float]:
        if energy_uj is None:
            return None
        power_mw = None
        if self.last_uj is not None and at_ns > self.last_ns:
            spent_uj = energy_uj - self.last_uj
            spent_uj += self.meter.wrap_uj if spent_uj < 0 else 0
            self.energy_mj += spent_uj / 1e3
            power_mw = spent_uj / 1e3 / ((at_ns - self.last_ns) / 1e9)
        elif self.last_uj is None:
            self.first_ns = at_ns
        self.last_uj, self.last_ns = energy_uj, at_ns
        self.readings += 1
        return power_mw

    def told(self) -> Optional[Dict[str, object]]:
        """The event's fields, or None with fewer than two readings."""
        if self.readings < 2 or self.last_ns <= self.first_ns:
            return None
        spent_ns = self.last_ns - self.first_ns
        return {
            "source": self.meter.source,
            "energy_mj": round(self.energy_mj, 6),
            "span_ns": spent_ns,
            "readings": self.readings,
            "is_counter": self.meter.read_uj is not None,
        }


def _jetson(sensors: Sensors) -> Optional[Meter]:
    rails: List[Tuple[str, Callable[[], Optional[float]]]] = []
    for folder in sensors.matches(INA3221):
        for path in sensors.matches(folder + "/in*_label"):
            label = sensors.text(path) or ""
            number = path.rpartition("/in")[2].partition("_")[0]
            if label and label != NOT_A_RAIL:
                rails.append((label, _product(sensors, folder, number)))
    for folder in sensors.matches(INA3221_OLD):
        for path in sensors.matches(folder + "/rail_name_*"):
            power = "%s/in_power%s_input" % (folder, path.rpartition("_")[2])
            rails.append((sensors.text(path) or "", _scaled(sensors, power, 1.0)))
    if not rails:
        return None
    whole = [rail for rail in rails if rail[0] in WHOLE_BOARD] or rails
    names = " + ".join(label for label, _ in whole)
    return Meter("INA3221 " + names, _sum([read for _, read in whole]), None, 0, False)


def _product(sensors: Sensors, folder: str, number: str) -> Callable[[], Optional[float]]:
    def read() -> Optional[float]:
        volts = sensors.number("%s/in%s_input" % (folder, number))
        amperes = sensors.number("%s/curr%s_input" % (folder, number))
        return None if volts is None or amperes is None else volts * amperes / 1000.0

    return read


def _scaled(sensors: Sensors, path: str, factor: float) -> Callable[[], Optional[float]]:
    def read() -> Optional[float]:
        value = sensors.number(path)
        return None if value is None else value * factor

    return read


def _sum(reads: List[Callable[[], Optional[float]]]) -> Callable[[], Optional[float]]:
    def read() -> Optional[float]:
        values = [value for value in (one() for one in reads) if value is not None]
        return sum(values) if values else None

    return read


def _rapl(sensors: Sensors) -> Optional[Meter]:
    """Package domains only: they hold the cores and the graphics below them."""
    zones = [z for z in sensors.matches(RAPL) if z.count(":") == 1]
    zones = [zone for zone in zones if sensors.number(zone + "/energy_uj") is not None]
    if not zones:
        return None
    zone = zones[0]
    name = sensors.text(zone + "/name") or "package-0"
    wrap = sensors.number(zone + "/max_energy_range_uj") or 0
    return Meter("RAPL " + name, None, lambda: sensors.number(zone + "/energy_uj"), wrap, False)


def _hwmon(sensors: Sensors) -> Optional[Meter]:
    paths = [path for path in sensors.matches(HWMON_POWER) if sensors.number(path) is not None]
    if not paths:
        return None
    name = sensors.text(paths[0].rpartition("/")[0] + "/name") or "hwmon"
    return Meter("hwmon " + name, _scaled(sensors, paths[0], 1e-3), None, 0, False)


def _pmic(sensors: Sensors) -> Optional[Meter]:
    if pmic_mw(sensors.say("pmic_read_adc") or "") is None:
        return None
    source = "Raspberry Pi 5 PMIC, sum of rails (USB devices and losses are not in it)"

    def read() -> Optional[float]:
        return pmic_mw(sensors.say("pmic_read_adc") or "")

    return Meter(source, read, None, 0, True)


def pmic_mw(text: str) -> Optional[float]:
    """Sum of volts times amperes over the rails that tell both.

    Example:
        >>> pmic_mw("A_A current(7)=0.5A A_V volt(15)=0.8V EXT5V_V volt(24)=5.1V")
        400.0
    """
    values: Dict[str, Dict[str, float]] = {}
    for name, unit, value in PMIC_LINE.findall(text):
        values.setdefault(name, {})[unit] = float(value)
    rails = [rail["A"] * rail["V"] for rail in values.values() if len(rail) == 2]
    return sum(rails) * 1e3 if rails else None
