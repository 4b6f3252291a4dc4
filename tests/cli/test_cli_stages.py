"""An unfinished chain goes on where it was; another question begins anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit.cli.output import Output
from edgekit.cli.stages import FILE, Stages, key_of
from edgekit.core.errors import Unreachable


def break_off(stages: Stages) -> None:
    with stages.stage("run"):
        stages.end("run")
        stages.end("trip over 4g")
        raise Unreachable("the board was lost")


def test_what_was_done_is_kept_until_the_chain_is_through(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = Stages(tmp_path, "key", 2, Output())
    assert not first.has("run")
    with pytest.raises(Unreachable):
        break_off(first)
    told = capsys.readouterr().err
    assert "stage 1 of 2 did not end; kept: run, trip over 4g" in told
    assert "the same command again" in told
    again = Stages(tmp_path, "key", 2, Output())
    assert again.has("run")
    assert "--restart" in capsys.readouterr().err
    assert not again.has("trip over 3g")
    again.finish()
    assert not Stages(tmp_path, "key", 2, Output()).has("run")
    assert not (tmp_path / FILE).exists()


def test_another_question_a_restart_and_a_damaged_file_begin_anew(tmp_path: Path) -> None:
    Stages(tmp_path, "key", 2, Output()).end("run")
    assert not Stages(tmp_path, "other", 2, Output()).has("run")
    restarted = Stages(tmp_path, "key", 2, Output())
    restarted.forget()
    assert not restarted.has("run")
    Stages(tmp_path, "key", 2, Output()).end("run")
    (tmp_path / FILE).write_text("{")
    assert not Stages(tmp_path, "key", 2, Output()).has("run")


def test_the_key_follows_settings_and_files(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"one")
    keys = {key_of(["a"], [model, None]), key_of(["b"], [model]), key_of(["a"], [])}
    model.write_bytes(b"another")
    keys.add(key_of(["a"], [model]))
    assert len(keys) == 4
