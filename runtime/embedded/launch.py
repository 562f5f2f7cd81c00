"""Starts one part: drops privileges, ties its life to its parent's, then becomes it.

The tie is made after the user changes, because changing it clears the tie. Standard library only,
so that nothing is imported between the fork and the exec.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(argv: list[str]) -> None:
    """`launch PARENT SIGNAL UID GID COMMAND…`; a UID of -1 keeps the user.

    The part leads a session of its own, so that Ctrl-C reaches the supervisor alone.
    """
    parent, death_signal, uid, gid = (int(value) for value in argv[:4])
    os.setsid()
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent is gone already")
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execv(argv[4], argv[4:])  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
