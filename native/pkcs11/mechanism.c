#include "mechanism.h"

#include <string.h>

enum { LONGEST_MESSAGE = 64 * 1024, PREFIX = 19, LONGEST_DIGEST = 64 };

/* The module has no hash functions: what hashes is hashed by keyd. Raw RSA is never offered: CKM_RSA_PKCS
 * takes the DigestInfo of a SHA-2, and nothing else. */
static const struct mechanism mechanisms[] = {
    {CKM_ECDSA, CKK_EC, INPUT_DIGEST, 0, "ECDSA"},
    {CKM_ECDSA_SHA256, CKK_EC, INPUT_MESSAGE, 32, "ECDSA"},
    {CKM_ECDSA_SHA384, CKK_EC, INPUT_MESSAGE, 48, "ECDSA"},
    {CKM_ECDSA_SHA512, CKK_EC, INPUT_MESSAGE, 64, "ECDSA"},
    {CKM_RSA_PKCS, CKK_RSA, INPUT_DIGEST_INFO, 0, "RSA-PKCS1"},
    {CKM_SHA256_RSA_PKCS, CKK_RSA, INPUT_MESSAGE, 32, "RSA-PKCS1"},
    {CKM_SHA384_RSA_PKCS, CKK_RSA, INPUT_MESSAGE, 48, "RSA-PKCS1"},
    {CKM_SHA512_RSA_PKCS, CKK_RSA, INPUT_MESSAGE, 64, "RSA-PKCS1"},
    {CKM_RSA_PKCS_PSS, CKK_RSA, INPUT_DIGEST, 0, "RSA-PSS"},
    {CKM_SHA256_RSA_PKCS_PSS, CKK_RSA, INPUT_MESSAGE, 32, "RSA-PSS"},
    {CKM_SHA384_RSA_PKCS_PSS, CKK_RSA, INPUT_MESSAGE, 48, "RSA-PSS"},
    {CKM_SHA512_RSA_PKCS_PSS, CKK_RSA, INPUT_MESSAGE, 64, "RSA-PSS"},
    {CKM_EDDSA, CKK_EC_EDWARDS, INPUT_MESSAGE, 0, "EdDSA"},
};

struct hash {
    unsigned char length;
    char name[7];
    unsigned char mgf;
    unsigned short type;
};

static const struct hash hashes[] = {
    {32, "sha256", CKG_MGF1_SHA256, CKM_SHA256},
    {48, "sha384", CKG_MGF1_SHA384, CKM_SHA384},
    {64, "sha512", CKG_MGF1_SHA512, CKM_SHA512},
};

enum { HASHES = sizeof(hashes) / sizeof(hashes[0]), MECHANISMS = sizeof(mechanisms) / sizeof(mechanisms[0]) };

/* DigestInfo ::= SEQUENCE { SEQUENCE { OID sha2, NULL }, OCTET STRING } (RFC 8017 section 9.2, note 1) up to
 * the digest. Between the hashes three bytes differ: the length of the whole, the last of the OID, the length
 * of the digest. */
static void write_prefix(size_t length, unsigned char out[PREFIX])
{
    static const unsigned char common[PREFIX] = {0x30, 0,    0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                                 0x65, 0x03, 0x04, 0x02, 0,    0x05, 0x00, 0x04, 0};

    memcpy(out, common, PREFIX);
    out[1] = (unsigned char)(PREFIX - 2 + length);
    out[14] = (unsigned char)(length / 16 - 1);
    out[18] = (unsigned char)length;
}

static const struct hash *hash_of(size_t length)
{
    for (size_t i = 0; i < HASHES; i++)
        if (hashes[i].length == length)
            return &hashes[i];
    return NULL;
}

const struct mechanism *mechanism_at(size_t index)
{
    return index < MECHANISMS ? &mechanisms[index] : NULL;
}

const struct mechanism *mechanism_find(CK_MECHANISM_TYPE type)
{
    for (size_t i = 0; i < MECHANISMS; i++)
        if (mechanisms[i].type == type)
            return &mechanisms[i];
    return NULL;
}

void mechanism_describe(const struct mechanism *mechanism, CK_MECHANISM_INFO *info)
{
    info->flags = CKF_SIGN;
    switch (mechanism->key_type) {
    case CKK_RSA:
        info->ulMinKeySize = 1024;
        info->ulMaxKeySize = 8192;
        break;
    case CKK_EC:
        info->ulMinKeySize = 256;
        info->ulMaxKeySize = 521;
        info->flags |= CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS;
        break;
    default:
        info->ulMinKeySize = 256;
        info->ulMaxKeySize = 256;
    }
}

static bool is_pss(const struct mechanism *mechanism)
{
    return strcmp(mechanism->algorithm, "RSA-PSS") == 0;
}

size_t mechanism_pss_length(const struct mechanism *mechanism, const CK_MECHANISM *given)
{
    CK_RSA_PKCS_PSS_PARAMS parameters;

    if (!is_pss(mechanism) || given->pParameter == NULL || given->ulParameterLen != sizeof(parameters))
        return 0;
    memcpy(&parameters, given->pParameter, sizeof(parameters));
    for (size_t i = 0; i < HASHES; i++)
        if (hashes[i].type == parameters.hashAlg && hashes[i].mgf == parameters.mgf &&
            hashes[i].length == parameters.sLen)
            return hashes[i].length;
    return 0;
}

bool mechanism_takes(const struct mechanism *mechanism, const CK_MECHANISM *given)
{
    CK_EDDSA_PARAMS eddsa;

    if (is_pss(mechanism)) {
        const size_t length = mechanism_pss_length(mechanism, given);

        return length != 0 && (mechanism->hash_length == 0 || mechanism->hash_length == length);
    }
    if (given->ulParameterLen == 0)
        return true;
    if (mechanism->type != CKM_EDDSA || given->pParameter == NULL || given->ulParameterLen != sizeof(eddsa))
        return false;
    memcpy(&eddsa, given->pParameter, sizeof(eddsa));
    return eddsa.phFlag == CK_FALSE && eddsa.ulContextDataLen == 0;
}

size_t mechanism_most(const struct mechanism *mechanism)
{
    return mechanism->input == INPUT_MESSAGE       ? LONGEST_MESSAGE
           : mechanism->input == INPUT_DIGEST_INFO ? PREFIX + LONGEST_DIGEST
                                                   : LONGEST_DIGEST;
}

CK_RV mechanism_input(const struct mechanism *mechanism, const unsigned char *data, size_t length,
                      struct to_sign *out)
{
    const struct hash *hash;
    unsigned char prefix[PREFIX];

    out->data = data;
    out->length = length;
    out->hash = NULL;
    if (mechanism->input == INPUT_MESSAGE && mechanism->hash_length == 0)
        return CKR_OK;
    if (mechanism->input == INPUT_DIGEST_INFO) {
        if (length <= PREFIX)
            return CKR_DATA_LEN_RANGE;
        out->data += PREFIX;
        out->length -= PREFIX;
    }
    hash = hash_of(mechanism->input == INPUT_MESSAGE ? mechanism->hash_length : out->length);
    if (hash == NULL)
        return CKR_DATA_LEN_RANGE;
    out->hash = hash->name;
    if (mechanism->input != INPUT_DIGEST_INFO)
        return CKR_OK;
    write_prefix(hash->length, prefix);
    return memcmp(data, prefix, PREFIX) == 0 ? CKR_OK : CKR_DATA_INVALID;
}
