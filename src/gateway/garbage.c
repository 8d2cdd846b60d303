/* Every kind must be wrong for the call that it answers: another sum is nothing to a void. */
#include "gateway/garbage.h"

#include <string.h>

#include "core/random.h"

enum garbage {
    GARBAGE_CODE,      /* a result that there is not */
    GARBAGE_REFERENCE, /* about somebody else's payment */
    GARBAGE_EMPTY,
    GARBAGE_UNENDING, /* texts without an end */
    GARBAGE_SUM,      /* another one */
    GARBAGE__COUNT
};

#define NO_RESULT ((enum gateway_result)77)

enum gateway_result garbage_say(
    enum gateway_result result, bool has_sum, struct gateway_answer *answer)
{
    switch ((enum garbage)random_below(GARBAGE__COUNT)) {
    case GARBAGE_REFERENCE:
        answer->reference[0] = 'x'; /* no uid has one; said twice, it is still wrong */
        return result;
    case GARBAGE_EMPTY:
        memset(answer, 0, sizeof *answer);
        return result;
    case GARBAGE_UNENDING:
        memset(answer->reference, 'x', sizeof answer->reference);
        memset(answer->currency, 'X', sizeof answer->currency);
        memset(answer->decline_code, 'x', sizeof answer->decline_code);
        return result;
    case GARBAGE_SUM:
        if (!has_sum || result != GATEWAY_DONE)
            break;
        answer->amount_minor++;
        return result;
    case GARBAGE_CODE:
    case GARBAGE__COUNT:
        break;
    }
    return NO_RESULT;
}
