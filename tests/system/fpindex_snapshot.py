"""Reads what fpindex streams of an index (GET /:index/_snapshot), by the description of its formats alone."""

import struct

import msgpack

HASH_BYTES, ID_BYTES = (0, 1, 2, 4), (1, 2, 3, 4)


def stream(data, at, count, sizes):
    """Values of a stream of variable bytes."""
    values, end = [], at + (count + 3) // 4
    for j in range(count):
        size = sizes[data[at + j // 4] >> 2 * (j % 4) & 3]
        values.append(int.from_bytes(data[end:end + size], "little"))
        end += size
    return values


def block_items(block, min_document):
    hash_value, count, ids_at = struct.unpack_from("<IHH", block)
    hashes, ids = stream(block, 8, count, HASH_BYTES), stream(block, 8 + ids_at, count, ID_BYTES)
    items, document = [], 0
    for i in range(count):
        hash_value += hashes[i]
        document = ids[i] + (min_document if i == 0 or hashes[i] else document)
        items.append((hash_value, document))
    return items


class Segment:
    def __init__(self, data):
        unpacker = msgpack.Unpacker(strict_map_key=False)
        unpacker.feed(data)
        header, self.metadata, self.documents = unpacker.unpack(), unpacker.unpack(), unpacker.unpack()
        assert header[0] == 0x53474D31, header
        self.commit, self.merges, self.version = self.info = header[1]
        size = header[4]
        at = -(-unpacker.tell() // size) * size
        self.items, self.blocks = [], 0
        while struct.unpack_from("<H", data, at + 4)[0]:
            self.items += block_items(data[at:at + size], min(self.documents))
            self.blocks += 1
            at += size
        at += size + 4 * self.blocks
        footer = msgpack.unpackb(data[at:-4], strict_map_key=False)
        assert struct.unpack("<I", data[-4:])[0] == len(data) - 4 - at
        assert footer[0] == 0x314D4753 and footer[1] == len(self.items) and footer[2] == self.blocks, footer


class Snapshot:
    def __init__(self, data):
        unpacker = msgpack.Unpacker()
        unpacker.feed(data)
        header, at = unpacker.unpack(), unpacker.tell()
        assert set(header) == {"f", "g", "s"} and header["f"] == 1, header
        self.generation, self.segments = header["g"], []
        for entry in header["s"]:
            segment = Segment(data[at:at + entry["s"]])
            assert segment.info == entry["i"]
            self.segments.append(segment)
            at += entry["s"]
        assert at == len(data), "bytes behind the last segment"
        self.version = max((s.commit + s.merges if s.version is None else s.version for s in self.segments), default=0)

    def metadata(self):
        return {key: value for s in self.segments for key, value in s.metadata.items()}

    def documents(self):
        """Hashes of the live documents."""
        newest = {document: s for s in self.segments for document in s.documents}
        live = {document: set() for document, s in newest.items() if s.documents[document]}
        for s in self.segments:
            for hash_value, document in s.items:
                if document in live and newest[document] is s:
                    live[document].add(hash_value)
        return live


def read_folder(folder):
    """The indexes of a data folder of fpindex, from its manifests."""
    indexes = {}
    for current in sorted(folder.glob("*/current")):
        record = msgpack.unpackb(current.read_bytes())
        assert record["n"] == current.parent.name and record["d"] is False, record
        data = current.parent / f"v{record['g']:06d}" / "data"
        manifest = msgpack.unpackb((data / "manifest").read_bytes())
        files = [(data / f"{commit:016x}-{merges:08x}.data").read_bytes() for commit, merges, _ in manifest]
        header = {"f": 1, "g": record["g"], "s": [{"i": i, "s": len(f)} for i, f in zip(manifest, files)]}
        indexes[record["n"]] = Snapshot(msgpack.packb(header) + b"".join(files))
    return indexes
