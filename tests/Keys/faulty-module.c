/*
 * A PKCS#11 module for tests: SoftHSM2 with faults on demand. It reads its orders from the folder in
 * ESTPROV_FAULTS at every call: orders   lines "FUNCTION RETURN-VALUE COUNT": that many further calls of the
 * function return the value (both numbers decimal); COUNT is written back flags    a decimal number that is
 * set in the flags of CK_TOKEN_INFO and it notes every C_Login by one byte in the file logins, every
 * C_Finalize in finalized.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long ck_rv;
typedef unsigned long ck_ulong;

/* CK_FUNCTION_LIST: a version and 68 pointers, in the order of the standard. */
struct function_list {
    unsigned char version[2];
    ck_rv (*functions[68])();
};

enum {
    FINALIZE = 1,
    GET_TOKEN_INFO = 6,
    OPEN_SESSION = 12,
    LOGIN = 18,
    DESTROY_OBJECT = 22,
    SIGN_INIT = 42,
    SIGN = 43,
    GENERATE_KEY_PAIR = 59
};

static struct function_list *real;
static struct function_list ours;

static void path_of(char *path, size_t size, const char *name)
{
    const char *folder = getenv("ESTPROV_FAULTS");
    snprintf(path, size, "%s/%s", folder == NULL ? "/nonexistent" : folder, name);
}

static void note(const char *name)
{
    char path[512];
    path_of(path, sizeof path, name);
    FILE *file = fopen(path, "a");
    if (file == NULL)
        return;
    fputc('x', file);
    fclose(file);
}

static ck_rv ordered(const char *function)
{
    char path[512], name[64];
    unsigned long value, count;
    path_of(path, sizeof path, "orders");
    FILE *file = fopen(path, "r+");
    if (file == NULL)
        return 0;
    int read = fscanf(file, "%63s %lu %lu", name, &value, &count);
    if (read != 3 || strcmp(name, function) != 0 || count == 0) {
        fclose(file);
        return 0;
    }
    rewind(file);
    fprintf(file, "%s %lu %-10lu", name, value, count - 1);
    fclose(file);
    return value;
}

static ck_rv finalize(void *reserved)
{
    note("finalized");
    return real->functions[FINALIZE](reserved);
}

static ck_rv get_token_info(ck_ulong slot, void *info)
{
    ck_rv fault = ordered("C_GetTokenInfo");
    if (fault != 0)
        return fault;
    ck_rv result = real->functions[GET_TOKEN_INFO](slot, info);
    char path[512];
    unsigned long flags;
    path_of(path, sizeof path, "flags");
    FILE *file = result == 0 ? fopen(path, "r") : NULL;
    if (file != NULL) {
        /* label 32, manufacturerID 32, model 16, serialNumber 16, then flags */
        if (fscanf(file, "%lu", &flags) == 1)
            *(ck_ulong *)((char *)info + 96) |= flags;
        fclose(file);
    }
    return result;
}

static ck_rv open_session(ck_ulong slot, ck_ulong flags, void *application, void *notify, void *session)
{
    ck_rv fault = ordered("C_OpenSession");
    return fault != 0 ? fault : real->functions[OPEN_SESSION](slot, flags, application, notify, session);
}

static ck_rv login(ck_ulong session, ck_ulong user, void *pin, ck_ulong length)
{
    note("logins");
    ck_rv fault = ordered("C_Login");
    return fault != 0 ? fault : real->functions[LOGIN](session, user, pin, length);
}

static ck_rv destroy_object(ck_ulong session, ck_ulong object)
{
    ck_rv fault = ordered("C_DestroyObject");
    return fault != 0 ? fault : real->functions[DESTROY_OBJECT](session, object);
}

static ck_rv sign_init(ck_ulong session, void *mechanism, ck_ulong key)
{
    ck_rv fault = ordered("C_SignInit");
    return fault != 0 ? fault : real->functions[SIGN_INIT](session, mechanism, key);
}

static ck_rv sign(ck_ulong session, void *data, ck_ulong length, void *signature, void *signature_length)
{
    ck_rv fault = ordered("C_Sign");
    return fault != 0 ? fault : real->functions[SIGN](session, data, length, signature, signature_length);
}

static ck_rv generate_key_pair(ck_ulong session, void *mechanism, void *public_part, ck_ulong public_count,
                               void *private_part, ck_ulong private_count, void *public_key,
                               void *private_key)
{
    ck_rv fault = ordered("C_GenerateKeyPair");
    if (fault != 0)
        return fault;
    return real->functions[GENERATE_KEY_PAIR](session, mechanism, public_part, public_count, private_part,
                                              private_count, public_key, private_key);
}

ck_rv C_GetFunctionList(struct function_list **list)
{
    if (real == NULL) {
        void *library = dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW | RTLD_LOCAL);
        ck_rv (*get)(struct function_list **) =
            library == NULL ? NULL : (ck_rv(*)(struct function_list **))dlsym(library, "C_GetFunctionList");
        if (get == NULL || get(&real) != 0)
            return 5; /* CKR_GENERAL_ERROR */
        ours = *real;
        ours.functions[FINALIZE] = finalize;
        ours.functions[GET_TOKEN_INFO] = get_token_info;
        ours.functions[OPEN_SESSION] = open_session;
        ours.functions[LOGIN] = login;
        ours.functions[DESTROY_OBJECT] = destroy_object;
        ours.functions[SIGN_INIT] = sign_init;
        ours.functions[SIGN] = sign;
        ours.functions[GENERATE_KEY_PAIR] = generate_key_pair;
    }
    *list = &ours;
    return 0;
}
