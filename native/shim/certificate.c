#include "../common/base64.h"
#include "exchange.h"

#include <errno.h>
#include <string.h>

enum { SHORTEST_CERTIFICATE = 64 };

/* What stands under "pem" in the answer, or under another name. */
static int give_pem(struct estprov *context, const char *name, char *pem, size_t *size)
{
    struct json answer;
    char *text;
    size_t length;
    int error = reply_json(context, &answer);

    if (error == 0)
        error = reply_in_place(context, &answer, name, &text, &length);
    return error == 0 ? give_text(context, text, length, pem, size) : error;
}

static int ask_certificate(struct estprov *context, const char *id)
{
    int error;

    call_begin(context);
    if (id == NULL)
        return fail(context, -EINVAL, "no id was given");
    error = target_begin(context, ESTPROV_CERTD, "/certificates/", id);
    return error == 0 ? exchange(context, &(struct exchange){.daemon = ESTPROV_CERTD, .method = "GET"})
                      : error;
}

int estprov_certificate_pem(struct estprov *context, const char *id, char *pem, size_t *size)
{
    const int error = ask_certificate(context, id);

    return error == 0 ? give_pem(context, "pem", pem, size) : error;
}

/* Between the lines (RFC 7468) of the nth certificate; false when there are fewer. */
static bool find_certificate(const char *pem, size_t index, const char **from, size_t *length)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    static const char end[] = "-----END CERTIFICATE-----";
    const char *stop;

    do {
        pem = strstr(pem, begin);
        if (pem == NULL)
            return false;
        pem += sizeof(begin) - 1;
        stop = strstr(pem, end);
        if (stop == NULL)
            return false;
        *from = pem;
        *length = (size_t)(stop - pem);
        pem = stop;
    } while (index-- > 0);
    return true;
}

int estprov_certificate_der(struct estprov *context, const char *id, size_t index, void *der, size_t *size)
{
    struct json answer;
    char *pem;
    const char *base64;
    size_t length;
    ssize_t decoded;
    int error = ask_certificate(context, id);

    if (error == 0)
        error = reply_json(context, &answer);
    if (error == 0)
        error = reply_in_place(context, &answer, "pem", &pem, &length);
    if (error != 0)
        return error;
    if (!find_certificate(pem, index, &base64, &length)) {
        if (index > 0)
            return fail(context, -ENOENT, "the chain of %s has no certificate number %zu", id, index);
        return fail(context, -EPROTO, "what the Certificates Service has under %s is no certificate", id);
    }
    decoded = base64_decode(base64, length, pem);
    if (decoded < SHORTEST_CERTIFICATE)
        return fail(context, -EPROTO, "the certificate of %s is no base64", id);
    return give(context, pem, (size_t)decoded, der, size);
}

int estprov_enrol(struct estprov *context, const char *id, const char *csr_pem, int timeout_ms, char *pem,
                  size_t *size)
{
    int error;

    call_begin(context);
    if (id == NULL || csr_pem == NULL || strstr(csr_pem, "-----BEGIN ") == NULL)
        return fail(context, -EINVAL, "an id and a request in PEM are needed");
    (void)target_begin(context, ESTPROV_CERTD, "/certificates", NULL);
    buffer_text(&context->body, "{\"certId\":");
    buffer_json(&context->body, id);
    buffer_text(&context->body, ",\"csr\":");
    buffer_json(&context->body, csr_pem);
    buffer_text(&context->body, "}");
    error = exchange(context,
                     &(struct exchange){.daemon = ESTPROV_CERTD, .method = "POST", .timeout_ms = timeout_ms});
    return error == 0 ? give_pem(context, "pem", pem, size) : error;
}

int estprov_trust_bundle(struct estprov *context, char *pem, size_t *size)
{
    int error;

    call_begin(context);
    (void)target_begin(context, ESTPROV_IDENTITYD, "/identities/trustBundle", NULL);
    error = exchange(context, &(struct exchange){.daemon = ESTPROV_IDENTITYD, .method = "GET"});
    return error == 0 ? give_pem(context, "certificate", pem, size) : error;
}
