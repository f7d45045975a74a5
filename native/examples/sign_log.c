/* Signs the SHA-256 of standard input, such as a line of a log, with the device's current key; prints the
 * signature in hexadecimal. The digest is made by whatever library the firmware has. */
/* cc sign_log.c $(pkg-config --cflags --libs estprov libcrypto) */
/* usage: sign_log KEY-ID <FILE */
#include <estprov.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    EVP_MD_CTX *sha256 = EVP_MD_CTX_new();
    unsigned char piece[4096], digest[32], signature[1024];
    size_t got, size = sizeof(signature);
    struct estprov *context = NULL;
    char key[300];
    int error;

    if (argc != 2 || EVP_DigestInit_ex(sha256, EVP_sha256(), NULL) != 1) {
        fprintf(stderr, "usage: %s KEY-ID <FILE\n", argv[0]);
        return 64;
    }
    while ((got = fread(piece, 1, sizeof(piece), stdin)) > 0)
        EVP_DigestUpdate(sha256, piece, got);
    EVP_DigestFinal_ex(sha256, digest, NULL);
    EVP_MD_CTX_free(sha256);

    /* By its id: after a rotation the next line is signed by the new key, with nothing to do here. */
    snprintf(key, sizeof(key), "id=%s", argv[1]);
    error = estprov_open(&context, NULL, 0);
    if (error == 0)
        error = estprov_sign(context, key, ESTPROV_ECDSA, digest, sizeof(digest), signature, &size);
    if (error != 0) {
        fprintf(stderr, "error: %s\nhint: %s\n", estprov_strerror(error),
                context ? estprov_message(context) : "");
        estprov_close(context);
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < size; i++)
        printf("%02x", signature[i]);
    printf("\n");
    estprov_close(context);
    return EXIT_SUCCESS;
}
