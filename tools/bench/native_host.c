/* What a library adds to a program that uses it: resident memory and threads. The program has done before
 * what any program has: it has looked a user up, and has a heap. usage: native_host LIBRARY HANDLE */
#include "estprov.h"

#include <dlfcn.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIGNATURES = 200, HEAP = 256 * 1024 };

/* A line of a file of /proc/self: "NAME: 123 kB". */
static long field(const char *path, const char *name)
{
    char line[256];
    long value = -1;
    FILE *const file = fopen(path, "re");

    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            value = atol(line + strlen(name));
    if (file != NULL)
        (void)fclose(file);
    return value;
}

static void *symbol(void *library, const char *name)
{
    void *const found = dlsym(library, name);

    if (found == NULL) {
        (void)fprintf(stderr, "error: the library has no %s\n", name);
        exit(1);
    }
    return found;
}

int main(int count, char **arguments)
{
    int (*open_context)(struct estprov **, const char *, int);
    int (*sign)(struct estprov *, const char *, enum estprov_algorithm, const void *, size_t, void *,
                size_t *);
    struct estprov *context;
    unsigned char digest[32] = {1};
    unsigned char signature[128];
    long before, loaded, after;
    void *library, *found;
    char *heap = malloc(HEAP);

    if (count != 3 || heap == NULL)
        return 64;
    memset(heap, 1, HEAP);
    free(heap);
    (void)getpwnam("estprov-keyd");
    before = field("/proc/self/smaps_rollup", "Rss:");
    before = field("/proc/self/smaps_rollup", "Rss:");
    library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        (void)fprintf(stderr, "error: %s\n", dlerror());
        return 1;
    }
    loaded = field("/proc/self/smaps_rollup", "Rss:");
    found = symbol(library, "estprov_open");
    memcpy(&open_context, &found, sizeof(found));
    found = symbol(library, "estprov_sign");
    memcpy(&sign, &found, sizeof(found));
    if (open_context(&context, NULL, 0) != 0)
        return 1;
    for (int i = 0; i < SIGNATURES; i++) {
        size_t size = sizeof(signature);
        const int error =
            sign(context, arguments[2], ESTPROV_ECDSA, digest, sizeof(digest), signature, &size);

        if (error != 0) {
            (void)fprintf(stderr, "error: the signature failed with %d\n", error);
            return 1;
        }
    }
    after = field("/proc/self/smaps_rollup", "Rss:");
    printf("loaded_kb=%ld used_kb=%ld threads=%ld\n", loaded - before, after - before,
           field("/proc/self/status", "Threads:"));
    return 0;
}
