"""What really happened, as the server's or the client's own log tells it, and the comparison of a span with it.

compare_* return nothing and raise one AssertionError that lists every field which differs.
"""

import re
import socket
import time
from dataclasses import dataclass, field

from .pace import longer
from .spans import CLIENT, ERROR, SERVER, UNSET


@dataclass
class Truth:
    """One HTTP request. None: this side does not know it; the field is then not compared."""

    method: str
    path: str
    status: int
    query: str = ""
    version: str = "1.1"
    host: str = None             # the Host header
    user_agent: str = ""
    request_body: int = 0        # bytes
    response_body: int = None    # bytes, before any transfer coding
    peer_address: str = None     # of the other end
    peer_port: int = None
    start: float = None          # seconds since 1970; where None, only the duration is compared
    end: float = None
    duration: float = None       # seconds
    route: str = None            # None: whatever it is, the span's name must agree with it
    service: str = None
    pids: list = field(default_factory=list)
    parent: tuple = ()           # (trace id, span id) of a traceparent in the request
    trace_state: str = ""

    @property
    def key(self):
        return (self.peer_port, self.method, self.path, self.query)


def compare_server(span, truth, slack=0.03):
    """`slack`: seconds that two clocks and a busy machine may differ by."""
    differences = _common(span, truth, slack)
    attributes = span.attributes
    expect = _expecter(differences)
    expect("kind", span.kind, SERVER)
    expect("url.path", attributes.get("url.path"), truth.path)
    expect("url.query", attributes.get("url.query", ""), truth.query)
    expect("url.scheme", attributes.get("url.scheme"), "http")
    if truth.peer_address is not None:
        expect("client.address", attributes.get("client.address"), truth.peer_address)
    route = attributes.get("http.route")
    if truth.route is not None:
        expect("http.route", route, truth.route)
    if route and not attributes.get("telegen.http.route.guessed"):
        differences.append("http.route is a guess here, and not marked as one")
    method = _method_of(truth.method)
    expect("name", span.name, f"{method} {route}" if route else method)
    failed = truth.status >= 500
    expect("status", span.status, ERROR if failed else UNSET)
    expect("error.type", attributes.get("error.type"), str(truth.status) if failed else None)
    _raise(span, truth, differences)


def compare_client(span, truth, slack=0.03):
    differences = _common(span, truth, slack)
    attributes = span.attributes
    expect = _expecter(differences)
    expect("kind", span.kind, CLIENT)
    query = f"?{truth.query}" if truth.query else ""
    expect("url.full", attributes.get("url.full"), f"http://{truth.host}{truth.path}{query}")
    expect("url.path", attributes.get("url.path"), None)
    expect("http.route", attributes.get("http.route"), None)
    expect("name", span.name, _method_of(truth.method))
    failed = truth.status >= 400
    expect("status", span.status, ERROR if failed else UNSET)
    expect("error.type", attributes.get("error.type"), str(truth.status) if failed else None)
    _raise(span, truth, differences)


def _method_of(method):
    known = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY")
    return method if method in known else "HTTP"


def _expecter(differences):
    def expect(what, got, wanted):
        if got != wanted:
            differences.append(f"{what}: is {got!r}, should be {wanted!r}")

    return expect


def _common(span, truth, slack):
    differences, attributes = [], span.attributes
    expect = _expecter(differences)
    known = _method_of(truth.method) != "HTTP"
    expect("http.request.method", attributes.get("http.request.method"), truth.method if known else "_OTHER")
    expect("http.request.method_original", attributes.get("http.request.method_original"),
           None if known else truth.method)
    expect("http.response.status_code", attributes.get("http.response.status_code"), truth.status)
    expect("network.protocol.version", attributes.get("network.protocol.version"), truth.version)
    expect("user_agent.original", attributes.get("user_agent.original", ""), truth.user_agent)
    expect("http.request.body.size", attributes.get("http.request.body.size", 0), truth.request_body)
    if truth.response_body is not None:
        expect("http.response.body.size", attributes.get("http.response.body.size", 0), truth.response_body)
    if truth.host:
        name, port = split_host(truth.host)
        expect("server.address", attributes.get("server.address"), name)
        expect("server.port", attributes.get("server.port"), port)
    if truth.peer_address is not None:
        expect("network.peer.address", attributes.get("network.peer.address"), truth.peer_address)
    if truth.peer_port is not None:
        expect("network.peer.port", attributes.get("network.peer.port"), truth.peer_port)
    expect("telegen.partial", attributes.get("telegen.partial"), None)
    _compare_time(span, truth, slack, differences)
    _compare_resource(span, truth, expect)
    if truth.parent:
        expect("trace_id", span.trace_id, truth.parent[0])
        expect("parent_id", span.parent_id, truth.parent[1])
        expect("trace_state", span.trace_state, truth.trace_state)
    return differences


def _compare_time(span, truth, slack, differences):
    slack = longer(slack)
    if truth.duration is not None and abs(span.duration - truth.duration) > slack:
        differences.append(f"duration: is {span.duration:.6f} s, should be {truth.duration:.6f} ± {slack} s")
    for name, got, wanted in (("start", span.start, truth.start), ("end", span.end, truth.end)):
        if wanted is not None and abs(got / 1e9 - wanted) > slack:
            differences.append(f"{name}: is {got / 1e9:.6f}, should be {wanted:.6f} ± {slack} s")


def _compare_resource(span, truth, expect):
    resource = span.resource
    if truth.service is not None:
        expect("service.name", span.service, truth.service)
    if truth.pids:
        expect("process.pid is one of the server's", resource.get("process.pid") in truth.pids, True)
    expect("host.name", resource.get("host.name"), socket.gethostname())
    expect("os.type", resource.get("os.type"), "linux")


def _raise(span, truth, differences):
    if differences:
        lines = "\n  ".join(differences)
        raise AssertionError(f"a span differs from what happened:\n  {lines}\nspan:  {span}\ntruth: {truth}")


def split_host(host, default_port=80):
    """A Host header as (address, port)."""
    match = re.fullmatch(r"(\[[^\]]+\]|[^:]*)(?::(\d+))?", host)
    return match[1].strip("[]"), int(match[2] or default_port)


def match_up(spans, truths):
    """Pairs every truth with its span by peer port, method, path and query, in order of time. Fails on any left over."""
    waiting = {}
    for span in sorted(spans, key=lambda s: s.start):
        a = span.attributes
        method = a.get("http.request.method_original", a.get("http.request.method"))
        waiting.setdefault((a.get("network.peer.port"), method, a.get("url.path"), a.get("url.query", "")), []).append(span)
    pairs, missing = [], []
    for truth in truths:
        found = waiting.get(truth.key)
        pairs.append((found.pop(0), truth)) if found else missing.append(truth)
    extra = [s for left in waiting.values() for s in left]
    if missing or extra:
        raise AssertionError(f"{len(missing)} of {len(truths)} requests have no span: {missing[:5]}\n"
                             f"{len(extra)} spans have no request: {extra[:5]}")
    return pairs


def now():
    return time.time()
