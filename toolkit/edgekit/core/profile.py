"""What a board type can do: the record behind ``device_profiles/<id>.toml``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

FORBID_EXTRA = {"extra": "forbid"}


@dataclass(frozen=True)
class Identity:
    """How a board of this type says who it is. Any listed pattern that matches is enough."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    device_tree_models: tuple[str, ...] = ()
    """Regular expressions over the device tree's model string."""
    compatibles: tuple[str, ...] = ()
    """Device tree ``compatible`` strings, compared whole."""
    dmi_products: tuple[str, ...] = ()
    """Regular expressions over the DMI product name (x86)."""
    cpu_models: tuple[str, ...] = ()
    """Regular expressions over the processor's model name."""


@dataclass(frozen=True)
class CoreCluster:
    """Cores of one kind."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    kind: str
    """Name of the core design, such as cortex-a72."""
    count: int
    clock_mhz: int
    """Highest clock without over-clocking."""
    macs_per_cycle_f32: float | None = None
    """Multiply-accumulates per cycle and core in float32 (vector width x pipes)."""
    macs_per_cycle_i8: float | None = None
    """Multiply-accumulates per cycle and core in int8, with the best instruction of the core."""


@dataclass(frozen=True)
class Memory:
    """Main memory."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    ram_mb: tuple[int, ...]
    """Sizes the board is sold with, ascending."""
    bandwidth_mb_s: int | None = None
    """Sustained copy bandwidth in megabytes per second where a measurement is published, else
    the interface's peak; the source says which."""


@dataclass(frozen=True)
class Accelerator:
    """A processor beside the CPU."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    kind: str
    """gpu, npu or tpu."""
    name: str
    engines: tuple[str, ...] = ()
    """Engines of edgekit that can drive it; empty when none does yet."""
    peak_int8_tops: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Userland:
    """An operating system image that this board type runs in the field."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    name: str
    arch: str
    """Architecture of the userland: aarch64, armv7l or x86_64."""
    libc: str
    """glibc-<major>.<minor> or musl-<major>.<minor>."""
    python: str
    """The system's Python, <major>.<minor>."""


@dataclass(frozen=True)
class EngineChoice:
    """An engine in the profile's order of preference."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    name: str
    """Engine id: litert, tflite_runtime, onnxruntime, openvino, tensorrt."""
    version: str
    """Newest version that has wheels for the first userland, <major>.<minor>.<patch>."""
    note: str = ""


@dataclass(frozen=True)
class PrecisionAdvice:
    """Whether a precision pays on this board type."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    name: str
    """int8, int16x8, fp16, fp32 or int8-dynamic."""
    pays: bool
    reason: str


@dataclass(frozen=True)
class Thermal:
    """Where the board slows itself down."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    throttle_c: float
    """Temperature at which the clock is lowered."""
    soft_limit_c: float | None = None
    critical_c: float | None = None


@dataclass(frozen=True)
class Power:
    """How the board is fed."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    source: str
    """Connector and voltage."""
    supply_w: float | None = None
    """Power of the recommended supply."""
    has_current_sensor: bool = False


@dataclass(frozen=True)
class Source:
    """Where figures of a profile come from."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    fields: tuple[str, ...]
    """The keys it backs, such as ``cores`` or ``memory.bandwidth_mb_s``."""
    title: str
    url: str
    date: str
    """When it was read or published, <year>-<month>."""


@dataclass(frozen=True)
class DeviceProfile:
    """One board type. The id is the file's stem."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    id: str
    name: str
    summary: str
    arch: str
    """Architecture of the processor: aarch64, armv7l or x86_64."""
    cores: tuple[CoreCluster, ...]
    memory: Memory
    userlands: tuple[Userland, ...]
    """In order of what most boards in the field run."""
    engines: tuple[EngineChoice, ...]
    """In order of preference."""
    precisions: tuple[PrecisionAdvice, ...]
    power: Power
    sources: tuple[Source, ...]
    family: str = ""
    """Family page this board belongs to, such as raspberrypi."""
    alias_of: str = ""
    """Set by the family page: the id of the board it stands for."""
    identity: Identity = Identity()
    isa_features: tuple[str, ...] = ()
    """Linux hwcap names: asimd, asimddp, fphp, asimdhp, i8mm, avx2, avx_vnni, avx512_vnni..."""
    accelerators: tuple[Accelerator, ...] = ()
    thermal: Thermal | None = None
    channel_multiple: int = 8
    """Channel counts that the board's kernels like are multiples of this."""
    default_threads: int = 0
    """Threads that a benchmark uses when none are asked for; 0 means all cores of the first
    cluster."""
    recipes: tuple[str, ...] = ("int8-static", "int8-dynamic", "float")
    """Order in which ``--recipe auto`` tries."""

    @property
    def core_count(self) -> int:
        """All cores of all clusters."""
        return sum(cluster.count for cluster in self.cores)
