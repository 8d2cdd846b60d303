/* Help, made from the table of commands. */
#ifndef ORDERD_CTL_USAGE_H
#define ORDERD_CTL_USAGE_H

struct buffer;
struct subcommand;

/* Everything orderctl can do. */
void usage_all(struct buffer *);
/* The commands of one subject, a line each. */
void usage_subject(struct buffer *, const char *subject);
/* One command with its options. */
void usage_command(struct buffer *, const struct subcommand *);

#endif
