#include "functions.h"

#include "module.h"

static CK_RV unoffered(void)
{
    return CKR_FUNCTION_NOT_SUPPORTED;
}

/* Of the times when a function could run beside its caller. */
static CK_RV not_parallel(CK_SESSION_HANDLE session)
{
    (void)session;
    return CKR_FUNCTION_NOT_PARALLEL;
}

static const CK_FUNCTION_LIST functions = {
    .version = {2, 40},
    .C_Initialize = module_initialize,
    .C_Finalize = module_finalize,
    .C_GetInfo = get_info,
    .C_GetFunctionList = C_GetFunctionList,
    .C_GetSlotList = get_slot_list,
    .C_GetSlotInfo = get_slot_info,
    .C_GetTokenInfo = get_token_info,
    .C_GetMechanismList = get_mechanism_list,
    .C_GetMechanismInfo = get_mechanism_info,
    .C_InitToken = unoffered,
    .C_InitPIN = unoffered,
    .C_SetPIN = unoffered,
    .C_OpenSession = open_session,
    .C_CloseSession = close_session,
    .C_CloseAllSessions = close_all_sessions,
    .C_GetSessionInfo = get_session_info,
    .C_GetOperationState = unoffered,
    .C_SetOperationState = unoffered,
    .C_Login = login,
    .C_Logout = logout,
    .C_CreateObject = unoffered,
    .C_CopyObject = unoffered,
    .C_DestroyObject = unoffered,
    .C_GetObjectSize = get_object_size,
    .C_GetAttributeValue = get_attribute_value,
    .C_SetAttributeValue = unoffered,
    .C_FindObjectsInit = find_objects_init,
    .C_FindObjects = find_objects,
    .C_FindObjectsFinal = find_objects_final,
    .C_EncryptInit = unoffered,
    .C_Encrypt = unoffered,
    .C_EncryptUpdate = unoffered,
    .C_EncryptFinal = unoffered,
    .C_DecryptInit = unoffered,
    .C_Decrypt = unoffered,
    .C_DecryptUpdate = unoffered,
    .C_DecryptFinal = unoffered,
    .C_DigestInit = unoffered,
    .C_Digest = unoffered,
    .C_DigestUpdate = unoffered,
    .C_DigestKey = unoffered,
    .C_DigestFinal = unoffered,
    .C_SignInit = sign_init,
    .C_Sign = sign,
    .C_SignUpdate = sign_update,
    .C_SignFinal = sign_final,
    .C_SignRecoverInit = unoffered,
    .C_SignRecover = unoffered,
    .C_VerifyInit = unoffered,
    .C_Verify = unoffered,
    .C_VerifyUpdate = unoffered,
    .C_VerifyFinal = unoffered,
    .C_VerifyRecoverInit = unoffered,
    .C_VerifyRecover = unoffered,
    .C_DigestEncryptUpdate = unoffered,
    .C_DecryptDigestUpdate = unoffered,
    .C_SignEncryptUpdate = unoffered,
    .C_DecryptVerifyUpdate = unoffered,
    .C_GenerateKey = unoffered,
    .C_GenerateKeyPair = unoffered,
    .C_WrapKey = unoffered,
    .C_UnwrapKey = unoffered,
    .C_DeriveKey = unoffered,
    .C_SeedRandom = unoffered,
    .C_GenerateRandom = unoffered,
    .C_GetFunctionStatus = not_parallel,
    .C_CancelFunction = not_parallel,
    .C_WaitForSlotEvent = wait_for_slot_event,
};

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    union {
        const CK_FUNCTION_LIST *ours;
        CK_FUNCTION_LIST *theirs;
    } given = {&functions};

    if (list == NULL)
        return CKR_ARGUMENTS_BAD;
    /* The interface has no const; relro has. */
    *list = given.theirs;
    return CKR_OK;
}
