"""Events of a watch on the wire: a line of JSON each, or with protobuf a length and a message. What
is told of an event can be seen without decoding it."""

import struct

TYPES = ("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR")
BEGINNING = 32  # bytes in which the type is, in both formats


def kind_of(frame):
    beginning = frame[:BEGINNING]
    return next((kind for kind in TYPES if kind.encode() in beginning), "")


class Frames:
    """Cuts a stream into frames; a frame may come in any pieces."""

    def __init__(self, content_type):
        self.protobuf = "protobuf" in content_type
        self._rest = b""

    def feed(self, data):
        self._rest += data
        frames = []
        while (size := self._next()) is not None:
            frames.append(self._rest[:size])
            self._rest = self._rest[size:]
        return frames

    def _next(self):
        if not self.protobuf:
            end = self._rest.find(b"\n")
            return None if end < 0 else end + 1
        if len(self._rest) < 4:
            return None
        size = 4 + struct.unpack(">I", self._rest[:4])[0]
        return size if len(self._rest) >= size else None

    def gone(self):
        """The event by which the server says that this resourceVersion is too old."""
        if not self.protobuf:
            return (b'{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure",'
                    b'"message":"too old resource version: staged","reason":"Expired","code":410}}\n')
        status = (_field(2, b"Failure") + _field(3, b"too old resource version: staged")
                  + _field(4, b"Expired") + b"\x30\x9a\x03")
        unknown = _field(1, _field(1, b"v1") + _field(2, b"Status")) + _field(2, status)
        event = _field(1, b"ERROR") + _field(2, _field(1, b"k8s\x00" + unknown))
        return struct.pack(">I", len(event)) + event


def _field(number, data):
    """Of type bytes, shorter than 16 KiB."""
    size = len(data)
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    return bytes([number << 3 | 2]) + length + data
