#include "check.h"
#include "shim_tests.h"

#include <errno.h>
#include <string.h>

static struct world world;

/* A MAC whose base64 has all three characters that must be escaped. */
#define MAC                                                                                                \
    "\xfb\xff\xbf\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17" \
    "\x18\x19\x1a\x1b\x1c\x1d\x1e"
#define MAC_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 32\r\n\r\n" MAC
#define SIGNATURE "%2B%2F%2B%2FAQIDBAUGBwgJCwwNDg8QERITFBUWFxgZGhscHR4%3D"

static struct estprov_identity identity_of(const char *auth, const char *module)
{
    struct estprov_identity identity;

    memset(&identity, 0, sizeof(identity));
    (void)strcpy(identity.hub, "my-hub.example");
    (void)strcpy(identity.gateway, "my-hub.example");
    (void)strcpy(identity.device_id, "dev#1");
    (void)strcpy(identity.module_id, module);
    (void)strcpy(identity.auth, auth);
    (void)strcpy(identity.key_handle, "v1.key");
    return identity;
}

static const char *signed_text(void)
{
    const char *const body = strstr(fake_request(world.keyd), "\r\n\r\n");

    return body == NULL ? "" : body + 4;
}

static void tokens(void)
{
    struct estprov_identity identity = identity_of("sas", "$edgeAgent");
    char token[400];
    size_t size = sizeof(token);
    size_t needed;

    fake_otherwise(world.keyd, MAC_ANSWER);
    CHECK_INT(estprov_sas_token(world.context, &identity, NULL, 1700000000, token, &size), 0);
    CHECK_TEXT_HAS(
        token,
        "SharedAccessSignature sr=my-hub.example%2Fdevices%2Fdev%231%2Fmodules%2F%24edgeAgent&sig=" SIGNATURE
        "&se=1700000000");
    CHECK_INT(size, strlen(token) + 1);
    CHECK(strcmp(signed_text(), "my-hub.example%2Fdevices%2Fdev%231%2Fmodules%2F%24edgeAgent\n1700000000") ==
          0);
    needed = size--;
    CHECK_INT(estprov_sas_token(world.context, &identity, NULL, 1700000000, token, &size), -ERANGE);
    CHECK_INT(size, needed);
    identity = identity_of("sas", "");
    size = sizeof(token);
    CHECK_INT(estprov_sas_token(world.context, &identity, "0ne00D3M0/registrations/dev-1", 4102444800, token,
                                &size),
              0);
    CHECK_TEXT_HAS(token, "sr=0ne00D3M0%2Fregistrations%2Fdev-1&sig=");
    CHECK_TEXT_HAS(token, "&se=4102444800");
}

static void strings(void)
{
    struct estprov_identity identity = identity_of("sas", "");
    char text[400];
    size_t size = sizeof(text);

    CHECK_INT(estprov_connection_string(world.context, &identity, 1700000000, text, &size), 0);
    CHECK(strcmp(text, "HostName=my-hub.example;DeviceId=dev#1;SharedAccessSignature=SharedAccessSignature "
                       "sr=my-hub.example%2Fdevices%2Fdev%231&sig=" SIGNATURE "&se=1700000000") == 0);
    CHECK(strcmp(signed_text(), "my-hub.example%2Fdevices%2Fdev%231\n1700000000") == 0);
    identity = identity_of("x509", "mod");
    (void)strcpy(identity.gateway, "gw.example");
    size = sizeof(text);
    CHECK_INT(estprov_connection_string(world.context, &identity, 0, text, &size), 0);
    CHECK(
        strcmp(text,
               "HostName=my-hub.example;GatewayHostName=gw.example;DeviceId=dev#1;ModuleId=mod;x509=true") ==
        0);
    identity.gateway[0] = '\0';
    size = 10;
    CHECK_INT(estprov_connection_string(world.context, &identity, 0, text, &size), -ERANGE);
}

static void wrong(void)
{
    static const char *const bad[] = {"a;b", "a b", "a\x7f", "a\xc3\xa9"};
    struct estprov_identity identity = identity_of("x509", "");
    static char resource[1100];
    char token[400];
    size_t size = sizeof(token);

    CHECK_INT(estprov_sas_token(world.context, NULL, NULL, 1, token, &size), -EINVAL);
    CHECK_INT(estprov_connection_string(world.context, NULL, 1, token, &size), -EINVAL);
    CHECK_INT(estprov_sas_token(world.context, &identity, NULL, 1700000000, token, &size), -EINVAL);
    CHECK_TEXT_HAS(estprov_message(world.context), "'x509'");
    identity = identity_of("none", "");
    CHECK_INT(estprov_connection_string(world.context, &identity, 1700000000, token, &size), -EINVAL);
    identity = identity_of("sas", "");
    identity.key_handle[0] = '\0';
    CHECK_INT(estprov_sas_token(world.context, &identity, NULL, 1700000000, token, &size), -EINVAL);
    identity = identity_of("sas", "");
    CHECK_INT(estprov_sas_token(world.context, &identity, NULL, 0, token, &size), -EINVAL);
    CHECK_INT(estprov_sas_token(world.context, &identity, "", 1700000000, token, &size), -EINVAL);
    memset(resource, 'r', 1024);
    CHECK_INT(estprov_sas_token(world.context, &identity, resource, 1700000000, token, &size), -EINVAL);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (int field = 0; field < 4; field++) {
            identity = identity_of("sas", "m");
            (void)strcpy(field == 0   ? identity.hub
                         : field == 1 ? identity.gateway
                         : field == 2 ? identity.device_id
                                      : identity.module_id,
                         bad[i]);
            CHECK_INT(estprov_connection_string(world.context, &identity, 1700000000, token, &size), -EINVAL);
        }
    }
    identity = identity_of("sas", "");
    identity.device_id[0] = '\0';
    CHECK_INT(estprov_sas_token(world.context, &identity, NULL, 1700000000, token, &size), -EINVAL);
    identity = identity_of("sas", "");
    identity.hub[0] = '\0';
    CHECK_INT(estprov_sas_token(world.context, &identity, NULL, 1700000000, token, &size), -EINVAL);
    identity = identity_of("sas", "");
    fake_next(world.keyd, fake_json("401 X", "{\"message\":\"no\"}"));
    CHECK_INT(estprov_connection_string(world.context, &identity, 1700000000, token, &size), -EACCES);
}

void test_sas(void)
{
    world_open(&world, PLENTY);
    run_test("a SAS token is escaped to the letter and signed as it stands", tokens);
    run_test("a connection string follows the identity", strings);
    run_test("no token is made of what cannot be one", wrong);
    world_close(&world);
}
