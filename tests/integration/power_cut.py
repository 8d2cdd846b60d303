"""The disk as a power cut may leave it: all that was safe, and of the rest whatever a policy says.

A cut is a position in the recording, the kind of what happened to changes that were not safe, and a seed. Any subset
of them may have reached the disk, in any order; a write may be torn at sectors, or only its size be there; a file's
contents and its names know nothing of each other. The only order that is kept is the one that no journal gives up: a
rename or a removal is one step, and a name that was given later wins over one that was given before."""

import random

from recording import CONTENTS, NAMES, NEW_FILE, NEW_FOLDER, REMOVE, ROOT, TRUNCATE, WRITE

SECTOR = 512
PAGE = 4096


class Part:
    """What is left of a write: ranges of it, and perhaps the size it gave the file."""

    def __init__(self, ranges, with_size=False):
        self.ranges = ranges
        self.with_size = with_size


def whole(record):
    return Part([(0, len(record.data))], True)


def sectors(record, unit):
    """The write cut at multiples of unit in the file."""
    start, end = record.at, record.at + len(record.data)
    edges = [start, *range(start - start % unit + unit, end, unit), end]
    return [(low - start, high - start) for low, high in zip(edges, edges[1:])]


def torn(record, chance):
    """The beginning or the end of it."""
    pieces = sectors(record, chance.choice([SECTOR, PAGE]))
    at = chance.randrange(len(pieces) + 1)
    return Part(chance.choice([pieces[:at], pieces[at:]]), chance.random() < 0.5)


def scattered(record, chance):
    """Any of its sectors."""
    return Part([piece for piece in sectors(record, SECTOR) if chance.random() < 0.5], chance.random() < 0.5)


def each_with(share):
    def choose(record, chance):
        return whole(record) if chance.random() < share else None
    return choose


def some(with_write, share=0.5):
    """Writes as the function says, anything else by a coin."""
    def choose(record, chance):
        if record.kind == WRITE:
            return with_write(record, chance)
        return whole(record) if chance.random() < share else None
    return choose


def only(*kinds):
    return lambda record, chance: whole(record) if record.kind in kinds else None


def sizes(record, _chance):
    """As a file system that allocates late: all names and sizes are there, and zeros."""
    return Part([], True) if record.kind == WRITE else whole(record)


# What becomes of each change that is not safe: None (lost) or a Part of it.
KINDS = {
    "nothing": only(),
    "everything": each_with(1.1),
    "removals": only(REMOVE, TRUNCATE),
    "names": only(*NAMES),
    "folders lost": lambda record, chance: None if record.kind == NEW_FOLDER else whole(record),
    "contents": only(*CONTENTS),
    "sizes": sizes,
    "reordered": each_with(0.5),
    "gaps": each_with(0.9),
    "sparse": each_with(0.1),
    "torn": some(torn),
    "sectors": some(scattered),
}


class Cut:
    """position: the last record that the machine lived to see."""

    def __init__(self, position, kind, seed=0):
        self.position = position
        self.kind = kind
        self.seed = seed

    def __str__(self):
        return f"{self.position}:{self.kind}:{self.seed}"

    @classmethod
    def parse(cls, text):
        position, kind, seed = text.split(":")
        return cls(int(position), kind, int(seed))


class Disk:
    """Contents and names of the files, by the recording's numbers."""

    def __init__(self, recording, cut):
        self.contents = {}
        self._folders = {ROOT}
        self._names = {}  # (folder, name) -> number
        self._places = {}  # number -> (folder, name)
        choose = KINDS[cut.kind]
        chance = random.Random(f"{cut}")
        for record in recording.records[:cut.position + 1]:
            if record.kind in NAMES or record.kind in CONTENTS:
                part = whole(record) if record.is_safe(cut.position) else choose(record, chance)
                if part:
                    self._apply(record, part)

    def _apply(self, record, part):
        if record.kind == WRITE:
            self._write(record, part)
        elif record.kind == TRUNCATE:
            content = self.contents.setdefault(record.file, bytearray())
            del content[record.at:]
            content.extend(bytes(max(0, record.at - len(content))))
        else:
            self._name(record)

    def _write(self, record, part):
        content = self.contents.setdefault(record.file, bytearray())
        ends = [high for _, high in part.ranges] + [len(record.data)] * part.with_size
        if ends:
            content.extend(bytes(max(0, record.at + max(ends) - len(content))))
        for low, high in part.ranges:
            content[record.at + low:record.at + high] = record.data[low:high]

    def _name(self, record):
        self._names.pop(self._places.pop(record.file, None), None)
        if record.kind == REMOVE:
            return
        if record.kind == NEW_FOLDER:
            self._folders.add(record.file)
        elif record.kind == NEW_FILE:
            self.contents.setdefault(record.file, bytearray())
        place = (record.folder, record.name)
        self._places.pop(self._names.get(place), None)
        self._names[place] = record.file
        self._places[record.file] = place

    def _path(self, number):
        """None: a folder above it was lost."""
        path = []
        while number != ROOT:
            if number not in self._places:
                return None
            number, name = self._places[number]
            path.insert(0, name)
        return "/".join(path)

    def tree(self):
        """{path: bytes, or None for a folder}"""
        paths = {number: self._path(number) for number in self._places}
        return {path: None if number in self._folders else bytes(self.contents.get(number, b""))
                for number, path in paths.items() if path}

    def lay_out(self, home):
        for path, content in sorted(self.tree().items()):
            if content is None:
                (home / path).mkdir(mode=0o770)
            else:
                (home / path).write_bytes(content)
