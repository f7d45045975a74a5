#ifndef ESTPROV_KEYMGMT_H
#define ESTPROV_KEYMGMT_H

#include "key.h"

/* What EC and RSA keys have in common; see provider-keymgmt(7). */

void *keymgmt_load(const void *reference, size_t reference_size);
void keymgmt_free(void *key);
int keymgmt_has(const void *key, int selection);
int keymgmt_match(const void *left, const void *right, int selection);
int keymgmt_get_params(void *key, OSSL_PARAM params[]);
int keymgmt_export(void *key, int selection, OSSL_CALLBACK *callback, void *argument);
void *keymgmt_dup(const void *key, int selection);

/* type: "EC" or "RSA", for the inner library context. */
int keymgmt_import(struct key *key, const char *type, int selection, const OSSL_PARAM params[]);

#define KEYMGMT_COMMON_FUNCTIONS                                            \
    {OSSL_FUNC_KEYMGMT_LOAD, (void (*)(void))keymgmt_load},                 \
        {OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))keymgmt_free},             \
        {OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))keymgmt_has},               \
        {OSSL_FUNC_KEYMGMT_MATCH, (void (*)(void))keymgmt_match},           \
        {OSSL_FUNC_KEYMGMT_GET_PARAMS, (void (*)(void))keymgmt_get_params}, \
        {OSSL_FUNC_KEYMGMT_EXPORT, (void (*)(void))keymgmt_export},         \
    {                                                                       \
        OSSL_FUNC_KEYMGMT_DUP, (void (*)(void))keymgmt_dup                  \
    }

#endif
