"""A small HTTP service in Python, as people write them; with --log it writes down what it did."""

import argparse
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    log_file = None
    lock = threading.Lock()

    def log_message(self, *_):
        pass

    def parse_request(self):
        self.began = time.time()  # the request line has been read
        return super().parse_request()

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        path, _, query = self.path.partition("?")
        parts = path.strip("/").split("/")
        status, content = 200, b"from python\n"
        if parts[0] == "sleep":
            time.sleep(int(parts[1]) / 1000)
        elif parts[0] == "status":
            status = int(parts[1])
        elif parts[0] == "echo":
            content = body
        elif parts[0] == "crash":
            raise RuntimeError("as asked")
        chunked = parts[0] == "chunked"
        self.send_response(status)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if chunked:
            content = b"0123456789" * int(parts[1])
            for at in range(0, len(content), 70):
                piece = content[at:at + 70]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        elif self.command != "HEAD":
            self.wfile.write(content)
        self.write_down(path, query, status, length, len(content) if self.command != "HEAD" else 0)

    def write_down(self, path, query, status, request_body, response_body):
        if not self.log_file:
            return
        end = time.time()
        line = json.dumps({
            "method": self.command, "path": path, "query": query, "status": status,
            "version": self.request_version.removeprefix("HTTP/"), "host": self.headers.get("Host"),
            "user_agent": self.headers.get("User-Agent", ""), "request_body": request_body,
            "response_body": response_body, "peer_address": self.client_address[0],
            "peer_port": self.client_address[1], "start": self.began, "end": end, "duration": end - self.began})
        with self.lock, open(self.log_file, "a") as file:
            file.write(line + "\n")

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = answer  # noqa: N815


class Server(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log")
    arguments = parser.parse_args()
    Handler.log_file = arguments.log
    Server(("127.0.0.1", arguments.port), Handler).serve_forever()
