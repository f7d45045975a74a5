#include "../common/base64.h"
#include "key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    RESOURCE_LONGEST = 1023,
    MAC_TEXT = 44, /* 32 bytes in base64 */
};

/* What goes into a connection string or a resource must not be able to end it. */
static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text <= 0x20 || (unsigned char)*text >= 0x7f || *text == ';')
            return false;
    return true;
}

static int check_identity(struct estprov *context, const struct estprov_identity *identity)
{
    if (identity == NULL || identity->hub[0] == '\0' || identity->device_id[0] == '\0')
        return fail(context, -EINVAL, "the identity has no hub or no device id");
    if (!is_plain(identity->hub) || !is_plain(identity->gateway) || !is_plain(identity->device_id) ||
        !is_plain(identity->module_id))
        return fail(context, -EINVAL, "the identity has a character that names in a hub cannot have");
    return 0;
}

/*
 * SharedAccessSignature sr=RESOURCE&sig=SIGNATURE&se=EXPIRY: the signature is the HMAC-SHA256 of the resource
 * as it stands there, a line feed, and the expiry
 * (learn.microsoft.com/azure/iot-hub/authenticate-authorize-sas).
 */
static int make_token(struct estprov *context, const struct estprov_identity *identity, const char *resource,
                      int64_t expires, struct buffer *token)
{
    uint8_t mac[ESTPROV_MAC_SIZE];
    char signature[MAC_TEXT + 1] = {0};
    const size_t start = token->length;
    size_t end;
    int error;

    buffer_escaped(token, resource);
    end = token->length;
    buffer_text(token, "\n");
    buffer_number(token, (long long)expires);
    if (token->failed)
        return fail(context, -ENOMEM, "out of memory");
    error = make_mac(context, identity->key_handle, token->data + start, token->length - start, mac);
    if (error != 0)
        return error;
    base64_encode(mac, sizeof(mac), signature);

    token->length = end;
    buffer_text(token, "&sig=");
    buffer_escaped(token, signature);
    buffer_text(token, "&se=");
    buffer_number(token, (long long)expires);
    return token->failed ? fail(context, -ENOMEM, "out of memory") : 0;
}

static int own_token(struct estprov *context, const struct estprov_identity *identity, const char *resource,
                     int64_t expires, struct buffer *token)
{
    char own[RESOURCE_LONGEST + 1];

    if (strcmp(identity->auth, "sas") != 0 || identity->key_handle[0] == '\0')
        return fail(context, -EINVAL, "the identity shows itself by '%s', not by a SAS token",
                    identity->auth);
    if (expires <= 0)
        return fail(context, -EINVAL, "the token's end is no time in seconds since 1970");
    if (resource == NULL) {
        (void)snprintf(own, sizeof(own), "%s/devices/%s%s%s", identity->hub, identity->device_id,
                       identity->module_id[0] == '\0' ? "" : "/modules/", identity->module_id);
        resource = own;
    }
    if (resource[0] == '\0' || strlen(resource) > RESOURCE_LONGEST)
        return fail(context, -EINVAL, "a resource has 1 to %d bytes", RESOURCE_LONGEST);
    buffer_text(token, "SharedAccessSignature sr=");
    return make_token(context, identity, resource, expires, token);
}

int estprov_sas_token(struct estprov *context, const struct estprov_identity *identity, const char *resource,
                      int64_t expires, char *token, size_t *size)
{
    int error;

    call_begin(context);
    error = check_identity(context, identity);
    if (error == 0)
        error = own_token(context, identity, resource, expires, &context->text);
    return error == 0 ? give_text(context, context->text.data, context->text.length, token, size) : error;
}

/* As the hub's device SDKs read it. */
int estprov_connection_string(struct estprov *context, const struct estprov_identity *identity,
                              int64_t expires, char *text, size_t *size)
{
    struct buffer *const out = &context->text;
    int error;

    call_begin(context);
    error = check_identity(context, identity);
    if (error != 0)
        return error;
    buffer_text(out, "HostName=");
    buffer_text(out, identity->hub);
    if (identity->gateway[0] != '\0' && strcmp(identity->gateway, identity->hub) != 0) {
        buffer_text(out, ";GatewayHostName=");
        buffer_text(out, identity->gateway);
    }
    buffer_text(out, ";DeviceId=");
    buffer_text(out, identity->device_id);
    if (identity->module_id[0] != '\0') {
        buffer_text(out, ";ModuleId=");
        buffer_text(out, identity->module_id);
    }
    if (strcmp(identity->auth, "x509") == 0) {
        buffer_text(out, ";x509=true");
    } else {
        buffer_text(out, ";SharedAccessSignature=");
        error = own_token(context, identity, NULL, expires, out);
    }
    if (error == 0 && out->failed)
        error = fail(context, -ENOMEM, "out of memory");
    return error == 0 ? give_text(context, out->data, out->length, text, size) : error;
}
