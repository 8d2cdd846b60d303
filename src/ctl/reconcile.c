/* orderctl reconcile: our books against the gateway's, and orders against their mails, beside an
 * orderd that works.
 *
 * The difficulty: the three are never seen at one moment. They are read in the order in which what
 * happens gets from one to the next (the ledger, since an attempt is on disk before the gateway
 * hears of it; then database, spool and Maildir). What differs all the same may just be moving: so
 * it is looked at a second time a while later, and what differs in the same way then was not.
 *
 * A restored database is held, so nothing of it moves; but its open attempts may have come to any
 * end after the backup. What there is to be told of that is told before the hold ends. */
#include "ctl/subjects.h"

#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "db/books.h"
#include "db/outbox.h"

#include "ctl/ctl.h"
#include "ctl/disagreements.h"
#include "ctl/ledger_map.h"
#include "ctl/mail_compare.h"
#include "ctl/release.h"
#include "ctl/verdict.h"

/* Between the two looks. */
#define PAUSE_MS 1000
/* Beyond what the configuration lets each step wait: a loaded machine, a back-off. */
#define PATIENCE_S     60
#define LEDGER_WAIT_MS 10000

/* What came of a look. */
struct reconciliation {
    struct disagreements list;
    const char *mails_skipped; /* why they are not compared, or NULL */
    struct release release;
};

/* One look at everything. */
struct look {
    struct ctl *ctl;
    struct verdict_times times;
    struct ledger_map ledger;
    int64_t *order_ids;
    size_t order_count;
    size_t order_cap;
    struct mail_list mails;
    struct reconciliation found;
};

static int64_t option_s(const struct ctl *ctl, enum config_option option)
{
    return config_int(ctl->config, option) / 1000 + 1;
}

static void look_begin(struct look *look, struct ctl *ctl)
{
    int64_t gateway_s = option_s(ctl, OPT_gateway_timeout);
    int64_t store_s = option_s(ctl, OPT_database_store_timeout);
    *look = (struct look){.ctl = ctl};
    look->times = (struct verdict_times){
        .now = clock_now(),
        .start_s = option_s(ctl, OPT_gateway_permit_timeout) + gateway_s + 2 * store_s + PATIENCE_S,
        .settle_s = gateway_s + 2 * store_s + PATIENCE_S,
    };
    mail_list_begin(&look->mails);
    disagreements_begin(&look->found.list, &ctl->arena);
    release_begin(&look->found.release, &ctl->arena);
}

static void look_end(struct look *look)
{
    ledger_map_close(&look->ledger);
    mail_list_end(&look->mails);
    free(look->order_ids);
    look->order_ids = NULL;
}

/* ---- payments */

static void add_payment(
    struct look *look, enum verdict verdict, int64_t order_id, const char *uid, const char *problem)
{
    disagreements_add(&look->found.list, &(struct disagreement){
                                             .area = "payment",
                                             .kind = verdict_word(verdict),
                                             .order_id = order_id,
                                             .uid = uid,
                                             .problem = problem,
                                             .hint = verdict_hint(verdict),
                                         });
}

static const char *their_sum(struct arena *arena, const struct account *account)
{
    if (!account || !*account->currency)
        return "";
    return arena_printf(arena, " (%lld %s)", (long long)account->amount_minor, account->currency);
}

static const char *describe(
    struct arena *arena, const struct books_row *row, const struct account *account)
{
    int64_t amount_minor = row->amount_minor;
    if (row->has_payment && row->payment_status == PAYMENT_CAPTURED)
        amount_minor = row->captured_minor;
    return arena_printf(arena, "%s (%lld %s) here, %s%s at the gateway", verdict_our_state(row),
        (long long)amount_minor, row->currency, verdict_their_state(account),
        their_sum(arena, account));
}

static void remember_order(struct look *look, int64_t order_id)
{
    if (look->order_count == look->order_cap) {
        look->order_cap = look->order_cap ? look->order_cap * 2 : 256;
        look->order_ids = xrealloc(look->order_ids, look->order_cap * sizeof *look->order_ids);
    }
    look->order_ids[look->order_count++] = order_id;
}

static bool is_open(const struct books_row *row)
{
    return row->state == ATTEMPT_STARTED || row->state == ATTEMPT_VOIDING;
}

static void take_row(void *arg, const struct books_row *row)
{
    struct look *look = arg;
    struct account *account = ledger_map_find(&look->ledger, row->uid);
    enum verdict verdict = verdict_of(row, account, &look->times);
    if (account)
        account->is_known = true;
    if (row->order_id)
        remember_order(look, row->order_id);
    if (is_open(row) && account && account->kind == EVENT_CAPTURE)
        release_add(&look->found.release, row->uid);
    if (verdict)
        add_payment(
            look, verdict, row->order_id, row->uid, describe(&look->ctl->arena, row, account));
}

static void take_strangers(struct look *look)
{
    for (size_t n = 0; n < look->ledger.count; n++) {
        const struct account *account = &look->ledger.accounts[n];
        enum verdict verdict = account->is_known ? VERDICT_FINE : verdict_of_stranger(account);
        if (verdict)
            add_payment(look, verdict, 0, account->reference,
                arena_printf(&look->ctl->arena, "unknown here, %s%s at the gateway",
                    verdict_their_state(account), their_sum(&look->ctl->arena, account)));
    }
}

/* ---- mails */

static void take_outbox(void *arg, int64_t order_id, const char *uid)
{
    struct look *look = arg;
    mail_list_add(&look->mails, order_id, uid, MAIL_IN_OUTBOX);
}

static int compare_ids(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static enum err read_mails(struct look *look, struct fault *fault)
{
    const struct config *config = look->ctl->config;
    enum err e = mail_list_read_spool(&look->mails, config_text(config, OPT_spool_path), fault);
    if (!e)
        e = mail_list_read_maildir(&look->mails, config_text(config, OPT_notify_maildir), fault);
    return e;
}

/* Mails that cannot be read hide nothing of what was found so far. */
static void compare_mails(struct look *look)
{
    struct fault fault;
    fault_begin(&fault, &look->ctl->arena);
    bool is_held = look->times.is_held;
    enum err e = read_mails(look, &fault);
    if (e && is_held)
        mail_repeat_possible(&look->found.list, &look->mails);
    if (e == ERR_REFUSED) {
        look->found.mails_skipped = fault.text;
        return;
    }
    if (e) {
        disagreements_add(
            &look->found.list, &(struct disagreement){.area = "mail",
                                   .kind = "mails_unreadable",
                                   .problem = fault.text,
                                   .hint = "run orderctl check, and read the log of orderd"});
        return;
    }
    if (look->order_count)
        qsort(look->order_ids, look->order_count, sizeof *look->order_ids, compare_ids);
    mail_compare(&look->found.list, look->order_ids, look->order_count, &look->mails);
    if (is_held)
        mail_repeat_seen(&look->found.list, &look->mails);
}

/* ---- the looks */

/* Orders and outbox in one snapshot: a mail leaves the outbox only for the spool. */
static enum err read_books(struct db *db, void *arg)
{
    struct look *look = arg;
    struct reconciliation *found = &look->found;
    look->order_count = look->mails.count = 0; /* a unit may be run again */
    found->list.count = found->release.count = 0;
    enum err e = restored_get(db, &found->release.restored);
    look->times.is_held = found->release.restored.is_held;
    if (!e)
        e = books_walk(db, take_row, look);
    return e ? e : outbox_walk(db, take_outbox, look);
}

static enum err look_once(struct look *look)
{
    struct ctl *ctl = look->ctl;
    struct admin_options options = ctl_database(ctl);
    enum err e = ledger_map_open(
        &look->ledger, config_text(ctl->config, OPT_gateway_ledger), LEDGER_WAIT_MS, &ctl->fault);
    if (!e)
        e = admin_read(&options, read_books, look, &ctl->fault);
    if (e)
        return e;
    take_strangers(look);
    compare_mails(look);
    return ERR_NONE;
}

static enum err look(struct ctl *ctl, struct reconciliation *found)
{
    struct look look;
    look_begin(&look, ctl);
    enum err e = look_once(&look);
    *found = look.found;
    look_end(&look);
    return e;
}

static const char *held_since(const struct reconciliation *found)
{
    const struct restored *restored = &found->release.restored;
    return restored->is_held ? restored->held_since : NULL;
}

static enum err expect_held(struct ctl *ctl, const struct reconciliation *found)
{
    if (held_since(found))
        return ERR_NONE;
    return fail(&ctl->fault, ERR_REFUSED, NULL,
        "the database was not restored, or was let go already: reconcile tells the rest");
}

static enum err look_twice(struct ctl *ctl, bool is_asked, struct reconciliation *found)
{
    struct disagreements earlier;
    enum err e = look(ctl, found);
    if (!e && is_asked)
        e = expect_held(ctl, found);
    if (e || !found->list.count)
        return e;
    earlier = found->list;
    clock_sleep_until(clock_mono_ms() + PAUSE_MS);
    e = look(ctl, found);
    if (!e)
        disagreements_keep_lasting(&found->list, &earlier);
    return e;
}

static enum err write_json(struct ctl *ctl, const struct reconciliation *found)
{
    static const struct output_column columns[] = {{"mails", OUTPUT_TEXT},
        {"mails_skipped_because", OUTPUT_TEXT}, {"held_since", OUTPUT_TEXT}};
    struct output summary, list;
    struct buffer out;
    output_begin(&summary, &ctl->arena, "reconciliations", columns, 3);
    output_row(&summary, (struct output_value[]){
                             {.text = found->mails_skipped ? "skipped" : "compared"},
                             {.text = found->mails_skipped},
                             {.text = held_since(found)},
                         });
    disagreements_list(&found->list, &list);
    buffer_begin(&out, &ctl->arena, 4096);
    output_render_document(
        &summary, &(struct output_part){"disagreements", &list, .is_list = true}, 1, true, &out);
    return output_write(&out, &ctl->fault);
}

static enum err write_lines(struct ctl *ctl, const struct reconciliation *found)
{
    struct buffer out;
    buffer_begin(&out, &ctl->arena, 4096);
    if (found->mails_skipped)
        ctl_note(ctl, "mails are not compared: %s", found->mails_skipped);
    disagreements_render(&found->list, &out);
    return output_write(&out, &ctl->fault);
}

/* Nothing is let go before it was told. */
static enum err write_and_release(
    struct ctl *ctl, const struct reconciliation *found, bool is_asked)
{
    enum err e = ctl->is_json ? write_json(ctl, found) : write_lines(ctl, found);
    if (e)
        return e;
    if (is_asked)
        return release_hold(ctl, &found->release);
    if (held_since(found))
        ctl_note(ctl, "the database was restored at %s, and is held until reconcile --restored",
            held_since(found));
    return ERR_NONE;
}

enum err reconcile_run(struct ctl *ctl)
{
    bool is_asked = ctl_value(ctl, "restored") != NULL;
    struct reconciliation found;
    enum err e = look_twice(ctl, is_asked, &found);
    if (e)
        return e;
    size_t count = found.list.count;
    e = write_and_release(ctl, &found, is_asked);
    if (!e && count)
        e = fail(
            &ctl->fault, ERR_REFUSED, NULL, "%zu disagreement%s", count, count == 1 ? "" : "s");
    return e;
}
