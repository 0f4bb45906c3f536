"""A configuration file and the files that it names, to one generation of everything that judges a call."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ringfence.config.checks import findings, ledger_faults
from ringfence.config.faults import ConfigError, Fault, path_text
from ringfence.config.files import Files
from ringfence.config.ledger_store import MakeLedger, Stored
from ringfence.config.paths import absolute
from ringfence.config.settings import Settings
from ringfence.config.validation import Source, reworded, validate
from ringfence.config.yaml_source import read_yaml
from ringfence.ledger import Ledger, LedgerError, LedgerFault
from ringfence.numbering import Numbering
from ringfence.screening import Pipeline, PolicyError, PolicyFault


class Bundle:
    """One generation of settings with what was built from it; never changed.

    source: where its values stand in the file, for faults found later.
    late: what a day that has come makes invalid in the ledger; calls are refused by it, the rest stays in force.
    """

    __slots__ = ("generation", "late", "ledger", "numbering", "pipeline", "settings", "source")

    def __init__(
        self,
        generation: int,
        settings: Settings,
        numbering: Numbering,
        ledger: Ledger,
        pipeline: Pipeline,
        source: Source,
        late: Sequence[Fault] = (),
    ) -> None:
        self.generation = generation
        self.settings = settings
        self.numbering = numbering
        self.ledger = ledger
        self.pipeline = pipeline
        self.source = source
        self.late = late


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
    Raises ConfigError with every fault: first those within parts of the file; when there are none, those between its
    parts and in the ledger's files.
    """
    files = files or Files()
    settings, source = read_settings(path, files, environ)
    settings = settings if change is None else change(settings)
    faults = _cross_faults(settings, source)
    numbering = Numbering(settings.numbering)
    make = make_ledger or Stored(path, environ)
    try:
        ledger, late = make(settings, numbering, path.absolute().parent, generation, files)
        pipeline = Pipeline(settings.screening, ledger)
    except LedgerError as error:
        raise ConfigError(faults + [fault_of(fault, source) for fault in error.faults]) from None
    except PolicyError as error:
        raise ConfigError(faults + [_policy_fault(fault, source) for fault in error.faults]) from None
    except ConfigError as error:
        raise ConfigError(faults + error.faults) from None
    faults += ledger_faults(settings, ledger)
    if faults:
        raise ConfigError(faults)
    return Bundle(generation, settings, numbering, ledger, pipeline, source, [fault_of(each, source) for each in late])


def _policy_fault(fault: PolicyFault, source: Source) -> Fault:
    message = reworded(fault.message)
    if fault.origin is None:
        return source.fault(fault.location, message)
    name, file, line, path = fault.origin
    where = ".".join(filter(None, (path, path_text(fault.location))))
    return Fault(file, line, where, f"trunk {name}: {message}")


def read_settings(path: Path, files: Files, environ: Mapping[str, str] = os.environ) -> tuple[Settings, Source]:
    """The settings as they are written, file names absolute, and where each stands. Raises ConfigError."""
    root = read_yaml(files.read_config(path), str(path))
    model, source = validate(Settings, root, str(path), environ)
    return absolute(model, path.absolute().parent), source


def _cross_faults(settings: Settings, source: Source) -> list[Fault]:
    return [source.fault(location, message) for location, message in findings(settings)]


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
