"""What deploy/ watches is what ringfence tells: a renamed metric must not silence an alert."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ringfence.engine.counters import Counters
from ringfence.telemetry.metrics import Limits, TraceFigures, render
from ringfence.telemetry.names import (
    CLICKHOUSE_NUMBERS,
    LOOKUP_NUMBERS,
    MIRROR_NUMBERS,
    RECORD_NUMBERS,
    RESOLVER_NUMBERS,
    ROAMING_NUMBERS,
    TRANSPORT_NUMBERS,
    WORKER_NUMBERS,
)
from ringfence.telemetry.snapshot import snapshot

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "deploy/prometheus/ringfence-alerts.yaml"
DASHBOARD = ROOT / "deploy/grafana/ringfence.json"

_LABELS = re.compile(r"(\w+)\{([^}]*)\}")
_DISTRIBUTION = {"bounds": [0.01], "counts": [1, 0], "sum": 0.001}


def told() -> dict[str, set[str]]:
    """Every sample name of a scrape with the labels it has."""
    counters = Counters()
    counters.request(b"INVITE")
    counters.refused(400)
    counters.finding("rate.over_limit", "observe", "t")
    counters.verdict("rate.over_limit", "tag", "t")
    counters.responses["2xx"] = counters.answers["2xx"] = counters.unscreened["score"] = 1
    counters.dialled["recorded"] = 1
    lookups: dict[str, Any] = dict.fromkeys(LOOKUP_NUMBERS, 1)
    lookups |= {"breaker": "closed", "latency": _DISTRIBUTION, "unknown": {"deadline": 1}}
    records = dict.fromkeys(RECORD_NUMBERS, 1)
    lookups["roaming"] = dict.fromkeys(ROAMING_NUMBERS, 1) | {"breaker": "closed", "unknown": {"deadline": 1}}
    text = render(
        snapshot(
            node="n",
            records=records,
            started=1.0,
            generation=1,
            draining=False,
            counters=counters,
            tables=[{"name": "dialogs", "size": 1, "limit": 2, "shed": 0}],
            gateways=[{"name": "core/sip:g", "group": "core", "state": "up"}],
            lookups=lookups,
            transports=[{"listener": "udp", "transport": "udp", **dict.fromkeys(TRANSPORT_NUMBERS, 1)}],
            loop_lag={"distribution": _DISTRIBUTION, "longest": 0.1},
            rule_faults={"rate": 1},
            resolver=dict.fromkeys(RESOLVER_NUMBERS, 1),
            restarts={"store": 1},
            mirror=dict.fromkeys(MIRROR_NUMBERS, 1),
            clickhouse=dict.fromkeys(CLICKHOUSE_NUMBERS, 1),
        )
        | {"workers": [dict.fromkeys(["number", *WORKER_NUMBERS], 1)]},
        Limits(1, 2, 3, 4, 5),
        TraceFigures({("in", "overdue"): 1}, {"taken": 1}, {"delivered": 1}, 1, 2, 3),
    ).decode()
    names: dict[str, set[str]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, labels = line.rpartition(" ")[0].partition("{")
            names.setdefault(name, set()).update(re.findall(r"(\w+)=\"", labels))
    return names


def queries() -> Iterator[str]:
    rules = yaml.safe_load(ALERTS.read_text())
    yield from (rule["expr"] for group in rules["groups"] for rule in group["rules"])
    dashboard = json.loads(DASHBOARD.read_text())
    yield from (target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ()))
    yield from (note["expr"] for note in dashboard["annotations"]["list"])


def test_every_watched_metric_is_told() -> None:
    watched = {name for query in queries() for name in re.findall(r"\bringfence_\w+", query)}
    assert len(watched) > 20
    assert watched - set(told()) == set()
    # A refused reload takes no node out of service, and a rule on trial decides nothing: here alone they are seen.
    assert {"ringfence_config_faults", "ringfence_findings_total", "ringfence_child_restarts_total"} <= watched


def test_the_manual_has_every_metric_and_no_other() -> None:
    manual = (ROOT / "docs/operating.md").read_text()
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in told()}
    assert set(re.findall(r"^\| `(ringfence_\w+)`", manual, re.MULTILINE)) == families


def test_every_label_that_is_asked_for_exists() -> None:
    names = told()
    asked = [
        (name, label)
        for query in queries()
        for name, labels in _LABELS.findall(query)
        if name.startswith("ringfence_")
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels)
        if label != "instance"  # Prometheus itself adds it
    ]
    assert ("ringfence_verdicts_total", "action") in asked
    assert [(name, label) for name, label in asked if label not in names[name]] == []


def test_every_alert_says_how_urgent_it_is_and_what_it_means() -> None:
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in ("page", "ticket")
            assert rule["annotations"]["summary"]


def test_panels_are_numbered_once_and_do_not_overlap() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


@pytest.mark.parametrize("file", ["scrape.yaml", "ringfence-alerts.yaml"])
def test_prometheus_files_are_yaml(file: str) -> None:
    assert isinstance(yaml.safe_load((ROOT / "deploy/prometheus" / file).read_text()), dict)
