#include "check.h"
#include "pkcs11_tests.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static CK_RV a_mutex(void *mutex)
{
    (void)mutex;
    return CKR_OK;
}

static CK_RV make_mutex(void **mutex)
{
    (void)mutex;
    return CKR_OK;
}

static void initializes(void)
{
    CK_C_INITIALIZE_ARGS arguments;
    CK_INFO info;

    memset(&arguments, 0, sizeof(arguments));
    CHECK_INT(p11->C_GetInfo(&info), CKR_CRYPTOKI_NOT_INITIALIZED);
    CHECK_INT(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
    CHECK_INT(p11->C_Initialize(NULL), CKR_OK);
    CHECK_INT(p11->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
    CHECK_INT(p11->C_Finalize(&info), CKR_ARGUMENTS_BAD);
    CHECK_INT(p11->C_Finalize(NULL), CKR_OK);
    arguments.pReserved = &info;
    CHECK_INT(p11->C_Initialize(&arguments), CKR_ARGUMENTS_BAD);
    arguments.pReserved = NULL;
    arguments.flags = CKF_OS_LOCKING_OK;
    CHECK_INT(p11->C_Initialize(&arguments), CKR_OK);
    CHECK_INT(p11->C_Finalize(NULL), CKR_OK);
    arguments.CreateMutex = make_mutex;
    CHECK_INT(p11->C_Initialize(&arguments), CKR_ARGUMENTS_BAD);
    arguments.DestroyMutex = a_mutex;
    arguments.LockMutex = a_mutex;
    arguments.UnlockMutex = a_mutex;
    CHECK_INT(p11->C_Initialize(&arguments), CKR_OK);
    CHECK_INT(p11->C_Finalize(NULL), CKR_OK);
    arguments.flags = 0;
    CHECK_INT(p11->C_Initialize(&arguments), CKR_CANT_LOCK);
    CHECK_INT(p11->C_GetInfo(&info), CKR_CRYPTOKI_NOT_INITIALIZED);
}

/* Asking what there is to be had needs no daemon: every program may load the module. */
static void describes(void)
{
    CK_INFO info;
    CK_SLOT_INFO slot;
    CK_TOKEN_INFO token;
    CK_SLOT_ID slots[2] = {9, 9};
    CK_ULONG count = 0;
    CK_MECHANISM_TYPE mechanisms[32];
    CK_MECHANISM_INFO mechanism;

    begin();
    CHECK_INT(p11->C_GetInfo(&info), CKR_OK);
    CHECK_INT(info.cryptokiVersion.major, 2);
    CHECK_INT(info.cryptokiVersion.minor, 40);
    CHECK(info.libraryVersion.major + info.libraryVersion.minor > 0);
    CHECK_INT(p11->C_GetInfo(NULL), CKR_ARGUMENTS_BAD);
    CHECK_INT(p11->C_GetSlotList(CK_TRUE, NULL, NULL), CKR_ARGUMENTS_BAD);
    CHECK_INT(p11->C_GetSlotList(CK_TRUE, slots, &count), CKR_BUFFER_TOO_SMALL);
    CHECK_INT(count, 1);
    CHECK_INT(p11->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    CHECK_INT(slots[0], 0);
    CHECK_INT(p11->C_GetSlotInfo(0, &slot), CKR_OK);
    CHECK_INT(slot.flags, CKF_TOKEN_PRESENT);
    CHECK_INT(p11->C_GetSlotInfo(1, &slot), CKR_SLOT_ID_INVALID);
    CHECK_INT(p11->C_GetTokenInfo(0, &token), CKR_OK);
    CHECK_INT(token.flags, CKF_TOKEN_INITIALIZED | CKF_WRITE_PROTECTED);
    CHECK(memcmp(token.label, "EstProv                         ", 32) == 0);
    CHECK_INT(token.ulSessionCount, 1);
    CHECK_INT(p11->C_GetTokenInfo(0, NULL), CKR_ARGUMENTS_BAD);
    count = 32;
    CHECK_INT(p11->C_GetMechanismList(0, mechanisms, &count), CKR_OK);
    CHECK_INT(count, 13);
    for (CK_ULONG i = 0; i < count; i++) {
        CHECK_INT(p11->C_GetMechanismInfo(0, mechanisms[i], &mechanism), CKR_OK);
        CHECK((mechanism.flags & CKF_SIGN) != 0);
    }
    count = 3;
    CHECK_INT(p11->C_GetMechanismList(0, mechanisms, &count), CKR_BUFFER_TOO_SMALL);
    /* Raw RSA (CKM_RSA_X_509) and SHA-1 are nowhere. */
    CHECK_INT(p11->C_GetMechanismInfo(0, 3, &mechanism), CKR_MECHANISM_INVALID);
    CHECK_INT(p11->C_GetMechanismInfo(0, 6, &mechanism), CKR_MECHANISM_INVALID);
    CHECK_INT(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, slots, NULL), CKR_NO_EVENT);
    CHECK_INT(p11->C_WaitForSlotEvent(0, slots, NULL), CKR_FUNCTION_NOT_SUPPORTED);
    CHECK_INT(p11->C_GenerateKeyPair(), CKR_FUNCTION_NOT_SUPPORTED);
    CHECK_INT(p11->C_GetFunctionStatus(session), CKR_FUNCTION_NOT_PARALLEL);
    CHECK_INT(atomic_load(&keyd->accepted), 0);
    end();
}

static void opens_sessions(void)
{
    CK_SESSION_HANDLE other;
    CK_SESSION_INFO info;
    CK_UTF8CHAR pin[] = "1234";

    begin();
    CHECK_INT(p11->C_OpenSession(0, 0, NULL, NULL, &other), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    CHECK_INT(p11->C_OpenSession(7, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_SLOT_ID_INVALID);
    CHECK_INT(p11->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &other), CKR_OK);
    CHECK(other != session);
    CHECK_INT(p11->C_GetSessionInfo(other, &info), CKR_OK);
    CHECK_INT(info.state, CKS_RW_PUBLIC_SESSION);
    CHECK_INT(p11->C_Login(other, CKU_SO, pin, 4), CKR_USER_TYPE_INVALID);
    /* Callers that log in regardless are let, with any PIN or none. */
    CHECK_INT(p11->C_Login(other, CKU_USER, pin, 4), CKR_OK);
    CHECK_INT(p11->C_Login(other, CKU_USER, NULL, 0), CKR_OK);
    CHECK_INT(p11->C_GetSessionInfo(session, &info), CKR_OK);
    CHECK_INT(info.state, CKS_RO_USER_FUNCTIONS);
    CHECK_INT(p11->C_Logout(session), CKR_OK);
    CHECK_INT(p11->C_CloseSession(other), CKR_OK);
    CHECK_INT(p11->C_CloseSession(other), CKR_SESSION_HANDLE_INVALID);
    CHECK_INT(p11->C_GetSessionInfo(other, &info), CKR_SESSION_HANDLE_INVALID);
    CHECK_INT(p11->C_CloseAllSessions(0), CKR_OK);
    CHECK_INT(p11->C_GetSessionInfo(session, &info), CKR_SESSION_HANDLE_INVALID);
    CHECK_INT(p11->C_Login(session, CKU_USER, NULL, 0), CKR_SESSION_HANDLE_INVALID);
    end();
}

static void bounds_sessions(void)
{
    CK_SESSION_HANDLE other;
    CK_RV value = CKR_OK;
    int opened = 1;

    begin();
    while (value == CKR_OK && opened < 5000) {
        value = p11->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &other);
        opened += value == CKR_OK ? 1 : 0;
    }
    CHECK_INT(value, CKR_SESSION_COUNT);
    CHECK_INT(opened, 1024);
    end();
}

/* A child has nothing of its parent's until it initializes the module itself; the parent goes on undisturbed.
 */
static void forks(void)
{
    CK_SESSION_INFO info;
    CK_SESSION_HANDLE before;
    int status = 0;
    pid_t child;

    begin();
    before = session;
    offer_all();
    CHECK(find_one(CKO_PRIVATE_KEY, "device-id") != 0);
    offer_all();
    child = fork();
    if (child == 0) {
        int wrong = p11->C_GetSessionInfo(before, &info) == CKR_CRYPTOKI_NOT_INITIALIZED ? 0 : 1;

        wrong |= p11->C_Initialize(NULL) == CKR_OK ? 0 : 2;
        wrong |= p11->C_GetSessionInfo(before, &info) == CKR_SESSION_HANDLE_INVALID ? 0 : 4;
        wrong |= p11->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK ? 0 : 8;
        wrong |= find_one(CKO_PRIVATE_KEY, "device-id") != 0 ? 0 : 16;
        wrong |= p11->C_Finalize(NULL) == CKR_OK ? 0 : 32;
        _exit(wrong);
    }
    (void)waitpid(child, &status, 0);
    CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : 255, 0);
    CHECK_INT(p11->C_GetSessionInfo(session, &info), CKR_OK);
    offer_all();
    CHECK(find_one(CKO_PRIVATE_KEY, "device-id") != 0);
    end();
}

void test_sessions(void)
{
    run_test("it is initialized as PKCS#11 says, and locks by the system's means alone", initializes);
    run_test("what it offers is told without asking a daemon", describes);
    run_test("sessions are opened and closed, and whoever logs in is let", opens_sessions);
    run_test("sessions have an end", bounds_sessions);
    run_test("a forked child initializes the module anew", forks);
}
