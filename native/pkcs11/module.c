#include "module.h"

#include "object.h"
#include "session.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* keyd serves ten requests of a user at one time (max_requests); a program has more to do than this module's.
 */
enum { MOST_CONTEXTS = 8, KEPT_CONTEXTS = 2 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t returned = PTHREAD_COND_INITIALIZER;
static struct {
    bool initialized;
    bool watches_forks;
    int borrowed;
    int kept_count;
    struct estprov *kept[KEPT_CONTEXTS];
} module;

static void before_fork(void)
{
    (void)pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    (void)pthread_mutex_unlock(&lock);
}

/* The child is to initialize anew (section 5.4). What threads of the parent were about is lost with them; the
 * contexts that were not in use know by themselves that their connections are the parent's. */
static void in_child(void)
{
    static const pthread_cond_t fresh = PTHREAD_COND_INITIALIZER;

    module.initialized = false;
    module.borrowed = 0;
    returned = fresh;
    (void)pthread_mutex_unlock(&lock);
}

CK_RV module_enter(void)
{
    (void)pthread_mutex_lock(&lock);
    return module.initialized ? CKR_OK : module_leave(CKR_CRYPTOKI_NOT_INITIALIZED);
}

CK_RV module_leave(CK_RV value)
{
    (void)pthread_mutex_unlock(&lock);
    return value;
}

void context_borrow(struct lease *lease)
{
    lease->context = NULL;
    lease->error = 0;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &lease->cancel_state);
    (void)pthread_mutex_lock(&lock);
    while (module.borrowed >= MOST_CONTEXTS)
        (void)pthread_cond_wait(&returned, &lock);
    module.borrowed++;
    if (module.kept_count > 0)
        lease->context = module.kept[--module.kept_count];
    (void)pthread_mutex_unlock(&lock);
    if (lease->context == NULL)
        lease->error = estprov_open(&lease->context, NULL, 0);
}

void context_return(struct lease *lease)
{
    (void)pthread_mutex_lock(&lock);
    module.borrowed--;
    if (lease->context != NULL && module.initialized && module.kept_count < KEPT_CONTEXTS) {
        module.kept[module.kept_count++] = lease->context;
        lease->context = NULL;
    }
    (void)pthread_cond_signal(&returned);
    (void)pthread_mutex_unlock(&lock);
    estprov_close(lease->context);
    (void)pthread_setcancelstate(lease->cancel_state, &lease->cancel_state);
}

CK_RV told(const struct estprov *context, int error)
{
    if (secure_getenv("ESTPROV_PKCS11_VERBOSE") != NULL)
        (void)fprintf(stderr, "libestprov-pkcs11: error: %s%s\n",
                      context == NULL && error != -ENOMEM ? "ESTPROV_SOCKET_FOLDER: " : "",
                      context == NULL ? estprov_strerror(error) : estprov_message(context));
    switch (error) {
    case -ENOMEM:
        return CKR_HOST_MEMORY;
    case -EACCES:
    case -EPERM:
        return CKR_KEY_FUNCTION_NOT_PERMITTED;
    case -EMSGSIZE:
        return CKR_DATA_LEN_RANGE;
    default:
        return CKR_DEVICE_ERROR;
    }
}

/* Locking is the system's: a caller who allows nothing but his own mutexes cannot be served (section 5.4). */
static CK_RV check_arguments(const CK_C_INITIALIZE_ARGS *arguments)
{
    int given;

    if (arguments == NULL)
        return CKR_OK;
    given = (arguments->CreateMutex != NULL) + (arguments->DestroyMutex != NULL) +
            (arguments->LockMutex != NULL) + (arguments->UnlockMutex != NULL);
    if (arguments->pReserved != NULL || (given != 0 && given != 4))
        return CKR_ARGUMENTS_BAD;
    return given == 4 && (arguments->flags & CKF_OS_LOCKING_OK) == 0 ? CKR_CANT_LOCK : CKR_OK;
}

CK_RV module_initialize(void *arguments)
{
    const CK_RV value = check_arguments(arguments);

    if (value != CKR_OK)
        return value;
    (void)pthread_mutex_lock(&lock);
    if (module.initialized)
        return module_leave(CKR_CRYPTOKI_ALREADY_INITIALIZED);
    if (!module.watches_forks && pthread_atfork(before_fork, after_fork, in_child) != 0)
        return module_leave(CKR_HOST_MEMORY);
    module.watches_forks = true;
    /* Of the parent, in a child. */
    sessions_forget();
    objects_forget();
    module.initialized = true;
    return module_leave(CKR_OK);
}

CK_RV module_finalize(void *reserved)
{
    struct estprov *kept[KEPT_CONTEXTS];
    int count;
    CK_RV value;

    if (reserved != NULL)
        return CKR_ARGUMENTS_BAD;
    value = module_enter();
    if (value != CKR_OK)
        return value;
    module.initialized = false;
    sessions_forget();
    objects_forget();
    count = module.kept_count;
    memcpy(kept, module.kept, sizeof(kept));
    module.kept_count = 0;
    (void)pthread_mutex_unlock(&lock);
    while (count > 0)
        estprov_close(kept[--count]);
    return CKR_OK;
}
