// Preloaded into the daemons: the wall clock runs ESTPROV_CRASH_CLOCK seconds ahead, so that a renewal is due
// at once. Or as many as stand in the file ESTPROV_CRASH_CLOCK_FILE, 8 bytes, which may change meanwhile.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int (*real_clock)(clockid_t, struct timespec *);
static int64_t fixed;
static const volatile int64_t *ahead = &fixed;

__attribute__((constructor)) static void find_clock(void)
{
    const char *seconds = getenv("ESTPROV_CRASH_CLOCK");
    *(void **)&real_clock = dlsym(RTLD_NEXT, "clock_gettime");
    fixed = seconds ? strtol(seconds, NULL, 10) : 0;
    const char *path = getenv("ESTPROV_CRASH_CLOCK_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *mapped = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED)
        ahead = mapped;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (!real_clock)
        find_clock();
    int result = real_clock(clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += *ahead;
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
