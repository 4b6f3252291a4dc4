"""Every rule over its golden cases: it fires, it is silent, it says why it cannot tell."""

from __future__ import annotations

import re
import shlex
from math import fsum

import click
import pytest

from edgekit.cli.group import LazyGroup
from edgekit.cli.main import run
from edgekit.core.errors import ConfigError
from edgekit.core.lag import Finding, LagReport, Severity
from edgekit.core.record import Unavailable, dump, parse
from edgekit.explain.explaining import all_rules, explain, find_rule
from rule_cases import FOLDER, KINDS, Case, build, cases

ALL = tuple(cases())
ALWAYS_KNOWN = {"software-pipeline", "software-graph", "evidence-consistency"}
"""Rules whose evidence is in every measurement."""
ALWAYS_SPEAK = {"model-parameters", "model-depth-width", "model-operations"}
"""Rules that describe the model whenever its structure is known."""
PLACEHOLDER = re.compile(r"\b(ARTIFACT|BOARD|MODEL|HOST|PORT|NAME|FILE|PATH|ORIGINAL|ENDPOINT)\b")
ON_THE_BOARD = ("echo performance | sudo tee ",)


def answer(case: Case) -> tuple[LagReport, Finding | None, str | None]:
    report = explain(*build(case))
    finding = next((f for f in report.findings if f.rule == case.rule), None)
    reason = dict(report.unavailable).get(case.rule)
    return report, finding, reason


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_the_rule_answers_as_its_case_says(case: Case) -> None:
    report, finding, reason = answer(case)
    if case.kind == "unavailable":
        assert finding is None
        assert reason is not None
        assert re.search(case.expect["reason"], reason)
    elif case.kind == "silent":
        assert finding is None
        assert reason is None
    else:
        assert finding is not None, reason
        _require(finding, case)
    for ledger in report.ledgers:
        assert fsum(s.time_ms for s in ledger.shares) == pytest.approx(ledger.total_ms)
    assert parse(LagReport, dump(report)) == report


def _require(finding: Finding, case: Case) -> None:
    expect = case.expect
    assert finding.severity == expect["severity"]
    assert re.search(expect["title"], finding.title)
    if "share" in expect:
        assert finding.share == pytest.approx(expect["share"], abs=0.01)
    else:
        assert isinstance(finding.share, Unavailable)
    if "command" in expect:
        assert finding.remedies[0].command == expect["command"]
    if "gain_ms" in expect:
        assert finding.remedies[0].predicted_gain_ms == pytest.approx(expect["gain_ms"], rel=0.02)
    if "evidence" in expect:
        assert re.search(expect["evidence"], finding.evidence)
    assert finding.source
    assert finding.evidence
    assert finding.is_inconsistent == expect.get("is_inconsistent", False)


def test_every_rule_has_golden_cases_of_every_kind() -> None:
    known = {rule.CAUSE for rule in all_rules()}
    assert {path.stem for path in FOLDER.glob("*.json")} == known
    for cause in known:
        kinds = {case.kind for case in ALL if case.rule == cause}
        never = {"unavailable"} if cause in ALWAYS_KNOWN else set()
        never |= {"silent"} if cause in ALWAYS_SPEAK else set()
        assert kinds >= set(KINDS) - never, cause


def test_every_rule_says_what_it_needs_and_where_its_thresholds_come_from() -> None:
    for rule in all_rules():
        assert rule.__doc__
        assert rule.NEEDS, rule.CAUSE
        assert rule.SOURCE, rule.CAUSE
        assert rule.GROUP in ("model", "hardware", "software")
        assert rule.__name__.endswith(rule.CAUSE.replace("-", "_"))


@pytest.mark.parametrize(
    "case", [case for case in ALL if case.kind == "fires"], ids=lambda case: case.name
)
def test_remedies_run_as_they_stand(case: Case) -> None:
    _, finding, _ = answer(case)
    assert finding
    for remedy in finding.remedies:
        assert not PLACEHOLDER.search(remedy.command), remedy.command
        if not remedy.command or remedy.command.startswith(ON_THE_BOARD):
            continue
        words = shlex.split(remedy.command)
        assert words[0] == "edgekit"
        _require_parses(words[1:])


def _require_parses(words: list[str]) -> None:
    """Click takes the command's words: the command, its options and their values exist."""
    command: click.Command = LazyGroup()
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, words
        command, words = found, words[1:]
    command.make_context("edgekit", words)


def test_commands_are_empty_where_no_record_knows_a_name() -> None:
    import dataclasses

    case = next(c for c in ALL if c.rule == "software-contention" and c.kind == "fires")
    measured, records = build(case)
    report = explain(measured, dataclasses.replace(records, folder=""))
    finding = next(f for f in report.findings if f.rule == case.rule)
    assert finding.remedies[0].command == ""
    assert finding.remedies[0].action


def test_causes_come_before_what_is_worth_knowing() -> None:
    for case in ALL:
        severities = [f.severity is Severity.INFO for f in answer(case)[0].findings]
        assert severities == sorted(severities)


def test_an_unknown_rule_gets_near_names() -> None:
    assert find_rule("model-denormals").CAUSE == "model-denormals"
    with pytest.raises(ConfigError, match="no rule is called") as caught:
        find_rule("model-denormal")
    assert "model-denormals" in caught.value.hint


def test_rules_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "list"]) == 0
    listed = capsys.readouterr().out
    assert all(rule.CAUSE in listed for rule in all_rules())
    assert run(["rules", "show", "model-denormals"]) == 0
    assert "onnxruntime#7448" in capsys.readouterr().out
    assert run(["rules", "show", "model-denormal"]) == 3
    assert "did you mean model-denormals" in capsys.readouterr().err
