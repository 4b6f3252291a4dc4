"""What a served model takes, against what was sent to it: one sentence instead of a refusal."""

from __future__ import annotations

import difflib
from typing import Any, Dict, List, Optional, Tuple

from .oip import Tensor

Spec = Tuple[str, str, Tuple[int, ...]]
"""Name, datatype, shape; -1 is any length."""


def specs_of(metadata: Any) -> Optional[List[Spec]]:  # Any: JSON of an endpoint
    """The inputs in a model's metadata; None when it is no metadata of the protocol."""
    try:
        return [
            (str(entry["name"]), str(entry["datatype"]), tuple(int(n) for n in entry["shape"]))
            for entry in metadata["inputs"]
        ]
    except (KeyError, TypeError, ValueError):
        return None


def names_of(listing: Any) -> List[str]:  # Any: JSON of an endpoint
    """The names in a list of models, in the form of KServe or of Triton; none when it is neither."""
    entries = listing.get("models", []) if isinstance(listing, dict) else listing
    if not isinstance(entries, list):
        return []
    found = [entry.get("name") if isinstance(entry, dict) else entry for entry in entries]
    return [name for name in found if isinstance(name, str)]


def differences(sent: List[Tensor], wanted: List[Spec]) -> List[str]:
    """What keeps a request from fitting, one sentence per tensor; empty when it fits.

    Example:
        >>> differences([Tensor("x", "INT8", (1, 4), b"")], [("x", "FP32", (-1, 4))])
        ["input 'x': it takes FP32 [-1, 4], sent was INT8 [1, 4]"]
    """
    given = {tensor.name: tensor for tensor in sent}
    names = [name for name, _, _ in wanted]
    found = []
    for name, datatype, shape in wanted:
        tensor = given.get(name)
        if tensor is None:
            found.append("input %r (%s %s) was not sent" % (name, datatype, list(shape)))
        elif tensor.datatype != datatype or not _fits(tensor.shape, shape):
            found.append(
                "input %r: it takes %s %s, sent was %s %s"
                % (name, datatype, list(shape), tensor.datatype, list(tensor.shape))
            )
    found += [
        "input %r (%s %s) is not known to it" % (tensor.name, tensor.datatype, list(tensor.shape))
        for tensor in sent
        if tensor.name not in names
    ]
    return found


def explain(
    model: str,
    forms: Dict[str, List[Tensor]],
    form: str,
    metadata: Any,  # Any: JSON of an endpoint, or None
    names: List[str],
) -> Optional[Tuple[str, str]]:
    """Why an endpoint refused a request, and the next command; None when its metadata do not tell.

    Args:
        model: the name that was asked for.
        forms: the same sample in each form that it can take (tensor, picture, jpeg).
        form: the one that was sent.
        metadata: what the endpoint says about the model; None when it says nothing.
        names: of the models that the endpoint has, where it tells them.
    """
    wanted = specs_of(metadata)
    if wanted is None:
        if not names or model in names:
            return None
        near = difflib.get_close_matches(model, names, n=1, cutoff=0.4) or names
        text = "the endpoint serves no %r, but %s" % (model, ", ".join(sorted(names)[:8]))
        return text, "--model-name %s" % near[0]
    found = differences(forms[form], wanted)
    if not found:
        return None
    text = "the endpoint's %s takes other inputs: %s" % (model, "; ".join(found))
    fitting = [name for name, sent in forms.items() if not differences(sent, wanted)]
    if fitting:
        return text, "--payload %s" % fitting[0]
    return text, (
        "send the inputs of the artifact that the endpoint serves: edgekit compare TARGET ORIGINAL "
        "--cloud URL, edgekit load ORIGINAL --cloud URL"
    )


def _fits(shape: Tuple[int, ...], wanted: Tuple[int, ...]) -> bool:
    if len(shape) != len(wanted):
        return False
    return all(w in (-1, s) for s, w in zip(shape, wanted))
