"""Programs that are wrong on purpose, each in one of the ways in which such services lose orders or money. A change
is an exact text of one file, found once, and what stands there instead; tests/fault/check_mutants.py builds each
mutant and runs its tests until one has failed. A mutant that all of them pass is a hole in the tests."""

import dataclasses

POWER_CUT = "tests/integration/test_power_cut.py"
FAULT_POINTS = "tests/integration/test_fault_points.py"
FAULTS = "tests/integration/test_faults.py"
COMMITS = "tests/integration/test_commit_faults.py"
BACKUP = "tests/integration/test_backup.py"


@dataclasses.dataclass
class Change:
    file: str
    old: str
    new: str


@dataclasses.dataclass
class Mutant:
    name: str
    tests: tuple  # those that must catch it, the likeliest first
    changes: tuple


MUTANTS = (
    Mutant("synchronous_off", (POWER_CUT,), (
        Change("src/db/db_sqlite.c",
               """                  "PRAGMA synchronous=FULL",
};
""",
               """                  "PRAGMA synchronous=OFF",
};
"""),
    )),
    Mutant("no_sync_of_the_spool_folder", (POWER_CUT,), (
        Change("src/spool/spool.c", "    if (fsync(spool->new_fd))\n", "    if (false && fsync(spool->new_fd))\n"),
    )),
    Mutant("no_sync_of_the_spool_files", (POWER_CUT,), (
        Change("src/spool/spool.c", "    if (syncfs(spool->root_fd))\n", "    if (false && syncfs(spool->root_fd))\n"),
    )),
    Mutant("answer_before_the_commit", (FAULT_POINTS, POWER_CUT), (
        Change("src/db/committer.c",
               "    enum err e = commit(committer);\n    settle_group(committer, e);\n",
               "    settle_group(committer, ERR_NONE);\n    (void)commit(committer);\n"),
    )),
    Mutant("outbox_row_deleted_before_the_file_is_durable", (FAULT_POINTS, POWER_CUT), (
        Change("src/services/relay.c",
               """    enum err e = relay->spool ? ERR_NONE : spool_open(&relay->spool, relay->folder, 0, fault);
    if (!e)
""",
               """    enum err e = relay->spool ? ERR_NONE : spool_open(&relay->spool, relay->folder, 0, fault);
    for (size_t i = 0; i < batch->count; i++)
        memcpy(relay->published[i], batch->rows[i].uid, UID_SIZE);
    relay->published_count = batch->count;
    if (!e)
        e = delete_published(relay);
    if (!e)
"""),
    )),
    Mutant("spool_file_unlinked_before_the_mail_is_durable", (POWER_CUT,), (
        Change("src/notify/transport_maildir.c",
               "    if (!fsync(batch->new_fd))\n        return;\n", "    if (batch->count || !fsync(batch->new_fd))\n        return;\n"),
    )),
    Mutant("spool_file_unlinked_before_the_mail_is_whole", (POWER_CUT,), (
        Change("src/notify/transport_maildir.c",
               "    if (!e && wants_sync && fsync(fd))\n", "    if (!e && false && wants_sync && fsync(fd))\n"),
    )),
    Mutant("void_before_its_unit_is_durable", (COMMITS, FAULT_POINTS), (
        Change("src/services/order_create.c",
               """    enum attempt_state state = ATTEMPT_NONE;
    enum err e = settle_end_attempt(c->service->settle, &end, &state);
""",
               """    enum attempt_state state = ATTEMPT_NONE;
    (void)payment_void(c->service->payment, c->ctx, &(struct gateway_charge){.reference = c->attempt_uid,
        .amount_minor = c->total_minor, .currency = c->in->order->currency});
    enum err e = settle_end_attempt(c->service->settle, &end, &state);
"""),
    )),
    Mutant("no_compare_and_set_on_the_attempt", (COMMITS,), (
        Change("src/db/statements.def",
               """    " WHERE uid = $1 AND state = 'started'")
""",
               """    " WHERE uid = $1")
"""),
    )),
    # A failure is taken for the unit's own, whatever became of the transaction.
    Mutant("autocommit_not_looked_at", (COMMITS,), (
        Change("src/db/committer.c",
               """    if (!db_in_transaction(db)) {
        unit->result = unit->result ? unit->result : ERR_BROKEN;
        return UNIT_SPOILT;
    }
    return is_contained(engine) ? UNIT_ENDED : UNIT_SPOILT;
""",
               """    return UNIT_ENDED;
"""),
        Change("src/db/committer.c",
               "unit->result && db_changes(db) != changes;\n",
               "unit->result && db_in_transaction(db) && db_changes(db) != changes;\n"),
    )),
    Mutant("row_numbers_as_references", (BACKUP,), (
        Change("src/services/order_create.c",
               """static void begin(struct creation *c)
{
""",
               """static enum err next_number(struct db *db, void *arg)
{
    int64_t count = 0;
    *(int64_t *)arg = 1;
    for (enum attempt_state state = ATTEMPT_STARTED; state <= ATTEMPT_CONFLICT; state++) {
        enum err e = attempts_count(db, state, &count);
        if (e)
            return e;
        *(int64_t *)arg += count;
    }
    return ERR_NONE;
}

static void number_uid(struct creation *c)
{
    int64_t number = 0;
    (void)store_read(c->service->store, c->ctx->worker, next_number, &number, store_deadline(c));
    for (size_t i = UID_SIZE - 1; i--; number /= 10)
        c->attempt_uid[i] = (char)('0' + number % 10);
    c->attempt_uid[UID_SIZE - 1] = 0;
}

static void begin(struct creation *c)
{
"""),
        Change("src/services/order_create.c", "    random_uid(c->attempt_uid);\n", "    number_uid(c);\n"),
    )),
    Mutant("taken_unit_withdrawn", (COMMITS,), (
        Change("src/db/commit_queue.c",
               "    bool is_ours = !unit->is_taken;\n    if (is_ours)\n",
               "    bool is_ours = true;\n    if (!unit->is_taken)\n"),
    )),
)
