#include "hash.h"

#include <openssl/evp.h>

static const struct hash hashes[] = {
    {"SHA256", "sha256", 32, 2, 11, 1},
    {"SHA384", "sha384", 48, 3, 12, 2},
    {"SHA512", "sha512", 64, 4, 13, 3},
};

enum { HASHES = sizeof(hashes) / sizeof(hashes[0]) };

const struct hash *hash_of_digest(const EVP_MD *digest)
{
    for (size_t i = 0; i < HASHES; i++)
        if (EVP_MD_is_a(digest, hashes[i].name))
            return &hashes[i];
    return NULL;
}

const struct hash *hash_of_size(size_t size)
{
    for (size_t i = 0; i < HASHES; i++)
        if (hashes[i].size == size)
            return &hashes[i];
    return NULL;
}
