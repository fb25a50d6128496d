"""Requests that can be told apart, one after the other at a steady rate, from a process that is not traced."""

import http.client
import threading
import time


class Traffic:
    """Until stop(): GET /items/NAME-N over one connection; `sent` is every path that was answered, in order."""

    def __init__(self, port, name="t", rate=100):
        self.port, self.name, self.rate = port, name, rate
        self.sent = []
        self._end = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            begin = time.monotonic()
            while not self._end.is_set():
                path = f"/items/{self.name}-{len(self.sent)}"
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
                assert answer.status == 200, answer.status
                self.sent.append(path)
                if answer.will_close:
                    connection.close()
                self._end.wait(max(0.0, begin + len(self.sent) / self.rate - time.monotonic()))
        except Exception as error:  # noqa: BLE001  (it is raised again where the test is)
            self._failure = error

    def stop(self):
        self._end.set()
        self._thread.join()
        if self._failure:
            raise self._failure
        return self.sent

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()
