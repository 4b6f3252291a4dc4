"""File trees of boards as their kernels show them, for sensors with an injected root.

Values are those of documentation and public code, not of devices at hand: the paths and formats
are what the tests are about.
"""

from __future__ import annotations

from pathlib import Path

PRESSURE = "some avg10=2.01 avg60=1.66 avg300=0.70 total={some}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
PMIC = """ 3V7_WL_SW_A current(0)=0.00195186A
 VDD_CORE_A current(7)=0.56259000A
 3V7_WL_SW_V volt(8)=3.69000000V
 VDD_CORE_V volt(15)=0.76798460V
 EXT5V_V volt(24)=5.14158000V
 BATT_V volt(25)=0.00488000V"""


def put(root: Path, path: str, text: str) -> None:
    """Writes one file of the tree."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def common(root: Path, *, model: str, cores: int, mhz: int, governor: str) -> None:
    """What every board has."""
    put(root, "sys/firmware/devicetree/base/model", model + "\0")
    for i in range(cores):
        folder = f"sys/devices/system/cpu/cpu{i}/cpufreq"
        put(root, f"{folder}/scaling_cur_freq", f"{mhz * 1000}\n")
        put(root, f"{folder}/cpuinfo_max_freq", f"{mhz * 1000}\n")
        put(root, f"{folder}/scaling_governor", governor + "\n")
    for name, total in (("cpu", 4605075), ("memory", 120), ("io", 987654)):
        put(root, f"proc/pressure/{name}", PRESSURE.format(some=total))
    put(root, "proc/stat", "cpu  100 0 200 3000 10 0 5 7 0 0\ncpu0 1 2 3\n")
    put(root, "proc/loadavg", "0.42 0.30 0.20 1/234 5678\n")
    put(root, "proc/meminfo", "MemTotal: 3884356 kB\nMemAvailable:    2929688 kB\n")


def zone(root: Path, number: int, kind: str, text: str) -> None:
    """A thermal zone."""
    put(root, f"sys/class/thermal/thermal_zone{number}/type", kind + "\n")
    put(root, f"sys/class/thermal/thermal_zone{number}/temp", text)


def cooling(root: Path, number: int, kind: str, level: int) -> None:
    """A cooling device."""
    put(root, f"sys/class/thermal/cooling_device{number}/type", kind + "\n")
    put(root, f"sys/class/thermal/cooling_device{number}/cur_state", f"{level}\n")


def vcgencmd(root: Path, answers: dict[str, str]) -> None:
    """A vcgencmd that answers as the real one, and fails as it does for the rest."""
    cases = "".join(
        f"'{words}') cat <<'END'\n{text}\nEND\n;;\n" for words, text in answers.items()
    )
    script = f'#!/bin/sh\ncase "$*" in\n{cases}*) echo \'error=1 error_msg="Command not registered"\';;\nesac\n'
    put(root, "usr/bin/vcgencmd", script)
    (root / "usr/bin/vcgencmd").chmod(0o755)


def pi4(root: Path) -> None:
    """Raspberry Pi 4: throttled since boot and now, by file; firmware slower than the kernel says."""
    common(root, model="Raspberry Pi 4 Model B Rev 1.4", cores=4, mhz=1800, governor="ondemand")
    zone(root, 0, "cpu-thermal", "80800\n")
    put(root, "sys/devices/platform/soc/soc:firmware/get_throttled", "80008\n")
    vcgencmd(
        root,
        {"measure_clock arm": "frequency(45)=1400000000", "get_throttled": "throttled=0x80008"},
    )


def pi5(root: Path) -> None:
    """Raspberry Pi 5: a fan, throttle bits by vcgencmd only, power by its PMIC."""
    common(root, model="Raspberry Pi 5 Model B Rev 1.0", cores=4, mhz=2400, governor="ondemand")
    zone(root, 0, "cpu-thermal", "48686\n")
    cooling(root, 0, "pwm-fan", 2)
    answers = {"get_throttled": "throttled=0x50000", "pmic_read_adc": PMIC}
    vcgencmd(root, answers | {"measure_clock arm": "frequency(0)=2400010240"})


def orin(root: Path) -> None:
    """Jetson Orin Nano: zones of parts that are off, INA3221 rails, a power mode, CPU cooled."""
    common(
        root,
        model="NVIDIA Jetson Orin Nano Developer Kit",
        cores=6,
        mhz=1510,
        governor="schedutil",
    )
    for number, (kind, text) in enumerate(
        (
            ("cpu-thermal", "50125\n"),
            ("gpu-thermal", ""),
            ("cv0-thermal", ""),
            ("tj-thermal", "50562\n"),
        )
    ):
        zone(root, number, kind, text)
    cooling(root, 0, "pwm-fan", 1)
    cooling(root, 1, "cpufreq-cpu0", 3)
    ina = "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1"
    rails = (("VDD_IN", 5000, 1325), ("VDD_CPU_GPU_CV", 5000, 246), ("VDD_SOC", 5000, 476))
    for i, (label, millivolts, milliamperes) in enumerate(rails, 1):
        put(root, f"{ina}/in{i}_label", label + "\n")
        put(root, f"{ina}/in{i}_input", f"{millivolts}\n")
        put(root, f"{ina}/curr{i}_input", f"{milliamperes}\n")
    put(root, f"{ina}/in7_label", "sum of shunt voltages\n")
    put(root, "var/lib/nvpmodel/status", "pmode:0001")


def gateway(root: Path) -> None:
    """An x86 gateway: package temperature, RAPL, two clock policies."""
    common(root, model="", cores=2, mhz=800, governor="powersave")
    (root / "sys/firmware/devicetree/base/model").unlink()
    put(root, "sys/class/dmi/id/product_name", "IoT Gateway 3000\n")
    zone(root, 0, "acpitz", "27800\n")
    zone(root, 1, "x86_pkg_temp", "61000\n")
    cooling(root, 0, "Processor", 0)
    for i, mhz in enumerate((800, 3400)):
        folder = f"sys/devices/system/cpu/cpufreq/policy{i}"
        put(root, f"{folder}/scaling_cur_freq", f"{mhz * 1000}\n")
        put(root, f"{folder}/cpuinfo_max_freq", "3600000\n")
        put(root, f"{folder}/scaling_governor", "powersave\n")
    put(root, "sys/class/powercap/intel-rapl:0/name", "package-0\n")
    put(root, "sys/class/powercap/intel-rapl:0/energy_uj", "262143000000\n")
    put(root, "sys/class/powercap/intel-rapl:0/max_energy_range_uj", "262143328850\n")
    put(root, "sys/class/powercap/intel-rapl:0:0/energy_uj", "1\n")


def nothing(root: Path) -> None:
    """A container: none of it is there."""


TREES = {"pi4": pi4, "pi5": pi5, "orin": orin, "gateway": gateway, "nothing": nothing}
