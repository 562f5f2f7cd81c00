"""`herald worker`: one process that polls task queues."""

import logging
import os
import sys
from typing import Final, NoReturn

from domain.ids import BULK_QUEUE, CAMPAIGNS_QUEUE
from runtime.logs import set_up_logging
from runtime.settings import Settings
from workers.main import UnknownQueue, run_process

MAY_WAIT: Final = frozenset({CAMPAIGNS_QUEUE, BULK_QUEUE})
"""A process that serves nothing else gives way to the others on its machine: a one-time code does
not wait for a newsletter, not even for the processor."""
NICENESS: Final = 10


def run(queues: list[str], *, relay: bool = True) -> NoReturn:
    """Polls `queues` (none: all of them) until SIGTERM or SIGINT, then drains and exits.

    Exit codes: 0 drained, 2 unknown queue, 1 anything else.
    """
    set_up_logging()
    code = 0
    if queues and set(queues) <= MAY_WAIT:
        os.nice(NICENESS)
    try:
        run_process(Settings(), queues, relay=relay)
    except UnknownQueue as error:
        print(error, file=sys.stderr)
        code = 2
    except Exception:
        logging.getLogger(__name__).exception("worker.failed")
        code = 1
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # The SDK's threads may outlive the interpreter's teardown and crash it.
    os._exit(code)
