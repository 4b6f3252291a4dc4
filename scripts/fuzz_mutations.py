"""Seeded damage to model files: bytes, lengths, archives, JSON and XML."""

from __future__ import annotations

import io
import random
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from fuzz_protobuf import damaged_field
from fuzz_seeds import Seed

Mutation = Callable[[random.Random, bytes], bytes]
PROTOBUF_NAMES = tuple(f"damaged field{' ' * i}" for i in range(12))
"""As many names as byte damages: half of the protobuf files are damaged in their fields."""
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE)


def mutate(seeds: list[Seed], folder: Path, count: int, seed: int) -> list[tuple[str, str, Path]]:
    """That many damaged copies, formats in turn: format, kind of damage, path."""
    cases = []
    for i in range(count):
        generator = random.Random(f"{seed}-{i}")
        origin = seeds[i % len(seeds)]
        target = folder / f"{i:05}"
        shutil.copytree(origin.folder, target)
        victim = target / generator.choice(origin.victims)
        damages = BYTES | (ARCHIVES if origin.is_archive else {})
        if victim.suffix in (".onnx", ".pb"):  # wire-correct damage gets past the parser
            damages = damages | dict.fromkeys(PROTOBUF_NAMES, damaged_field)
        name = generator.choice(list(damages))
        damage = damages[name]
        victim.write_bytes(damage(generator, victim.read_bytes()))
        shown = PROTOBUF_NAMES[0] if name in PROTOBUF_NAMES else name
        cases.append((origin.kind, shown, target / origin.model))
    return cases


def _flip(generator: random.Random, data: bytes) -> bytes:
    found = bytearray(data)
    for _ in range(generator.choice((1, 1, 4, 32))):
        found[generator.randrange(len(found))] ^= 1 << generator.randrange(8)
    return bytes(found)


def _overwrite(generator: random.Random, data: bytes) -> bytes:
    found = bytearray(data)
    for _ in range(generator.choice((1, 4, 16))):
        at = generator.randrange(len(found))
        found[at] = generator.randrange(256)
    return bytes(found)


def _truncate(generator: random.Random, data: bytes) -> bytes:
    return data[: generator.randrange(len(data))]


def _cut(generator: random.Random, data: bytes) -> bytes:
    begin, length = generator.randrange(len(data)), generator.randrange(1, 200)
    return data[:begin] + data[begin + length :]


def _repeat(generator: random.Random, data: bytes) -> bytes:
    begin, length = generator.randrange(len(data)), generator.randrange(1, 200)
    part = data[begin : begin + length]
    return data[:begin] + part * generator.choice((2, 20)) + data[begin:]


def _zeros(generator: random.Random, data: bytes) -> bytes:
    begin, length = generator.randrange(len(data)), generator.randrange(1, 2000)
    return data[:begin] + bytes(min(length, len(data) - begin)) + data[begin + length :]


def _extreme(generator: random.Random, data: bytes) -> bytes:
    """An offset, a length or a count that no file can have, mostly near the head."""
    found = bytearray(data)
    reach = min(len(found), generator.choice((64, 512, len(found))))
    at = generator.randrange(max(reach - 4, 1)) & ~3
    found[at : at + 4] = struct.pack("<I", generator.choice(EXTREMES))
    return bytes(found[: len(data)])


def _varint(generator: random.Random, data: bytes) -> bytes:
    """A protobuf length that claims gigabytes."""
    at = generator.randrange(len(data))
    return data[:at] + b"\xff\xff\xff\xff\x07" + data[at:]


def _noise(generator: random.Random, data: bytes) -> bytes:
    keep = generator.choice((8, 16, 64))
    return data[:keep] + generator.randbytes(len(data) - min(keep, len(data)))


def _floats(generator: random.Random, data: bytes) -> bytes:
    """NaN or infinity in the weights."""
    value = generator.choice((b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f")) * 8
    at = generator.randrange(len(data)) & ~3
    return data[:at] + value + data[at + len(value) :]


def _members(data: bytes, change: Callable[[str, bytes], list[tuple[str, bytes]]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            for new_name, content in change(name, source.read(name)):
                target.writestr(new_name, content)
    return out.getvalue()


def _traverse(generator: random.Random, data: bytes) -> bytes:
    prefix = generator.choice(("../../", "/tmp/", "..\\", "C:\\"))
    return _members(data, lambda name, content: [(prefix + name, content)])


def _lose(generator: random.Random, data: bytes) -> bytes:
    return _members(
        data, lambda name, content: [] if generator.random() < 0.3 else [(name, content)]
    )


def _inside(generator: random.Random, data: bytes) -> bytes:
    """Damage in one member, with checksums that are right."""
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    victim = generator.choice(names)
    damage = generator.choice((_flip, _truncate, _overwrite, _repeat, _cut))

    def change(name: str, content: bytes) -> list[tuple[str, bytes]]:
        return [(name, damage(generator, content) if name == victim and content else content)]

    return _members(data, change)


BYTES: dict[str, Mutation] = {
    "flipped bits": _flip,
    "overwritten bytes": _overwrite,
    "truncated": _truncate,
    "cut out": _cut,
    "repeated": _repeat,
    "zeroed": _zeros,
    "extreme integer": _extreme,
    "huge length": _varint,
    "noise after the head": _noise,
    "NaN or infinity": _floats,
}
ARCHIVES: dict[str, Mutation] = {
    "path traversal": _traverse,
    "lost members": _lose,
    "damaged member": _inside,
}
