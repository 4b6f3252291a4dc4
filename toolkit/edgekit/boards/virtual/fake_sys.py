"""What the kernel of a board would show of it, as plain files that may be edited while it runs.

The paths and formats are those of kernel documentation and public code; the values come from the
device profile. Writing 85000 into ``sys/class/thermal/thermal_zone0/temp`` makes the board hot.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgekit.core.profile import DeviceProfile

PARTS = {
    "cortex-a7": 0xC07,
    "cortex-a8": 0xC08,
    "cortex-a9": 0xC09,
    "cortex-a53": 0xD03,
    "cortex-a55": 0xD05,
    "cortex-a72": 0xD08,
    "cortex-a76": 0xD0B,
}
"""Part numbers of Arm's cores. Source: Arm technical reference manuals, MIDR_EL1."""
FEATURES = {
    "aarch64": ("fp", "asimd", "evtstrm", "crc32", "cpuid"),
    "armv7l": ("half", "thumb", "fastmult", "vfp", "edsp", "neon", "vfpv3", "tls", "vfpv4"),
}
"""What every core of the kind says in /proc/cpuinfo; a profile adds its own."""
TEMPERATURE_MILLI_C = 48_686
LOWEST_KHZ = 600_000


def write_tree(folder: Path, profile: DeviceProfile) -> None:
    """Writes ``sys/`` and ``cpuinfo`` of a board type.

    Args:
        folder: where.
        profile: whose cores, clock and names it gets.
    """
    for path, text in sys_files(profile).items():
        target = folder / "sys" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="ascii")
    (folder / "cpuinfo").write_text(cpuinfo(profile), encoding="ascii")


def sys_files(profile: DeviceProfile) -> Mapping[str, str]:
    """Path below /sys to content."""
    cores = profile.core_count
    everyone = f"0-{cores - 1}" if cores > 1 else "0"
    model = f"{profile.name} (emulated)"
    files = {
        **{f"devices/system/cpu/{name}": everyone for name in ("possible", "present", "online")},
        "devices/system/cpu/kernel_max": "255",
        "devices/system/node/online": "0",
        "devices/system/node/node0/cpulist": everyone,
        "class/thermal/thermal_zone0/type": "cpu-thermal",
        "class/thermal/thermal_zone0/temp": str(TEMPERATURE_MILLI_C),
        "class/thermal/cooling_device0/type": "cpufreq-cpu0",
        "class/thermal/cooling_device0/cur_state": "0",
        "class/thermal/cooling_device0/max_state": "3",
    }
    if profile.family == "raspberrypi":
        files["devices/platform/soc/soc:firmware/get_throttled"] = "0"
    number = 0
    for cluster in profile.cores:
        for _ in range(cluster.count):
            mask = f"{1 << number:x}"
            for path, text in _core(cluster.kind, cluster.clock_mhz, number, mask).items():
                files[f"devices/system/cpu/cpu{number}/{path}"] = text
            number += 1
    found = {path: text + "\n" for path, text in files.items()}
    # strings of the device tree end with NUL
    found["firmware/devicetree/base/model"] = model + "\0"
    compatibles = "".join(name + "\0" for name in profile.identity.compatibles)
    found["firmware/devicetree/base/compatible"] = compatibles
    return found


def cpuinfo(profile: DeviceProfile) -> str:
    """The text of /proc/cpuinfo."""
    features = dict.fromkeys((*FEATURES[profile.arch], *profile.isa_features))
    generation = 8 if profile.arch == "aarch64" else 7
    blocks = []
    number = 0
    for cluster in profile.cores:
        for _ in range(cluster.count):
            fields = {
                "processor": number,
                "BogoMIPS": "108.00",
                "Features": " ".join(features),
                "CPU implementer": "0x41",
                "CPU architecture": generation,
                "CPU variant": "0x0",
                "CPU part": f"0x{PARTS.get(cluster.kind, PARTS['cortex-a53']):03x}",
                "CPU revision": 3,
            }
            blocks.append("".join(f"{key}\t: {value}\n" for key, value in fields.items()))
            number += 1
    return "\n".join(blocks) + f"\nModel\t: {profile.name} (emulated)\n"


def _core(kind: str, clock_mhz: int, number: int, mask: str) -> Mapping[str, str]:
    part = PARTS.get(kind, PARTS["cortex-a53"])
    khz = str(clock_mhz * 1000)
    return {
        # without it some engines end with a segmentation fault
        "regs/identification/midr_el1": f"0x{0x410F0003 | part << 4:016x}",
        "topology/core_id": str(number),
        "topology/cluster_id": "0",
        "topology/physical_package_id": "0",
        "topology/core_cpus": mask,
        "topology/core_cpus_list": str(number),
        "topology/thread_siblings": mask,
        "topology/thread_siblings_list": str(number),
        "topology/package_cpus": mask,
        "topology/package_cpus_list": str(number),
        "cpufreq/scaling_cur_freq": khz,
        "cpufreq/scaling_max_freq": khz,
        "cpufreq/cpuinfo_max_freq": khz,
        "cpufreq/scaling_min_freq": str(min(LOWEST_KHZ, int(khz))),
        "cpufreq/cpuinfo_min_freq": str(min(LOWEST_KHZ, int(khz))),
        "cpufreq/scaling_governor": "ondemand",
        "online": "1",
    }
