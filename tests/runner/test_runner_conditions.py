"""What the sampler reads on the boards of the golden cases, what it costs, and the power of each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from edgekit.core.measurement import Condition, Energy
from edgekit.core.record import from_plain
from edgekit_runner import conditions
from edgekit_runner.conditions import Sampler, read_condition
from edgekit_runner.power import Energy as EnergySum
from edgekit_runner.power import Meter, find_meter, pmic_mw
from edgekit_runner.rows import Rows
from edgekit_runner.sensors import Sensors
from fakes.board_trees import TREES, put

GOLDEN = Path(__file__).parent.parent / "data" / "sensors"
OF_THE_PROCESS = ("rss_bytes", "voluntary_switches", "involuntary_switches")


@pytest.mark.parametrize("name", TREES)
def test_the_golden_conditions_of_a_board(name: str, tmp_path: Path) -> None:
    TREES[name](tmp_path)
    sensors = Sensors(str(tmp_path))
    found = read_condition(sensors, is_full=True)
    for key in OF_THE_PROCESS:
        assert found.pop(key) is not None
    meter = find_meter(sensors)
    power_mw = EnergySum(meter, 0).take(1) if meter else None
    found |= {"source": meter.source if meter else None, "power_mw": power_mw}
    found["board_model"] = sensors.board_model()
    path = GOLDEN / f"{name}.json"
    if os.environ.get("WRITE_GOLDEN"):
        path.write_text(json.dumps(found, indent=1) + "\n")
    assert found == json.loads(path.read_text())
    known = {key: value for key, value in found.items() if key not in ("source", "board_model")}
    from_plain(Condition, {"at_ns": 0, **known})


def test_a_reading_between_begin_and_end_starts_no_process(tmp_path: Path) -> None:
    TREES["pi5"](tmp_path)
    put(tmp_path, "usr/bin/vcgencmd", '#!/bin/sh\ntouch "$(dirname $0)/started"\n')
    read_condition(Sensors(str(tmp_path)), is_full=False)
    assert not (tmp_path / "usr/bin/started").exists()
    read_condition(Sensors(str(tmp_path)), is_full=True)
    assert (tmp_path / "usr/bin/started").exists()


def test_a_sensor_that_changes_is_read_anew(tmp_path: Path) -> None:
    TREES["pi4"](tmp_path)
    sensors = Sensors(str(tmp_path))
    assert sensors.temperature_c() == 80.8
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "85000\n")
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "e000e\n")
    assert sensors.temperature_c() == 85.0
    assert sensors.throttled() == "e000e"


def test_energy_is_the_area_under_the_power() -> None:
    powers = iter([1000.0, 3000.0, None, 3000.0])
    meter = Meter("test", lambda: next(powers), None, 0, False)
    energy = EnergySum(meter, 0)
    for second in range(4):
        energy.take(second * 10**9)
    told = energy.told()
    assert told
    found = from_plain(Energy, told)
    assert found.energy_mj == pytest.approx(2000.0 + 6000.0)
    assert found.readings == 3
    assert found.span_ns == 3 * 10**9
    assert found.mean_mw == pytest.approx(8000.0 / 3)


def test_a_counter_of_energy_may_start_again() -> None:
    totals = iter([900, 950, 30])
    energy = EnergySum(Meter("RAPL", None, lambda: next(totals), 1000, False), 0)
    assert energy.take(0) is None
    assert energy.take(10**9) == pytest.approx(0.05)
    assert energy.take(2 * 10**9) == pytest.approx(0.08)
    told = energy.told()
    assert told
    assert told["energy_mj"] == pytest.approx(0.13)
    assert told["is_counter"] is True


def test_one_reading_tells_no_energy() -> None:
    energy = EnergySum(Meter("test", lambda: 1.0, None, 0, False), 0)
    energy.take(5)
    assert energy.told() is None


def test_rails_without_a_current_do_not_count() -> None:
    assert pmic_mw("EXT5V_V volt(24)=5.1V") is None
    assert pmic_mw('error=1 error_msg="Command not registered"') is None


def test_a_long_run_keeps_fewer_conditions(tmp_path: Path) -> None:
    said: list[dict[str, Any]] = []  # Any: JSON
    sampler = Sampler(
        Sensors(str(tmp_path)), lambda event, **fields: said.append({"event": event, **fields})
    )
    sampler.begin_timing([Rows(("start", "total"))])
    for _ in range(4 * conditions.MOST_CONDITIONS):
        sampler._tick()
    kept = sum(event["event"] == "condition" for event in said)
    assert conditions.MOST_CONDITIONS < kept < 2.5 * conditions.MOST_CONDITIONS
    assert sum(event["event"] == "progress" for event in said) == 4 * conditions.MOST_CONDITIONS


def test_a_costly_board_is_read_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reading that burns processor time makes the sampler slow down by itself."""

    class Costly(Sensors):
        def temperature_c(self) -> float | None:
            sum(range(300_000))
            return 50.0

    monkeypatch.setattr(conditions, "INTERVAL_S", 0.01)
    slower = threading.Event()

    def emit(event: str, **fields: Any) -> None:  # Any: JSON
        if sampler.interval_s > 0.1:
            slower.set()

    sampler = Sampler(Costly(str(tmp_path)), emit)
    with sampler:
        sampler.begin_timing([Rows(("start", "total"))])
        assert slower.wait(20)


ORPHAN = """
import os, sys, threading
sys.path.insert(0, sys.argv[1])
from edgekit_runner.conditions import Sampler
from edgekit_runner.sensors import Sensors
read, write = os.pipe()
if os.fork():
    os.read(read, 1)
    os._exit(0)
print(os.getpid(), flush=True)
os.close(1)
os.close(2)
with Sampler(Sensors("/nothing"), lambda event, **fields: None) as sampler:
    os.write(write, b"x")
    threading.Event().wait(60)
"""


def test_a_runner_whose_parent_dies_ends_by_itself() -> None:
    """The SSH server went away without a signal, and nothing is written that could fail."""
    toolkit = str(Path(conditions.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", ORPHAN, toolkit], capture_output=True, text=True, check=True
    )
    process = int(done.stdout)
    gone = threading.Event()
    for _ in range(100):
        if not Path(f"/proc/{process}").exists():
            return
        gone.wait(0.1)
    os.kill(process, 9)
    pytest.fail("the runner outlived its parent")
