"""Real servers, each started inside a scope, each with a log of what it did."""

import json
import shutil
import sys
from pathlib import Path

from . import PROGRAMS
from .ports import free_port, wait_for_listener
from .scope import ScopeError
from .truth import Truth

_NGINX_LOG = ('{"method":"$request_method","uri":"$request_uri","status":$status,"body":$body_bytes_sent,'
              '"sent":$bytes_sent,"request_length":$request_length,"content_length":"$http_content_length",'
              '"time":$request_time,"msec":$msec,"peer":"$remote_addr","peer_port":"$remote_port",'
              '"port":"$server_port","agent":"$http_user_agent","version":"$server_protocol","host":"$http_host",'
              '"connection":$connection,"nth":$connection_requests,"pid":$pid,"traceparent":"$http_traceparent",'
              '"tracestate":"$http_tracestate"}')

_NGINX = """
daemon off;
user {user};
worker_processes {workers};
pid {dir}/nginx.pid;
error_log {dir}/error.log info;
events {{ worker_connections 4096; }}
http {{
  log_format truth escape=json '{log_format}';
  access_log {access_log};
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  keepalive_requests 100000000;
  default_type text/plain;
  {http}
  server {{
    {listen}
    root {dir}/files;
    location = /return {{ return 200 "hello from nginx\\n"; }}
    location ^~ /status/404 {{ return 404 "no\\n"; }}
    location ^~ /status/503 {{ return 503 "no\\n"; }}
    location ^~ /items/ {{ return 200 "an item\\n"; }}
    location ^~ /pipelined/ {{ return 200 "one of many\\n"; }}
    {locations}
  }}
}}
"""


class Server:
    """What all servers have: a process, a port, the pids that serve."""

    service = None

    def __init__(self, scope, process, port, leaf="traced"):
        self.scope, self.process, self.port, self.leaf = scope, process, port, leaf

    @property
    def pids(self):
        """All of its leaf: tests that start two servers compare pids with those in the servers' logs."""
        return self.scope.pids(self.leaf)

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"http://{self.host}"


class Nginx(Server):
    service = "nginx"

    def __init__(self, scope, workers=1, log=True, locations="", http="", unix=None, ipv6=False,
                 leaf="traced"):
        binary = shutil.which("nginx") or "/usr/sbin/nginx"
        self.directory = scope.directory / f"nginx-{len(scope.processes)}"
        (self.directory / "files").mkdir(parents=True)
        (self.directory / "files" / "big.bin").write_bytes(bytes(range(256)) * 4096)  # 1 MiB, sent by sendfile
        port = free_port()
        listen = [f"listen 127.0.0.1:{port} backlog=4096;"]
        if ipv6:
            listen.append(f"listen [::1]:{port} backlog=4096;")
        if unix:
            listen.append(f"listen unix:{unix};")
        self.access_log = self.directory / "access.log"
        config = self.directory / "nginx.conf"
        config.write_text(_NGINX.format(
            user="root", workers=workers, dir=self.directory, log_format=_NGINX_LOG, http=http, listen=" ".join(listen),
            locations=locations, access_log=f"{self.access_log} truth" if log else "off"))
        process = scope.start([binary, "-p", self.directory, "-c", config], name="nginx", leaf=leaf)
        super().__init__(scope, process, port, leaf)
        wait_for_listener(("127.0.0.1", port), self.process)

    @property
    def workers(self):
        """Worker pids: everything nginx but the master."""
        return [pid for pid in self.pids
                if pid != self.process.pid and Path(f"/proc/{pid}/comm").read_text().strip() == "nginx"]

    def truths(self, route=None):
        """One per line of the access log. nginx writes it when it has sent the last byte."""
        result = []
        for line in self.access_log.read_text().splitlines():
            entry = json.loads(line)
            path, _, query = entry["uri"].partition("?")
            traceparent = entry["traceparent"].split("-") if entry["traceparent"] else []
            local = entry["peer"] == "unix:"
            result.append(Truth(
                method=entry["method"], path=path, query=query, status=entry["status"],
                version=entry["version"].removeprefix("HTTP/"), host=entry["host"] or None, user_agent=entry["agent"],
                request_body=int(entry["content_length"] or 0), response_body=entry["body"],
                peer_address=None if local else entry["peer"], peer_port=None if local else int(entry["peer_port"]),
                end=entry["msec"], duration=entry["time"], route=route(path) if route else None, service=self.service,
                pids=[entry["pid"]], parent=tuple(traceparent[1:3]), trace_state=entry["tracestate"]))
        return result


class _LoggingServer(Server):
    """Our own small programs: `PROGRAM --port N --log FILE`, one JSON line a request."""

    def __init__(self, scope, argv, name, log=True, environment=None, host="127.0.0.1"):
        port = free_port()
        self.log = scope.directory / f"{name}-{port}.requests"
        self.log.touch()  # no request yet is an empty log
        process = scope.start([*argv, "--port", port, *(["--log", self.log] if log else [])], name=name,
                              env=environment)
        super().__init__(scope, process, port)
        wait_for_listener((host, port), process)

    def truths(self, route=None):
        result = []
        for line in self.log.read_text().splitlines():
            entry = json.loads(line)
            result.append(Truth(**entry, service=self.service, pids=[self.process.pid],
                                route=route(entry["path"]) if route else None))
        return result


class PythonServer(_LoggingServer):
    service = "orders"

    def __init__(self, scope, log=True, environment=None):
        super().__init__(scope, [sys.executable, PROGRAMS / "orders.py"], "orders", log, environment)


class NodeServer(_LoggingServer):
    service = "basket"

    def __init__(self, scope, log=True, environment=None):
        node = shutil.which("node")
        if not node:
            raise ScopeError("there is no node: run scripts/setup-tests")
        super().__init__(scope, [node, PROGRAMS / "basket.js"], "basket", log, environment)


class ScriptedServer(Server):
    """Answers the n-th request to /scripted/N with exactly the writes of script N: [[delay s, bytes], …]."""

    service = "scripted"

    def __init__(self, scope, scripts):
        port = free_port()
        file = scope.directory / f"scripts-{port}.json"
        file.write_text(json.dumps([[[delay, data.hex()] for delay, data in script] for script in scripts]))
        process = scope.start([sys.executable, PROGRAMS / "scripted.py", "--port", port, "--scripts", file], name="scripted")
        super().__init__(scope, process, port)
        wait_for_listener(("127.0.0.1", port), process)
