/* A hostile daemon answers a watch: the first answer is the first line's length of bytes, the second the
 * rest. */
#include "estprov.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { LOOKS = 8, MOST_CHANGES = 300, TIMEOUT_MS = 100000, BETWEEN_MS = 20000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct estprov *context;
    struct estprov_watch *watch;
    struct estprov_change change;

    if (size < 1 || estprov_open(&context, "/fuzz", TIMEOUT_MS) != 0)
        return 0;
    fuzz_answer(data + 1, size - 1, (data[0] & 0x80) != 0);
    if (estprov_watch_open(context, ESTPROV_CERTD, &watch) == 0) {
        for (int look = 0; look < LOOKS; look++) {
            int error;

            for (int i = 0; (error = estprov_watch_next(watch, 0, &change)) == 0; i++)
                if (i > MOST_CHANGES * 100 || change.kind[0] == '\0' ||
                    memchr(change.subject, 0, sizeof(change.subject)) == NULL)
                    abort();
            if (error > 0)
                abort();
            fuzz_wait(BETWEEN_MS);
        }
        estprov_watch_close(watch);
    }
    estprov_close(context);
    fuzz_hang_up();
    return 0;
}
