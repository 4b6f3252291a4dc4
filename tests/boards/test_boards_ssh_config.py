"""ssh_config means here what it means to ``ssh -G``."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import need_or_skip
from edgekit.boards.ssh.config import read_options
from edgekit.boards.ssh.target import find_route, find_target
from edgekit.core.board import BoardEntry
from edgekit.core.errors import ConfigError

HOSTS = ("pi", "pi-1", "Pi-2.lab", "jetson.example.com", "10.0.0.7")
LINES = (
    "HostName 192.0.2.7",
    "HostName=%h.lab",
    "hostname board-%h",
    "User alice",
    'User "bob"',
    "Port 2222",
    "Port = 2200 # the other one",
    "IdentityFile ~/.ssh/one",
    "IdentityFile %d/two-%r",
    'IdentityFile "/keys/with space"',
    "IdentitiesOnly yes",
    "HostKeyAlias Lab",
    "ProxyJump jump1",
    "ProxyJump alice@jump2:2022,jump3",
    "ProxyJump none",
    "UserKnownHostsFile ~/a /b",
    "UserKnownHostsFile none",
    "ConnectTimeout 7",
    "# nothing",
    "",
)
SCOPES = (
    "Host *",
    "Host pi",
    "Host pi-? !pi-1",
    "host = *.example.com 10.0.0.*",
    'Host "pi" *lab',
    "Host !pi",
    "Host !pi *",
    "Match all",
    "Match host 192.0.2.*",
    "Match host pi*,!pi-1",
    "Match originalhost pi,jetson.*",
    "Match user alice",
    f"Match localuser {getpass.getuser()}",
    "Match user bob host pi",
    "Match !host pi",
    "Match exec true",
    'Match exec "test %h = pi"',
    "Match host pi !exec true",
    "Match final",
    "Match final host pi",
    "Match host=pi",
)
HOME = pwd.getpwuid(os.getuid()).pw_dir
"""ssh looks at the account, not at the variable."""
SHOWN = {
    "hostname",
    "user",
    "port",
    "identityfile",
    "identitiesonly",
    "hostkeyalias",
    "proxyjump",
    "userknownhostsfile",
    "connecttimeout",
}


def need_ssh() -> None:
    need_or_skip(shutil.which("ssh") is not None, "openssh-client is not installed")


def by_ssh(config: Path, host: str) -> dict[str, list[str]]:
    done = subprocess.run(
        ["ssh", "-G", "-F", str(config), host], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = defaultdict(list)
    for line in done.stdout.splitlines():
        name, _, value = line.partition(" ")
        if name in SHOWN:
            found[name].append(value)
    return found


def by_us(config: Path, host: str) -> dict[str, list[str]]:
    options = read_options(host, files=(config,))
    defaults = ["~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ecdsa_sk"]
    defaults += ["~/.ssh/id_ed25519", "~/.ssh/id_ed25519_sk", "~/.ssh/id_xmss", "~/.ssh/id_dsa"]
    known = options.lists.get("userknownhostsfile", ("~/.ssh/known_hosts", "~/.ssh/known_hosts2"))
    found = {
        "hostname": [options.hostname],
        "user": [options.user or getpass.getuser()],
        "port": [str(options.port)],
        "identityfile": options.identity_files or defaults,
        "identitiesonly": [options.values.get("identitiesonly", "no")],
        "userknownhostsfile": [" ".join(x.replace("~", HOME, 1) for x in known)],
        "connecttimeout": [options.values.get("connecttimeout", "none")],
    }
    if "hostkeyalias" in options.values:
        found["hostkeyalias"] = [options.values["hostkeyalias"].lower()]
    if options.proxy_jump not in ("", "none"):
        found["proxyjump"] = [options.proxy_jump]
    return found


def compare(config: Path) -> None:
    for host in HOSTS:
        theirs, ours = by_ssh(config, host), by_us(config, host)
        if len(theirs["identityfile"]) > 4 and "id_rsa" in theirs["identityfile"][0]:
            theirs["identityfile"] = ours["identityfile"]  # each release has other defaults
        assert ours == dict(theirs), host


line_texts = st.sampled_from(LINES)
blocks = st.tuples(st.sampled_from(SCOPES), st.lists(line_texts, max_size=4))
configs = st.tuples(st.lists(line_texts, max_size=2), st.lists(blocks, max_size=5))


def text_of(config: tuple[list[str], list[tuple[str, list[str]]]]) -> str:
    head, parts = config
    lines = [*head]
    for scope, inner in parts:
        lines += [scope, *(f"  {one}" for one in inner)]
    return "\n".join(lines) + "\n"


@pytest.mark.slow
@given(config=configs)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_option_is_what_ssh_says(
    config: tuple[list[str], list[tuple[str, list[str]]]], tmp_path: Path
) -> None:
    need_ssh()
    path = tmp_path / "config"
    path.write_text(text_of(config))
    compare(path)


def test_includes_nest_and_end_with_their_file(tmp_path: Path) -> None:
    need_ssh()
    (tmp_path / "a.conf").write_text("Port 2201\nHost pi-1\n  User inner\nHost *\n  User all\n")
    (tmp_path / "b.conf").write_text(f"Include {tmp_path}/a.conf\nIdentityFile ~/b\n")
    path = tmp_path / "config"
    path.write_text(
        f"Host pi\n  Include {tmp_path}/a.conf\n  Port 2300\n  IdentityFile ~/mine\n"
        f"Host *lab\n  Include {tmp_path}/[ab].conf\nHost *\n  Include {tmp_path}/none-*.conf\n"
    )
    compare(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Host", "expected a keyword and a value"),
        ('User "x', "a quote does not end"),
        ("Match host", "needs a value"),
        ("Match nonsense x", "not known"),
        ("Include {path}", "nest deeper"),
    ],
)
def test_a_broken_file_is_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(text.replace("{path}", str(path)) + "\n")
    with pytest.raises(ConfigError, match=message):
        read_options("pi", files=(path,))


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    from edgekit.boards.ssh.config_file import parse_config

    try:
        parse_config(text, "x")
    except ConfigError:
        pass


def write_config(home: Path, text: str) -> None:
    (home / ".ssh").mkdir(exist_ok=True)
    (home / ".ssh" / "config").write_text(text)


def test_the_entry_wins_over_the_file(isolated_home: Path) -> None:
    write_config(
        isolated_home,
        "Host pi\n HostName 192.0.2.7\n User u\n Port 2222\n IdentityFile ~/k\n HostKeyAlias A\n",
    )
    target = find_target(BoardEntry("b", "p", host="pi"))
    assert (target.host, target.port, target.user) == ("192.0.2.7", 2222, "u")
    assert target.identity_files == (isolated_home / "k",)
    assert (target.key_name, target.plain_name) == ("a", "a")
    own = BoardEntry("b", "p", host="pi", user="me", port=2300, identity_file="/x")
    target = find_target(own)
    assert (target.user, target.port, target.agent) == ("me", 2300, "none")


def test_jumps_are_taken_in_order_and_may_not_turn_in_circles(isolated_home: Path) -> None:
    write_config(
        isolated_home,
        "Host inner\n ProxyJump a,bob@b:2022\nHost a\n HostName 192.0.2.1\n ProxyJump gate\n"
        "Host loop\n ProxyJump loop\nHost cmd\n ProxyCommand nc %h %p\n",
    )
    route = find_route(BoardEntry("x", "p", host="inner"))
    assert [(t.host, t.port) for t in route] == [
        ("gate", 22),
        ("192.0.2.1", 22),
        ("b", 2022),
        ("inner", 22),
    ]
    assert route[2].user == "bob"
    with pytest.raises(ConfigError, match="back to themselves"):
        find_route(BoardEntry("x", "p", host="loop"))
    with pytest.raises(ConfigError, match="ProxyCommand"):
        find_route(BoardEntry("x", "p", host="cmd"))


@pytest.mark.parametrize(
    "host", ["-oProxyCommand=touch x", "a b", "a;b", "$(x)", "`x`", "a\nb", "a'b", "", "a|b"]
)
def test_a_hostile_host_or_user_name_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="no host name"):
        find_target(BoardEntry("x", "p", host=host))
    if host:
        with pytest.raises(ConfigError, match="no user name"):
            find_target(BoardEntry("x", "p", host="pi", user=host))
