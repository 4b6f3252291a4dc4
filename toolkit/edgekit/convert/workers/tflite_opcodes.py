"""Operation codes of a TFLite file, read without the schema: what an older runtime may lack.

Source: tensorflow/lite/schema/schema.fbs: Model.operator_codes is field 1; OperatorCode has
deprecated_builtin_code (0), custom_code (1), version (2) and builtin_code (3).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

MODEL_OPERATOR_CODES = 1
CODE_DEPRECATED, CODE_CUSTOM, CODE_VERSION, CODE_BUILTIN = 0, 1, 2, 3
CUSTOM_BUILTIN = 32
PLACEHOLDER = 127


class OperatorCode(NamedTuple):
    """One kind of operation that the file uses."""

    builtin: int
    """BuiltinOperator; 32 is a custom operation."""
    custom: str
    """Name of a custom operation; those of TensorFlow begin with Flex."""
    version: int
    version_offset: int
    """Where the version lies in the file; 0 when it is the default, 1."""


def read_operator_codes(data: bytes) -> list[OperatorCode]:
    """Every operation code, in the order of the file.

    Raises:
        ValueError: the file is damaged there.
    """
    try:
        vector = _field(data, _u32(data, 0), MODEL_OPERATOR_CODES)
        if not vector:
            return []
        vector += _u32(data, vector)
        count = _u32(data, vector)
        if count > len(data) // 4:
            raise ValueError(f"it claims {count} operation codes")
        return [_code(data, vector + 4 + 4 * i) for i in range(count)]
    except struct.error as err:
        raise ValueError("the operation codes lie outside the file") from err


def _code(data: bytes, at: int) -> OperatorCode:
    table = at + _u32(data, at)
    old, new = _field(data, table, CODE_DEPRECATED), _field(data, table, CODE_BUILTIN)
    version, custom = _field(data, table, CODE_VERSION), _field(data, table, CODE_CUSTOM)
    builtin = max(_i8(data, old) if old else 0, _i32(data, new) if new else 0)
    return OperatorCode(
        builtin,
        _text(data, custom + _u32(data, custom)) if custom else "",
        _i32(data, version) if version else 1,
        version,
    )


def _field(data: bytes, table: int, number: int) -> int:
    """Where a field of a table lies; 0 when it is absent."""
    vtable = table - _i32(data, table)
    if vtable < 0:
        raise ValueError("a table points before the file")
    size = struct.unpack_from("<H", data, vtable)[0]
    slot = 4 + 2 * number
    offset = struct.unpack_from("<H", data, vtable + slot)[0] if slot + 2 <= size else 0
    return table + offset if offset else 0


def _text(data: bytes, at: int) -> str:
    length = _u32(data, at)
    return data[at + 4 : at + 4 + length].decode("utf-8", "replace")


def _u32(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])


def _i32(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<i", data, at)[0])


def _i8(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<b", data, at)[0])
