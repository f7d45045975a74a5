#include "pkix.h"

#include <string.h>

static const unsigned char ec_public_key[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
static const unsigned char rsa_encryption[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
static const unsigned char ed25519[] = {0x2b, 0x65, 0x70};

struct curve {
    unsigned char oid[8];
    unsigned char oid_length;
    unsigned char order; /* bytes; its coordinates have as many */
};

static const struct curve curves[] = {
    {{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}, 8, 32},
    {{0x2b, 0x81, 0x04, 0x00, 0x22}, 5, 48},
    {{0x2b, 0x81, 0x04, 0x00, 0x23}, 5, 66},
};

static bool read_ec(struct span *algorithm, const struct span *bits, struct public_key *key)
{
    struct span oid;

    if (!der_take(algorithm, DER_OBJECT_IDENTIFIER, &oid, &key->parameters))
        return false;
    key->type = CKK_EC;
    key->point = *bits;
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
        if (span_is(&oid, curves[i].oid, curves[i].oid_length))
            key->unit = curves[i].order;
    return key->unit > 0 && bits->length == 1 + 2 * key->unit && bits->at[0] == 4;
}

static bool read_rsa(const struct span *bits, struct public_key *key)
{
    struct span rest = *bits;
    struct span numbers;

    key->type = CKK_RSA;
    if (!der_take(&rest, DER_SEQUENCE, &numbers, NULL) || rest.length > 0 ||
        !der_take_unsigned(&numbers, &key->modulus) || !der_take_unsigned(&numbers, &key->exponent))
        return false;
    key->unit = key->modulus.length;
    return key->unit >= 128 && key->unit <= LARGEST_MODULUS && key->exponent.length > 0;
}

bool read_public_key(const struct span *spki, struct public_key *key)
{
    struct span rest = *spki;
    struct span info;
    struct span algorithm;
    struct span oid;
    struct span whole_oid;
    struct span bits;

    memset(key, 0, sizeof(*key));
    if (!der_take(&rest, DER_SEQUENCE, &info, NULL) || rest.length > 0 ||
        !der_take(&info, DER_SEQUENCE, &algorithm, NULL) || !der_take_bits(&info, &bits) || info.length > 0 ||
        !der_take(&algorithm, DER_OBJECT_IDENTIFIER, &oid, &whole_oid))
        return false;
    if (span_is(&oid, ec_public_key, sizeof(ec_public_key)))
        return read_ec(&algorithm, &bits, key);
    if (span_is(&oid, rsa_encryption, sizeof(rsa_encryption)))
        return read_rsa(&bits, key);
    /* RFC 8410: the algorithm is the curve. */
    key->type = CKK_EC_EDWARDS;
    key->unit = 32;
    key->parameters = whole_oid;
    key->point = bits;
    return span_is(&oid, ed25519, sizeof(ed25519)) && bits.length == key->unit;
}

size_t signature_size(const struct public_key *key)
{
    return key->type == CKK_RSA ? key->unit : 2 * key->unit;
}

bool read_certificate(const struct span *der, struct certificate *certificate)
{
    struct span rest = *der;
    struct span whole;
    struct span body;
    struct span value;

    /* Version; serial number; algorithm; issuer; validity; subject; key. What follows is nobody's here. */
    if (!der_take(&rest, DER_SEQUENCE, &whole, NULL) || rest.length > 0 ||
        !der_take(&whole, DER_SEQUENCE, &body, NULL))
        return false;
    if (der_tag(&body) == DER_CONTEXT_0 && !der_take(&body, DER_CONTEXT_0, &value, NULL))
        return false;
    return der_take(&body, DER_INTEGER, &value, &certificate->serial) &&
           der_take(&body, DER_SEQUENCE, &value, NULL) &&
           der_take(&body, DER_SEQUENCE, &value, &certificate->issuer) &&
           der_take(&body, DER_SEQUENCE, &value, NULL) &&
           der_take(&body, DER_SEQUENCE, &value, &certificate->subject) &&
           der_take(&body, DER_SEQUENCE, &value, &certificate->spki);
}

bool write_ecdsa(const struct span *der, size_t unit, unsigned char *out)
{
    struct span rest = *der;
    struct span pair;
    struct span numbers[2];

    if (!der_take(&rest, DER_SEQUENCE, &pair, NULL) || rest.length > 0 ||
        !der_take_unsigned(&pair, &numbers[0]) || !der_take_unsigned(&pair, &numbers[1]) || pair.length > 0)
        return false;
    memset(out, 0, 2 * unit);
    for (int i = 0; i < 2; i++, out += unit) {
        if (numbers[i].length > unit || numbers[i].length == 0)
            return false;
        memcpy(out + unit - numbers[i].length, numbers[i].at, numbers[i].length);
    }
    return true;
}
