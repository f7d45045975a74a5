#ifndef ESTPROV_CHECK_H
#define ESTPROV_CHECK_H

#include <stdbool.h>

/* A test is a function; it has failed when one of its checks has. */

#define CHECK(condition) check((condition), __FILE__, __LINE__, #condition)
#define CHECK_INT(actual, expected) check_int((long)(actual), (long)(expected), __FILE__, __LINE__, #actual)
#define CHECK_TEXT_HAS(text, part) check_text_has((text), (part), __FILE__, __LINE__)

bool check(bool condition, const char *file, int line, const char *what);
bool check_int(long actual, long expected, const char *file, int line, const char *what);
bool check_text_has(const char *text, const char *part, const char *file, int line);

/* The name is a sentence. */
void run_test(const char *name, void (*test)(void));

/* Of a test that cannot be run here, and why: it is counted, and said. */
void skip_test(const char *why);

/* Prints the sums; the exit status. */
int finish_tests(void);

#endif
