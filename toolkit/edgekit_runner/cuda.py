"""The few calls of the CUDA runtime that an inference needs, through ctypes.

Source: CUDA Runtime API reference (docs.nvidia.com/cuda/cuda-runtime-api), memory management and
streams. Not run on hardware: tested against a stand-in library.
"""

from __future__ import annotations

import ctypes
import glob
import os
from typing import Any, List

from .failure import Failure
from .wire import ERROR_ENGINE_FAILED, ERROR_ENGINE_MISSING, ERROR_OUT_OF_MEMORY

LIBRARY_VARIABLE = "EDGEKIT_CUDART"
"""Environment variable with the path of libcudart, where it is in no usual place."""
NAMES = ("libcudart.so", "libcudart.so.13", "libcudart.so.12", "libcudart.so.11.0")
PLACES = ("/usr/local/cuda*/lib64/libcudart.so*", "/usr/local/cuda*/targets/*/lib/libcudart.so*")
OUT_OF_MEMORY = 2
"""cudaErrorMemoryAllocation."""
TO_DEVICE, TO_HOST = 1, 2
"""cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost."""


class Cuda:
    """One stream on the current device."""

    def __init__(self) -> None:
        self.library = _find()
        self.library.cudaGetErrorString.restype = ctypes.c_char_p
        stream = ctypes.c_void_p()
        self._call("cudaStreamCreate", ctypes.byref(stream))
        self.stream = int(stream.value or 0)
        self.allocated: List[int] = []

    def allocate(self, size_bytes: int) -> int:
        """Memory on the device."""
        pointer = ctypes.c_void_p()
        self._call("cudaMalloc", ctypes.byref(pointer), ctypes.c_size_t(max(size_bytes, 1)))
        self.allocated.append(int(pointer.value or 0))
        return int(self.allocated[-1])

    def to_device(self, device: int, array: Any) -> None:  # Any: a numpy array
        """Queues a copy of a contiguous array."""
        self._copy(device, array.ctypes.data, array.nbytes, TO_DEVICE)

    def to_host(self, array: Any, device: int) -> None:  # Any: a numpy array
        """Queues a copy into a contiguous array."""
        self._copy(array.ctypes.data, device, array.nbytes, TO_HOST)

    def wait(self) -> None:
        """Until everything in the stream is done; without it a timing would lie."""
        self._call("cudaStreamSynchronize", ctypes.c_void_p(self.stream))

    def free(self) -> None:
        """Gives all memory back."""
        for pointer in self.allocated:
            self._call("cudaFree", ctypes.c_void_p(pointer))
        self.allocated = []

    def _copy(self, target: int, source: int, size_bytes: int, kind: int) -> None:
        self._call(
            "cudaMemcpyAsync",
            ctypes.c_void_p(target),
            ctypes.c_void_p(source),
            ctypes.c_size_t(size_bytes),
            ctypes.c_int(kind),
            ctypes.c_void_p(self.stream),
        )

    def _call(self, name: str, *arguments: Any) -> None:  # Any: ctypes values
        code = getattr(self.library, name)(*arguments)
        if code == 0:
            return
        text = self.library.cudaGetErrorString(code).decode("utf-8", "replace")
        kind = ERROR_OUT_OF_MEMORY if code == OUT_OF_MEMORY else ERROR_ENGINE_FAILED
        raise Failure(kind, "CUDA %s failed: %s (%d)" % (name, text, code))


def _find() -> Any:  # Any: a ctypes library
    named = os.environ.get(LIBRARY_VARIABLE, "")
    places = [path for pattern in PLACES for path in sorted(glob.glob(pattern))]
    for name in [named] if named else [*NAMES, *places]:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise Failure(
        ERROR_ENGINE_MISSING,
        "the CUDA runtime library was not found on this board",
        "on the board: export %s=/path/to/libcudart.so" % LIBRARY_VARIABLE,
    )
