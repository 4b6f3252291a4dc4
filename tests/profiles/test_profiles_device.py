"""Device profiles: every shipped one, and what a wrong one is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgekit.core.errors import ProfileError
from edgekit.profiles.device import (
    check_profile,
    list_profiles,
    load_profile,
    profile_paths,
    profile_schema,
)

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = {
    "raspberrypi",
    "raspberrypi-3b",
    "raspberrypi-4b",
    "raspberrypi-5",
    "raspberrypi-zero2w",
    "raspberrypi-4b-32bit",
    "jetson-nano",
    "jetson-orin-nano",
    "coral-dev-board",
    "rock-5b",
    "intel-n100",
    "generic-aarch64",
    "generic-armv7l",
    "generic-x86-64",
}


def test_the_promised_boards_are_there() -> None:
    known = set(profile_paths())
    assert {name for name in EXPECTED if "32bit" not in name} <= known
    assert {"beagleplay", "beaglebone-ai64"} & known
    assert any("32" in name for name in known)


@pytest.mark.parametrize("name", sorted(profile_paths()))
def test_every_profile_is_in_order_and_sourced(name: str) -> None:
    assert check_profile(profile_paths()[name]) == ()
    profile = load_profile(name)
    for source in profile.sources:
        assert source.url.startswith("https://") or (ROOT / source.url).is_file(), source.url
    assert all(advice.reason for advice in profile.precisions)


def test_the_family_page_stands_for_the_pi_4() -> None:
    family, board = load_profile("raspberrypi"), load_profile("raspberrypi-4b")
    assert family.alias_of == "raspberrypi-4b"
    assert (family.cores, family.engines, family.memory) == (
        board.cores,
        board.engines,
        board.memory,
    )


def test_a_32_bit_board_runs_tflite_runtime_only() -> None:
    assert [e.name for e in load_profile("generic-armv7l").engines] == ["tflite_runtime"]


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(ProfileError) as caught:
        load_profile("rasberrypi")
    assert "raspberrypi" in caught.value.hint
    assert caught.value.exit_code == 3


def test_all_problems_of_a_file_at_once(tmp_path: Path) -> None:
    text = profile_paths()["raspberrypi-4b"].read_text()
    text = text.replace('arch = "aarch64"', 'arch = "arm46"', 1)
    text = text.replace("clock_mhz = 1800", 'clock_mhz = "fast"').replace(
        "[memory]", "[memory]\nsped = 3"
    )
    path = tmp_path / "raspberrypi-4b.toml"
    path.write_text(text)
    problems = "\n".join(check_profile(path))
    assert "cores[0].clock_mhz" in problems
    assert "memory.sped: unknown key" in problems
    assert str(path) in problems


def test_contradictions_are_problems(tmp_path: Path) -> None:
    text = profile_paths()["raspberrypi-4b"].read_text()
    text = text.replace('"litert"', '"litrt"').replace('libc = "glibc-2.36"', 'libc = "old"')
    path = tmp_path / "another-name.toml"
    path.write_text(text)
    problems = "\n".join(check_profile(path))
    assert "did you mean litert" in problems
    assert "glibc-<n.m>" in problems
    assert "the file's stem" in problems


@pytest.mark.parametrize("content", [b"", b"not toml =", b"\xff\xfe"])
def test_a_file_that_is_no_profile(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    assert check_profile(path)


def test_the_stored_schema_is_the_schema() -> None:
    stored = json.loads((ROOT / "docs/schema/device-profile.json").read_text())
    assert stored == profile_schema()


def test_list_profiles_is_sorted() -> None:
    names = [profile.id for profile in list_profiles()]
    assert names == sorted(names)
