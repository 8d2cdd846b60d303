#!/usr/bin/python3
"""The house has floors: no include points upward, and a foreign header stands only in the files that own it.

Speaks TAP: a line for each source file, and first one for each planted violation, which must be seen."""

import os
import re
import sys
from pathlib import Path

TOP = Path(os.environ.get("srcdir") or Path(__file__).resolve().parents[1])

# What each folder may include besides itself.
MAY_INCLUDE = {
    "core": set(),
    "db": {"core"},
    "security": {"core"},
    "gateway": {"core"},
    "spool": {"core"},
    "notify": {"core", "spool"},
    "http": {"core"},
    "services": {"core", "db", "security", "gateway", "spool"},
    "api": {"core", "db", "security", "gateway", "spool", "http", "services"},
    "ctl": {"core", "db", "security", "gateway", "spool"},
}
ALL = set(MAY_INCLUDE)
MAIN_MAY_INCLUDE = {
    "orderd.c": ALL - {"notify", "ctl"},
    "notifierd.c": {"core", "spool", "notify"},
    "orderctl.c": ALL - {"notify", "http", "api", "services"},
}

# Foreign headers, and the only files that may include them.
OWNERS = [
    (r"sqlite3\.h", r"db/\w*sqlite\w*\.[ch]"),
    (r"libpq-fe\.h", r"db/\w*postgres\w*\.[ch]"),
    (r"jwt\.h", r"security/token\.c"),
    (r"argon2\.h", r"security/password\.c"),
    (r"fcgi\w*\.h", r"http/exchange\.c"),
    (r"json-c/.*|json\w*\.h", r"http/json_tree\.c"),
    (r"gmime/.*", r"notify/message\w*\.[ch]"),
    (r"ini\.h", r"core/config\.c"),
    (r"openssl/.*", r"core/digest\.c|security/(cursor|password|token)\.c"),
    (r"curl/.*|curl\.h", r"notify/\w+\.c"),
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)


def layer_violation(path, header):
    """path and header as they stand below src/."""
    layer = header.split("/")[0]
    if "/" not in header or layer not in ALL:
        return f'"{header}" is not LAYER/FILE of this house'
    own = path.split("/")[0]
    allowed = MAY_INCLUDE[own] | {own} if "/" in path else MAIN_MAY_INCLUDE.get(path, set())
    return None if layer in allowed else f'"{header}" points upward or aside'


def foreign_violation(path, header):
    for pattern, owner in OWNERS:
        if re.fullmatch(pattern, header) and not re.fullmatch(owner, path):
            return f"<{header}> is not this file's"
    return None


def violations(path, text):
    """Of the file at path, relative to src/."""
    if "/" in path and path.split("/")[0] not in ALL:
        return [f"{path.split('/')[0]}/ is no layer"]
    found = []
    for quote, header in INCLUDE.findall(text):
        check = layer_violation if quote == '"' else foreign_violation
        found.append(check(path, header))
    return [violation for violation in found if violation]


PLANTED = [
    ("core/file.c", '#include "db/db.h"'),
    ("db/users.c", '#include "services/auth.h"'),
    ("http/request.c", '#include "services/order.h"'),
    ("http/request.c", '#include "db/users.h"'),
    ("services/order.c", '#include "http/json.h"'),
    ("notify/queue.c", '#include "db/db.h"'),
    ("ctl/user.c", '#include "api/routes.h"'),
    ("notifierd.c", '#include "db/db.h"'),
    ("attic/old.c", '#include "core/file.h"'),
    ("core/file.c", '#include "file.h"'),
    ("core/file.c", '  #  include "db/db.h"'),
    ("services/order.c", "#include <sqlite3.h>"),
    ("api/router.c", "#include <fcgiapp.h>"),
    ("services/auth.c", "#include <jwt.h>"),
    ("services/auth.c", "#include <argon2.h>"),
    ("api/order_json.c", "#include <json-c/json.h>"),
    ("spool/record.c", "#include <gmime/gmime.h>"),
    ("gateway/ledger.c", "#include <openssl/sha.h>"),
]
LAWFUL = [
    ("db/db_sqlite.c", '#include "core/error.h"\n#include <sqlite3.h>'),
    ("api/router.c", '#include "http/request.h"\n#include "services/auth.h"\n#include <stdlib.h>'),
    ("orderd.c", '#include "api/router.h"'),
]


def results():
    """(what, its violations)"""
    for path, text in PLANTED:
        yield f"planted: {text.strip()} in {path} is seen", [] if violations(path, text) else ["it is not seen"]
    for path, text in LAWFUL:
        yield f"lawful includes of {path}", violations(path, text)
    sources = sorted(path for path in (TOP / "src").rglob("*.[ch]"))
    if len(sources) < 20:
        yield "the sources are found", [f"only {len(sources)} below {TOP}/src"]
    for source in sources:
        path = str(source.relative_to(TOP / "src"))
        yield f"src/{path}", violations(path, source.read_text())


def main():
    failed = 0
    number = 0
    for number, (what, found) in enumerate(results(), 1):
        for violation in found:
            print("#", violation)
        failed += bool(found)
        print(f"{'not ok' if found else 'ok'} {number} - {what}")
    print(f"1..{number}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
