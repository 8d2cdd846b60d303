/* The configuration: one INI file, read once into a table of values.
 *
 * Every option is a row of options.def and nothing else is accepted: an unknown section or name, a
 * name given twice, or a bad value is an error that names file and line, and all of them are
 * reported at once. */
#ifndef ORDERD_CORE_CONFIG_H
#define ORDERD_CORE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum config_option {
#define OPTION(section, name, type, value, min, max, unit, sentence) OPT_##section##_##name,
#include "core/options.def"
#undef OPTION
    OPT__COUNT
};

struct config;
struct buffer;

/* path NULL: every option has its default (relative paths are then taken from the working folder).
 * Problems are appended to problems, "FILE:LINE: text\n" each (borrowed), and the result is
 * ERR_CONFIG, with their number as its text; problems NULL: with the first of them. */
enum err config_open(struct config **, const char *path, struct buffer *problems, struct fault *);
void config_close(struct config *);

int64_t config_int(
    const struct config *, enum config_option); /* INT; server.socket_mode already read as octal */
bool config_bool(const struct config *, enum config_option);
const char *config_text(
    const struct config *, enum config_option); /* TEXT, PATH (resolved) and CHOICE; "" if empty */
int config_choice(const struct config *, enum config_option); /* index of the word */

/* The whole configuration as a file that config_open() takes, each option below its sentence, unit,
 * range and default. with_comments false: values only. */
void config_print(const struct config *, struct buffer *, bool with_comments);

#endif
