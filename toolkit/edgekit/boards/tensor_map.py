"""Where the weights lie inside a TFLite or ONNX file, by name: enough to line two versions up.

Both formats are read by their published layout; nothing is loaded, and whatever does not parse has
no tensors, which only costs bytes on the wire.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

TFLITE_SIZES = {0: 4, 1: 2, 2: 4, 3: 1, 4: 8, 7: 2, 9: 1, 10: 8, 16: 4}
"""Bytes per element by TensorType. Source: TensorFlow Lite schema v3, tensorflow/lite/schema."""
ONNX_SIZES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 10: 2, 11: 8, 16: 2}
"""Bytes per element by TensorProto.DataType. Source: onnx.proto."""
SMALLEST_BYTES = 64


@dataclass(frozen=True)
class Region:
    """The bytes of one tensor."""

    name: str
    offset: int
    length: int
    element_bytes: int


def find_tensors(data: bytes) -> tuple[Region, ...]:
    """Tensors of a model file, in the order of their place; none when it is no such file.

    Args:
        data: the whole file.
    """
    try:
        found = list(_tflite(data) if data[4:8] == b"TFL3" else _onnx(data))
    except (struct.error, IndexError, ValueError, RecursionError):
        return ()
    found.sort(key=lambda region: region.offset)
    kept: list[Region] = []
    for region in found:
        begins_behind = not kept or region.offset >= kept[-1].offset + kept[-1].length
        if begins_behind and region.length >= SMALLEST_BYTES:
            kept.append(region)
    return tuple(kept)


def _tflite(data: bytes) -> Iterator[Region]:
    model = _u32(data, 0)
    buffers = list(_vector(data, model, 4))
    for graph_index, graph in enumerate(_vector(data, model, 2)):
        for tensor in _vector(data, graph, 0):
            number = _scalar(data, tensor, 2, "<I")
            kind = _scalar(data, tensor, 1, "<b")
            name_at = _follow(data, tensor, 3)
            if not 0 < number < len(buffers) or not name_at:
                continue
            content = _follow(data, buffers[number], 0)
            if content:
                length = _u32(data, content)
                name = data[name_at + 4 : name_at + 4 + _u32(data, name_at)].decode("utf-8")
                size = TFLITE_SIZES.get(kind, 1)
                yield Region(f"{graph_index}/{name}", content + 4, length, size)


def _field(data: bytes, table: int, number: int) -> int:
    """Where a field of a flatbuffer table lies; 0 when it is absent."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    entry = 4 + 2 * number
    if entry + 2 > struct.unpack_from("<H", data, vtable)[0]:
        return 0
    offset = int(struct.unpack_from("<H", data, vtable + entry)[0])
    return table + offset if offset else 0


def _follow(data: bytes, table: int, number: int) -> int:
    at = _field(data, table, number)
    return at + _u32(data, at) if at else 0


def _scalar(data: bytes, table: int, number: int, form: str) -> int:
    at = _field(data, table, number)
    return int(struct.unpack_from(form, data, at)[0]) if at else 0


def _vector(data: bytes, table: int, number: int) -> Iterator[int]:
    at = _follow(data, table, number)
    count = _u32(data, at) if at else 0
    if count * 4 > len(data):
        raise ValueError("a vector longer than the file")
    for i in range(count):
        item = at + 4 + 4 * i
        yield item + _u32(data, item)


def _u32(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])


def _onnx(data: bytes) -> Iterator[Region]:
    for number, begin, end in _messages(data, 0, len(data)):
        if number != 7:  # ModelProto.graph
            continue
        for inner, tensor_begin, tensor_end in _messages(data, begin, end):
            if inner == 5:  # GraphProto.initializer
                region = _onnx_tensor(data, tensor_begin, tensor_end)
                if region:
                    yield region


def _onnx_tensor(data: bytes, begin: int, end: int) -> Region | None:
    name, size, raw = "", 1, (0, 0)
    for number, first, last in _messages(data, begin, end, with_numbers=True):
        if number == 8:
            name = data[first:last].decode("utf-8")
        elif number == 9:
            raw = (first, last)
        elif number == -2:  # data_type, a number
            size = ONNX_SIZES.get(first, 1)
    return Region(name, raw[0], raw[1] - raw[0], size) if raw[1] and name else None


def _messages(
    data: bytes, begin: int, end: int, *, with_numbers: bool = False
) -> Iterator[tuple[int, int, int]]:
    """Field number, begin and end of every length-delimited field of a protobuf message.

    With numbers, a field of that kind gives its negated field number and its value.
    """
    at = begin
    while at < end:
        key, at = _varint(data, at)
        number, wire_type = key >> 3, key & 7
        if wire_type == 0:
            value, at = _varint(data, at)
            if with_numbers:
                yield -number, value, value
        elif wire_type == 1:
            at += 8
        elif wire_type == 5:
            at += 4
        elif wire_type == 2:
            length, at = _varint(data, at)
            if at + length > end:
                raise ValueError("a field longer than its message")
            yield number, at, at + length
            at += length
        else:
            raise ValueError("no protobuf message")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number without an end")
