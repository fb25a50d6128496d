"""Ways between the agent and its receiver that are not good: connections that break, and a network that is slow."""

import itertools
import os
import socket
import struct
import subprocess
import threading

_numbers = itertools.count(1)


class BreakingLink:
    """A TCP relay to `target`. `resets` says, connection by connection, after how many bytes towards the target both ends
    are reset; None or no entry: never. `misbehave(connection)`, until it is set to None, answers in the target's place."""

    def __init__(self, target, resets=(), misbehave=None):
        self.target, self.resets, self.misbehave = target, list(resets), misbehave
        self.broken = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def endpoint(self):
        return f"127.0.0.1:{self.port}"

    def _accept(self):
        for number in itertools.count():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self.misbehave:
                threading.Thread(target=self._answer, args=(near,), daemon=True).start()
                continue
            limit = self.resets[number] if number < len(self.resets) else None
            try:
                far = socket.create_connection(self.target)
            except OSError:
                near.close()
                continue
            threading.Thread(target=self._relay, args=(near, far, limit), daemon=True).start()
            threading.Thread(target=self._relay, args=(far, near, None), daemon=True).start()

    def _answer(self, near):
        with near:
            try:
                self.misbehave(near)
            except OSError:
                pass
        self.broken += 1

    def _relay(self, source, sink, limit):
        passed = 0
        try:
            while True:
                data = source.recv(4096)
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                if limit is not None and passed + len(data) > limit:
                    self.broken += 1
                    for end in (source, sink):  # a reset, not an orderly end
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        end.close()
                    return
                sink.sendall(data)
                passed += len(data)
        except OSError:
            return

    def close(self):
        self._listener.close()


class SlowNetwork:
    """A network namespace behind a pair of virtual interfaces, whose outgoing side passes so many bytes a second."""

    def __init__(self, bytes_per_second):
        number = next(_numbers)
        self.name = f"telegen-{os.getpid()}-{number}"
        net = f"10.213.{os.getpid() % 200 + 20}.{number * 4}"
        base = net.rsplit(".", 1)[0]
        self.near, self.host = f"{base}.{number * 4 + 1}", f"{base}.{number * 4 + 2}"
        self._device = f"tg{os.getpid() % 100000}n{number}"
        self._ip("netns", "add", self.name)
        self._ip("link", "add", self._device, "type", "veth", "peer", "name", "far", "netns", self.name)
        self._ip("addr", "add", f"{self.near}/30", "dev", self._device)
        self._ip("link", "set", self._device, "up")
        self._ip("-n", self.name, "addr", "add", f"{self.host}/30", "dev", "far")
        self._ip("-n", self.name, "link", "set", "far", "up")
        self._ip("-n", self.name, "link", "set", "lo", "up")
        subprocess.run(["tc", "qdisc", "add", "dev", self._device, "root", "tbf", "rate", f"{bytes_per_second * 8}bit",
                        "burst", "3000", "limit", "30000"], check=True, capture_output=True)

    @property
    def run(self):
        """What puts a program into it."""
        return ["ip", "netns", "exec", self.name]

    def make_fast(self):
        subprocess.run(["tc", "qdisc", "del", "dev", self._device, "root"], check=True, capture_output=True)

    @staticmethod
    def _ip(*arguments):
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    def close(self):
        self._ip("netns", "del", self.name)
