#ifndef ESTPROV_PKCS11_SESSION_H
#define ESTPROV_PKCS11_SESSION_H

#include "cryptoki.h"
#include "mechanism.h"

#include <stdbool.h>
#include <stddef.h>

/* Sessions. All of this is called with the lock held, and a session is looked up again each time that the
 * lock is taken: another thread may have closed it. */

struct search {
    bool active;
    CK_OBJECT_HANDLE *found;
    size_t count;
    size_t told;
};

struct signing {
    bool active;
    const struct mechanism *mechanism;
    CK_OBJECT_HANDLE key;
    size_t pss_length;   /* of the digest that PSS parameters name, or 0 */
    unsigned char *data; /* what has been given so far */
    size_t length;
    size_t room;
};

struct session {
    CK_SESSION_HANDLE handle;
    CK_FLAGS flags;
    struct search search;
    struct signing signing;
};

/* NULL: there is none. */
struct session *session_find(CK_SESSION_HANDLE handle);
bool session_open(CK_FLAGS flags, CK_SESSION_HANDLE *handle);
bool session_close(CK_SESSION_HANDLE handle);
size_t session_count(bool writable);
/* Whether C_Login was called since the first session was opened: it changes nothing but what C_GetSessionInfo
 * says. */
bool *session_login(void);
void sessions_forget(void);

void search_end(struct search *search);
void signing_end(struct signing *signing);

#endif
