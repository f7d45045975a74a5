#ifndef ESTPROV_FUZZ_H
#define ESTPROV_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What each connection of the library's is answered from now on; then it is hung up. body_only: a right head
 * is put before it. */
void fuzz_answer(const uint8_t *data, size_t size, bool body_only);

/* Closes the daemon's ends. */
void fuzz_hang_up(void);

/* Lets time go by: nobody sleeps. */
void fuzz_wait(int milliseconds);

#endif
