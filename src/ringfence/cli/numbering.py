"""`ringfence numbering`: national plans looked at, and numbers read by them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringfence.cli import output
from ringfence.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile

if TYPE_CHECKING:
    from ringfence.numbering import Number, Numbering

app = typer.Typer(help="Numbering plans, and how they read numbers.", no_args_is_help=True)

Plan = Annotated[Path | None, typer.Option("--plan", metavar="FILE", help="A plan file instead of the settings' plan.")]


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The plan file.")],
    json: AsJson = False,
) -> None:
    """Look for every fault in a plan file; 78 when there is one."""
    from ringfence.cli import CONFIG
    from ringfence.config import ConfigError
    from ringfence.config.plan_file import checked_plan

    try:
        plan = checked_plan(file).plan
    except ConfigError as error:
        if json:
            faults = [
                {"file": fault.file, "line": fault.line, "path": fault.path, "message": fault.message}
                for fault in error.faults
            ]
            output.as_json({"valid": False, "faults": faults})
        else:
            for fault in error.faults:
                output.line(str(fault))
        raise typer.Exit(CONFIG) from None
    summary = {
        "plan": plan.plan, "country": plan.country, "date": plan.date.isoformat(), "classes": len(plan.classes),
        "provinces": len(plan.provinces),
    }  # fmt: skip
    if json:
        output.as_json({"valid": True, **summary})
    else:
        output.facts([("file", f"{file}: no fault"), *((name, str(value)) for name, value in summary.items())])


@app.command()
def schema() -> None:
    """Print the plan files' JSON Schema, for editors."""
    from ringfence.config.plan_file import plan_schema

    output.as_json(plan_schema())


@app.command()
def read(
    text: Annotated[str, typer.Argument(metavar="NUMBER", help="A number, as a message has it.")],
    area: Annotated[str | None, typer.Option(help="Area code that completes local numbers.")] = None,
    plan: Plan = None,
    config: ConfigFile = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Print what the plan says of a number; 1 when it is irregular or none."""
    from ringfence.config import load_bundle
    from ringfence.config.plan_file import checked_plan

    numbering = checked_plan(plan) if plan is not None else load_bundle(config).numbering
    number = numbering.read(text, area)
    answer = described(numbering, number)
    if json:
        output.as_json(answer)
    else:
        output.facts([(name, str(value)) for name, value in answer.items() if value not in ("", [])])
    if number.irregular or not number.value:
        raise typer.Exit(1)


def described(numbering: Numbering, number: Number) -> dict[str, Any]:
    """A number in plain values; of a foreign one also what libphonenumber says."""
    from ringfence.numbering import FOREIGN, IRREGULARITIES
    from ringfence.numbering.foreign import foreign

    class_ = number.class_
    answer: dict[str, Any] = {
        "written": number.raw,
        "number": number.value,
        "kind": str(number.kind),
        "class": class_.name,
        "meaning": class_.title,
        "calls": class_.caller,
        "features": sorted(class_.features),
        "irregular": number.irregular,
        "why": IRREGULARITIES.get(number.irregular, ""),
        "area": number.area,
        "province": number.province,
        "country": number.country,
        "plan": f"{numbering.plan.plan} of {numbering.plan.date.isoformat()}",
    }
    known = foreign(number.value) if class_ is FOREIGN else None
    if known is not None:
        answer["libphonenumber"] = f"{known.written}, {known.kind}, {'valid' if known.valid else 'not valid'}"
        answer["country"] = known.region or number.country
    return answer
