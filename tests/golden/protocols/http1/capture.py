#!/usr/bin/env python3
"""Records what real programs say to each other in HTTP/1, through a proxy on loopback that writes down each piece.

Writes NAME.txt next to itself: comment lines with the provenance, then one line a piece, `c` (from the client) or `s`
(from the server), the bytes with \\r \\n \\t \\\\ \\xNN escapes.
Needs nginx, node, curl and python3. Run: python3 capture.py
"""
import os, pathlib, select, shutil, socket, subprocess, tempfile, threading, time

HERE = pathlib.Path(__file__).parent
NODE = """const http=require('http');http.createServer((q,r)=>{q.resume();q.on('end',()=>{
 if(q.url=='/stream'){r.write('one ');setTimeout(()=>{r.write('two ');r.end('three')},30)}
 else{r.setHeader('X-A','b');r.end('hello '+q.url)}})}).listen(%d,'127.0.0.1')"""
NGINX = """daemon off;pid %(d)s/pid;error_log /dev/null;events{}http{access_log off;server{listen 127.0.0.1:%(p)d;
location / {return 200 "hello";} location /missing {return 404;} location /old {return 301 /new;}}}"""

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]

def escape(data):
    return "".join({13: "\\r", 10: "\\n", 9: "\\t", 92: "\\\\"}.get(b, chr(b) if 32 <= b < 127 else "\\x%02x" % b) for b in data)

class Proxy:
    def __init__(self, target):
        self.pieces, self.target = [], target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
    def run(self):
        client, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self.target))
        ends = {client: ("c", server), server: ("s", client)}
        while True:
            for end in select.select(list(ends), [], [])[0]:
                data = end.recv(65536)
                if not data:
                    client.close(); server.close()
                    return
                name, other = ends[end]
                self.pieces.append((name, data))
                other.sendall(data)

def record(name, note, server, target, client):
    process = subprocess.Popen(server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", target)).close()
                break
            except OSError:
                time.sleep(0.05)
        proxy = Proxy(target)
        client(proxy.port)
        proxy.thread.join(5)
    finally:
        process.terminate()
        process.wait()
    lines = ["# " + note] + [f"{who} {escape(data)}" for who, data in proxy.pieces]
    (HERE / f"{name}.txt").write_text("\n".join(lines) + "\n")

def curl(*paths_and_options):
    def run(port):
        arguments = [a.replace("BASE", f"http://127.0.0.1:{port}") for a in paths_and_options]
        subprocess.run(["curl", "-s", "-o", os.devnull, *arguments], check=True, stdout=subprocess.DEVNULL)
    return run

def version(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout or done.stderr).splitlines()[0].strip()

def pipelined(port):
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % i for i in range(3)) + b"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        while s.recv(65536):
            pass

def main():
    curl_version = " ".join(version("curl", "--version").split()[:2])
    with tempfile.TemporaryDirectory() as d:
        os.chmod(d, 0o755)
        p = free_port()
        conf = pathlib.Path(d, "nginx.conf")
        conf.write_text(NGINX % {"d": d, "p": p})
        nginx = [shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(conf)]
        server = version(nginx[0], "-v").replace("nginx version: ", "")
        record("nginx-curl-keepalive", f"{server}, {curl_version}: GET /, POST with a body, HEAD, 404, 301 on one connection", nginx, p,
               curl("BASE/", "BASE/users/42?x=1", "--next", "-s", "-o", os.devnull, "-d", "a=b", "BASE/form", "--next", "-s", "-I", "-o", os.devnull, "BASE/h", "--next", "-s", "-o", os.devnull, "BASE/missing", "BASE/old"))
        record("nginx-pipelined", f"{server}, a Python socket: four requests in one write", nginx, p, pipelined)
    p = free_port()
    node = ["node", "-e", NODE % p]
    server = "node " + version("node", "--version")
    record("node-curl-chunked", f"{server}, {curl_version}: /stream (chunked both ways), then /plain", node, p,
           curl("-H", "Transfer-Encoding: chunked", "-H", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "-d", "some data", "BASE/stream", "--next", "-s", "-o", os.devnull, "BASE/plain"))
    p = free_port()
    with tempfile.TemporaryDirectory() as d:
        pathlib.Path(d, "file.txt").write_text("content\n")
        server = "http.server of " + version("python3", "--version")
        record("python-curl-http10", f"{server}, {curl_version}: a file, HTTP/1.0, closed by the server",
               ["python3", "-m", "http.server", str(p), "--bind", "127.0.0.1", "--directory", d], p, curl("BASE/file.txt"))

main()
