"""A call judged without being made, and why: plain values for people and programs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ringfence.config import Bundle
from ringfence.explaining.rules import mode_of
from ringfence.numbering import Number
from ringfence.screening import Call, Facts, Need, Unknown, Verdict
from ringfence.screening.discovery import RULES
from ringfence.voice.lines import believed, build_lines, line_of


async def judged(bundle: Bundle, call: Call, ask: Callable[[frozenset[Need]], Awaitable[Facts]]) -> dict[str, Any]:
    """The verdict on a call and everything that explains it, in plain values fit for JSON.

    ask: gives the facts for the needs that are still open; not called when the rules without needs settle the call.
    """
    begun = bundle.pipeline.begin(call)
    if isinstance(begun, Verdict):
        return _explained(bundle, call, begun, {})
    facts = await ask(begun.needs)
    verdict = bundle.pipeline.finish(call, begun, facts)
    return _explained(bundle, call, verdict, {need.value: getattr(facts, need) for need in sorted(begun.needs)})


def _explained(bundle: Bundle, call: Call, verdict: Verdict, facts: dict[str, Any]) -> dict[str, Any]:
    response = None
    if verdict.answer is not None:
        lines = verdict.answer.headers.decode().split("\r\n")[:-1]
        response = {"status": verdict.answer.status, "phrase": verdict.answer.phrase.decode(), "headers": lines}
    return {
        "generation": bundle.generation,
        "call": {
            "trunk": call.trunk.name,
            "caller": _number(call.caller),
            "shown": _number(call.shown),
            "asserted": None if call.asserted is None else _number(call.asserted),
            "callee": _number(call.callee),
            "private": call.private,
            "sector": call.sector() or "",
            "diverted": None if call.diverted.by is None else _number(call.diverted.by),
            "hops": call.diverted.hops,
        },
        "verdict": {"action": verdict.action, "reason": verdict.reason, "points": verdict.points},
        "response": response,
        "dials": None if response is not None else _dialled(bundle, call),
        "facts": {need: _fact(fact) for need, fact in facts.items()},
        "rules": _rules(bundle, call, verdict, bool(facts)),
    }


def _dialled(bundle: Bundle, call: Call) -> dict[str, Any] | None:
    """Of a call to a service number that is not refused: what it refuses, and whether its caller would be believed."""
    line = line_of(build_lines(bundle.settings.voice.lines, bundle.numbering), call)
    return None if line is None else {"number": line.number, "refuses": line.scope, "believed": believed(call)}


def _number(number: Number) -> dict[str, str]:
    return {
        "written": number.raw, "number": number.value, "kind": str(number.kind), "class": number.class_.name,
        "province": number.province, "country": number.country, "irregular": number.irregular,
    }  # fmt: skip


def _fact(fact: Any) -> dict[str, Any]:
    return {"unknown": fact.reason} if isinstance(fact, Unknown) else dict(fact._asdict())


def _rules(bundle: Bundle, call: Call, verdict: Verdict, asked: bool) -> list[dict[str, Any]]:
    """Each rule in the order of asking: what it said, or why it said nothing."""
    said = {judged.rule: judged for judged in verdict.findings}
    settled = any(RULES[name].settles for name in said)
    rows = []
    for name, rule in RULES.items():
        mode, applies = mode_of(bundle, call.trunk, name)
        row = {"rule": name, "mode": mode, "says": "", "reason": "", "detail": "", "strength": 0.0, "points": 0.0}
        judged = said.get(name)
        if judged is not None:
            finding = judged.finding
            row |= {"says": "speaks", "reason": judged.reason, "detail": finding.detail}
            row |= {"strength": finding.strength, "points": judged.points}
        elif mode == "off":
            row["says"] = "off"
        elif not applies:
            row["says"] = "not for this trunk"
        elif (settled and not rule.settles) or (rule.needs and not asked):
            row["says"] = "not asked: settled before"
        else:
            row["says"] = "silent"
        rows.append(row)
    return rows
