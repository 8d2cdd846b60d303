/* The inside of struct config, for config.c and config_print.c alone. */
#ifndef ORDERD_CORE_CONFIG_VALUES_H
#define ORDERD_CORE_CONFIG_VALUES_H

#include <stdint.h>

#include "core/arena.h"
#include "core/config.h"

struct config_value {
    const char *raw;  /* as the file or the default has it */
    const char *text; /* the same; a path is resolved */
    int64_t number;
    int line; /* 0: the default */
};

struct config {
    struct arena arena; /* holds the texts */
    struct config_value values[OPT__COUNT];
};

#endif
