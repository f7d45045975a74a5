#ifndef ESTPROV_H
#define ESTPROV_H

/*
 * EstProv for firmware: the device's identity, its certificates, and keys that stay in the Key Service.
 *
 * Calls return 0, or a negative errno; estprov_message() has the daemon's own words, estprov_code() its error
 * code. Buffers are the caller's: *size is their size before, and the length of the result after; of texts
 * both count the zero byte. Where the result is longer, nothing is written, *size is the size needed, and the
 * call returns -ERANGE. Sizes are bytes, times milliseconds unless said otherwise. A context and its watches
 * belong to one thread at a time. No threads, no signals, no globals, no exit.
 */
/* clang-format off */
/* -EACCES        the daemon does not permit it      -EPERM         somebody else owns the socket
 * -EAGAIN        not now (see the message)          -ETIMEDOUT     no answer in time
 * -ENOENT        nothing of that name, or no socket -ECONNREFUSED  the daemon does not run
 * -EINVAL        a bad argument or request          -ECONNRESET    the daemon hung up, again and again
 * -ENAMETOOLONG  a name that no request takes       -EIO           the daemon failed
 * -EMSGSIZE      input that no request takes        -EPROTO        a malformed answer
 * -ERANGE        the buffer is too small (above)    -ENOMEM        out of memory
 * -EEXIST        a conflict with what is there      -ENOSPC        the daemon has no space left
 * -ESTALE        another process' watch             -ENOTSUP       the daemon is too old */
/* clang-format on */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define ESTPROV_VERSION "0.1.0"
#define ESTPROV_CHECKED __attribute__((warn_unused_result))
#define ESTPROV_MAC_SIZE 32
/* By how much a ciphertext is longer than its plaintext. */
#define ESTPROV_SEALED_OVERHEAD 17

struct estprov;
struct estprov_watch;

enum estprov_daemon { ESTPROV_KEYD, ESTPROV_CERTD, ESTPROV_IDENTITYD };

/* The digest is a SHA-256, SHA-384 or SHA-512, told by its size; the salt of PSS is as long. EdDSA takes the
 * message. */
enum estprov_algorithm { ESTPROV_ECDSA, ESTPROV_RSA_PKCS1, ESTPROV_RSA_PSS, ESTPROV_EDDSA };

/* A device or module of the hub. What does not apply is "". */
struct estprov_identity {
    char hub[256];
    char gateway[256]; /* whom to connect to: the hub, or a gateway before it */
    char device_id[129];
    char module_id[129];
    char generation_id[65];
    char auth[16];         /* "x509", "sas" or "none" */
    char key_handle[2048]; /* of the private key, or of the key for SAS tokens */
    char certificate_id[257];
};

/* Something that happened in a daemon. certd's kinds: native/README.md; of identityd "registering",
 * "assigned", "failed". */
struct estprov_change {
    char kind[32];     /* "reread": before now things may have happened unseen; comes first in every watch */
    char subject[257]; /* such as the certificate's id */
    char reason[65];   /* of "expiring": "expiry", "issuer_renewed", "issuer_distrusted" */
    char time[32];     /* ISO 8601, UTC */
};

/* folder: of the sockets; NULL: the environment's ESTPROV_SOCKET_FOLDER (not for set-uid programs), else
 * /run/estprov. timeout_ms bounds each call that names none of its own; 0: 8000. Connects to nobody. */
ESTPROV_CHECKED int estprov_open(struct estprov **context, const char *folder, int timeout_ms);
void estprov_close(struct estprov *context);

/* Of the last call that failed: "" or one line; valid until the context's next call. */
const char *estprov_message(const struct estprov *context);
const char *estprov_code(const struct estprov *context);
/* A short English phrase; needs no freeing. Takes 0, errno values of either sign. */
const char *estprov_strerror(int error);

/* The library's own, and a daemon's: they need not be equal. */
const char *estprov_version(void);
ESTPROV_CHECKED int estprov_daemon_version(struct estprov *context, enum estprov_daemon daemon, char *version,
                                           size_t *size);

/* 0 when the device is provisioned, -EAGAIN while it is not; the message says what is waited for. */
ESTPROV_CHECKED int estprov_provisioned(struct estprov *context);
/* Waits until it is, however late the daemons start. To poll instead: a watch of identityd, then the call
 * above. */
ESTPROV_CHECKED int estprov_wait_provisioned(struct estprov *context, int timeout_ms);

ESTPROV_CHECKED int estprov_device_identity(struct estprov *context, struct estprov_identity *identity);
/* module_id NULL: the caller's own, by his user. */
ESTPROV_CHECKED int estprov_module_identity(struct estprov *context, const char *module_id,
                                            struct estprov_identity *identity);

/* The certificates of an id, leaf first, as PEM text. */
ESTPROV_CHECKED int estprov_certificate_pem(struct estprov *context, const char *id, char *pem, size_t *size);
/* One of them in DER; index 0 is the leaf, and -ENOENT follows the last. */
ESTPROV_CHECKED int estprov_certificate_der(struct estprov *context, const char *id, size_t index, void *der,
                                            size_t *size);
/* Has the caller's own request (PKCS#10, PEM) issued under an id. The same request again gets the same
 * certificate. */
ESTPROV_CHECKED int estprov_enrol(struct estprov *context, const char *id, const char *csr_pem,
                                  int timeout_ms, char *pem, size_t *size);
/* PEM text; may be empty. */
ESTPROV_CHECKED int estprov_trust_bundle(struct estprov *context, char *pem, size_t *size);

/* key: a handle, or "id=" and a key id, which is the id's current key at each call. The signature of ECDSA is
 * DER. */
ESTPROV_CHECKED int estprov_sign(struct estprov *context, const char *key, enum estprov_algorithm algorithm,
                                 const void *digest, size_t digest_size, void *signature, size_t *size);
/* HMAC-SHA256. */
ESTPROV_CHECKED int estprov_hmac(struct estprov *context, const char *key, const void *message,
                                 size_t message_size, uint8_t mac[ESTPROV_MAC_SIZE]);
/* AES-256-GCM; iv of 1 to 128 bytes, never twice with one key. A changed ciphertext is -EINVAL. */
ESTPROV_CHECKED int estprov_encrypt(struct estprov *context, const char *key, const void *iv, size_t iv_size,
                                    const void *aad, size_t aad_size, const void *plaintext,
                                    size_t plaintext_size, void *ciphertext, size_t *size);
ESTPROV_CHECKED int estprov_decrypt(struct estprov *context, const char *key, const void *iv, size_t iv_size,
                                    const void *aad, size_t aad_size, const void *ciphertext,
                                    size_t ciphertext_size, void *plaintext, size_t *size);

/* A token of an identity with auth "sas", until a time in seconds since 1970. resource NULL: the identity's
 * own. */
ESTPROV_CHECKED int estprov_sas_token(struct estprov *context, const struct estprov_identity *identity,
                                      const char *resource, int64_t expires, char *token, size_t *size);
/* The hub's connection string: with a SAS token, or ";x509=true", after the identity's auth. */
ESTPROV_CHECKED int estprov_connection_string(struct estprov *context,
                                              const struct estprov_identity *identity, int64_t expires,
                                              char *text, size_t *size);

/* What happens in certd or identityd from now on. Opening needs no daemon: the watch waits for it, also later
 * on. */
ESTPROV_CHECKED int estprov_watch_open(struct estprov *context, enum estprov_daemon daemon,
                                       struct estprov_watch **watch);
/* One descriptor for the watch's whole life, readable when estprov_watch_next has something to do: only for
 * poll and epoll. */
int estprov_watch_descriptor(const struct estprov_watch *watch);
/* The next change. timeout_ms 0: -EAGAIN where there is none, which is usual; else -ETIMEDOUT. Errors do not
 * end a watch. */
ESTPROV_CHECKED int estprov_watch_next(struct estprov_watch *watch, int timeout_ms,
                                       struct estprov_change *change);
/* Before its context is closed. */
void estprov_watch_close(struct estprov_watch *watch);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
