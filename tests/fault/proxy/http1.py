"""As much of HTTP/1.1 as the operator and the API server speak with one another."""

import asyncio
import dataclasses
import json

LIMIT = 1 << 20  # of a line


@dataclasses.dataclass
class Message:
    first: str  # the request or status line
    headers: list  # of (name, value)
    body: bytes = b""

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def chunked(self):
        return "chunked" in self.header("Transfer-Encoding").lower()

    @property
    def status(self):
        return int(self.first.split(" ", 2)[1])

    def with_body(self):
        """Its bytes, with a length instead of chunks."""
        kept = [(name, value) for name, value in self.headers
                if name.lower() not in ("content-length", "transfer-encoding")]
        kept.append(("Content-Length", str(len(self.body))))
        return head(self.first, kept) + self.body


def head(first, headers):
    lines = [first, *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


async def read_head(reader):
    """None at the end of the connection."""
    first = await reader.readline()
    if not first.strip():
        return None
    headers = []
    while (line := (await reader.readline()).decode("latin-1").rstrip("\r\n")):
        name, _, value = line.partition(":")
        headers.append((name, value.strip()))
    return Message(first.decode("latin-1").rstrip("\r\n"), headers)


async def read_chunk(reader):
    """Empty after the last."""
    size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
    data = await reader.readexactly(size + 2)
    return data[:-2]


async def read_body(reader, message, until_close=False):
    if message.chunked:
        chunks = []
        while chunk := await read_chunk(reader):
            chunks.append(chunk)
        message.body = b"".join(chunks)
    elif length := message.header("Content-Length"):
        message.body = await reader.readexactly(int(length))
    elif until_close:
        message.body = await reader.read()
    return message


async def read_request(reader):
    message = await read_head(reader)
    return message and await read_body(reader, message)


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"


def status_answer(status, retry_after=0, cause=""):
    """What the API server says when it says no."""
    reasons = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 410: "Expired",
               422: "Invalid", 429: "TooManyRequests", 500: "InternalError",
               503: "ServiceUnavailable", 504: "Timeout"}
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": f"staged {status}",
            "reason": reasons.get(status, "Unknown"), "code": status}
    if cause:
        body["details"] = {"causes": [{"reason": cause, "message": f"staged {cause}"}]}
    headers = [("Content-Type", "application/json")]
    if retry_after:
        headers.append(("Retry-After", str(retry_after)))
    return Message(f"HTTP/1.1 {status} staged", headers, json.dumps(body).encode())


async def drip(writer, data, seconds):
    pieces = 20
    size = max(1, len(data) // pieces)
    for begin in range(0, len(data), size):
        writer.write(data[begin:begin + size])
        await writer.drain()
        await asyncio.sleep(seconds / pieces)
