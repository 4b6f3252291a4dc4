"""Pruning small networks that were trained on real digits."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.cli.main import run as cli
from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest
from edgekit.core.artifact import ModelStructure
from edgekit.core.compression import Compression
from edgekit.core.record import Unavailable, load, to_plain
from edgekit.toolenvs.environment import cache_folder

pytest_plugins = ("small_models",)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
QUICK = ["--epochs", "2", "--threads", "1", "--lr", "0.003"]


def prune(out: Path, model: Path, data: Path, target: str, *more: str) -> int:
    arguments = ["compress", "prune", str(model), "--data", str(data), "--target", target]
    return cli([*arguments, "--out", str(out), *QUICK, *more])


def test_a_network_of_joined_channels_gets_half_the_work(tmp_path: Path, trained: Path) -> None:
    out = tmp_path / "pruned"
    assert prune(out, trained / "joined.pt2", trained / "joined.npz", "macs<=0.5x", "--multiple", "4",
                 "--max-drop", "6", "--rounds", "2") == 0  # fmt: skip
    card = load(Compression, out / "compression.json")
    assert not card.missed
    assert isinstance(card.original.macs, int)
    assert isinstance(card.result.macs, int)
    assert isinstance(card.original.parameters, int)
    assert isinstance(card.result.parameters, int)
    assert card.result.macs <= 0.5 * card.original.macs
    assert card.result.parameters < card.original.parameters
    assert isinstance(card.original.accuracy, float)
    assert isinstance(card.result.accuracy, float)
    assert card.original.accuracy > 0.9
    assert card.original.accuracy - card.result.accuracy <= 0.06
    assert card.result.macs >= 0.35 * card.original.macs
    assert len(card.steps) <= 2
    assert card.judged_count == 179

    # one example is exported along, not the data that it was cut from
    assert (out / "model.pt2").stat().st_size < 200_000

    # the converter reads it, and finds the same work in it
    request = ConvertRequest(
        out / "model.pt2", "intel-n100", recipe="float", engine="onnxruntime", proof=False
    )
    artifact = convert(request, tmp_path / "artifact")
    assert isinstance(artifact.structure, ModelStructure)
    assert artifact.structure.macs == card.result.macs
    for number in (2, 3):  # channels of four at a time
        assert artifact.structure.max_width % 4 == 0, number


def own_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that knows nothing yet, with the tool environments of the shared one."""
    folder.mkdir()
    (folder / "envs").symlink_to(cache_folder() / "envs")
    monkeypatch.setenv("EDGEKIT_CACHE_DIR", str(folder))
    return folder


def test_the_same_seed_gives_the_same_model(
    tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    shared = cache_folder()
    for name in ("one", "two"):
        monkeypatch.setenv("EDGEKIT_CACHE_DIR", str(shared))
        own_cache(tmp_path / name, monkeypatch)
        out = tmp_path / f"out-{name}"
        more = ["--max-drop", "50", "--importance", "group-norm", "--rounds", "1"]
        assert prune(
            out, trained / "perceptron.onnx", trained / "perceptron.npz", "macs<=0.6x", *more
        ) == 0  # fmt: skip
        card = load(Compression, out / "compression.json")
        found.append([(s.after.macs, s.after.accuracy, s.after.agreement) for s in card.steps])
    assert found[0] == found[1]


def test_without_labels_the_original_teaches_and_agreement_judges(
    tmp_path: Path, trained: Path
) -> None:
    out = tmp_path / "pruned"
    assert prune(out, trained / "perceptron.pt2", trained / "unlabelled.npz", "size<=0.7x",
                 "--max-drop", "10", "--rounds", "1") == 0  # fmt: skip
    card = load(Compression, out / "compression.json")
    assert isinstance(card.result.accuracy, Unavailable)
    assert isinstance(card.result.agreement, float)
    assert card.result.agreement >= 0.9
    assert card.result.weight_bytes <= 0.7 * card.original.weight_bytes


def test_a_target_that_cannot_be_met_gives_the_best_so_far_and_exit_code_7(
    tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "pruned"
    code = prune(out, trained / "perceptron.onnx", trained / "perceptron.npz", "macs<=0.02x",
                 "--max-drop", "0.6", "--rounds", "3", "--json")  # fmt: skip
    assert code == 7
    error = json.loads(capsys.readouterr().out)["error"]
    assert "macs<=0.02x" in error["message"]
    card = load(Compression, out / "compression.json")
    assert card.missed
    assert (out / "model.pt2").exists()
    assert isinstance(card.result.accuracy, float)
    assert isinstance(card.original.accuracy, float)
    assert (card.original.accuracy - card.result.accuracy) * 100 <= 0.6


def test_torchscript_and_builder_files_are_pruned_too(tmp_path: Path, trained: Path) -> None:
    data = trained / "perceptron.npz"
    more = ["--shape", "x=1x64", "--max-drop", "60", "--rounds", "1", "--epochs", "0"]
    script = tmp_path / "script"
    assert prune(script, trained / "perceptron.pt", data, "macs<=0.8x", *more) == 0
    built = tmp_path / "built"
    weights = ["--weights", str(trained / "perceptron.pth"), "--trust"]
    assert prune(built, trained / "perceptron.py", data, "macs<=0.8x", *more, *weights) == 0
    cards = [load(Compression, out / "compression.json") for out in (script, built)]
    assert cards[0].original.macs == cards[1].original.macs == 64 * 64 + 64 * 48 + 48 * 10
    assert cards[0].original.accuracy == pytest.approx(cards[1].original.accuracy)


def test_a_killed_pruning_goes_on_from_its_last_round(
    tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = own_cache(tmp_path / "cache", monkeypatch)
    out = tmp_path / "pruned"
    arguments = ["compress", "prune", str(trained / "perceptron.pt2"), "--target", "macs<=0.6x"]
    arguments += ["--data", str(trained / "perceptron.npz"), "--out", str(out), *QUICK]
    arguments += ["--max-drop", "50", "--rounds", "2"]
    # a runner in the background may have had SIGINT ignored, which children inherit
    start = ["env", "--default-signal=INT", sys.executable, "-m", "edgekit.cli.main"]
    command = [*start, *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        for line in process.stderr:
            if line.startswith("round 1:"):
                process.send_signal(signal.SIGINT)
                break
        process.stderr.read()
    assert process.returncode == 130
    assert not out.exists()
    (first,) = cache.glob("compress/*/round-1.pt2")
    before = json.loads(first.with_suffix(".json").read_text())
    assert not list(cache.glob("compress/*/round-2.pt2"))

    assert cli(arguments) == 0
    steps = load(Compression, out / "compression.json").steps
    assert len(steps) == 2
    assert to_plain(steps[0]) == before  # its time too: it was not done again
    assert not list(cache.glob("compress/*")), "what it went on from is not needed any more"


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (["--importance", "tailor"], 2, "taylor"),
        (["--board", "kitchen-pi"], 2, "--profile"),
    ],
)
def test_wrong_options_are_told_at_once(
    tmp_path: Path,
    trained: Path,
    more: list[str],
    code: int,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert prune(tmp_path / "p", trained / "perceptron.pt2", trained / "perceptron.npz",
                 "macs<=0.5x", *more) == code  # fmt: skip
    assert words in capsys.readouterr().err


def test_data_of_the_wrong_shape_is_told(
    tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = prune(tmp_path / "p", trained / "joined.pt2", trained / "perceptron.npz", "macs<=0.5x")
    assert code == 3
    assert "shape" in capsys.readouterr().err
