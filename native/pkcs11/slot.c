#include "functions.h"
#include "mechanism.h"
#include "module.h"
#include "session.h"

#include <stdlib.h>
#include <string.h>

/* One slot with one token in it, which is always there: whether the daemons are is told by what is asked of
 * them. */

/* Padded with blanks, and without a NUL, as PKCS#11 has its texts. */
static void pad(CK_UTF8CHAR *out, size_t size, const char *text)
{
    const size_t length = strlen(text);

    for (size_t i = 0; i < size; i++)
        out[i] = i < length ? (CK_UTF8CHAR)text[i] : ' ';
}

static CK_VERSION version(void)
{
    char *end;
    const unsigned long major = strtoul(ESTPROV_VERSION, &end, 10);
    const CK_VERSION version = {(CK_BYTE)major, (CK_BYTE)strtoul(end + 1, NULL, 10)};

    return version;
}

CK_RV get_info(CK_INFO *info)
{
    if (module_enter() != CKR_OK)
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    if (info == NULL)
        return module_leave(CKR_ARGUMENTS_BAD);
    memset(info, 0, sizeof(*info));
    info->cryptokiVersion.major = 2;
    info->cryptokiVersion.minor = 40;
    pad(info->manufacturerID, sizeof(info->manufacturerID), "EstProv");
    pad(info->libraryDescription, sizeof(info->libraryDescription), "Keys of the Key Service");
    info->libraryVersion = version();
    return module_leave(CKR_OK);
}

CK_RV get_slot_list(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count)
{
    CK_ULONG room;

    (void)present;
    if (module_enter() != CKR_OK)
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    if (count == NULL)
        return module_leave(CKR_ARGUMENTS_BAD);
    room = *count;
    *count = 1;
    if (slots == NULL)
        return module_leave(CKR_OK);
    if (room < 1)
        return module_leave(CKR_BUFFER_TOO_SMALL);
    slots[0] = THE_SLOT;
    return module_leave(CKR_OK);
}

/* What every question about the slot begins with. */
static CK_RV enter_slot(CK_SLOT_ID slot, const void *out)
{
    const CK_RV value = module_enter();

    if (value != CKR_OK)
        return value;
    return slot != THE_SLOT ? module_leave(CKR_SLOT_ID_INVALID)
           : out == NULL    ? module_leave(CKR_ARGUMENTS_BAD)
                            : CKR_OK;
}

CK_RV get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    const CK_RV value = enter_slot(slot, info);

    if (value != CKR_OK)
        return value;
    memset(info, 0, sizeof(*info));
    pad(info->slotDescription, sizeof(info->slotDescription), "EstProv Key Service");
    pad(info->manufacturerID, sizeof(info->manufacturerID), "EstProv");
    info->flags = CKF_TOKEN_PRESENT;
    info->firmwareVersion = version();
    return module_leave(CKR_OK);
}

CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    const CK_RV value = enter_slot(slot, info);

    if (value != CKR_OK)
        return value;
    memset(info, 0, sizeof(*info));
    pad(info->label, sizeof(info->label), "EstProv");
    pad(info->manufacturerID, sizeof(info->manufacturerID), "EstProv");
    pad(info->model, sizeof(info->model), "keyd");
    pad(info->serialNumber, sizeof(info->serialNumber), "1");
    /* No CKF_LOGIN_REQUIRED: keyd goes by the caller's user. */
    info->flags = CKF_TOKEN_INITIALIZED | CKF_WRITE_PROTECTED;
    info->ulMaxSessionCount = CK_EFFECTIVELY_INFINITE;
    info->ulSessionCount = session_count(false);
    info->ulMaxRwSessionCount = CK_EFFECTIVELY_INFINITE;
    info->ulRwSessionCount = session_count(true);
    info->ulTotalPublicMemory = CK_UNAVAILABLE_INFORMATION;
    info->ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION;
    info->ulTotalPrivateMemory = CK_UNAVAILABLE_INFORMATION;
    info->ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION;
    info->firmwareVersion = version();
    memset(info->utcTime, ' ', sizeof(info->utcTime));
    return module_leave(CKR_OK);
}

CK_RV get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *mechanisms, CK_ULONG *count)
{
    const CK_RV value = enter_slot(slot, count);
    CK_ULONG room;
    CK_ULONG have = 0;

    if (value != CKR_OK)
        return value;
    room = *count;
    while (mechanism_at(have) != NULL)
        have++;
    *count = have;
    if (mechanisms == NULL)
        return module_leave(CKR_OK);
    if (room < have)
        return module_leave(CKR_BUFFER_TOO_SMALL);
    for (CK_ULONG i = 0; i < have; i++)
        mechanisms[i] = mechanism_at(i)->type;
    return module_leave(CKR_OK);
}

CK_RV get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    const CK_RV value = enter_slot(slot, info);
    const struct mechanism *const mechanism = mechanism_find(type);

    if (value != CKR_OK)
        return value;
    if (mechanism == NULL)
        return module_leave(CKR_MECHANISM_INVALID);
    mechanism_describe(mechanism, info);
    return module_leave(CKR_OK);
}

/* Nothing is ever put in or taken out. */
CK_RV wait_for_slot_event(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved)
{
    (void)slot;
    (void)reserved;
    if (module_enter() != CKR_OK)
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    return module_leave((flags & CKF_DONT_BLOCK) != 0 ? CKR_NO_EVENT : CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                   CK_SESSION_HANDLE *session)
{
    const CK_RV value = enter_slot(slot, session);

    (void)application;
    (void)notify;
    if (value != CKR_OK)
        return value;
    if ((flags & CKF_SERIAL_SESSION) == 0)
        return module_leave(CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    /* Read-write sessions are given as well: callers that never write ask for them all the same. */
    return module_leave(session_open(flags, session) ? CKR_OK : CKR_SESSION_COUNT);
}

CK_RV close_session(CK_SESSION_HANDLE session)
{
    if (module_enter() != CKR_OK)
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    return module_leave(session_close(session) ? CKR_OK : CKR_SESSION_HANDLE_INVALID);
}

CK_RV close_all_sessions(CK_SLOT_ID slot)
{
    const CK_RV value = enter_slot(slot, &slot);

    if (value != CKR_OK)
        return value;
    sessions_forget();
    return module_leave(CKR_OK);
}

CK_RV get_session_info(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info)
{
    const struct session *session;
    bool writable;

    if (module_enter() != CKR_OK)
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    session = session_find(handle);
    if (session == NULL)
        return module_leave(CKR_SESSION_HANDLE_INVALID);
    if (info == NULL)
        return module_leave(CKR_ARGUMENTS_BAD);
    writable = (session->flags & CKF_RW_SESSION) != 0;
    memset(info, 0, sizeof(*info));
    info->slotID = THE_SLOT;
    info->flags = session->flags;
    info->state = *session_login() ? (writable ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS)
                                   : (writable ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION);
    return module_leave(CKR_OK);
}

/* There is no PIN. Callers that log in whether they have to or not are let, whatever they bring. */
CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG length)
{
    (void)pin;
    (void)length;
    if (module_enter() != CKR_OK)
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    if (session_find(session) == NULL)
        return module_leave(CKR_SESSION_HANDLE_INVALID);
    if (user != CKU_USER && user != CKU_CONTEXT_SPECIFIC)
        return module_leave(CKR_USER_TYPE_INVALID);
    *session_login() = true;
    return module_leave(CKR_OK);
}

CK_RV logout(CK_SESSION_HANDLE session)
{
    if (module_enter() != CKR_OK)
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    if (session_find(session) == NULL)
        return module_leave(CKR_SESSION_HANDLE_INVALID);
    *session_login() = false;
    return module_leave(CKR_OK);
}
