#include "check.h"
#include "shim_tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void world_open(struct world *world, int timeout_ms)
{
    (void)snprintf(world->folder, sizeof(world->folder), "%s", fake_folder());
    world->keyd = fake_start(world->folder, "keyd");
    world->certd = fake_start(world->folder, "certd");
    world->identityd = fake_start(world->folder, "identityd");
    if (estprov_open(&world->context, world->folder, timeout_ms) != 0)
        abort();
}

void world_close(struct world *world)
{
    estprov_close(world->context);
    fake_stop(world->keyd);
    fake_stop(world->certd);
    fake_stop(world->identityd);
    (void)rmdir(world->folder);
}

int main(void)
{
    test_json();
    test_texts();
    test_calls();
    test_sas();
    test_connection();
    test_hostile();
    test_processes();
    test_watch();
    return finish_tests();
}
