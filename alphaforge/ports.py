"""Ports on the loopback interface: whether one is free, and the first of a range that is."""

from __future__ import annotations

import socket

from alphaforge.errors import ConfigError

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        # As servers do: a port that only waits out a closed connection counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def first_free(first: int, last: int) -> int:
    """The first free port of a range, both ends included.

    Raises
    ------
    ConfigError
        Where all are taken.
    """
    for port in range(first, last + 1):
        if is_free(port):
            return port
    raise ConfigError(
        f"no port from {first} to {last} is free. Set others: ALPHAFORGE_PORTS=9100-9199."
    )
