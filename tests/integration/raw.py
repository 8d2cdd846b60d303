"""HTTP over a socket, byte for byte: http.client would tidy up what is sent, and forgive what is answered."""

import re
import socket

import harness

STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})( [ -~]*)?\r\n")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([ -~]*?)[ \t]*\r\n")


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


def request(method, target, headers=(), body=None, version="HTTP/1.1", close=True):
    """The bytes of a request. Host is added, Connection (if it is to be the last one) and, where there is a body,
    Content-Length; headers are sent as they are given, in that order, however often."""
    lines = [b" ".join(as_bytes(part) for part in (method, target, version)), b"Host: localhost"]
    lines += [b"Connection: close"] * close
    lines += [as_bytes(name) + b": " + as_bytes(value) for name, value in headers]
    if body is not None:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")


def connect(port, timeout_s=60):
    return socket.create_connection(("127.0.0.1", port), timeout_s)


def converse(port, sent, timeout_s=60):
    """Sends, and returns all that is answered until the peer closes."""
    received = b""
    with connect(port, timeout_s) as sock:
        try:
            sock.sendall(sent)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it had heard enough; what it says is still to be read
        while part := sock.recv(65536):
            received += part
    return received


def exchange(port, sent, method="GET", timeout_s=60):
    """One request and one reply, which the peer ends with the connection."""
    reply, rest = parse(converse(port, sent, timeout_s), method)
    assert rest == b"", f"behind {reply} comes {rest[:200]!r}"
    return reply


def parse(received, method="GET"):
    """The first reply that the bytes hold, which must be well-formed, and what follows it; a 100 is passed over."""
    while received.startswith(b"HTTP/1.1 100 "):
        received = received.partition(b"\r\n\r\n")[2]
    status_line = STATUS_LINE.match(received)
    assert status_line, f"no status line: {received[:200]!r}"
    headers, rest = [], received[status_line.end():]
    while not rest.startswith(b"\r\n"):
        field = FIELD_LINE.match(rest)
        assert field, f"no header field: {rest[:200]!r}"
        headers.append((field[1].decode(), field[2].decode()))
        rest = rest[field.end():]
    reply = harness.Reply(int(status_line[1]), headers, b"")
    return take_body(reply, rest[2:], method)


def take_body(reply, rest, method):
    """Its length must be told beforehand: a reply that is cut off must not look complete."""
    assert not reply.all("Transfer-Encoding"), f"not asked for: {reply}"
    if method == "HEAD" or reply.status in (204, 304):
        return reply, rest
    length = reply.header("Content-Length")
    assert length is not None, f"no Content-Length: {reply}"
    assert int(length) <= len(rest), f"shorter than announced: {reply} {rest!r}"
    reply.body = rest[:int(length)]
    return reply, rest[int(length):]
