/* See action.h. */
#include "services/action.h"

#include "core/clock.h"
#include "core/log.h"

enum err action_run(struct context *ctx, const char *name, action_verb *verb, void *args)
{
    int64_t begun_us = clock_mono_us();
    enum err outcome = verb(ctx, args);
    struct log_pair extra[] = {LOG_TEXT("subject", ctx->subject), {NULL, NULL, 0}};
    log_outcome(&(struct log_outcome){
        .kind = "action",
        .name = name,
        .request_id = ctx->request_id,
        .user_id = ctx->user_id,
        .duration_us = clock_mono_us() - begun_us,
        .outcome = outcome,
        .fault = &ctx->fault,
        .extra = ctx->subject ? extra : NULL,
        .lines = ctx->lines,
    });
    return outcome;
}
