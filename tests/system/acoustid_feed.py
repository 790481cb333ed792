"""A feed of changes as acoustid-server serves it: one index, read-only, with positions that jump, old changes dropped
and the corpus as a stream."""

import json
import random
import re
import struct
import urllib.parse

from http_server import QuietHandler, serve

HASHES = 120
MAX_BATCH = 100_000
CHUNK = 10_000

_draw = random.Random(28)
# The hashes of a document but the first, in MessagePack: many documents share them.
_TAILS = [b"".join(b"\xce" + struct.pack(">I", _draw.getrandbits(28)) for _ in range(HASHES - 1)) for _ in range(1024)]


def first_hash(document):
    """A hash of 28 bits that only this document has, up to rare accidents."""
    return document * 0x9E3779B1 % (1 << 32) >> 4


def insert_of(document):
    return (b"\x81\xa1i\x82\xa1i\xce" + struct.pack(">I", document) + b"\xa1h\xdc" + struct.pack(">H", HASHES) + b"\xce" +
            struct.pack(">I", first_hash(document)) + _TAILS[document % len(_TAILS)])


def array_head(size):
    return b"\xdd" + struct.pack(">I", size)


def position_of(document):
    return 10 * document + document % 7


class AcoustidFeed:
    """Documents 1, 2, ...; those up to `corpus` come by the stream, at `base`, the position of the last one unless told
    otherwise; the changes up to there are dropped."""

    def __init__(self, test, corpus, base=None):
        self.corpus = corpus
        self.base = position_of(corpus) if base is None else base
        self.newest = corpus
        self.requests = []
        feed = self

        class Handler(QuietHandler):
            def do_GET(self):
                feed.requests.append(self.path)
                feed.get(self, urllib.parse.urlsplit(self.path))

            def refuse(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                feed.requests.append(f"{self.command} {self.path}")
                feed.answer(self, 403, json.dumps({"error": "read-only"}).encode(), "application/json")

            do_POST = do_PUT = do_DELETE = refuse

        self.url = serve(test, Handler)

    def answer(self, to, status, body=b"", kind="application/vnd.msgpack"):
        to.send_response(status)
        to.send_header("Content-Type", kind)
        to.send_header("Content-Length", str(len(body)))
        to.end_headers()
        to.wfile.write(body)

    def get(self, to, url):
        query = urllib.parse.parse_qs(url.query)
        after = int(query.get("after", ["0"])[0])
        limit = min(int(query.get("max", [str(MAX_BATCH)])[0]), MAX_BATCH)
        if url.path == "/_meta":
            created = b"\x91\x83\xa1p\x01\xa1k\x00\xa1i\xa8acoustid" if after < 1 and limit > 0 else b"\x90"
            self.answer(to, 200, b"\x82\xa1o" + created + b"\xa1r\xcd\x03\xe8")
        elif url.path == "/_changelog/acoustid/1":
            self.changes(to, after, limit)
        elif url.path == "/_bootstrap/acoustid/1":
            self.stream(to)
        else:
            self.answer(to, 404)

    def changes(self, to, after, limit):
        if after < self.base:
            self.answer(to, 410)
            return
        newest = self.newest
        first = max(self.corpus, after // 10 - 1) + 1
        while first <= newest and position_of(first) <= after:
            first += 1
        entries = [b"\x82\xa1i\xcf" + struct.pack(">Q", position_of(d)) + b"\xa1c" + insert_of(d)
                   for d in range(first, min(newest, first + limit - 1) + 1)]
        wait = 0 if entries and len(entries) == limit else 1000
        self.answer(to, 200, b"\x82\xa1e" + array_head(len(entries)) + b"".join(entries) + b"\xa1r" +
                    b"\xcd" + struct.pack(">H", wait))

    def stream(self, to):
        to.send_response(200)
        to.send_header("Content-Type", "application/vnd.msgpack")
        to.send_header("Transfer-Encoding", "chunked")
        to.end_headers()

        def send(piece):
            to.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

        send(b"\x81\xa1p\xcf" + struct.pack(">Q", self.base))
        for first in range(1, self.corpus + 1, CHUNK):
            documents = range(first, min(first + CHUNK, self.corpus + 1))
            send(array_head(len(documents)) + b"".join(map(insert_of, documents)))
        send(b"\x90")
        to.wfile.write(b"0\r\n\r\n")

    def count(self, pattern):
        return sum(1 for r in self.requests if re.match(pattern, r))
