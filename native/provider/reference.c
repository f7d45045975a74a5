#include "reference.h"

#include <openssl/asn1.h>
#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <string.h>

typedef struct reference {
    ASN1_UTF8STRING *magic;
    ASN1_UTF8STRING *handle;
    ASN1_UTF8STRING *socket;
    ASN1_UTF8STRING *uri;
    ASN1_OCTET_STRING *spki;
} REFERENCE;

ASN1_SEQUENCE(REFERENCE) =
    {
        ASN1_SIMPLE(REFERENCE, magic, ASN1_UTF8STRING),  ASN1_SIMPLE(REFERENCE, handle, ASN1_UTF8STRING),
        ASN1_SIMPLE(REFERENCE, socket, ASN1_UTF8STRING), ASN1_SIMPLE(REFERENCE, uri, ASN1_UTF8STRING),
        ASN1_SIMPLE(REFERENCE, spki, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END(REFERENCE)

    /* What IMPLEMENT_ASN1_FUNCTIONS would declare for all to see. */
    static REFERENCE
    * new_reference(void)
{
    return (REFERENCE *)ASN1_item_new(ASN1_ITEM_rptr(REFERENCE));
}

static void free_reference(REFERENCE *reference)
{
    ASN1_item_free((ASN1_VALUE *)reference, ASN1_ITEM_rptr(REFERENCE));
}

unsigned char *reference_encode(const struct keyd_public *key, size_t *length)
{
    REFERENCE *reference = new_reference();
    unsigned char *der = NULL;
    int size = -1;

    if (reference != NULL && ASN1_STRING_set(reference->magic, REFERENCE_MAGIC, -1) &&
        ASN1_STRING_set(reference->handle, key->handle, -1) &&
        ASN1_STRING_set(reference->socket, key->socket, -1) &&
        ASN1_STRING_set(reference->uri, key->uri, -1) &&
        ASN1_STRING_set(reference->spki, key->spki, (int)key->spki_length))
        size = ASN1_item_i2d((const ASN1_VALUE *)reference, &der, ASN1_ITEM_rptr(REFERENCE));
    free_reference(reference);
    *length = size > 0 ? (size_t)size : 0;
    return der;
}

static bool copy_text(const ASN1_STRING *from, char *to, size_t size)
{
    const size_t length = (size_t)ASN1_STRING_length(from);

    if (length == 0 || length >= size || memchr(ASN1_STRING_get0_data(from), '\0', length) != NULL)
        return false;
    memcpy(to, ASN1_STRING_get0_data(from), length);
    to[length] = '\0';
    return true;
}

bool reference_decode(const unsigned char *der, size_t length, struct keyd_public *key)
{
    enum { MAGIC_WITHIN = 40 };
    REFERENCE *reference;
    bool done = false;

    /* Most of what comes by is an ordinary key or certificate. */
    if (memmem(der, length < MAGIC_WITHIN ? length : MAGIC_WITHIN, REFERENCE_MAGIC,
               strlen(REFERENCE_MAGIC)) == NULL)
        return false;
    (void)ERR_set_mark();
    reference = (REFERENCE *)ASN1_item_d2i(NULL, &der, (long)length, ASN1_ITEM_rptr(REFERENCE));
    (void)ERR_pop_to_mark();
    if (reference != NULL && copy_text(reference->handle, key->handle, sizeof(key->handle)) &&
        copy_text(reference->socket, key->socket, sizeof(key->socket)) &&
        copy_text(reference->uri, key->uri, sizeof(key->uri)) &&
        (size_t)ASN1_STRING_length(reference->spki) <= sizeof(key->spki)) {
        key->spki_length = (size_t)ASN1_STRING_length(reference->spki);
        memcpy(key->spki, ASN1_STRING_get0_data(reference->spki), key->spki_length);
        done = true;
    }
    free_reference(reference);
    return done;
}
