"""Documents and queries for comparing servers, the same for every server and run."""

import gzip
import pathlib
import random
import struct

HASHES = 120  # of a document, and of a query
BATCH = 1000  # documents of an update
SILENCE = 627964279
FINGERPRINTS = pathlib.Path(__file__).resolve().parents[2] / "data" / "fingerprints.txt.gz"


class Uniform:
    """Hashes of 32 bits, all as likely."""

    def __init__(self, seed):
        self.draw = random.Random(seed)

    def document(self):
        return self.draw.randbytes(4 * HASHES)


class Music:
    """Hashes of real fingerprints with up to three bits flipped, 30 % of them noise; 14 % of the documents hold that of
    silence."""

    def __init__(self, seed):
        self.draw = random.Random(seed)
        self.hashes = []
        with gzip.open(FINGERPRINTS, "rt") as lines:
            for line in lines:
                self.hashes += map(int, line.rstrip().split("|", 1)[1].split(","))

    def document(self):
        draw = self.draw
        hashes = draw.choices(self.hashes, k=HASHES)
        for i in range(HASHES):
            if draw.random() < 0.3:
                hashes[i] = draw.getrandbits(32)
                continue
            for _ in range(draw.randrange(4)):
                hashes[i] ^= 1 << draw.randrange(32)
        if draw.random() < 0.14:
            hashes[draw.randrange(HASHES)] = SILENCE
        return struct.pack(f">{HASHES}I", *hashes)


KINDS = {"uniform": Uniform, "music": Music}


def packed(document, hashes):
    """An insert of MessagePack as fpindex's clients send it: {i: {i: id, h: [hash]}}. `hashes`: big-endian."""
    numbers = bytearray(5 * HASHES)
    numbers[0::5] = b"\xce" * HASHES
    for byte in range(4):
        numbers[byte + 1::5] = hashes[byte::4]
    return b"\x81\xa1i\x82\xa1i" + struct.pack(">BI", 0xCE, document) + b"\xa1h" + struct.pack(">BH", 0xDC, HASHES) + numbers


def batches(kind, documents, seed=1):
    """Bodies of updates that hold documents 1 to `documents`."""
    source = KINDS[kind](seed)
    for first in range(1, documents + 1, BATCH):
        ids = range(first, min(first + BATCH, documents + 1))
        yield b"\x81\xa1c" + struct.pack(">BH", 0xDC, len(ids)) + b"".join(packed(i, source.document()) for i in ids)


def queries(kind, documents, count, seed=1):
    """Queries of which half the hashes are a document's own, the others another one's."""
    wanted = set(random.Random(seed + 1).sample(range(1, documents + 1), min(count, documents)))
    source, noise = KINDS[kind](seed), KINDS[kind](seed + 2)
    half = 4 * HASHES // 2
    for document in range(1, documents + 1):
        hashes = source.document()
        if document in wanted:
            yield list(struct.unpack(f">{HASHES}I", hashes[:half] + noise.document()[half:]))
