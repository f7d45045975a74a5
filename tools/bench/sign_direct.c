/* The yardstick beside sign_load: the same P-256 C_Sign called directly in one process, by N threads with a
 * session each. usage: sign_direct MODULE SLOT PIN LABEL THREADS SIGNATURES_PER_THREAD */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static CK_FUNCTION_LIST *token;
static CK_SLOT_ID slot;
static CK_OBJECT_HANDLE key;
static long each;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double cpu(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void must(CK_RV result, const char *what)
{
    if (result == CKR_OK)
        return;
    fprintf(stderr, "error: %s: 0x%lx\n", what, result);
    exit(1);
}

static void *run(void *unused)
{
    CK_SESSION_HANDLE session;
    CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
    unsigned char digest[32] = {1}, signature[128];
    (void)unused;
    must(token->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session), "C_OpenSession");
    for (long i = 0; i < each; i++) {
        CK_ULONG length = sizeof signature;
        must(token->C_SignInit(session, &mechanism, key), "C_SignInit");
        must(token->C_Sign(session, digest, sizeof digest, signature, &length), "C_Sign");
    }
    must(token->C_CloseSession(session), "C_CloseSession");
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: sign_direct MODULE SLOT PIN LABEL THREADS SIGNATURES_PER_THREAD\n");
        return 64;
    }
    void *module = dlopen(argv[1], RTLD_NOW);
    CK_C_GetFunctionList get = module ? (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList") : NULL;
    if (get == NULL) {
        fprintf(stderr, "error: %s is no PKCS#11 module\n", argv[1]);
        return 1;
    }
    must(get(&token), "C_GetFunctionList");
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    must(token->C_Initialize(&arguments), "C_Initialize");
    slot = strtoul(argv[2], NULL, 10);
    int threads = atoi(argv[5]);
    each = atol(argv[6]);
    CK_SESSION_HANDLE session;
    must(token->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session), "C_OpenSession");
    must(token->C_Login(session, CKU_USER, (unsigned char *)argv[3], strlen(argv[3])), "C_Login");
    CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &private_key, sizeof private_key},
                             {CKA_LABEL, argv[4], strlen(argv[4])}};
    CK_ULONG found = 0;
    must(token->C_FindObjectsInit(session, wanted, 2), "C_FindObjectsInit");
    must(token->C_FindObjects(session, &key, 1, &found), "C_FindObjects");
    must(token->C_FindObjectsFinal(session), "C_FindObjectsFinal");
    if (found != 1 || threads < 1 || threads > 64) {
        fprintf(stderr, "error: no key with that label\n");
        return 1;
    }
    pthread_t all[64];
    double start = now(), start_cpu = cpu();
    for (int i = 0; i < threads; i++)
        if (pthread_create(&all[i], NULL, run, NULL) != 0)
            return 1;
    for (int i = 0; i < threads; i++)
        pthread_join(all[i], NULL);
    double seconds = now() - start;
    long count = threads * each;
    printf("threads=%d signatures=%ld seconds=%.3f rate=%.0f cpu_us=%.1f\n", threads, count, seconds,
           (double)count / seconds, (cpu() - start_cpu) / (double)count * 1e6);
    token->C_Finalize(NULL);
    return 0;
}
