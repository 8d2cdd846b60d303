/* Counts of what went wrong in the last few minutes, and of what is still under way, for many
 * names in bounded memory.
 *
 * A window is five buckets, the running one and the four before it; what is older does not count.
 * Names are 16 bytes that a stranger cannot choose (a keyed digest), so they are found by their
 * first bytes as they are. When all entries are taken, the one that was begun longest ago goes;
 * never one with something under way. The caller's lock guards it, and the caller tells the time
 * (monotonic milliseconds), which may step back by the width of a race. */
#ifndef ORDERD_SERVICES_TALLY_H
#define ORDERD_SERVICES_TALLY_H

#include <stdbool.h>
#include <stdint.h>

struct tally;

#define TALLY_BUCKETS  5
#define TALLY_KEY_SIZE 16

/* Memory is taken as entries are used. */
struct tally *tally_open(int entries_max, int64_t bucket_ms);
void tally_close(struct tally *);

/* 0: the name has fewer than limit, under way and failed together. Else milliseconds until enough
 * of them fall out of the window; 1, if those still under way are too many by themselves. Makes no
 * entry. */
int64_t tally_wait_ms(
    const struct tally *, const unsigned char key[TALLY_KEY_SIZE], int64_t limit, int64_t now_ms);

/* One more is under way. The result is for tally_end(); 0: no entry is left. */
uint32_t tally_begin(struct tally *, const unsigned char key[TALLY_KEY_SIZE], int64_t now_ms);

/* It is over. is_failure: it is counted in the running bucket. An entry that holds nothing more is
 * gone. */
void tally_end(struct tally *, uint32_t entry, bool is_failure, int64_t now_ms);

/* Forgets the failures of what is under way; before tally_end(). */
void tally_clear(struct tally *, uint32_t entry);

/* Entries in use. (One that has to go while its failures still count is seen in the metrics.) */
int64_t tally_count(const struct tally *);

#endif
