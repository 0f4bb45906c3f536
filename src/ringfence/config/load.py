"""A configuration file and the files that it names, to one generation of everything that judges a call."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

from ringfence.calendars import Places
from ringfence.config.calendar_file import build_places, gaps
from ringfence.config.checks import findings, ledger_faults, misplaced
from ringfence.config.faults import ConfigError, Fault, path_text
from ringfence.config.files import Files
from ringfence.config.ledger_store import Here, Made, MakeLedger, Stored
from ringfence.config.paths import absolute
from ringfence.config.plan_file import build_numbering
from ringfence.config.settings import Settings
from ringfence.config.validation import Source, Unsound, reworded, validate
from ringfence.config.voice_checks import ledger_findings, line_findings, number_findings
from ringfence.config.yaml_source import read_yaml
from ringfence.ledger import Ledger, LedgerError, LedgerFault
from ringfence.numbering import Numbering
from ringfence.screening import Pipeline, PolicyError, PolicyFault
from ringfence.screening.policy import policy_faults


class Bundle:
    """One generation of settings with what was built from it; never changed.

    source: where its values stand in the file, for faults found later.
    late: what a day that has come makes invalid in the ledger; calls are refused by it, the rest stays in force.
    """

    __slots__ = (
        "_calendars", "generation", "late", "ledger", "numbering", "pipeline", "places", "settings", "source",
    )  # fmt: skip

    def __init__(
        self,
        generation: int,
        settings: Settings,
        numbering: Numbering,
        ledger: Ledger,
        pipeline: Pipeline,
        places: Places,
        source: Source,
        late: Sequence[Fault] = (),
        calendars: Mapping[str, Source] | None = None,
    ) -> None:
        """calendars: where the operator's own stand, by country."""
        self.generation = generation
        self.settings = settings
        self.numbering = numbering
        self.ledger = ledger
        self.pipeline = pipeline
        self.places = places
        self.source = source
        self.late = late
        self._calendars = calendars or {}

    def calendar_gaps(self, day: date) -> list[Fault]:
        """What the calendars do not know around a day, where marketing calls are judged by them."""
        if not any(trunk.marketing for trunk in self.ledger.profiles):
            return []
        return list(gaps(self.places, self._calendars, day))


def load(path: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings alone, checked; file names in them absolute. Raises ConfigError with every fault."""
    settings, source = read_settings(path, Files(), environ)
    faults = _cross_faults(settings, source)
    if faults:
        raise ConfigError(faults)
    return settings


def load_bundle(
    path: Path,
    generation: int = 1,
    files: Files | None = None,
    environ: Mapping[str, str] = os.environ,
    make_ledger: MakeLedger | None = None,
    change: Callable[[Settings], Settings] | None = None,
) -> Bundle:
    """Settings, ledger and rules, all of them or none.

    files: learns what was read. make_ledger: by which way the ledger comes, see `ledger_store`. change: what is
    otherwise than the file says, for who asks what would be.
    Raises ConfigError with every fault. Root keys that have faults within are left out when the others are looked at
    together and with their number files; the ledger's folder is looked at when there are none.
    """
    files = files or Files()
    base = path.absolute().parent
    try:
        settings, source = read_settings(path, files, environ)
    except Unsound as error:
        raise ConfigError(error.faults + _further_faults(error, base, files)) from None
    settings = settings if change is None else change(settings)
    return _built(settings, source, base, generation, files, make_ledger or Stored(path, environ))


def _built(
    settings: Settings, source: Source, base: Path, generation: int, files: Files, make_ledger: MakeLedger
) -> Bundle:
    faults = _cross_faults(settings, source)
    try:
        numbering = build_numbering(settings.numbering, source, files)
        places, calendars = build_places(settings.calendars, numbering, source, files)
    except ConfigError as error:
        raise ConfigError(faults + error.faults) from None
    faults += _area_faults(settings, numbering, source)
    faults += [source.fault(*finding) for finding in number_findings(settings, numbering)]
    try:
        ledger, late = make_ledger(settings, numbering, base, generation, files)
        pipeline = Pipeline(settings.screening, ledger, places)
    except (LedgerError, ConfigError) as error:
        faults += error.faults if isinstance(error, ConfigError) else [fault_of(each, source) for each in error.faults]
        further = policy_faults(settings.screening, settings.trunks)
        raise ConfigError(faults + [_policy_fault(fault, source) for fault in further]) from None
    except PolicyError as error:
        raise ConfigError(faults + [_policy_fault(fault, source) for fault in error.faults]) from None
    faults += ledger_faults(settings, ledger, numbering)
    faults += [source.fault(*finding) for finding in ledger_findings(settings, numbering, ledger)]
    if faults:
        raise ConfigError(faults)
    over = [fault_of(each, source) for each in late]
    return Bundle(generation, settings, numbering, ledger, pipeline, places, source, over, calendars)


def _policy_fault(fault: PolicyFault, source: Source) -> Fault:
    message = reworded(fault.message)
    if fault.origin is None:
        return source.fault(fault.location, message)
    name, file, line, path = fault.origin
    where = ".".join(filter(None, (path, path_text(fault.location))))
    return Fault(file, line, where, f"trunk {name}: {message}")


def _further_faults(error: Unsound, base: Path, files: Files) -> list[Fault]:
    """Faults of the root keys that are sound by themselves, where none of the others plays a part."""
    if not isinstance(error.sound, Settings) or error.left_out & {"numbering", "calendars", "screening"}:
        return []
    try:
        _built(absolute(error.sound, base), error.source, base, 0, files, _without_folder)
    except ConfigError as further:
        return further.faults
    return []


def _without_folder(settings: Settings, numbering: Numbering, base_dir: Path, generation: int, files: Files) -> Made:
    """The ledger of the settings' own trunks: a large folder is for a child, which refuses settings with faults."""
    alone = settings.model_copy(update={"ledger": settings.ledger.model_copy(update={"folder": None})})
    return Here()(alone, numbering, base_dir, generation, files)


def read_settings(path: Path, files: Files, environ: Mapping[str, str] = os.environ) -> tuple[Settings, Source]:
    """The settings as they are written, file names absolute, and where each stands. Raises Unsound, ConfigError."""
    root = read_yaml(files.read_config(path), str(path))
    model, source = validate(Settings, root, str(path), environ)
    return absolute(model, path.absolute().parent), source


def _cross_faults(settings: Settings, source: Source) -> list[Fault]:
    return [source.fault(*finding) for finding in (*findings(settings), *line_findings(settings))]


def plain_fault(fault: LedgerFault) -> Fault:
    """A fault in the ledger's own files."""
    place = fault.place
    return Fault(place.file, place.line, place.path, fault.message, place.column)


def fault_of(fault: LedgerFault, source: Source) -> Fault:
    """A fault of the ledger, which may lie in the settings, in a number file that they name, or in its own files."""
    place = fault.place
    if not place.location:
        return plain_fault(fault)
    at = source.fault(place.location, fault.message)
    return Fault(place.file, place.line, at.path, fault.message, place.column) if place.file else at


def _area_faults(settings: Settings, numbering: Numbering, source: Source) -> list[Fault]:
    """Areas and provinces of the settings' trunks that the plan does not have."""
    return [
        source.fault(("trunks", position, name), message)
        for position, trunk in enumerate(settings.trunks)
        for name, message in misplaced(trunk.area, trunk.province, numbering)
    ]
