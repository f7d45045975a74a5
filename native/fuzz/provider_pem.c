/* The key reference files that any program may be given. */
#include "fuzz.h"
#include "pem.h"

#include <stdlib.h>
#include <string.h>

struct source {
    const uint8_t *data;
    size_t left;
};

/* As BIO_gets: a line with its end, at most size - 1 bytes. */
static int gets_line(void *argument, char *line, int size)
{
    struct source *const source = argument;
    int used = 0;

    while (used < size - 1 && source->left > 0) {
        const char c = (char)*source->data++;

        source->left--;
        line[used++] = c;
        if (c == '\n')
            break;
    }
    line[used] = '\0';
    return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct source source = {data, size};
    char uri[300];

    memset(uri, 'x', sizeof(uri));
    if (pem_read_reference(gets_line, &source, uri, sizeof(uri)) && memchr(uri, 0, sizeof(uri)) == NULL)
        abort();
    return 0;
}
