"""Faults on the way to an endpoint, and there: control and fault in turn."""

from __future__ import annotations

import statistics
from dataclasses import replace

from edgekit.boards.deploy import load_card
from edgekit.cloud.options import ModelOptions
from edgekit.cloud.server import CloudServer, ServerSettings
from edgekit.core.lag import LagReport
from edgekit.core.network import CloudTrip, NetworkProfile
from edgekit.explain.evidence import Records
from edgekit.explain.explaining import explain
from edgekit.measure.trips import TripRequest, measure_trips
from fault_bench.cases import (
    ROUNDS,
    Outcome,
    Say,
    artifact_of,
    investigating,
    outcome_of,
    run_once,
)
from fault_bench.faults import CloudFault, Subject

CONTROL = CloudFault("control", "nothing", ())
RUNS = 60


def cloud_case(subject: Subject, fault: CloudFault, say: Say) -> Outcome:
    """One fault; the board is measured once beside it."""
    with investigating(subject, None, say) as investigation:
        measured = run_once(investigation, None)
    control: list[float] = []
    faulty: list[float] = []
    trips: list[CloudTrip] = []
    for number in range(ROUNDS):
        for one in (CONTROL, fault) if number % 2 == 0 else (fault, CONTROL):
            trip = ask(subject, one)
            found = statistics.median(trip.samples_ns["total"]) / 1e6
            (control if one is CONTROL else faulty).append(found)
            if one is fault:
                trips.append(trip)
    records = Records((trips[-1],), load_card(artifact_of(subject)), folder=subject.name)
    report: LagReport = explain(measured, records)
    control_ms = statistics.median(control)
    return outcome_of(
        fault.id,
        fault.title,
        subject,
        report,
        fault.rules,
        control_ms=control_ms,
        added_ms=statistics.median(faulty) - control_ms,
        remedy=remedied(subject, fault, statistics.median(faulty), report),
        prefix="cloud",
        is_scored=fault.is_scored,
    )


def ask(subject: Subject, fault: CloudFault) -> CloudTrip:
    """Requests as the fault says, to a server of its own."""
    folder = artifact_of(subject)
    options = ModelOptions(threads=1, max_batch=fault.max_batch, max_wait_ms=fault.max_wait_ms)
    network = NetworkProfile(
        fault.id,
        fault.title,
        fault.rtt_ms,
        0.0,
        fault.up_kbit_s,
        0.0,
        "a fault",
        loss_share=fault.loss_share,
    )
    with CloudServer(folder, settings=ServerSettings(options=options)) as server:
        request = TripRequest(
            endpoint=server.http_endpoint if fault.payload == "json" else server.endpoint,
            folder=folder,
            artifact=load_card(folder),
            networks=(network,),
            payload=fault.payload,
            runs=RUNS,
            max_duration_s=8.0,
            concurrency=fault.concurrency,
        )
        (trip,) = measure_trips(request)
    return trip


def remedied(subject: Subject, fault: CloudFault, before_ms: float, report: LagReport) -> str:
    """Whether what the first remedy changes makes requests faster."""
    finding = next((f for f in report.findings if f.rule in fault.rules), None)
    if finding is None or not finding.remedies:
        return "none"
    remedy = finding.remedies[0]
    change = dict(remedy.change)
    if "payload" in change:
        changed = replace(fault, payload=change["payload"])
    elif "--max-wait 0" in remedy.command:
        changed = replace(fault, max_wait_ms=0.0)
    else:
        return "none"
    after_ms = statistics.median(ask(subject, changed).samples_ns["total"]) / 1e6
    return "kept" if after_ms < before_ms else "not faster"
