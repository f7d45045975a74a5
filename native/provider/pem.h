#ifndef ESTPROV_PEM_H
#define ESTPROV_PEM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A file that stands for a key: the base64 of a key's URI between BEGIN and END lines of this label. With the
 * provider activated in openssl.cnf, a program that takes a key file takes this one.
 */
#define PEM_REFERENCE_LABEL "ESTPROV KEY REFERENCE"

/* Reads one line, at most size - 1 characters, as fgets does; 0 at the end. */
typedef int pem_gets(void *source, char *line, int size);

/* The URI of the first PEM block, if that is a reference; else false. */
bool pem_read_reference(pem_gets *gets, void *source, char *uri, size_t size);

#endif
