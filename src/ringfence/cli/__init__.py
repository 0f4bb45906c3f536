"""`ringfence` on the command line: arguments in, exit codes out.

0 done, 1 it did not work, 64 wrong usage (EX_USAGE), 78 wrong configuration (EX_CONFIG of sysexits).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

FAILED = 1
USAGE = 64
CONFIG = 78
INTERRUPTED = 130  # 128 and SIGINT, as shells count


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. arguments: without the program's name; None: the process's own.

    Returns the exit code; errors the operator can mend are one line on standard error, never a traceback.
    """
    from ringfence.cli.app import app
    from ringfence.cli.output import complain
    from ringfence.errors import RingfenceError

    try:
        app(args=None if arguments is None else list(arguments), prog_name="ringfence")
    except SystemExit as leave:
        # typer leaves with 2 for wrong usage, and nothing of ours does.
        code = leave.code if isinstance(leave.code, int) else 0 if leave.code is None else FAILED
        return USAGE if code == 2 else code
    except KeyboardInterrupt:
        return INTERRUPTED
    except RingfenceError as error:
        complain(str(error))
        return CONFIG if _about_configuration(error) else FAILED
    return 0


def _about_configuration(error: Exception) -> bool:
    """Whether it is a ConfigError; where config was never imported, it cannot be one."""
    config = sys.modules.get("ringfence.config.faults")
    return config is not None and isinstance(error, config.ConfigError)
