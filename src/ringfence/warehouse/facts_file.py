"""What the stores would say of captured calls, from a YAML file: packets do not know who consented.

    facts:
      - {consent: "no", score: 10}                      # of every call
      - {callee: "+8613900001000", consent: "yes"}
      - {trunk: callcentre, caller: "+862155550001", score: 85, attempts: 40}

An entry counts for the calls that have everything it names. Each fact is taken from the entry that names the most, a
callee before a caller before a trunk; what no entry gives is unknown.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from ringfence.config.faults import ConfigError
from ringfence.config.files import Files
from ringfence.config.validation import validate
from ringfence.config.yaml_source import read_yaml
from ringfence.numbering import Kind, Numbering
from ringfence.screening import Call, Consent, Facts, Rate, Roaming, Score, Unknown
from ringfence.settings_types import Frozen

NOT_GIVEN = Unknown("not_given")
_Key = tuple[str, str, str]


class FactsEntry(Frozen):
    """Facts of the calls that have this trunk, caller and callee; what is not named is anybody."""

    trunk: str = Field(default="", description="name of the trunk")
    caller: str = Field(default="", description="number that is judged as the caller's")
    callee: str = Field(default="", description="number called")
    consent: Literal["yes", "no", "refused"] | None = Field(default=None, description="the callee's consent")
    score: float | None = Field(default=None, ge=0, le=100, description="the caller's harassment score")
    attempts: int | None = Field(default=None, ge=0, description="the caller's calls in the window, this one too")
    roaming: bool | None = Field(default=None, description="the caller is known to be abroad")


class FactsSettings(Frozen):
    """A whole file."""

    facts: tuple[FactsEntry, ...] = Field(description="in any order")


class GivenFacts:
    """The entries of a file; `of` gives a call's facts."""

    def __init__(self, entries: dict[_Key, FactsEntry], window: float) -> None:
        self._entries = entries
        self._window = window

    def of(self, call: Call) -> Facts:
        """What the stores would say."""
        trunk, caller, callee = call.trunk.name, call.caller.value, call.callee.value
        found = [
            entry
            for key in (
                (trunk, caller, callee), ("", caller, callee), (trunk, "", callee), ("", "", callee),
                (trunk, caller, ""), ("", caller, ""), (trunk, "", ""), ("", "", ""),
            )
            if (entry := self._entries.get(key)) is not None
        ]  # fmt: skip
        consent = next((entry.consent for entry in found if entry.consent is not None), None)
        score = next((entry.score for entry in found if entry.score is not None), None)
        attempts = next((entry.attempts for entry in found if entry.attempts is not None), None)
        roaming = next((entry.roaming for entry in found if entry.roaming is not None), None)
        return Facts(
            consent=NOT_GIVEN
            if consent is None
            else Consent(consent == "yes", "everybody" if consent == "refused" else None),
            score=NOT_GIVEN if score is None else Score(score),
            caller_rate=NOT_GIVEN if attempts is None else Rate(attempts, self._window),
            roaming=NOT_GIVEN if roaming is None else Roaming(roaming),
        )


def read_facts(path: Path | None, numbering: Numbering, window: float) -> GivenFacts:
    """The facts of a file; None: none. window: seconds over which attempts are counted. Raises ConfigError."""
    entries: dict[_Key, FactsEntry] = {}
    if path is None:
        return GivenFacts(entries, window)
    settings, source = validate(FactsSettings, read_yaml(Files().read_config(path), str(path)), str(path), {})
    faults = []
    for place, entry in enumerate(settings.facts):
        numbers = []
        for name, written in (("caller", entry.caller), ("callee", entry.callee)):
            number = numbering.read(written)
            if written and number.kind not in (Kind.E164, Kind.SHORT):
                faults.append(source.fault(("facts", place, name), f"no number that the plan reads ({number.kind})"))
            numbers.append(number.value if written else "")
        key = (entry.trunk, numbers[0], numbers[1])
        if key in entries:
            faults.append(source.fault(("facts", place), "an entry before this one is about the same calls"))
        entries[key] = entry
    if faults:
        raise ConfigError(faults)
    return GivenFacts(entries, window)
