#ifndef ESTPROV_PKCS11_MODULE_H
#define ESTPROV_PKCS11_MODULE_H

#include "cryptoki.h"

#include "estprov.h"

/* The module's one state, its lock, and connections to the daemons. PKCS#11 has no context that a caller
 * would bring: this is the one part of EstProv's C that has variables of its own. No call to a daemon is made
 * with the lock held. */

enum { THE_SLOT = 0 };

/* Takes the lock where the module is initialized; otherwise CKR_CRYPTOKI_NOT_INITIALIZED, without it. */
CK_RV module_enter(void);
/* Gives the lock back, and the value through. */
CK_RV module_leave(CK_RV value);

/* A context of the library for one exchange, taken with the lock not held. It waits while as many are in use
 * as keyd serves at one time. Until it is given back, the thread is not cancelled: neither a lock nor a
 * context would come back. */
struct lease {
    struct estprov *context; /* NULL: none could be opened; it is given back all the same */
    int error;               /* why not */
    int cancel_state;
};

void context_borrow(struct lease *lease);
void context_return(struct lease *lease);

/* For a call that failed: its words to stderr where ESTPROV_PKCS11_VERBOSE is set, and the value for the
 * caller. context NULL: none could be opened. */
CK_RV told(const struct estprov *context, int error);

CK_RV module_initialize(void *arguments);
CK_RV module_finalize(void *reserved);

#endif
