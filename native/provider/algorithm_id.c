#include "algorithm_id.h"

#include <string.h>

/* RFC 5758 section 3.2: SEQUENCE { OID ecdsa-with-SHA2 } */
size_t algorithm_id_ecdsa(const struct hash *hash, unsigned char out[ALGORITHM_ID_LIMIT])
{
    static const unsigned char form[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                         0x48, 0xce, 0x3d, 0x04, 0x03, 0x00};

    memcpy(out, form, sizeof(form));
    out[sizeof(form) - 1] = hash->ecdsa_oid;
    return sizeof(form);
}

/* RFC 4055 section 5: SEQUENCE { OID sha2WithRSAEncryption, NULL } */
size_t algorithm_id_pkcs1(const struct hash *hash, unsigned char out[ALGORITHM_ID_LIMIT])
{
    static const unsigned char form[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                         0xf7, 0x0d, 0x01, 0x01, 0x00, 0x05, 0x00};

    memcpy(out, form, sizeof(form));
    out[12] = hash->rsa_oid;
    return sizeof(form);
}

/* RFC 4055 section 3.1 */
size_t algorithm_id_pss(const struct hash *hash, unsigned char out[ALGORITHM_ID_LIMIT])
{
    static const unsigned char form[] = {
        0x30, 0x41,                                                       /* SEQUENCE */
        0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, /*   OID id-RSASSA-PSS */
        0x30, 0x34,                                                       /*   SEQUENCE */
        0xa0, 0x0f, 0x30, 0x0d,                                           /*     [0] hash SEQUENCE */
        0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x00, /*       OID id-sha2 */
        0x05, 0x00,                                                       /*       NULL */
        0xa1, 0x1c, 0x30, 0x1a,                                           /*     [1] mask SEQUENCE */
        0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, /*       OID id-mgf1 */
        0x30, 0x0d,                                                       /*       SEQUENCE */
        0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x00, /*         OID id-sha2 */
        0x05, 0x00,                                                       /*         NULL */
        0xa2, 0x03, 0x02, 0x01, 0x00,                                     /*     [2] salt INTEGER */
    };
    enum { HASH_AT = 29, MASK_HASH_AT = 59 };

    memcpy(out, form, sizeof(form));
    out[HASH_AT] = hash->hash_oid;
    out[MASK_HASH_AT] = hash->hash_oid;
    out[sizeof(form) - 1] = (unsigned char)hash->size;
    return sizeof(form);
}
