"""The command line: which commands there are. What they do is imported when they are called.

`ringfence version` in a start-up script should not pay for a web framework.
"""

from __future__ import annotations

import typer

from ringfence.cli import (
    calendars,
    calling,
    capturing,
    checking,
    clickhousing,
    consenting,
    explaining,
    indexing,
    ledgering,
    numbering,
    recording,
    registering,
    replaying,
    roaming,
    scoring,
    serving,
    showing,
    trace_requests,
)

app = typer.Typer(
    name="ringfence",
    help="Carrier-side call screening: forwards, tags or rejects every INVITE by who may show which number.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve")(serving.serve)
app.command("check")(checking.check)
app.command("call")(calling.call)
app.command("explain")(explaining.explain)
app.add_typer(consenting.app, name="consent")
app.add_typer(ledgering.app, name="ledger")
app.add_typer(registering.app, name="registry")
app.add_typer(scoring.app, name="score")
app.add_typer(indexing.app, name="index")
app.add_typer(recording.app, name="records")
app.command("replay")(replaying.replay)
app.add_typer(clickhousing.app, name="clickhouse")
app.add_typer(capturing.app, name="capture")
app.add_typer(trace_requests.app, name="trace")
app.add_typer(roaming.app, name="roaming")
app.add_typer(numbering.app, name="numbering")
app.add_typer(calendars.app, name="calendar")
app.command("schema")(checking.schema)
app.command("demo")(showing.demo)
app.command("version")(serving.version)
