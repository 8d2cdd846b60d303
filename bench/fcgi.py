"""A small FastCGI client (FastCGI 1.0) over a kept connection: what nginx sends, without nginx."""

import socket
import struct

BEGIN_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6
RESPONDER, KEEP_CONNECTION = 1, 1
REQUEST = 1  # one at a time


def _record(kind, content=b""):
    return struct.pack(">BBHHBx", 1, kind, REQUEST, len(content), 0) + content


def _length(count):
    return struct.pack(">B", count) if count < 128 else struct.pack(">I", count | 1 << 31)


def _pairs(values):
    pairs = ((name.encode(), value.encode()) for name, value in values.items())
    return b"".join(_length(len(name)) + _length(len(value)) + name + value for name, value in pairs)


def request(method, target, body=b"", token=None, key=None, request_id="bench"):
    """The bytes of a request, as nginx/orderd.conf makes them."""
    values = {
        "REQUEST_ID": request_id, "REQUEST_METHOD": method, "REQUEST_URI": target,
        "QUERY_STRING": target.partition("?")[2], "CONTENT_TYPE": "application/json" if body else "",
        "CONTENT_LENGTH": str(len(body)) if body else "", "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost",
    }
    if body:
        values |= {"HTTP_CONTENT_TYPE": "application/json", "HTTP_CONTENT_LENGTH": str(len(body))}
    if token:
        values["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    if key:
        values["HTTP_IDEMPOTENCY_KEY"] = key
    return b"".join([
        _record(BEGIN_REQUEST, struct.pack(">HB5x", RESPONDER, KEEP_CONNECTION)), _record(PARAMS, _pairs(values)),
        _record(PARAMS), _record(STDIN, body) if body else b"", _record(STDIN)])


class Connection:
    def __init__(self, path, timeout=60):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout)
        self._socket.connect(str(path))
        self._stream = self._socket.makefile("rb")

    def close(self):
        self._stream.close()
        self._socket.close()

    def send(self, bytes_):
        self._socket.sendall(bytes_)

    def receive(self):
        """Status and body."""
        answer = b""
        while True:
            _, kind, _, length, padding = struct.unpack(">BBHHBx", self._stream.read(8))
            content = self._stream.read(length + padding)[:length]
            if kind == STDOUT:
                answer += content
            elif kind == END_REQUEST:
                head, _, body = answer.partition(b"\r\n\r\n")
                line = next((line for line in head.split(b"\r\n") if line.lower().startswith(b"status:")), b"Status: 200")
                return int(line.split()[1]), body

    def ask(self, bytes_):
        self.send(bytes_)
        return self.receive()
