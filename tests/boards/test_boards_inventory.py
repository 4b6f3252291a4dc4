"""The inventory file, and Ansible's inventories in and out."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgekit.boards.ansible import (
    expand_range,
    export_ini,
    export_yaml,
    import_inventory,
    parse_ini,
    parse_yaml,
    resolve,
)
from edgekit.boards.inventory import add_board, add_boards, list_boards, remove_board
from edgekit.cli.main import run
from edgekit.core.board import BoardEntry
from edgekit.core.errors import ConfigError
from peers import ANSIBLE, peer_program

words = st.text("abcdefghij-_.0123456789", min_size=1, max_size=12).map(lambda x: f"b{x}")
values = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp"), blacklist_characters="{},"),
    max_size=20,
).map(str.strip)
entries = st.builds(
    BoardEntry,
    name=words,
    profile=words,
    host=words,
    port=st.integers(1, 65535),
    user=st.sampled_from(["", "pi", "o'brien", "007", "True", "a b"]),
    identity_file=st.sampled_from(["", "~/.ssh/key", "/a b/c#d", "1", "[x]"]),
    tags=st.lists(words, max_size=3, unique=True).map(tuple),
    groups=st.lists(words, max_size=3, unique=True).map(lambda x: tuple(sorted(x))),
    proxy_jump=st.sampled_from(["", "gate", "me@gate:2222,inner"]),
)
inventories = st.lists(entries, min_size=1, max_size=6, unique_by=lambda x: x.name)
INI = """
# boards of the lab
loose.lab:2222 ansible_user=pi
[kitchen]
pi[1:3].lab edgekit_profile=raspberrypi-4b
pi4 ansible_host=192.168.1.4 ansible_user='o pi' edgekit_tags="a,b" # the new one
[kitchen:vars]
ansible_user=kitchen
ansible_port=2200
[hall]
pi4
jetson ansible_ssh_private_key_file=/keys/j ansible_ssh_common_args='-o ProxyJump=me@gate'
[hall:vars]
edgekit_profile=jetson-orin-nano
ansible_user=hall
[house:children]
kitchen
hall
[house:vars]
ansible_user=house
ansible_password=hunter2
[all:vars]
ansible_port=22
site=home
"""
YAML = """
all:
  vars: {site: home, ansible_port: 22}
  hosts: {loose.lab: {ansible_user: pi}}
  children:
    house:
      vars: {ansible_user: house, ansible_password: hunter2}
      children:
        kitchen:
          vars: {ansible_user: kitchen, ansible_port: 2200}
          hosts:
            pi[1:3].lab: {edgekit_profile: raspberrypi-4b}
            pi4: {ansible_host: 192.168.1.4, ansible_user: o pi, edgekit_tags: [a, b]}
        hall:
          vars: {edgekit_profile: jetson-orin-nano, ansible_user: hall}
          hosts:
            pi4:
            jetson: {ansible_ssh_private_key_file: /keys/j}
"""


def test_hosts_of_an_ini_inventory(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text(INI)
    found = import_inventory(path, profile="raspberrypi")
    boards = {board.name: board for board in found.boards}
    assert set(boards) == {"loose.lab", "pi1.lab", "pi2.lab", "pi3.lab", "pi4", "jetson"}
    assert (boards["loose.lab"].port, boards["loose.lab"].user) == (2222, "pi")
    assert (boards["pi1.lab"].port, boards["pi1.lab"].user) == (2200, "kitchen")
    assert boards["pi1.lab"].groups == ("house", "kitchen")
    assert boards["pi4"].host == "192.168.1.4"
    assert boards["pi4"].user == "o pi"
    assert boards["pi4"].tags == ("a", "b")
    assert boards["pi4"].groups == ("hall", "house", "kitchen")
    assert boards["jetson"].profile == "jetson-orin-nano"
    assert boards["jetson"].proxy_jump == "me@gate"
    assert boards["jetson"].user == "hall"
    assert boards["loose.lab"].profile == "raspberrypi"
    assert any("passwords" in note for note in found.notes)
    assert "hunter2" not in repr(found)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "text"), [("hosts.ini", INI), ("hosts.yml", YAML)])
def test_variables_and_groups_are_those_of_ansible(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text)
    program = peer_program(ANSIBLE, "ansible-inventory")
    done = subprocess.run(
        [program, "-i", str(path), "--list"], capture_output=True, text=True, check=True
    )
    listed = json.loads(done.stdout)
    groups = (parse_yaml if name.endswith("yml") else parse_ini)(text, name)
    ours = {host: (variables, of) for host, variables, of in resolve(groups, name)}
    assert {host: variables for host, (variables, _) in ours.items()} == listed["_meta"][
        "hostvars"
    ]

    def hosts_of(group: str) -> set[str]:
        found = set(listed.get(group, {}).get("hosts", ()))
        return found.union(*(hosts_of(child) for child in listed[group].get("children", ())))

    for group in ("kitchen", "hall", "house"):
        assert {host for host, (_, of) in ours.items() if group in of} == hosts_of(group)


@pytest.mark.parametrize("form", ["ini", "yml"])
@given(boards=inventories)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_out_and_in_again(form: str, boards: list[BoardEntry], tmp_path: Path) -> None:
    path = tmp_path / f"hosts.{form}"
    path.write_text((export_yaml if form == "yml" else export_ini)(boards))
    found = import_inventory(path, profile="").boards
    wanted = {board.name: board for board in boards}
    groups = {group for board in boards for group in board.groups}
    if not groups & set(wanted):  # ansible does not tell a group from a host of the same name
        assert {board.name: board for board in found} == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a:children]\nb\n", "no group"),
        ("[a:children]\na\n", "holds itself"),
        ("[a:vars]\nx\n", "name=value"),
        ("host x\n", "name=value"),
        ("host 'x\n", "No closing quotation"),
        ("h[1:x]\n", "no range"),
        ("h[1:200000]\n", "more than"),
        ("h ansible_port=x\n", "no number"),
    ],
)
def test_a_broken_ini_inventory(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        import_inventory(path, profile="p")


@pytest.mark.parametrize("text", ["{", "- a", "all: [1]", "all: {host: {}}", "all: {hosts: 3}"])
def test_a_broken_yaml_inventory(text: str, tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        import_inventory(path, profile="p")


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        list(resolve(parse_ini(text, "x"), "x"))
    except ConfigError:
        pass


def test_ranges() -> None:
    assert list(expand_range("a[1:3]b[x:y]")) == ["a1bx", "a1by", "a2bx", "a2by", "a3bx", "a3by"]
    assert list(expand_range("a[0:10:5]")) == ["a0", "a5", "a10"]
    assert list(expand_range("plain")) == ["plain"]


def test_boards_are_added_all_or_none_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "boards.toml"
    path.write_text('# mine\n[[boards]]\nname = "a"\nprofile = "p"\nhost = "h"\n')
    new = [BoardEntry("b", "p", host="h"), BoardEntry("a", "q", host="i", groups=("g",))]
    with pytest.raises(ConfigError, match="already has a board called a"):
        add_boards(new, inventory=path)
    assert [board.name for board in list_boards(path)] == ["a"]
    add_boards(new, inventory=path, replace=True)
    assert {board.name: board.profile for board in list_boards(path)} == {"a": "q", "b": "p"}
    assert path.read_text().startswith("# mine\n")
    add_board(BoardEntry("c", "p", host="h", password_file="x"), inventory=path)
    remove_board("b", inventory=path)
    assert [board.name for board in list_boards(path)] == ["a", "c"]


def test_import_and_export_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hosts").write_text("[kitchen]\npi1 ansible_host=10.0.0.1\npi2 ansible_host=10.0.0.2\n")
    assert run(["boards", "import", "hosts", "--inventory", "lab.toml"]) == 3
    assert "--profile NAME" in capsys.readouterr().err
    more = ["--inventory", "lab.toml"]
    assert run(["boards", "import", "hosts", "--profile", "raspberrypi", *more]) == 0
    capsys.readouterr()
    assert run(["boards", "list", "--group", "kitchen", "--json", *more]) == 0
    assert [b["host"] for b in json.loads(capsys.readouterr().out)] == ["10.0.0.1", "10.0.0.2"]
    assert run(["boards", "list", "--tag", "x", *more]) == 3
    assert run(["boards", "export", "--to", "yaml", "--out", "hosts.yml", *more]) == 0
    assert run(["boards", "import", "hosts.yml", "--inventory", "other.toml"]) == 0
    assert list_boards(Path("other.toml")) == list_boards(Path("lab.toml"))
