"""Whether the page can be served at an address; asked before anything slow is imported."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket


class ServerError(RuntimeError):
    """The page cannot be started; the message says why and what to do."""


def is_public(host: str) -> bool:
    """Whether others than the people at this machine can open the page: a Space, or an address that is no loopback."""
    if os.environ.get("SPACE_ID"):
        return True
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def check_port(host: str, port: int) -> None:
    """Find out before the models are loaded that another program listens there."""
    if port == 0:  # the system would choose one, which nobody knows
        raise ServerError(_no_such_port(port))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":  # a port that a program has just left is free; on Windows the option means another thing
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            raise ServerError(_port_text(host, port, error)) from error


def _port_text(host: str, port: int, error: OSError | OverflowError) -> str:
    """What is wrong with the address."""
    if isinstance(error, OverflowError):
        return _no_such_port(port)
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken by another program; stop that one, or choose another port with --port."
    if error.errno == errno.EACCES:
        return f"port {port} needs an administrator's rights; choose one from 1024 to 65535 with --port."
    return f"{host} is not an address of this computer ({error.strerror}); choose another with --host."


def _no_such_port(port: int) -> str:
    return f"port {port} does not exist; choose one from 1024 to 65535 with --port."
