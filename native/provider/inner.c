#include "provider.h"

#include <openssl/crypto.h>
#include <pthread.h>

/*
 * One for all instances of this module in a process: the first key costs it 80 KB of decoders and algorithms,
 * and .NET makes an instance for every key that it opens and never frees it.
 */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static OSSL_LIB_CTX *shared;
static unsigned int users;

OSSL_LIB_CTX *provider_inner(struct provider *provider)
{
    OSSL_LIB_CTX *inner = atomic_load_explicit(&provider->inner, memory_order_acquire);

    if (inner != NULL)
        return inner;
    (void)pthread_mutex_lock(&gate);
    inner = atomic_load_explicit(&provider->inner, memory_order_relaxed);
    if (inner == NULL) {
        if (shared == NULL)
            shared = OSSL_LIB_CTX_new();
        inner = shared;
        if (inner != NULL) {
            users++;
            atomic_store_explicit(&provider->inner, inner, memory_order_release);
        }
    }
    (void)pthread_mutex_unlock(&gate);
    return inner;
}

void provider_inner_release(struct provider *provider)
{
    OSSL_LIB_CTX *unused = NULL;

    if (atomic_load_explicit(&provider->inner, memory_order_acquire) == NULL)
        return;
    (void)pthread_mutex_lock(&gate);
    if (--users == 0) {
        unused = shared;
        shared = NULL;
    }
    (void)pthread_mutex_unlock(&gate);
    OSSL_LIB_CTX_free(unused);
}
