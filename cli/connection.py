"""Where the API is and with which key to call it."""

from cli.local import Connection, connect

__all__ = ["Connection", "connect"]
