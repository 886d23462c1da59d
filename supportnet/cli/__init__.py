"""The command line: one thin function per command, over the functions that Python users call."""

from supportnet.cli.main import main

__all__ = ["main"]
