# libestprov-pkcs11.so: the PKCS#11 module for programs without OpenSSL, its tests and fuzzer. Included by the Makefile. Needs libc only; of the library it
# has what it uses linked in.
#   make pkcs11 · make check-pkcs11 [SANITIZE=1 | THREADS=1] · make install-pkcs11

PKCS11DIR ?= $(LIBDIR)/pkcs11
DATADIR ?= $(PREFIX)/share
PKCS11_BUDGET = 49152

PKCS11_SOURCES = $(wildcard pkcs11/*.c)
# Apart from the library's own objects, so that the linker can leave out what is not used.
PKCS11_OBJECTS = $(PKCS11_SOURCES:%.c=$(O)/pkcs11/%.o) $(SHIM_SOURCES:%.c=$(O)/pkcs11/%.o)
PKCS11_SO = $(O)/libestprov-pkcs11.so
PKCS11_TEST_OBJECTS = $(patsubst %.c,$(O)/%.o,$(wildcard tests/pkcs11/*.c)) $(O)/tests/shim/check.o $(O)/tests/shim/fake_daemon.o

.PHONY: pkcs11 check-pkcs11 check-pkcs11-artifacts install-pkcs11

all: pkcs11

pkcs11: $(PKCS11_SO)

# No thread is cancelled within it, so that no stack is ever unwound through it.
$(O)/pkcs11/%.o: SHIM_CFLAGS += -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables
$(O)/pkcs11/%.o: %.c
	@mkdir -p $(@D)
	$(COMPILE_SHIM)

$(PKCS11_SO): $(PKCS11_OBJECTS) pkcs11/estprov-pkcs11.map
	$(CC) $(SHIM_CFLAGS) $(LDFLAGS) -pthread -shared -Wl,-soname,$(@F) -Wl,--version-script=pkcs11/estprov-pkcs11.map -Wl,--gc-sections \
		$(if $(SANITIZERS),,$(LINK_HARDENING)) -Wl,-z,noseparate-code $(PKCS11_OBJECTS) -o $@

install: install-pkcs11

install-pkcs11: $(PKCS11_SO)
	install -d $(DESTDIR)$(PKCS11DIR) $(DESTDIR)$(DATADIR)/p11-kit/modules
	install -m 0755 $(PKCS11_SO) $(DESTDIR)$(PKCS11DIR)/
	sed -e 's|@PKCS11DIR@|$(PKCS11DIR)|' pkcs11/estprov.module.in >$(DESTDIR)$(DATADIR)/p11-kit/modules/estprov.module
	chmod 0644 $(DESTDIR)$(DATADIR)/p11-kit/modules/estprov.module

# The tests open the real module, as a program would.
$(O)/tests/pkcs11/%.o: tests/pkcs11/%.c
	@mkdir -p $(@D)
	$(CC) $(SHIM_CPPFLAGS) $(filter-out -pthread,$(CFLAGS)) -pthread -Itests -Itests/shim -Ipkcs11 -MMD -MP -c $< -o $@

$(O)/pkcs11_tests: $(PKCS11_TEST_OBJECTS) $(O)/check/common/base64.o
	$(CC) $(CFLAGS) $(LDFLAGS) -pthread $^ -ldl -o $@

check: check-pkcs11

check-pkcs11: $(O)/pkcs11_tests $(PKCS11_SO) check-pkcs11-artifacts
	$(RUNNER) $(O)/pkcs11_tests $(abspath $(PKCS11_SO))

check-pkcs11-artifacts: $(PKCS11_SO)
ifeq ($(SANITIZERS),)
	sh tests/pkcs11/artifacts.sh $(PKCS11_SO) $(PKCS11_BUDGET) "$(NM)" "$(STRIP)" pkcs11/symbols.txt
endif

$(FUZZ_O)/pkcs11_module: $(FUZZ_O)/fuzz/pkcs11_module.o $(FUZZ_O)/fuzz/peer.o $(PKCS11_SOURCES:%.c=$(FUZZ_O)/%.o) $(SHIM_SOURCES:%.c=$(FUZZ_O)/%.o) \
		$(FUZZ_DRIVER)
	$(FUZZ_LINK) -pthread $^ -o $@

-include $(PKCS11_OBJECTS:.o=.d) $(PKCS11_TEST_OBJECTS:.o=.d)
