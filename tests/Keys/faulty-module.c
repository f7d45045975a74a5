/*
 * A PKCS#11 module for tests: SoftHSM2 with faults on demand, and tokens that cannot do something. It reads
 * its orders from the folder in ESTPROV_FAULTS at every call:
 *
 *   orders   lines "FUNCTION ACTION VALUE COUNT" (decimal): the next COUNT calls of the function
 *              return  VALUE
 *              refuse  VALUE, with errno EACCES, as after an open(2) of a device node that is not allowed
 *              sleep   VALUE milliseconds, then do their work
 *              hang    until the file "release" exists
 *              crash   the process
 *            FUNCTION "*" means every function of a session. COUNT is written back.
 *   limits   lines "NAME VALUE", see struct limits below
 *   gone     while this file exists the token is away; everything of the life of the module that has seen it
 *            stays unusable until C_Finalize
 *   flags    a decimal number that is set in the flags of CK_TOKEN_INFO
 *
 * and it notes every C_Login by one byte in the file logins, every C_Initialize in initialized, every
 * C_Finalize in finalized, and every signature in signed.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long word;

struct mechanism {
    word type;
    void *parameter;
    word length;
};

struct attribute {
    word type;
    void *value;
    word length;
};

enum { FUNCTIONS = 68 };

/* CK_FUNCTION_LIST: a version and pointers, in the order of the standard. No function has more than 8 words.
 */
typedef word (*function)(word, word, word, word, word, word, word, word);
struct function_list {
    unsigned char version[2];
    function functions[FUNCTIONS];
};

/* What the token cannot do. 0 means that it can. Read anew by each call. */
static __thread struct limits {
    word no_mechanism;   /* a CKM_ that it does not have */
    word no_mechanism_2; /* another one */
    word no_p384;        /* refuses curve P-384 */
    word max_sessions;   /* so many at a time */
    word quiet_sessions; /* CK_TOKEN_INFO does not tell of max_sessions */
    word read_only;      /* refuses sessions that may write */
    word no_id_search;   /* 1: finds nothing by CKA_ID; 2: refuses the search */
    word drops_id;       /* does not keep the CKA_ID of what it generates */
    word no_change;      /* C_SetAttributeValue and C_CopyObject do not exist */
    word no_destroy;     /* C_DestroyObject does not exist */
    word max_objects;    /* so many objects of the token */
    word no_slots;       /* C_GetSlotList finds none */
    word signs_wrongly;  /* the last byte of a signature is another */
} limits;

enum {
    CKR_GENERAL_ERROR = 0x05,
    CKR_ATTRIBUTE_TYPE_INVALID = 0x12,
    CKR_DEVICE_REMOVED = 0x32,
    CKR_DEVICE_MEMORY = 0x31,
    CKR_FUNCTION_NOT_SUPPORTED = 0x54,
    CKR_MECHANISM_INVALID = 0x70,
    CKR_SESSION_COUNT = 0xB1,
    CKR_TOKEN_NOT_PRESENT = 0xE0,
    CKR_TOKEN_WRITE_PROTECTED = 0xE2,
    CKR_CURVE_NOT_SUPPORTED = 0x140
};

enum {
    INITIALIZE = 0,
    FINALIZE = 1,
    GET_SLOT_LIST = 4,
    GET_SLOT_INFO = 5,
    GET_TOKEN_INFO = 6,
    GET_MECHANISM_LIST = 7,
    GET_MECHANISM_INFO = 8,
    OPEN_SESSION = 12,
    CLOSE_SESSION = 13,
    CLOSE_ALL_SESSIONS = 14,
    LOGIN = 18,
    CREATE_OBJECT = 20,
    COPY_OBJECT = 21,
    DESTROY_OBJECT = 22,
    SET_ATTRIBUTE_VALUE = 25,
    FIND_OBJECTS_INIT = 26,
    FIND_OBJECTS = 27,
    FIND_OBJECTS_FINAL = 28,
    ENCRYPT_INIT = 29,
    DECRYPT_INIT = 33,
    SIGN_INIT = 42,
    SIGN = 43,
    GENERATE_KEY = 58,
    GENERATE_KEY_PAIR = 59
};

static const char *const names[FUNCTIONS] = {"C_Initialize",
                                             "C_Finalize",
                                             "C_GetInfo",
                                             "C_GetFunctionList",
                                             "C_GetSlotList",
                                             "C_GetSlotInfo",
                                             "C_GetTokenInfo",
                                             "C_GetMechanismList",
                                             "C_GetMechanismInfo",
                                             "C_InitToken",
                                             "C_InitPIN",
                                             "C_SetPIN",
                                             "C_OpenSession",
                                             "C_CloseSession",
                                             "C_CloseAllSessions",
                                             "C_GetSessionInfo",
                                             "C_GetOperationState",
                                             "C_SetOperationState",
                                             "C_Login",
                                             "C_Logout",
                                             "C_CreateObject",
                                             "C_CopyObject",
                                             "C_DestroyObject",
                                             "C_GetObjectSize",
                                             "C_GetAttributeValue",
                                             "C_SetAttributeValue",
                                             "C_FindObjectsInit",
                                             "C_FindObjects",
                                             "C_FindObjectsFinal",
                                             "C_EncryptInit",
                                             "C_Encrypt",
                                             "C_EncryptUpdate",
                                             "C_EncryptFinal",
                                             "C_DecryptInit",
                                             "C_Decrypt",
                                             "C_DecryptUpdate",
                                             "C_DecryptFinal",
                                             "C_DigestInit",
                                             "C_Digest",
                                             "C_DigestUpdate",
                                             "C_DigestKey",
                                             "C_DigestFinal",
                                             "C_SignInit",
                                             "C_Sign",
                                             "C_SignUpdate",
                                             "C_SignFinal",
                                             "C_SignRecoverInit",
                                             "C_SignRecover",
                                             "C_VerifyInit",
                                             "C_Verify",
                                             "C_VerifyUpdate",
                                             "C_VerifyFinal",
                                             "C_VerifyRecoverInit",
                                             "C_VerifyRecover",
                                             "C_DigestEncryptUpdate",
                                             "C_DecryptDigestUpdate",
                                             "C_SignEncryptUpdate",
                                             "C_DecryptVerifyUpdate",
                                             "C_GenerateKey",
                                             "C_GenerateKeyPair",
                                             "C_WrapKey",
                                             "C_UnwrapKey",
                                             "C_DeriveKey",
                                             "C_SeedRandom",
                                             "C_GenerateRandom",
                                             "C_GetFunctionStatus",
                                             "C_CancelFunction",
                                             "C_WaitForSlotEvent"};

static struct function_list *real;
static struct function_list ours;
static pthread_mutex_t orders_lock = PTHREAD_MUTEX_INITIALIZER;
static int was_gone;
static int sessions;

static void path_of(char *path, size_t size, const char *name)
{
    const char *folder = getenv("ESTPROV_FAULTS");
    snprintf(path, size, "%s/%s", folder == NULL ? "/nonexistent" : folder, name);
}

static int exists(const char *name)
{
    char path[512];
    path_of(path, sizeof path, name);
    return access(path, F_OK) == 0;
}

static void note(const char *name)
{
    char path[512];
    path_of(path, sizeof path, name);
    FILE *file = fopen(path, "ae");
    if (file == NULL)
        return;
    fputc('x', file);
    fclose(file);
}

/* Opens and closes sessions, but no session has had a fault yet. */
static int is_for_sessions(int number)
{
    return number >= LOGIN && number != CLOSE_SESSION;
}

/* The action of the first line that means this function, whose count is lowered; 0 when there is none. */
static int take_order(int number, char action[16], word *value)
{
    char path[512], text[4096], name[64];
    int found = 0;
    path_of(path, sizeof path, "orders");
    pthread_mutex_lock(&orders_lock);
    FILE *file = fopen(path, "r+e");
    size_t length = file == NULL ? 0 : fread(text, 1, sizeof text - 1, file);
    text[length] = 0;
    for (char *line = text; *line != 0 && !found;) {
        int consumed = 0;
        unsigned long count;
        if (sscanf(line, "%63s %15s %lu %n%lu", name, action, value, &consumed, &count) == 4 && count > 0 &&
            (strcmp(name, names[number]) == 0 || (strcmp(name, "*") == 0 && is_for_sessions(number)))) {
            found = 1;
            fseek(file, line - text + consumed, SEEK_SET);
            fprintf(file, "%-10lu", count - 1);
        }
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    if (file != NULL)
        fclose(file);
    pthread_mutex_unlock(&orders_lock);
    return found;
}

static word ordered(int number)
{
    char action[16];
    word value;
    if (!take_order(number, action, &value))
        return 0;
    if (strcmp(action, "crash") == 0)
        abort();
    if (strcmp(action, "sleep") == 0)
        usleep((useconds_t)value * 1000);
    while (strcmp(action, "hang") == 0 && !exists("release"))
        usleep(10000);
    if (strcmp(action, "refuse") == 0)
        errno = EACCES;
    return strcmp(action, "refuse") == 0 || strcmp(action, "return") == 0 ? value : 0;
}

static void read_limits(void)
{
    const struct {
        const char *name;
        word *value;
    } known[] = {{"no_mechanism", &limits.no_mechanism},
                 {"no_mechanism_2", &limits.no_mechanism_2},
                 {"no_p384", &limits.no_p384},
                 {"max_sessions", &limits.max_sessions},
                 {"quiet_sessions", &limits.quiet_sessions},
                 {"read_only", &limits.read_only},
                 {"no_id_search", &limits.no_id_search},
                 {"drops_id", &limits.drops_id},
                 {"no_change", &limits.no_change},
                 {"no_destroy", &limits.no_destroy},
                 {"max_objects", &limits.max_objects},
                 {"no_slots", &limits.no_slots},
                 {"signs_wrongly", &limits.signs_wrongly}};
    char path[512], name[64];
    unsigned long value;
    memset(&limits, 0, sizeof limits);
    /* 0 is CKM_RSA_PKCS_KEY_PAIR_GEN */
    limits.no_mechanism = limits.no_mechanism_2 = ~0ul;
    path_of(path, sizeof path, "limits");
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    while (fscanf(file, "%63s %lu", name, &value) == 2) {
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
            if (strcmp(name, known[i].name) == 0)
                *known[i].value = value;
        }
    }
    fclose(file);
}

static struct attribute *find(word template, word count, word type)
{
    struct attribute *attributes = (struct attribute *)template;
    for (word i = 0; i < count; i++) {
        if (attributes[i].type == type)
            return &attributes[i];
    }
    return NULL;
}

static int is_true(struct attribute *attribute)
{
    return attribute != NULL && attribute->length == 1 && *(unsigned char *)attribute->value != 0;
}

enum { CKA_TOKEN = 1, CKA_ID = 0x102, CKA_EC_PARAMS = 0x180 };

/* How many objects of the token there are, those of sessions left out. */
static word count_objects(word session)
{
    unsigned char yes = 1;
    struct attribute token = {CKA_TOKEN, &yes, 1};
    word handles[64], count = 0, all = 0;
    if (real->functions[FIND_OBJECTS_INIT](session, (word)&token, 1, 0, 0, 0, 0, 0) != 0)
        return 0;
    while (real->functions[FIND_OBJECTS](session, (word)handles, 64, (word)&count, 0, 0, 0, 0) == 0 &&
           count > 0)
        all += count;
    real->functions[FIND_OBJECTS_FINAL](session, 0, 0, 0, 0, 0, 0, 0);
    return all;
}

static int lacks(word mechanism)
{
    return mechanism == limits.no_mechanism || mechanism == limits.no_mechanism_2;
}

/* What a limited token says instead of doing its work; 0 when it does it. */
static word limited(int number, word a, word b, word c, word d, word e, word f)
{
    static const unsigned char p384[] = {0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22};
    struct attribute *curve;
    switch (number) {
    case OPEN_SESSION:
        if (limits.read_only && (b & 2) != 0)
            return CKR_TOKEN_WRITE_PROTECTED;
        return limits.max_sessions != 0 &&
                       __atomic_load_n(&sessions, __ATOMIC_SEQ_CST) >= (int)limits.max_sessions
                   ? CKR_SESSION_COUNT
                   : 0;
    case COPY_OBJECT:
    case SET_ATTRIBUTE_VALUE:
        return limits.no_change ? CKR_FUNCTION_NOT_SUPPORTED : 0;
    case DESTROY_OBJECT:
        return limits.no_destroy ? CKR_FUNCTION_NOT_SUPPORTED : 0;
    case FIND_OBJECTS_INIT:
        return limits.no_id_search == 2 && find(b, c, CKA_ID) != NULL ? CKR_ATTRIBUTE_TYPE_INVALID : 0;
    case GET_MECHANISM_INFO:
        return lacks(b) ? CKR_MECHANISM_INVALID : 0;
    case SIGN_INIT:
    case ENCRYPT_INIT:
    case DECRYPT_INIT:
    case GENERATE_KEY:
        return lacks(((struct mechanism *)b)->type) ? CKR_MECHANISM_INVALID : 0;
    case GENERATE_KEY_PAIR:
        if (lacks(((struct mechanism *)b)->type))
            return CKR_MECHANISM_INVALID;
        curve = find(c, d, CKA_EC_PARAMS);
        if (limits.no_p384 && curve != NULL && curve->length == sizeof p384 &&
            memcmp(curve->value, p384, sizeof p384) == 0)
            return CKR_CURVE_NOT_SUPPORTED;
        return limits.max_objects != 0 &&
                       count_objects(a) + is_true(find(c, d, CKA_TOKEN)) + is_true(find(e, f, CKA_TOKEN)) >
                           limits.max_objects
                   ? CKR_DEVICE_MEMORY
                   : 0;
    default:
        return 0;
    }
}

static word absent(int number)
{
    was_gone |= exists("gone");
    if (!was_gone || number < GET_TOKEN_INFO || number == CLOSE_SESSION)
        return 0;
    return number == GET_TOKEN_INFO || number == OPEN_SESSION ? CKR_TOKEN_NOT_PRESENT : CKR_DEVICE_REMOVED;
}

static void change_token_info(unsigned char *info)
{
    char path[512];
    unsigned long flags;
    path_of(path, sizeof path, "flags");
    FILE *file = fopen(path, "re");
    /* label 32, manufacturerID 32, model 16, serialNumber 16, then flags and the counts of sessions */
    if (file != NULL && fscanf(file, "%lu", &flags) == 1)
        *(word *)(info + 96) |= flags;
    if (file != NULL)
        fclose(file);
    if (limits.max_sessions != 0 && !limits.quiet_sessions) {
        *(word *)(info + 104) = limits.max_sessions;
        *(word *)(info + 120) = limits.max_sessions;
    }
}

static void drop_id(word template, word count)
{
    struct attribute *id = find(template, count, CKA_ID);
    if (id != NULL)
        id->length = 0;
}

static word call(int number, word a, word b, word c, word d, word e, word f, word g, word h)
{
    if (number == LOGIN)
        note("logins");
    if (number == INITIALIZE)
        note("initialized");
    if (number == FINALIZE)
        note("finalized");
    if (number == SIGN)
        note("signed");
    word result = ordered(number);
    if (result == 0)
        result = absent(number);
    if (result != 0)
        return result;
    read_limits();
    result = limited(number, a, b, c, d, e, f);
    if (result != 0)
        return result;
    if (number == GENERATE_KEY_PAIR && limits.drops_id) {
        drop_id(c, d);
        drop_id(e, f);
    }
    /* An empty id fits no object of ours. */
    if (number == FIND_OBJECTS_INIT && limits.no_id_search == 1)
        drop_id(b, c);
    result = real->functions[number](a, b, c, d, e, f, g, h);
    if (number == OPEN_SESSION && result == 0)
        __atomic_add_fetch(&sessions, 1, __ATOMIC_SEQ_CST);
    if (number == CLOSE_SESSION && result == 0)
        __atomic_sub_fetch(&sessions, 1, __ATOMIC_SEQ_CST);
    if (number == FINALIZE) {
        sessions = 0;
        was_gone = 0;
    }
    if (number == GET_TOKEN_INFO && result == 0)
        change_token_info((unsigned char *)b);
    if (number == GET_SLOT_LIST && limits.no_slots)
        *(word *)c = 0;
    if (number == SIGN && result == 0 && d != 0 && limits.signs_wrongly)
        ((unsigned char *)d)[*(word *)e - 1] ^= 1;
    return result;
}

#define WRAP(n)                                                                         \
    static word wrap##n(word a, word b, word c, word d, word e, word f, word g, word h) \
    {                                                                                   \
        return call(n, a, b, c, d, e, f, g, h);                                         \
    }
#define WRAP_10(t) \
    WRAP(t##0)     \
    WRAP(t##1) WRAP(t##2) WRAP(t##3) WRAP(t##4) WRAP(t##5) WRAP(t##6) WRAP(t##7) WRAP(t##8) WRAP(t##9)
#define NAME_10(t)                                                                                  \
    wrap##t##0, wrap##t##1, wrap##t##2, wrap##t##3, wrap##t##4, wrap##t##5, wrap##t##6, wrap##t##7, \
        wrap##t##8, wrap##t##9

WRAP_10()
WRAP_10(1)
WRAP_10(2)
WRAP_10(3)
WRAP_10(4)
WRAP_10(5)
WRAP(60)
WRAP(61)
WRAP(62)
WRAP(63)
WRAP(64)
WRAP(65)
WRAP(66)
WRAP(67)

static const function wrapped[FUNCTIONS] = {NAME_10(),  NAME_10(1), NAME_10(2), NAME_10(3), NAME_10(4),
                                            NAME_10(5), wrap60,     wrap61,     wrap62,     wrap63,
                                            wrap64,     wrap65,     wrap66,     wrap67};

word C_GetFunctionList(struct function_list **list)
{
    if (real == NULL) {
        void *library = dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW | RTLD_LOCAL);
        word (*get)(struct function_list **) =
            library == NULL ? NULL : (word(*)(struct function_list **))dlsym(library, "C_GetFunctionList");
        if (get == NULL || get(&real) != 0)
            return CKR_GENERAL_ERROR;
        ours = *real;
        memcpy(ours.functions, wrapped, sizeof wrapped);
    }
    *list = &ours;
    return 0;
}
