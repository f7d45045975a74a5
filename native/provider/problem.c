#include "problem.h"

#include <stdarg.h>
#include <stdio.h>

void problem_set(struct problem *problem, enum reason reason, const char *format, ...)
{
    va_list arguments;

    problem->reason = reason;
    va_start(arguments, format);
    (void)vsnprintf(problem->text, sizeof(problem->text), format, arguments);
    va_end(arguments);
}
