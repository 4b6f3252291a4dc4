"""Pruning and distillation beside masking: multiply-accumulates, accuracy, and what engines make of it.

Trains two networks on Fashion-MNIST (Debian's dataset-fashion-mnist), prunes them to half of their
multiply-accumulates, masks as large a share of their weights (torch.nn.utils.prune, the peer), trains
both on for as long, converts everything with edgekit for ONNX Runtime and LiteRT, and times all
artifacts of an engine in turns with one thread. A third network, for rows of numbers (scikit-learn's
breast cancer data), goes the same way. What is done stays in the cache folder, so that a broken-off
bench goes on.

    bench_compress.py [--only residual,mobile,tabular]
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy

from benchmark_page import table, write_section
from edgekit.cli.main import run as cli
from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest
from edgekit.core.compression import Compression
from edgekit.core.record import load
from edgekit.toolenvs import worker
from edgekit.toolenvs.environment import cache_folder
from real_models.fashion import HELD_BACK, fashion_part

ENGINES = {"onnxruntime": "intel-n100", "litert": "intel-n100"}
VARIANTS = ("original", "masked", "pruned", "taught")
HEADS = [
    "model", "variant", "MACs", "engine", "float ms", "x original", "accuracy",
    "int8 ms", "x float original", "int8 accuracy",
]  # fmt: skip
EVALUATION = 2000
RECIPES = ("float", "int8-static")


@dataclass(frozen=True)
class Settings:
    """How much is trained."""

    samples: int
    epochs: int
    """Of the original."""
    round_epochs: int
    """Of every round of pruning."""
    taught_epochs: int


NETWORKS = {
    "residual": Settings(5000, 6, 2, 3),
    "mobile": Settings(3000, 8, 2, 3),
    "tabular": Settings(400, 60, 20, 20),
}


ABOUT = {
    "residual": f"three blocks as in ResNet, Fashion-MNIST, judged on {EVALUATION} of its test pictures",
    "mobile": f"five inverted residuals as in MobileNetV2, likewise on {EVALUATION}",
    "tabular": "a perceptron of 512 and 512, scikit-learn's breast cancer rows, judged on 169",
}


def main() -> int:
    """Trains, compresses, times, and writes the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(NETWORKS))
    rows: list[list[str]] = []
    notes: list[str] = []
    names = parser.parse_args().only.split(",")
    for name in names:
        settings = NETWORKS[name]
        folder = cache_folder() / "compress-bench" / f"{name}-{settings.samples}-{settings.epochs}"
        folder.mkdir(parents=True, exist_ok=True)
        rows += network(name, folder, settings, notes)
        print("\n".join("  ".join(row) for row in rows), flush=True)
    write_section(
        "compress",
        "Smaller models by training, beside masked weights",
        "; ".join(
            f"*{name}*: {ABOUT[name]}; {NETWORKS[name].samples} samples, {NETWORKS[name].epochs} epochs"
            for name in names
        )
        + ". Small, so that it takes minutes; the accuracies are not those of full trainings. "
        "*pruned*: `compress prune --target 'macs<=0.5x' --max-drop 1`, Taylor importance, 8 channels at a "
        "time. *taught*: then `compress distill` with the original as teacher. *masked* is the peer, "
        "torch.nn.utils.prune (global magnitude), with the share of weights that pruning removed, trained "
        "on for as many epochs. Medians of single inferences, one thread, all artifacts of an engine in "
        "turns; other programs ran on the machine.\n\n"
        + table(HEADS, rows)
        + "\n\n"
        + "\n".join(f"* {note}" for note in notes),
    )
    return 0


def network(name: str, folder: Path, settings: Settings, notes: list[str]) -> list[list[str]]:
    """Rows of one picture network."""
    read = _tabular if name == "tabular" else _fashion
    data = read(folder, settings.samples)
    request = {
        "network": name,
        "data": str(data["train"]),
        "epochs": settings.epochs,
        "out": str(folder / "original.pt2"),
        "state": str(folder / "original.pth"),
        "masked_share": 0.0,
    }
    if not (folder / "original.pt2").exists():
        print(f"training {name}", flush=True)
        worker.call("compress", "compress_bench.train_network", request)
    files = [str(folder / "original.pt2"), "--data", str(data["train"])]
    files += ["--validation", str(data["test"]), "--threads", "1"]
    if not (folder / "pruned" / "compression.json").exists():
        arguments = ["compress", "prune", *files, "--out", str(folder / "pruned")]
        cli(
            [
                *arguments,
                "--target",
                "macs<=0.5x",
                "--max-drop",
                "1",
                "--epochs",
                str(settings.round_epochs),
            ]
        )
    if not (folder / "taught" / "compression.json").exists():
        arguments = ["compress", "distill", *files, "--out", str(folder / "taught")]
        student = str(folder / "pruned" / "model.pt2")
        cli(
            [
                *arguments,
                "--student",
                student,
                "--epochs",
                str(settings.taught_epochs),
                "--lr",
                "0.0005",
            ]
        )
    pruned = load(Compression, folder / "pruned" / "compression.json")
    taught = load(Compression, folder / "taught" / "compression.json")
    before, after = pruned.original.parameters, pruned.result.parameters
    assert isinstance(before, int)
    assert isinstance(after, int)
    epochs = sum(_number(step.parameters["epochs"]) for step in (*pruned.steps, *taught.steps))
    masked = request | {"masked_share": 1 - after / before, "epochs": epochs}
    if not (folder / "masked.pt2").exists():
        print(f"masking {name}", flush=True)
        worker.call(
            "compress",
            "compress_bench.train_network",
            masked | {"out": str(folder / "masked.pt2")},
        )
    models = {
        "original": folder / "original.pt2",
        "masked": folder / "masked.pt2",
        "pruned": folder / "pruned" / "model.pt2",
        "taught": folder / "taught" / "model.pt2",
    }
    if pruned.missed:
        notes.append(f"{name}: pruning missed {pruned.missed}")
    macs = {"original": pruned.original.macs, "masked": pruned.original.macs}
    macs |= {"pruned": pruned.result.macs, "taught": pruned.result.macs}
    shown = {variant: f"{float(str(value)) / 1e6:.2f} M" for variant, value in macs.items()}
    return _timed(name, models, shown, folder, data)


def _timed(
    name: str,
    models: dict[str, Path],
    macs: dict[str, str],
    folder: Path,
    data: dict[str, Path],
) -> list[list[str]]:
    rows = []
    for engine, profile in ENGINES.items():
        artifacts: list[tuple[str, str, Path]] = []
        for variant, model in models.items():
            for recipe in RECIPES:
                out = folder / f"{variant}-{engine}-{recipe}"
                if not (out / "card.json").exists():
                    convert(
                        ConvertRequest(
                            model,
                            profile,
                            recipe=recipe,
                            engine=engine,
                            calibration=data["train"] if recipe != "float" else None,
                            proof=False,
                        ),
                        out,
                        progress=lambda text: None,
                    )
                card = json.loads((out / "card.json").read_text(encoding="utf-8"))
                artifacts.append((variant, recipe, out / card["model"]))
        reply = worker.call(
            "onnx",
            "compress_bench.time_artifacts",
            {
                "engine": engine,
                "models": [str(path) for _, _, path in artifacts],
                "data": str(data["test"]),
                "rounds": 20,
                "runs": 50,
            },
        )
        found = {
            (variant, recipe): (p50, accuracy)
            for (variant, recipe, _), p50, accuracy in zip(
                artifacts, reply["p50_ms"], reply["accuracy"], strict=True
            )
        }
        base = found["original", "float"][0]
        for variant in models:
            p50, accuracy = found[variant, "float"]
            row = [name, variant, macs[variant], engine, f"{p50:.4f}", f"{p50 / base:.2f}"]
            row.append(f"{accuracy:.2%}")
            p50, accuracy = found[variant, "int8-static"]
            row += [f"{p50:.4f}", f"{base / p50:.1f} x faster", f"{accuracy:.2%}"]
            rows.append(row)
    return rows


def _fashion(folder: Path, samples: int) -> dict[str, Path]:
    """Training pictures, an even choice, and test pictures, channels first."""
    train, test = folder / "train.npz", folder / "test.npz"
    if not test.exists():
        pictures, labels = fashion_part("train", print)
        chosen = numpy.random.default_rng(0).permutation(len(pictures) - HELD_BACK)[:samples]
        numpy.savez(train, x=pictures[chosen].transpose(0, 3, 1, 2), y=labels[chosen])
        pictures, labels = fashion_part("t10k", print)
        first = pictures[:EVALUATION].transpose(0, 3, 1, 2)
        numpy.savez(test, x=first, y=labels[:EVALUATION])
    return {"train": train, "test": test}


def _tabular(folder: Path, samples: int) -> dict[str, Path]:
    """Rows of standardised numbers."""
    from sklearn.datasets import load_breast_cancer

    train, test = folder / "train.npz", folder / "test.npz"
    if not test.exists():
        rows, labels = load_breast_cancer(return_X_y=True)
        order = numpy.random.default_rng(0).permutation(len(rows))
        rows, labels = rows[order], labels[order]
        rows = ((rows - rows[:samples].mean(0)) / rows[:samples].std(0)).astype("float32")
        numpy.savez(train, x=rows[:samples], y=labels[:samples])
        numpy.savez(test, x=rows[samples:], y=labels[samples:])
    return {"train": train, "test": test}


def _number(value: object) -> int:
    return int(str(value))


if __name__ == "__main__":
    sys.exit(main())
