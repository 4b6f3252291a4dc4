"""What goes before and after an inference: built-in steps as the card says, or the user's own.

A ``pipeline.py`` beside the model has ``preprocess(raw)``, which gives the input array (or a list
of them), and ``postprocess(outputs)``, which gets the list of output arrays. ``raw`` is a decoded
picture (uint8, height x width x 3) where the sample came from one, else the recorded input array
(a list where the model has several).
"""

from __future__ import annotations

import importlib.util
import os
import traceback
from typing import Any, Callable, List, NamedTuple, Sequence

from . import wire
from .failure import Failure
from .loops import Phases
from .samples import Release, dequantize, preprocess, random_inputs

PYTHON = "python"
WANTED = ("preprocess", "postprocess")


class Feed(NamedTuple):
    """Raw samples of a release, and how they become inputs and answers."""

    raw_count: int
    before: Callable[[int], List[Any]]  # Any: numpy arrays
    after: Callable[[List[Any]], Any]  # Any: whatever the user's postprocess gives


def make_feed(session: Any, release: Release, given: str, batch: int) -> Feed:
    """The feed for a session.

    Args:
        session: an engines.contract.Session.
        release: with its card and golden samples.
        given: ``golden`` takes recorded samples where there are some, ``random`` makes inputs.
        batch: samples per inference; they follow one another.
    """
    raws = _raws(session, release, given)
    settings = release.card["pipeline"]
    if settings["kind"] == PYTHON:
        module = load_pipeline(release.path)
        prepare, after = _user_before(module), module.postprocess
    else:
        prepare, after = _built_in_before(session, settings), _built_in_after(session)

    def single(i: int) -> List[Any]:
        return prepare(raws[i % len(raws)])

    def several(i: int) -> List[Any]:
        import numpy

        parts = [single(i * batch + k) for k in range(batch)]
        return [numpy.concatenate(arrays, axis=0) for arrays in zip(*parts)]

    return Feed(len(raws), several if batch > 1 else single, after)


def make_phases(session: Any, feed: Feed, variant: str) -> Phases:  # Any: a Session
    """The timed phases: the variant decides how the engine is fed."""
    if variant == "copied":
        return Phases(feed.before, session.run, feed.after)
    session.bind(feed.before(0))
    if variant == "bound":
        return Phases(feed.before, session.run_bound, feed.after)
    native = session.native()
    nothing: List[Any] = []  # Any: no arrays
    return Phases(lambda i: nothing, lambda values: native(), lambda outputs: None)


def require_fit(tensors: Sequence[Any], arrays: Sequence[Any]) -> None:  # Any: Tensors, arrays
    """Refuses inputs that the model would not take, in words that name both.

    Raises:
        Failure: another number of inputs, another dtype or shape.
    """
    if len(tensors) != len(arrays):
        text = "the model has %d inputs, %d were given" % (len(tensors), len(arrays))
        raise Failure(wire.ERROR_BAD_INPUT, text)
    for tensor, array in zip(tensors, arrays):
        shape = tuple(getattr(array, "shape", ()))
        dtype = getattr(getattr(array, "dtype", None), "name", type(array).__name__)
        fits = len(shape) == len(tensor.shape) and all(
            want in (-1, size) for want, size in zip(tensor.shape, shape)
        )
        if dtype != tensor.dtype or not fits:
            raise Failure(
                wire.ERROR_BAD_INPUT,
                "input %s must be %s %s, but it is %s %s"
                % (tensor.name, tensor.dtype, list(tensor.shape), dtype, list(shape)),
                "correct preprocess() of pipeline.py, or convert the model again",
            )


def load_pipeline(folder: str) -> Any:  # Any: the user's module
    """Imports the release's pipeline.py.

    Raises:
        Failure: it is missing, cannot be imported, or lacks a function.
    """
    path = os.path.join(folder, wire.PIPELINE_FILE)
    spec = importlib.util.spec_from_file_location("edgekit_user_pipeline", path)
    if spec is None or spec.loader is None or not os.path.exists(path):
        raise Failure(wire.ERROR_PIPELINE_FAILED, "the release has no %s" % wire.PIPELINE_FILE)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise pipeline_failure(error) from error
    for name in WANTED:
        if not callable(getattr(module, name, None)):
            text = "%s has no function %s" % (wire.PIPELINE_FILE, name)
            raise Failure(wire.ERROR_PIPELINE_FAILED, text)
    return module


def pipeline_failure(error: BaseException) -> Failure:
    """The failure for what the user's code raised, with its own line."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if os.path.basename(f.filename) == wire.PIPELINE_FILE]
    place = wire.PIPELINE_FILE
    if own:
        place = "line %d of %s (%s)" % (own[-1].lineno or 0, wire.PIPELINE_FILE, own[-1].name)
    elif isinstance(error, SyntaxError):
        place = "line %d of %s" % (error.lineno or 0, wire.PIPELINE_FILE)
    text = "%s raised %s: %s" % (place, type(error).__name__, str(error)[:500])
    hint = "correct it, then run again with --pipeline FILE"
    if isinstance(error, ImportError):
        hint = "install that package on the board, or do without it: numpy is always there"
    return Failure(wire.ERROR_PIPELINE_FAILED, text, hint)


def is_users(error: BaseException) -> bool:
    """True when the error came through the user's pipeline.py."""
    frames = traceback.extract_tb(error.__traceback__)
    return any(os.path.basename(frame.filename) == wire.PIPELINE_FILE for frame in frames)


def _raws(session: Any, release: Release, given: str) -> List[Any]:
    """Raw samples: pictures, or lists of arrays."""
    if given == "golden" and release.sample_count:
        found = []
        for i in range(release.sample_count):
            picture = release.raw_image(i)
            found.append(release.tensors(i, "in") if picture is None else picture)
        return found
    if not _numpy_present():  # a board without any engine: only echo runs there
        return [[b""]]
    return [random_inputs(session.inputs)]


def _numpy_present() -> bool:
    return importlib.util.find_spec("numpy") is not None


def _built_in_before(session: Any, settings: Any) -> Callable[[Any], List[Any]]:
    def before(raw: Any) -> List[Any]:
        if not isinstance(raw, list):
            return [preprocess(raw, settings, session.inputs[0])]
        return [array if isinstance(array, bytes) else array.copy() for array in raw]

    return before


def _built_in_after(session: Any) -> Callable[[List[Any]], Any]:
    scheme = session.outputs[0]

    def after(outputs: List[Any]) -> None:
        if not isinstance(outputs[0], bytes):
            dequantize(outputs[0], scheme.scale, scheme.zero_point).argmax()

    return after


def _user_before(module: Any) -> Callable[[Any], List[Any]]:
    def before(raw: Any) -> List[Any]:
        values = raw if not isinstance(raw, list) or len(raw) > 1 else raw[0]
        found = module.preprocess(values)
        return list(found) if isinstance(found, (list, tuple)) else [found]

    return before
