/*
 * Verifies signatures with libcrypto, independently of what made them.
 *
 *   verify-signatures SPKI SCHEME HASH RECORDS
 *
 * SPKI is a DER SubjectPublicKeyInfo; SCHEME is ecdsa, pkcs1, pss or eddsa; HASH is sha256, sha384 or sha512,
 * which eddsa ignores. RECORDS holds, again and again, a digest (for eddsa a message) and a signature, each
 * behind its length in two bytes, big endian. Prints how many are good and how many bad; the exit code is 0
 * when there are no bad ones.
 */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *what)
{
    fprintf(stderr, "verify-signatures: %s\n", what);
    exit(2);
}

static FILE *open_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        die(path);
    return file;
}

/* Returns the length, or -1 at the end of the file. */
static int read_part(FILE *file, unsigned char *part)
{
    int high = fgetc(file);
    if (high == EOF)
        return -1;
    int low = fgetc(file);
    if (low == EOF)
        die("the records end in the middle");
    size_t length = (size_t)high << 8 | (size_t)low;
    if (fread(part, 1, length, file) != length)
        die("the records end in the middle");
    return (int)length;
}

static EVP_PKEY *read_key(const char *path)
{
    FILE *file = open_file(path);
    EVP_PKEY *key = d2i_PUBKEY_fp(file, NULL);
    fclose(file);
    if (key == NULL)
        die("the public key cannot be read");
    return key;
}

/* A context that verifies digests, as often as wanted. */
static EVP_PKEY_CTX *prepare(EVP_PKEY *key, const char *scheme, const EVP_MD *hash)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    if (context == NULL || EVP_PKEY_verify_init(context) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context, hash) != 1)
        die("the key cannot verify");
    if (strcmp(scheme, "ecdsa") == 0)
        return context;
    int pss = strcmp(scheme, "pss") == 0;
    if (EVP_PKEY_CTX_set_rsa_padding(context, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) != 1)
        die("the key has no such padding");
    if (pss && EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) != 1)
        die("the length of the salt cannot be set");
    return context;
}

static int verify_message(EVP_PKEY *key, const unsigned char *message, int length,
                          const unsigned char *signature, int signature_length)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int good = EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
               EVP_DigestVerify(context, signature, (size_t)signature_length, message, (size_t)length) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

int main(int argc, char **argv)
{
    static unsigned char data[65536], signature[65536];
    if (argc != 5)
        die("usage: verify-signatures SPKI SCHEME HASH RECORDS");
    EVP_PKEY *key = read_key(argv[1]);
    int messages = strcmp(argv[2], "eddsa") == 0;
    EVP_PKEY_CTX *context = messages ? NULL : prepare(key, argv[2], EVP_get_digestbyname(argv[3]));
    FILE *records = open_file(argv[4]);
    long good = 0, bad = 0;
    for (int length; (length = read_part(records, data)) >= 0;) {
        int signature_length = read_part(records, signature);
        if (signature_length < 0)
            die("the records end in the middle");
        int verified = messages ? verify_message(key, data, length, signature, signature_length)
                                : EVP_PKEY_verify(context, signature, (size_t)signature_length, data,
                                                  (size_t)length) == 1;
        if (verified)
            good++;
        else
            bad++;
    }
    fclose(records);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    printf("%ld good, %ld bad\n", good, bad);
    return bad != 0;
}
