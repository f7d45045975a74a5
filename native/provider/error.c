#include "provider.h"

#include <stdarg.h>

bool provider_fail(const struct provider *provider, enum reason reason, const char *format, ...)
{
    va_list arguments;

    provider->new_error(provider->core);
    if (provider->set_error_debug != NULL)
        provider->set_error_debug(provider->core, PROVIDER_NAME, 0, "");
    va_start(arguments, format);
    provider->vset_error(provider->core, (uint32_t)reason, format, arguments);
    va_end(arguments);
    return false;
}

void provider_raise(const struct provider *provider, const struct problem *problem)
{
    /* The text may hold what the other side sent, so it is an argument and never a format. */
    (void)provider_fail(provider, problem->reason, "%s", problem->text);
}
