/* A hostile daemon: whatever it answers, no call of the library does harm. The first byte chooses the call,
 * and whether the rest is the whole answer or only its body. */
#include "estprov.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { OUT_SIZE = 512, CALLS = 12 };

static void demand(int condition)
{
    if (!condition)
        abort();
}

static void call(struct estprov *context, int which)
{
    struct estprov_identity identity;
    char out[OUT_SIZE];
    size_t size = sizeof(out);
    int error = 0;

    memset(&identity, 0, sizeof(identity));
    memcpy(identity.hub, "h", 2);
    memcpy(identity.device_id, "d", 2);
    memcpy(identity.auth, "sas", 4);
    memcpy(identity.key_handle, "v1.x", 5);
    switch (which) {
    case 0:
        error = estprov_device_identity(context, &identity);
        demand(error != 0 || (identity.hub[0] != '\0' &&
                              memchr(identity.key_handle, 0, sizeof(identity.key_handle)) != NULL));
        break;
    case 1:
        error = estprov_module_identity(context, "m", &identity);
        break;
    case 2:
        error = estprov_certificate_pem(context, "c", out, &size);
        demand(error != 0 || (size <= sizeof(out) && out[size - 1] == '\0'));
        break;
    case 3:
        error = estprov_certificate_der(context, "c", 1, out, &size);
        break;
    case 4:
        error = estprov_enrol(context, "c", "-----BEGIN ", 0, out, &size);
        break;
    case 5:
        error = estprov_trust_bundle(context, out, &size);
        break;
    case 6:
        error =
            estprov_sign(context, "id=k", ESTPROV_ECDSA, "0123456789abcdef0123456789abcdef", 32, out, &size);
        break;
    case 7:
        error = estprov_hmac(context, "v1.x", "m", 1, (uint8_t *)out);
        break;
    case 8:
        error = estprov_decrypt(context, "v1.x", "i", 1, "", 0, "c", 1, out, &size);
        break;
    case 9:
        error = estprov_daemon_version(context, ESTPROV_KEYD, out, &size);
        break;
    case 10:
        error = estprov_provisioned(context);
        break;
    default:
        error = estprov_connection_string(context, &identity, 1, out, &size);
    }
    demand(error <= 0);
    demand(error == 0 || estprov_message(context)[0] != '\0');
    demand(error == -34 || size <= sizeof(out)); /* ERANGE */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct estprov *context;

    if (size < 1 || estprov_open(&context, "/fuzz", 100) != 0)
        return 0;
    fuzz_answer(data + 1, size - 1, (data[0] & 0x80) != 0);
    call(context, data[0] % 64 % CALLS);
    estprov_close(context);
    fuzz_hang_up();
    return 0;
}
