#ifndef ESTPROV_PROBLEM_H
#define ESTPROV_PROBLEM_H

/* What went wrong, in words for the user; becomes an entry of OpenSSL's error queue. */
enum reason {
    REASON_NONE = 0,
    REASON_URI,
    REASON_UNREACHABLE,
    REASON_PEER,
    REASON_TIMEOUT,
    REASON_ANSWER,
    REASON_REFUSED,
    REASON_KEY,
    REASON_ALGORITHM,
    REASON_PRIVATE,
    REASON_INTERNAL,
    REASON_LIMIT,
};

struct problem {
    enum reason reason;
    char text[720];
};

void problem_set(struct problem *problem, enum reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
