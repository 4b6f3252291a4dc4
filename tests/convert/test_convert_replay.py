"""A card makes its artifact again, byte by byte, and tells what the file is made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.cli.main import run as cli
from edgekit.convert.converting import convert
from edgekit.convert.inspection import inspect_model
from edgekit.convert.pipelines import parse_pipeline
from edgekit.convert.replay import differences, replay_of, request_of, require_same
from edgekit.convert.request import ConvertRequest
from edgekit.core.artifact import FileEntry, ModelArtifact, ModelContents, Replay
from edgekit.core.errors import ConfigError, StepFailed
from edgekit.core.record import Unavailable, load, save
from samples import artifact_card

ONNX = b"\x08\x0a\x12\x07pytorch" + bytes(20)


@pytest.fixture
def request_with_everything(tmp_path: Path) -> ConvertRequest:
    for name in ("m.onnx", "w.pth", "c.npz", "d.npz"):
        (tmp_path / name).write_bytes(ONNX + name.encode())
    return ConvertRequest(
        tmp_path / "m.onnx",
        "raspberrypi",
        recipe="int8-static",
        calibration=tmp_path / "c.npz",
        data=tmp_path / "d.npz",
        weights=tmp_path / "w.pth",
        shapes={"x": (1, 3, 4)},
        pipeline=parse_pipeline("mean=1/2/3,std=4"),
        proof=False,
        max_drop_points=1.5,
    )


def card_with(replay: Replay | Unavailable) -> ModelArtifact:
    files = (FileEntry("model.onnx", "1" * 64, 10), FileEntry("golden/0.in.0.bin", "2" * 64, 4))
    return replace(artifact_card(files=files), replay=replay)


def test_a_request_comes_back_from_a_card(
    tmp_path: Path, request_with_everything: ConvertRequest
) -> None:
    replay = replay_of(request_with_everything)
    path = save(card_with(replay), tmp_path / "card.json")
    assert request_of(load(ModelArtifact, path), {}) == request_with_everything
    for words in (
        "--recipe int8-static",
        "--shape x=1x3x4",
        "--pipeline mean=1/2/3,std=4/4/4",
        "--no-proof",
        "--max-drop 1.5",
    ):
        assert words in replay.command
    moved = tmp_path / "moved.npz"
    (tmp_path / "c.npz").rename(moved)
    with pytest.raises(ConfigError, match=r"c\.npz is missing") as caught:
        request_of(card_with(replay), {})
    assert "--calibration" in caught.value.hint
    assert request_of(card_with(replay), {"calibration": moved}).calibration == moved
    moved.write_bytes(b"other")
    with pytest.raises(ConfigError, match="has changed"):
        request_of(card_with(replay), {"calibration": moved})


def test_cards_that_cannot_be_replayed(request_with_everything: ConvertRequest) -> None:
    with pytest.raises(ConfigError, match="older edgekit"):
        request_of(card_with(Unavailable("made by an older edgekit")), {})
    replay = replay_of(request_with_everything)
    newer = replace(replay, request={**replay.request, "magic": 1})
    with pytest.raises(ConfigError, match="asks for magic"):
        request_of(card_with(newer), {})


def test_what_differs_is_named() -> None:
    before = card_with(Unavailable("x"))
    assert differences(before, before) == ()
    require_same(before, before)
    changed = replace(before.files[0], sha256="0" * 64)
    after = replace(before, files=(changed, *before.files[1:]))
    with pytest.raises(StepFailed, match=f"differs in 1 of .*{changed.path}"):
        require_same(before, after)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("engine", "recipe"),
    [("litert", "int8-static"), ("onnxruntime", "int8-static"), ("openvino", "int8-static")],
)
def test_a_replay_gives_the_same_bytes(
    tmp_path: Path,
    onnx_models: Path,
    samples: dict[str, Path],
    engine: str,
    recipe: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    request = ConvertRequest(
        onnx_models / "net.onnx",
        "raspberrypi",
        recipe=recipe,
        engine=engine,
        calibration=samples["nchw"],
        licence="MIT",
    )
    card = convert(request, tmp_path / "a")
    assert isinstance(card.replay, Replay)
    assert card.licence == "MIT"
    assert isinstance(card.contents, ModelContents)
    stored = card.contents.weights_bytes
    assert stored.get("int8", stored.get("i8", 0)) > 0
    computed = {dtype for counts in card.contents.operations_by_dtype.values() for dtype in counts}
    assert "int8" in computed
    assert all(step.tools for step in card.steps)
    again = tmp_path / "again"
    assert cli(["convert", "--replay", str(tmp_path / "a/card.json"), "--out", str(again)]) == 0
    assert "the same, byte by byte" in capsys.readouterr().out
    assert (again / card.model).read_bytes() == (tmp_path / "a" / card.model).read_bytes()
    assert cli(["inspect", str(again)]) == 0
    shown = capsys.readouterr().out
    assert "proven on" in shown
    assert "licence: MIT" in shown


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_keras_to_tflite_is_replayed(
    tmp_path: Path, keras_models: Path, samples: dict[str, Path]
) -> None:
    request = ConvertRequest(
        keras_models / "net.keras", "raspberrypi", calibration=samples["nhwc"]
    )
    card = convert(request, tmp_path / "a")
    require_same(card, convert(request_of(card, {}), tmp_path / "b", fresh=True))


@pytest.mark.slow
def test_inspect_tells_the_facts_of_a_file(onnx_models: Path) -> None:
    found = inspect_model(onnx_models / "net.onnx")
    assert found.contents.facts["opset"] == "ai.onnx 17"
    assert found.contents.facts["IR version"] == "8"
    assert found.contents.operations_by_dtype["Conv"] == {"float32": 2}
    assert isinstance(found.licence, Unavailable)
