"""Energy and money of an inference on either side. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.core.comparison import NO_ENERGY, Cost, EdgeEnergy, EnergyBasis
from edgekit.core.measurement import Measurement
from edgekit.core.mode import Mode
from edgekit.core.network import CloudTrip
from edgekit.core.record import Unavailable
from edgekit.core.units import NS_PER_MS

MS_PER_HOUR = 3.6e6
MJ_PER_KWH = 3.6e9
MILLION = 1e6
STAND_IN = "stand-in"
"""Note of a measurement that another machine than the board gave."""


@dataclass(frozen=True)
class Prices:
    """What a million inferences cost on each side, as the user knows it; None where not given."""

    edge_watts: float | None = None
    """Power that the board takes while it computes."""
    per_kwh: float | None = None
    cloud_per_hour: float | None = None
    """Of the machine behind the endpoint, one request at a time."""
    cloud_per_request: float | None = None
    currency: str = "USD"

    @property
    def is_given(self) -> bool:
        """True when there is anything to reckon with."""
        return any(
            value is not None
            for value in (
                self.edge_watts,
                self.per_kwh,
                self.cloud_per_hour,
                self.cloud_per_request,
            )
        )


def edge_energy(
    measurement: Measurement, edge_ms: float, prices: Prices, supply_w: float | None
) -> EdgeEnergy | Unavailable:
    """Energy of one inference: a given power first, then a sensor's, then what the supply bounds.

    Args:
        measurement: of the board.
        edge_ms: its median.
        prices: with the power, where it was given.
        supply_w: of the board type, where its profile knows it.
    """
    watts, sensed_mj = prices.edge_watts, measurement.energy_per_sample_mj
    if watts is not None:
        how = f"{watts:g} W for {edge_ms:.3g} ms"
        return EdgeEnergy(watts * edge_ms, EnergyBasis.GIVEN, how)
    energy = measurement.energy
    if sensed_mj is not None and not isinstance(energy, Unavailable):
        how = f"{energy.source}, {energy.readings} readings, {energy.mean_mw / 1e3:.3g} W"
        return EdgeEnergy(sensed_mj, EnergyBasis.MEASURED, how)
    if supply_w is None:
        return NO_ENERGY
    if measurement.mode is not Mode.MEASURED or _is_stand_in(measurement):
        return Unavailable("another machine was timed, whose supply is not the board's")
    how = f"at most: the recommended supply of {supply_w:g} W for {edge_ms:.3g} ms"
    return EdgeEnergy(supply_w * edge_ms, EnergyBasis.DERIVED, how)


def _is_stand_in(measurement: Measurement) -> bool:
    return any(note.id == STAND_IN for note in measurement.validity)


def cost_of(
    used: EdgeEnergy | Unavailable, trips: Sequence[CloudTrip], prices: Prices
) -> Cost | Unavailable:
    """A million inferences on either side, as far as prices were given."""
    if not prices.is_given:
        return Unavailable("no prices were given: --per-kwh, --cloud-per-hour")
    energy: float | Unavailable
    if isinstance(used, Unavailable):
        energy = used
    else:
        energy = used.per_inference_mj * MILLION / MJ_PER_KWH
    edge: float | Unavailable = Unavailable("--per-kwh was not given")
    if isinstance(energy, Unavailable):
        edge = energy
    elif prices.per_kwh is not None:
        edge = energy * prices.per_kwh
    cloud: float | Unavailable = Unavailable("no price of the cloud was given")
    if prices.cloud_per_request is not None:
        cloud = prices.cloud_per_request * MILLION
    elif prices.cloud_per_hour is not None:
        busy = trips[0].samples_ns.get("server_compute")
        if busy is None:
            cloud = Unavailable("the server does not tell how long it computes")
        else:
            cloud = (
                prices.cloud_per_hour * sum(busy) / len(busy) / NS_PER_MS / MS_PER_HOUR * MILLION
            )
    return Cost(energy, edge, cloud, prices.currency)
