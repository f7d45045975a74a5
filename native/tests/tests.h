#ifndef ESTPROV_TESTS_H
#define ESTPROV_TESTS_H

#include <stdbool.h>

void test_uri(void);
void test_http(void);
void test_socket(void);
void test_store(void);
void test_signature(void);
void test_cipher(void);
void test_encoders(void);
void test_transfer(void);
void test_reference(void);
void test_configuration(void);
void test_tls(void);

/* Whether the key signs where the process has no other provider: for a process of its own. */
bool signs_alone(const char *uri);

#endif
