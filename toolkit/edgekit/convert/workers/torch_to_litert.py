"""A torch module to a TFLite file."""

from __future__ import annotations

from typing import Any

PICTURE_CHANNELS = (1, 3, 4)


# Any: torch modules and tensors
def export(module: Any, example: tuple[Any, ...], out: str) -> list[int]:
    """Writes the file; gives the positions of inputs that are channel-last there.

    Kernels of TFLite are channel-last; a picture that arrives that way needs no transpose.
    """
    import litert_torch

    channel_last = [
        position
        for position, value in enumerate(example)
        if value.dim() == 4 and value.shape[1] in PICTURE_CHANNELS and value.shape[2] > 4
    ]
    inputs = list(example)
    if channel_last:
        module = litert_torch.to_channel_last_io(module, args=channel_last)
        for position in channel_last:
            inputs[position] = inputs[position].permute(0, 2, 3, 1).contiguous()
    litert_torch.convert(module, tuple(inputs)).export(out)
    return channel_last
