"""Where the process of `eegrig` begins: importing this is done before Ctrl-C can fall into it."""

import os
import signal
from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command line; while it is still being imported, a signal just ends the process."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _frame: os._exit(128 + number))
    from eegrig.host.commands import cli

    cli.main()
