"""Answers GET /scripted/N with exactly the writes of script N. Knows nothing of HTTP but where a head ends."""

import argparse
import json
import re
import socket
import threading
import time


def serve(connection, scripts):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    held = b""
    with connection:
        while True:
            while b"\r\n\r\n" not in held:
                data = connection.recv(65536)
                if not data:
                    return
                held += data
            head, held = held.split(b"\r\n\r\n", 1)
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            wanted = int(length[1]) if length else 0
            while len(held) < wanted:
                held += connection.recv(65536)
            held = held[wanted:]
            number = int(re.match(rb"\w+ /scripted/(\d+)", head)[1])
            for delay, data in scripts[number]:
                if delay:
                    time.sleep(delay)
                connection.sendall(bytes.fromhex(data))
            if re.search(rb"(?i)\r\nconnection: *close", head):
                return


parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--scripts", required=True)
arguments = parser.parse_args()
with open(arguments.scripts) as file:
    all_scripts = json.load(file)
listener = socket.create_server(("127.0.0.1", arguments.port), backlog=128)
while True:
    accepted, _ = listener.accept()
    threading.Thread(target=serve, args=(accepted, all_scripts), daemon=True).start()
