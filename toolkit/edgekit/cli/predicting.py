"""Known models for a prediction: a person's own records first, published latencies else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.core.errors import ConfigError, RecordError
from edgekit.core.record import Unavailable

if TYPE_CHECKING:
    from edgekit.core.artifact import ModelArtifact
    from edgekit.core.measurement import Measurement
    from edgekit.core.prediction import Prediction
    from edgekit.explain.predicting import Known

SETTINGS_AS_USUAL = ("copied", 1, 1, 0.0)
"""Variant, batch, streams and rate of runs that say what one inference takes."""


def predict_artifact(
    card: ModelArtifact, profile_id: str, threads: int, records: Path
) -> Prediction:
    """The prediction for an artifact on a board type.

    Raises:
        ConfigError: its structure or the board's peak is not known, or too few models are.
    """
    from edgekit.explain.predicting import LEAST, Wanted, predict, profile_roof
    from edgekit.explain.roof import FLOAT, INT8, INTEGER_RECIPES
    from edgekit.profiles.device import load_profile

    profile = load_profile(profile_id)
    profile = load_profile(profile.alias_of) if profile.alias_of else profile
    if isinstance(card.structure, Unavailable):
        raise ConfigError(
            f"the structure of {card.name} is not known: {card.structure.reason}",
            hint="convert it again with this edgekit",
        )
    used = threads or profile.default_threads or profile.cores[0].count
    precision = INT8 if card.recipe.startswith(INTEGER_RECIPES) else FLOAT
    roof = profile_roof(profile, precision, used)
    if isinstance(roof, Unavailable):
        raise ConfigError(roof.reason, hint="edgekit profiles list: those with cores do")
    wanted = Wanted(card.name, card.recipe, precision, card.structure, used)
    own = [k for k in own_known(records) if k.profile == profile.id and k.precision == precision]
    if len(own) >= LEAST:
        return replace(predict(wanted, profile, roof, own), is_own=True)
    return predict(wanted, profile, roof, tuple(published_known()))


def published_known() -> Iterator[Known]:
    """Published latencies with the floor of their board."""
    from edgekit.explain.predicting import Known, profile_roof
    from edgekit.profiles.device import load_profile
    from edgekit.profiles.latencies import published_latencies

    for row in published_latencies():
        roof = profile_roof(load_profile(row.profile), row.precision, 0)
        if isinstance(roof, Unavailable):
            continue
        floor_ms = row.macs / roof.peak_macs_per_s * 1e3
        yield Known(row.model, row.profile, row.precision, floor_ms, row.latency_ms)


def own_known(records: Path) -> Iterator[Known]:
    """A person's runs on real boards whose artifact still lies where it lay."""
    from edgekit.core.measurement import Measurement
    from edgekit.core.record import load

    for path in sorted(records.glob("run-*.json")):
        try:
            found = _known(load(Measurement, path))
        except RecordError:
            continue  # of another version, or no measurement: nothing is learnt from it
        if found is not None:
            yield found


def _known(measured: Measurement) -> Known | None:
    from edgekit.boards.deploy import load_card
    from edgekit.explain.predicting import Known, floor_of, profile_roof
    from edgekit.explain.roof import precision_of
    from edgekit.profiles.device import load_profile
    from edgekit_runner import wire

    options = measured.options
    as_usual = (options.variant, options.batch, options.concurrency, options.rate_hz)
    is_real = not any(n.id in ("stand-in", "emulated", "wrong-board") for n in measured.validity)
    folder = Path(measured.model.get("folder", "?"))
    if not is_real or as_usual != SETTINGS_AS_USUAL or not (folder / wire.CARD_FILE).exists():
        return None
    card = load_card(folder)
    main = next(entry for entry in card.files if entry.path == card.model)
    if main.sha256 != measured.model.get("sha256") or isinstance(card.structure, Unavailable):
        return None
    profile = load_profile(measured.profile)
    precision = precision_of(measured)
    roof = profile_roof(profile, precision, options.threads)
    if isinstance(roof, Unavailable):
        return None
    values = sorted(measured.samples_ns["infer"])
    floor_ms = floor_of(card.structure, roof)
    if floor_ms <= 0:
        return None
    name = measured.model["name"]
    return Known(
        name, profile.alias_of or profile.id, precision, floor_ms, values[len(values) // 2] / 1e6
    )
