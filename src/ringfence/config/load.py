"""A configuration file and the files that it names, to one generation of everything that judges a call."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from ringfence.config.checks import findings
from ringfence.config.faults import ConfigError, Fault
from ringfence.config.files import Files
from ringfence.config.paths import absolute
from ringfence.config.plan_file import build_numbering
from ringfence.config.settings import Settings
from ringfence.config.validation import Source, Unsound, reworded, validate
from ringfence.config.yaml_source import read_yaml
from ringfence.ledger import Ledger, LedgerError, LedgerFault, build_ledger
from ringfence.numbering import Numbering
from ringfence.screening import Pipeline, PolicyError, PolicyFault
from ringfence.screening.policy import policy_faults


class Bundle:
    """One generation of settings with what was built from it; never changed.

    source: where its values stand in the file, for faults found later.
    """

    __slots__ = ("generation", "ledger", "numbering", "pipeline", "settings", "source")

    def __init__(
        self,
        generation: int,
        settings: Settings,
        numbering: Numbering,
        ledger: Ledger,
        pipeline: Pipeline,
        source: Source,
    ) -> None:
        self.generation = generation
        self.settings = settings
        self.numbering = numbering
        self.ledger = ledger
        self.pipeline = pipeline
        self.source = source


def load(path: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings alone, checked; file names in them absolute. Raises ConfigError with every fault."""
    settings, source = _read(path, Files(), environ)
    faults = _cross_faults(settings, source)
    if faults:
        raise ConfigError(faults)
    return settings


def load_bundle(
    path: Path, generation: int = 1, files: Files | None = None, environ: Mapping[str, str] = os.environ
) -> Bundle:
    """Settings, number files and rules, all of them or none.

    files: learns what was read. Raises ConfigError with every fault. Root keys that have faults within are left out
    when the others are looked at together and with their number files.
    """
    files = files or Files()
    base = path.absolute().parent
    try:
        settings, source = _read(path, files, environ)
    except Unsound as error:
        raise ConfigError(error.faults + _further_faults(error, base, files)) from None
    return _built(settings, source, base, generation, files)


def _built(settings: Settings, source: Source, base: Path, generation: int, files: Files) -> Bundle:
    faults = _cross_faults(settings, source)
    try:
        numbering = build_numbering(settings.numbering, source, files)
    except ConfigError as error:
        raise ConfigError(faults + error.faults) from None
    faults += _area_faults(settings, numbering, source)
    try:
        ledger = build_ledger(settings.trunks, numbering, base, generation, files.read)
        pipeline = Pipeline(settings.screening, ledger)
    except LedgerError as error:
        further = policy_faults(settings.screening, error.trunks)
        raise ConfigError(faults + _ledger_faults(error.faults, source) + _policy_faults(further, source)) from None
    except PolicyError as error:
        raise ConfigError(faults + _policy_faults(error.faults, source)) from None
    if faults:
        raise ConfigError(faults)
    return Bundle(generation, settings, numbering, ledger, pipeline, source)


def _further_faults(error: Unsound, base: Path, files: Files) -> list[Fault]:
    """Faults of the root keys that are sound by themselves, where none of the others plays a part."""
    if not isinstance(error.sound, Settings) or error.left_out & {"numbering", "screening"}:
        return []
    try:
        _built(absolute(error.sound, base), error.source, base, 0, files)
    except ConfigError as further:
        return further.faults
    return []


def _read(path: Path, files: Files, environ: Mapping[str, str]) -> tuple[Settings, Source]:
    root = read_yaml(files.read_config(path), str(path))
    model, source = validate(Settings, root, str(path), environ)
    return absolute(model, path.absolute().parent), source


def _cross_faults(settings: Settings, source: Source) -> list[Fault]:
    return [source.fault(location, message) for location, message in findings(settings)]


def _area_faults(settings: Settings, numbering: Numbering, source: Source) -> list[Fault]:
    """Areas and provinces of trunks that the plan does not have."""
    faults = []
    for position, trunk in enumerate(settings.trunks):
        if trunk.area is not None and not numbering.has_area(trunk.area):
            message = f"the plan {numbering.plan.plan} has no such area"
            faults.append(source.fault(("trunks", position, "area"), message))
        if trunk.province is not None and trunk.province not in numbering.plan.provinces:
            known = ", ".join(sorted(numbering.plan.provinces)) or "none"
            faults.append(source.fault(("trunks", position, "province"), f"no such province; the plan has: {known}"))
    return faults


def _policy_faults(faults: Iterable[PolicyFault], source: Source) -> list[Fault]:
    return [source.fault(fault.location, reworded(fault.message)) for fault in faults]


def _ledger_faults(faults: Iterable[LedgerFault], source: Source) -> list[Fault]:
    result = []
    for fault in faults:
        at = source.fault(fault.location, fault.message)
        result.append(Fault(fault.file, fault.line, at.path, fault.message) if fault.file else at)
    return result
