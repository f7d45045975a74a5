// Preloaded into the daemons: the wall clock runs ESTPROV_CRASH_CLOCK seconds ahead, so that a renewal is due
// at once.
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static int (*real_clock)(clockid_t, struct timespec *);
static time_t ahead;

__attribute__((constructor)) static void find_clock(void)
{
    const char *seconds = getenv("ESTPROV_CRASH_CLOCK");
    *(void **)&real_clock = dlsym(RTLD_NEXT, "clock_gettime");
    ahead = seconds ? strtol(seconds, NULL, 10) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (!real_clock)
        find_clock();
    int result = real_clock(clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += ahead;
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    (void)zone;
    struct timespec precise;
    int result = clock_gettime(CLOCK_REALTIME, &precise);
    if (result == 0)
        *now = (struct timeval){precise.tv_sec, precise.tv_nsec / 1000};
    return result;
}

time_t time(time_t *store)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME_COARSE, &now) != 0)
        return (time_t)-1;
    if (store)
        *store = now.tv_sec;
    return now.tv_sec;
}
