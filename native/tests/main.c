#include "check.h"
#include "tests.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc == 3) {
        module_folder = argv[1];
        return signs_alone(argv[2]) ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s FOLDER-OF-ESTPROV.SO\n", argv[0]);
        return EXIT_FAILURE;
    }
    program_path = argv[0];
    module_folder = argv[1];
    /* Silence must be told from slowness soon; under valgrind everything is 30 times slower. */
    (void)setenv("ESTPROV_KEYD_TIMEOUT_MS", "1500", 0);
    test_uri();
    test_http();
    test_socket();
    test_store();
    test_signature();
    test_cipher();
    test_encoders();
    test_transfer();
    test_reference();
    test_configuration();
    test_tls();
    return finish_tests();
}
