"""What the runner reads from a board's files, on trees made for it."""

from __future__ import annotations

from pathlib import Path

from edgekit_runner.probe import memory_mb, os_name, processor
from edgekit_runner.sensors import Sensors

PI = """processor\t: 0
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU part\t: 0xd08
Model\t\t: Raspberry Pi 4 Model B Rev 1.4
"""


def put(root: Path, path: str, text: str) -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def test_a_raspberry_pi(tmp_path: Path) -> None:
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "61234\n")
    put(tmp_path, "sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
    put(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1500000\n")
    put(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "ondemand\n")
    put(tmp_path, "proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")
    sensors = Sensors(str(tmp_path))
    assert sensors.temperature_c() == 61.234
    assert sensors.clock_mhz() == 1500.0
    assert sensors.governor() == "ondemand"
    assert sensors.board_model() == "Raspberry Pi 4 Model B Rev 1.4"


def test_nothing_there_is_none_and_never_zero(tmp_path: Path) -> None:
    sensors = Sensors(str(tmp_path))
    assert sensors.temperature_c() is None
    assert sensors.clock_mhz() is None
    assert sensors.throttled() is None
    assert sensors.board_model() is None
    assert sensors.pressure_us("cpu") is None


def test_the_processor_is_named_from_its_part_number() -> None:
    model, features = processor(PI)
    assert model == "cortex-a72"
    assert "asimd" in features


def test_memory_and_system() -> None:
    assert memory_mb("MemTotal:  3884356 kB\nMemFree: x kB\n") == {"MemTotal": 3977}
    assert os_name('ID=debian\nPRETTY_NAME="Debian GNU/Linux 12"\n') == "Debian GNU/Linux 12"
