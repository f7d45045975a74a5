#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The library's tests run where there is no OpenSSL. */
#ifdef CHECK_WITHOUT_OPENSSL
#define ERR_print_errors_fp(stream) ((void)(stream))
#define ERR_clear_error() ((void)0)
#else
#include <openssl/err.h>
#endif

static int passed;
static int failed;
static int skipped;
static bool current_failed;
static const char *current_skipped;

bool check(bool condition, const char *file, int line, const char *what)
{
    if (!condition) {
        current_failed = true;
        (void)fprintf(stderr, "%s:%d: not true: %s\n", file, line, what);
        ERR_print_errors_fp(stderr);
    }
    return condition;
}

bool check_int(long actual, long expected, const char *file, int line, const char *what)
{
    if (actual == expected)
        return true;
    current_failed = true;
    (void)fprintf(stderr, "%s:%d: %s is %ld, not %ld\n", file, line, what, actual, expected);
    ERR_print_errors_fp(stderr);
    return false;
}

bool check_text_has(const char *text, const char *part, const char *file, int line)
{
    if (strstr(text, part) != NULL)
        return true;
    current_failed = true;
    (void)fprintf(stderr, "%s:%d: '%s' has no '%s'\n", file, line, text, part);
    return false;
}

void run_test(const char *name, void (*test)(void))
{
    const char *only = getenv("ONLY");

    if (only != NULL && strstr(name, only) == NULL)
        return;
    current_failed = false;
    current_skipped = NULL;
    ERR_clear_error();
    test();
    ERR_clear_error();
    if (current_failed)
        failed++;
    else if (current_skipped != NULL)
        skipped++;
    else
        passed++;
    if (current_skipped != NULL && !current_failed)
        (void)printf("SKIPPED %s: %s\n", name, current_skipped);
    else
        (void)printf("%s %s\n", current_failed ? "FAILED" : "ok    ", name);
    (void)fflush(stdout);
}

void skip_test(const char *why)
{
    current_skipped = why;
}

int finish_tests(void)
{
    (void)printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed == 0 && passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
