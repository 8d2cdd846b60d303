"""What tests/fault/recorder.c has recorded of a home, and when each change was safe from a power cut.

The rules are what POSIX lets a file system do, not what one of them does:
- What a file contains, and its size, is safe after fsync or fdatasync of that file, or syncfs.
- A name (new, renamed, removed) is safe after a sync of the folder it is in, or syncfs; a sync of the file says
  nothing of its name. A rename is one change: it has happened, or it has not, and the folder that counts is the one
  it went to.
- A sync covers what was changed before it began, and only if it succeeded. syncfs covers its file system, and spool,
  Maildir and database may each have one of their own.
The gateway's ledger is the world outside: each line of it is there for good once it is written."""

import fcntl
import json
import struct
from pathlib import Path

HEADER = struct.Struct("=IHHQQQ")
NEW_FILE, NEW_FOLDER, WRITE, TRUNCATE, RENAME, REMOVE, SYNC_BEGIN, SYNC_END, MARK = range(1, 10)
NAMES = {NEW_FILE, NEW_FOLDER, RENAME, REMOVE}
CONTENTS = {WRITE, TRUNCATE}
ROOT = 0
UNKNOWN = -1  # a folder of the home that is none of ours
LEDGER = "gateway.ledger"


class Record:
    """Files and folders are numbered; an inode that is used again has a number of its own."""

    def __init__(self, number, kind, at, name, data):
        self.number = number
        self.kind = kind
        self.at = at
        self.name = name
        self.data = data
        self.file = None
        self.folder = None
        self.safe_from = None  # number of the record from which on nothing takes it back

    def is_safe(self, position):
        return self.safe_from is not None and self.safe_from <= position


def mark(log, what, **facts):
    """What a client knows from here on."""
    text = json.dumps({"what": what, **facts}).encode()
    with open(log, "ab", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(HEADER.pack(HEADER.size + len(text), MARK, 0, 0, 0, 0) + text)


class Recording:
    def __init__(self, log, root_inode):
        self.records = []
        self.paths = {ROOT: ""}  # number -> where it was made, for whoever reads about it
        self._now = {root_inode: ROOT}
        self._begins = {}  # offset in the log -> number of the record
        self._unsafe_contents = {}  # file -> records
        self._unsafe_names = {}  # folder -> records
        self._read(Path(log).read_bytes())

    def _read(self, log):
        offset = 0
        while offset < len(log):
            size, kind, name_len, inode, folder, at = HEADER.unpack_from(log, offset)
            name_end = offset + HEADER.size + name_len
            name = log[offset + HEADER.size:name_end].decode()
            record = Record(len(self.records), kind, at, name, log[name_end:offset + size])
            self.records.append(record)
            if kind == SYNC_BEGIN:
                self._begins[offset] = record.number
            if kind != MARK:
                self._resolve(record, inode, folder)
            offset += size

    def _resolve(self, record, inode, folder):
        if record.kind in (SYNC_BEGIN, SYNC_END):
            record.file = self._now.get(inode, UNKNOWN) if inode else None
            record.folder = self._now.get(folder, UNKNOWN) if folder else None
            if record.kind == SYNC_END:
                self._sync(record)
            return
        if record.kind in NAMES:
            record.folder = self._now[folder]
        if record.kind in (NEW_FILE, NEW_FOLDER):
            self._now[inode] = len(self.paths)
            self.paths[len(self.paths)] = f"{self.paths[record.folder]}/{record.name}".lstrip("/")
        record.file = self._now[inode]
        if self.paths[record.file] == LEDGER:
            record.safe_from = record.number
        elif record.kind in NAMES:
            self._unsafe_names.setdefault(record.folder, []).append(record)
        else:
            self._unsafe_contents.setdefault(record.file, []).append(record)

    def _sync(self, end):
        begin = self._begins[end.at]
        for unsafe in (self._unsafe_contents, self._unsafe_names):
            for number in list(unsafe) if end.file is None else [end.file]:
                if end.file is None and self._part(number) != self._part(end.folder):
                    continue
                for record in unsafe.get(number, []):
                    if record.number < begin:
                        record.safe_from = end.number
                unsafe[number] = [record for record in unsafe.get(number, []) if record.number > begin]

    def _part(self, number):
        """spool, mail, or the rest."""
        part = self.paths.get(number, "").split("/")[0]
        return part if part in ("spool", "mail") else ""

    def syncing(self):
        """What is being synced at the end."""
        begun = dict.fromkeys(self._begins.values())
        for record in self.records:
            if record.kind == SYNC_END:
                del begun[self._begins[record.at]]
        return {self.path_of(self.records[number]) for number in begun}

    def path_of(self, record):
        """What it was about: the file, or the folder that the name is in."""
        number = record.folder if record.kind in NAMES or record.file is None else record.file
        path = self.paths.get(number, "elsewhere")
        return "syncfs " + path if record.file is None else path

    def marks(self, what=None, before=None):
        """[(number, facts)]"""
        found = []
        for record in self.records[:before]:
            if record.kind == MARK:
                facts = json.loads(record.data)
                if what in (None, facts["what"]):
                    found.append((record.number, facts))
        return found

    def describe(self, number):
        names = {value: name for name, value in globals().items() if name.isupper() and isinstance(value, int)}
        record = self.records[number]
        if record.kind == MARK:
            return f"{number} MARK {record.data[:60].decode()}"
        what = f"+{record.at} {len(record.data)} bytes" if record.kind == WRITE else f"{record.at} {record.name}"
        return f"{number} {names[record.kind]} {self.path_of(record)} {what}"
