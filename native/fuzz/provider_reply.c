/* The Key Service's answers to the provider, whole: of a public key, a signature, a plaintext, an error. The
 * first byte says what was asked for. */
#include "fuzz.h"
#include "keyd.h"

#include <stdlib.h>
#include <string.h>

static struct problem problem;

static void read_public(void)
{
    const struct key_uri uri = {.by_id = true, .name = "device-id", .socket = "/fuzz/keyd.sock"};
    struct keyd_public *out = malloc(sizeof(*out));

    if (out == NULL)
        abort();
    memset(out, 'x', sizeof(*out));
    if (keyd_read_public(&uri, out, &problem)) {
        if (out->handle[0] == '\0' || memchr(out->handle, '\0', sizeof(out->handle)) == NULL ||
            out->spki_length == 0 || out->spki_length > sizeof(out->spki))
            abort();
    } else if (problem.text[0] == '\0') {
        abort();
    }
    free(out);
}

static void use(bool decrypts, size_t size)
{
    uint8_t *out = malloc(size);
    size_t length = 0;
    const struct keyd_use what = {.socket = "/fuzz/keyd.sock",
                                  .handle = "v1.x",
                                  .algorithm = "ECDSA",
                                  .hash = "sha256",
                                  .input = (const uint8_t *)"0123456789abcdef0123456789abcdef",
                                  .input_length = 32,
                                  .out = out,
                                  .size = size,
                                  .length = &length};

    if (out == NULL)
        abort();
    if ((decrypts ? keyd_decrypt(&what, &problem) : keyd_sign(&what, &problem)) ? length > size
                                                                                : problem.text[0] == '\0')
        abort();
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    memset(&problem, 0, sizeof(problem));
    fuzz_answer(data + 1, size - 1, (data[0] & 0x80) != 0);
    switch (data[0] % 64) {
    case 0:
        use(false, 72);
        break;
    case 1:
        use(true, 256);
        break;
    default:
        read_public();
    }
    fuzz_hang_up();
    return 0;
}
