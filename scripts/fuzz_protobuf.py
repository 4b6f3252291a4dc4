"""Damage to one field of a protobuf message, with lengths that are right all the way up."""

from __future__ import annotations

import random
from typing import NamedTuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
VALUES = (0, 1, 2, 7, 127, 255, 65_535, 2**31 - 1, 2**31, 2**63 - 1, 2**64 - 1)
DEEPEST = 8


class Field(NamedTuple):
    """One field as it lies on the wire."""

    number: int
    wire_type: int
    value: int
    """Of a varint."""
    payload: bytes
    """Of the others."""


def damaged_field(generator: random.Random, data: bytes, depth: int = 0) -> bytes:
    """The message with one field, at any depth, lost, doubled or given another value."""
    fields = parse(data)
    if not fields:
        return generator.randbytes(len(data) or 1)
    at = generator.randrange(len(fields))
    field = fields[at]
    inner = parse(field.payload) if field.wire_type == BYTES else None
    if inner and depth < DEEPEST and generator.random() < 0.85:
        payload = damaged_field(generator, field.payload, depth + 1)
        fields[at] = field._replace(payload=payload)
        return encode(fields)
    action = generator.choice(("drop", "double", "value", "value", "number"))
    if action == "drop":
        del fields[at]
    elif action == "double":
        fields.insert(at, field)
    elif action == "number":
        fields[at] = field._replace(number=generator.randrange(1, 30))
    else:
        fields[at] = _other_value(generator, field)
    return encode(fields)


def _other_value(generator: random.Random, field: Field) -> Field:
    if field.wire_type == VARINT:
        return field._replace(value=generator.choice(VALUES))
    payload = bytearray(field.payload)
    if field.wire_type == BYTES:
        choice = generator.choice((b"", b"x", b"../../etc/passwd", payload[: len(payload) // 2]))
        return field._replace(payload=bytes(choice))
    payload[generator.randrange(len(payload))] ^= 0xFF
    return field._replace(payload=bytes(payload))


def parse(data: bytes) -> list[Field] | None:
    """The fields, or None when the bytes are no message."""
    fields: list[Field] = []
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire_type, number = key & 7, key >> 3
        if at < 0 or number == 0 or wire_type not in (VARINT, FIXED64, BYTES, FIXED32):
            return None
        value, size = 0, {FIXED64: 8, FIXED32: 4}.get(wire_type, 0)
        if wire_type == VARINT:
            value, at = _varint(data, at)
        elif wire_type == BYTES:
            size, at = _varint(data, at)
        if at < 0 or at + size > len(data):
            return None
        fields.append(Field(number, wire_type, value, data[at : at + size]))
        at += size
    return fields


def encode(fields: list[Field]) -> bytes:
    """The inverse of :func:`parse`."""
    out = bytearray()
    for field in fields:
        out += _encoded(field.number << 3 | field.wire_type)
        if field.wire_type == VARINT:
            out += _encoded(field.value)
        elif field.wire_type == BYTES:
            out += _encoded(len(field.payload)) + field.payload
        else:
            out += field.payload
    return bytes(out)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Value and next position; position -1 when it does not end."""
    value = 0
    for i in range(10):
        if at + i >= len(data):
            return 0, -1
        value |= (data[at + i] & 0x7F) << (7 * i)
        if data[at + i] < 0x80:
            return value, at + i + 1
    return 0, -1


def _encoded(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
