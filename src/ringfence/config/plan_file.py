"""A numbering plan of the operator's own: read with the line of every fault, as the settings are."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from ringfence.config.faults import ConfigError, Fault
from ringfence.config.files import Files
from ringfence.config.schema_tree import Schema, schema_of
from ringfence.config.validation import Source, validate
from ringfence.config.yaml_source import read_yaml
from ringfence.ledger.settings import TrunkKind
from ringfence.numbering import NoSuchPlan, Numbering, NumberingSettings, PlanError, PlanSettings


def plan_schema() -> Schema:
    """JSON Schema (draft 2020-12) of a plan file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema_of(PlanSettings),
        "title": "ringfence numbering plan",
    }


def read_plan(path: Path, files: Files | None = None) -> tuple[PlanSettings, Source]:
    """A plan file as it is written, and where its values stand. Raises ConfigError with every fault of its values."""
    root = read_yaml((files or Files()).read_config(path), str(path))
    plan, source = validate(PlanSettings, root, str(path), {})
    faults = list(_trunk_kinds(plan, source))
    if faults:
        raise ConfigError(faults)
    return plan, source


def checked_plan(path: Path) -> Numbering:
    """A plan file ready to read numbers by, with nothing assigned. Raises ConfigError with every fault."""
    plan, source = read_plan(path)
    try:
        return Numbering(NumberingSettings(), plan)
    except PlanError as error:
        raise ConfigError([source.fault(fault.location, fault.message) for fault in error.faults]) from None


def build_numbering(settings: NumberingSettings, source: Source, files: Files) -> Numbering:
    """The plan that the settings name, with what they assign.

    source: of the settings, for faults there. files: learns what was read. Raises ConfigError with every fault.
    """
    plan, own = None, source
    if settings.plan_file is not None:
        plan, own = read_plan(settings.plan_file, files)
    try:
        return Numbering(settings, plan)
    except PlanError as error:
        faults = [
            own.fault(fault.location, fault.message)
            if fault.own
            else source.fault(("numbering", *fault.location), fault.message)
            for fault in error.faults
        ]
        raise ConfigError(faults) from None
    except NoSuchPlan as error:
        raise ConfigError([source.fault(("numbering", "plan"), str(error))]) from None


def numbering_by(settings: NumberingSettings) -> Numbering:
    """`build_numbering` for who has the settings alone. Raises ConfigError, PlanError."""
    plan = None if settings.plan_file is None else read_plan(settings.plan_file)[0]
    return Numbering(settings, plan)


def _trunk_kinds(plan: PlanSettings, source: Source) -> list[Fault]:
    known = get_args(TrunkKind)
    return [
        source.fault(("classes", name, "only_on", position), f"no such kind of trunk; there are: {', '.join(known)}")
        for name, settings in plan.classes.items()
        for position, kind in enumerate(settings.only_on)
        if kind not in known
    ]
