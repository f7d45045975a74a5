#include "exchange.h"

#include <string.h>

struct member {
    char name[12];
    bool needed;
    bool of_auth; /* of spec.auth, else of spec */
    unsigned short offset;
    unsigned short size;
};

#define MEMBER(name, needed, of_auth, field)                             \
    {                                                                    \
        name, needed, of_auth, offsetof(struct estprov_identity, field), \
            sizeof(((struct estprov_identity *)0)->field)                \
    }

static const struct member members[] = {
    MEMBER("hubName", true, false, hub),          MEMBER("gatewayHost", false, false, gateway),
    MEMBER("deviceId", true, false, device_id),   MEMBER("moduleId", false, false, module_id),
    MEMBER("genId", false, false, generation_id), MEMBER("type", true, true, auth),
    MEMBER("keyHandle", false, true, key_handle), MEMBER("certId", false, true, certificate_id),
};

static int read_identity(struct estprov *context, struct estprov_identity *identity)
{
    struct json answer;
    struct json spec;
    struct json auth;
    int error = reply_json(context, &answer);

    if (error != 0)
        return error;
    spec = json_member(&answer, "spec");
    auth = json_member(&spec, "auth");
    for (size_t i = 0; error == 0 && i < sizeof(members) / sizeof(members[0]); i++) {
        const struct member *const member = &members[i];
        char *const out = (char *)identity + member->offset;

        error = (member->needed ? reply_text : reply_optional)(context, member->of_auth ? &auth : &spec,
                                                               member->name, out, member->size);
    }
    if (error == 0 && identity->gateway[0] == '\0')
        memcpy(identity->gateway, identity->hub, sizeof(identity->gateway));
    return error;
}

static int ask_identity(struct estprov *context, const char *method, struct estprov_identity *identity)
{
    int error = exchange(context, &(struct exchange){.daemon = ESTPROV_IDENTITYD, .method = method});

    memset(identity, 0, sizeof(*identity));
    if (error == 0)
        error = read_identity(context, identity);
    if (error != 0)
        memset(identity, 0, sizeof(*identity));
    return error;
}

int estprov_device_identity(struct estprov *context, struct estprov_identity *identity)
{
    call_begin(context);
    (void)target_begin(context, ESTPROV_IDENTITYD, "/identities/device", NULL);
    buffer_text(&context->body, "{\"type\":\"aziot\"}");
    return ask_identity(context, "POST", identity);
}

int estprov_module_identity(struct estprov *context, const char *module_id, struct estprov_identity *identity)
{
    int error;

    call_begin(context);
    error = target_begin(context, ESTPROV_IDENTITYD,
                         module_id == NULL ? "/identities/identity" : "/identities/modules/", module_id);
    if (error != 0)
        return error;
    if (module_id != NULL)
        target_query(context, "type", "aziot");
    return ask_identity(context, "GET", identity);
}
