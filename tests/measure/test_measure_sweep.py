"""Sweeps: every combination, in every round, in an order of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edgekit.core.measurement import RunOptions
from edgekit.core.record import dump, parse
from edgekit.core.run_set import RunSet
from edgekit.measure.sweep import Matrix, Turn, make_cells, make_order, make_run_set
from samples import measurement

BASE = RunOptions("litert", 4, 300, 20)


def test_every_combination_is_a_cell() -> None:
    matrix = Matrix(threads=(1, 2), batches=(1, 4), engines=("litert", "openvino"))
    cells = make_cells(BASE, matrix)
    assert len(cells) == 8
    assert len({(c.engine, c.threads, c.batch) for c in cells}) == 8
    assert make_cells(BASE, Matrix()) == (BASE,)
    assert Matrix(threads=(2,)).is_single
    assert not matrix.is_single
    assert not Matrix(launches=2).is_single


@given(st.integers(1, 8), st.integers(1, 6), st.integers(0, 99))
def test_each_round_holds_every_cell_once(cells: int, launches: int, seed: int) -> None:
    turns = list(make_order(cells, Matrix(launches=launches, seed=seed)))
    assert len(turns) == cells * launches
    for number in range(launches):
        block = turns[number * cells : (number + 1) * cells]
        assert sorted(turn.cell for turn in block) == list(range(cells))
        assert {turn.round for turn in block} == {number}
    assert turns == list(make_order(cells, Matrix(launches=launches, seed=seed)))


def test_orders_differ_between_rounds() -> None:
    turns = list(make_order(4, Matrix(launches=30)))
    orders = Counter(tuple(t.cell for t in turns[k : k + 4]) for k in range(0, 120, 4))
    assert len(orders) > 10


def test_a_set_tells_the_spread_between_launches() -> None:
    quick = measurement()
    slow = measurement(
        {"total": tuple(2 * value for value in quick.samples_ns["total"])}, threads=2
    )
    cells = (replace(BASE, threads=1), replace(BASE, threads=2))
    turns = [(Turn(1, 0), quick), (Turn(0, 0), slow), (Turn(0, 1), quick), (Turn(1, 1), quick)]
    found = make_run_set(cells, turns, seed=3)
    assert [len(cell.launches) for cell in found.cells] == [2, 2]
    assert found.cells[1].spread == 0.0
    assert 0.6 < found.cells[0].spread < 0.7
    assert [launch.order for launch in found.cells[0].launches] == [1, 2]
    assert parse(RunSet, dump(found)) == found
