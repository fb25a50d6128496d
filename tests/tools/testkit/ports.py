"""Free ports on the loopback, and waiting for somebody to listen."""

import socket

from .scope import wait_until


def free_port(family=socket.AF_INET):
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        return s.getsockname()[1]


def free_ports(count):
    """Different ones: all are held until the last is known."""
    held = [socket.socket() for _ in range(count)]
    try:
        for s in held:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in held]
    finally:
        for s in held:
            s.close()


def wait_for_listener(address, process, timeout=10):
    """Until a connect succeeds. `address` is (host, port) or the path of a UNIX socket."""
    family = (socket.AF_UNIX if isinstance(address, str) else
              socket.AF_INET6 if ":" in address[0] else socket.AF_INET)

    def connects():
        if not process.alive():
            raise RuntimeError(f"{process.name} ended before it listened on {address}:\n{process.output()}")
        with socket.socket(family, socket.SOCK_STREAM) as s:
            return s.connect_ex(address) == 0

    wait_until(connects, timeout, f"{process.name} to listen on {address}")
