# libestprov: shared and static, its tests and fuzzers. Included by the Makefile. Needs libc only.
#   make shim · make check-shim [SANITIZE=1 | THREADS=1] · make coverage · make fuzzers · make check-abi · make install-dev

LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
# Where the daemons' sockets are, unless a program says otherwise.
SOCKET_FOLDER ?= /run/estprov
OBJCOPY ?= objcopy
NM ?= nm
GCOV ?= gcov
ABIDW ?= abidw
ABIDIFF ?= abidiff
SHIM_SOVERSION = 1
SHIM_BUDGET = 40960
# Of the branches in common/ and shim/, per cent.
COVERAGE ?= 90

ifdef THREADS
override O := $(patsubst %/threads,%,$(O))/threads
SANITIZERS = -fsanitize=thread
endif

SHIM_SOURCES = $(wildcard common/*.c shim/*.c)
SHIM_OBJECTS = $(SHIM_SOURCES:%.c=$(O)/%.o)
SHIM_SO = $(O)/libestprov.so.$(SHIM_SOVERSION)
SHIM_A = $(O)/libestprov.a
SHIM_TEST_SOURCES = $(wildcard tests/shim/*.c)
SHIM_CHECKED_OBJECTS = $(SHIM_SOURCES:%.c=$(O)/check/%.o)
SHIM_TEST_OBJECTS = $(SHIM_TEST_SOURCES:%.c=$(O)/%.o) $(O)/tests/shim/check.o
# What the tests put in the place of libc's, to see flags, to pretend other users, to run out of memory.
SHIM_WRAPPED = getsockopt geteuid send socket malloc calloc epoll_create1 timerfd_create epoll_ctl getpwnam_r recv
SHIM_CPPFLAGS = $(filter-out -Iprovider -DOPENSSL_%,$(CPPFLAGS)) -Iinclude
SHIM_OPTIMIZE ?= -Os
SHIM_CFLAGS = $(filter-out -std=c11 -pthread,$(CFLAGS)) -std=c99 $(SHIM_OPTIMIZE)
COMPILE_SHIM = $(CC) $(SHIM_CPPFLAGS) $(SHIM_CFLAGS) -DESTPROV_SOCKET_FOLDER='"$(SOCKET_FOLDER)"' -MMD -MP -c $< -o $@

.PHONY: shim check-shim check-size install-shim install-dev coverage fuzzers check-fuzz check-abi dump-abi

all: shim

shim: $(SHIM_SO) $(SHIM_A)

# Pure computation: it waits for nothing and calls nobody back, so that no stack is ever unwound through it.
$(addprefix $(O)/,common/json.o common/base64.o common/http_head.o common/shown.o shim/buffer.o shim/error.o shim/reply.o shim/request.o \
	shim/watch_answer.o): SHIM_CFLAGS += -fno-asynchronous-unwind-tables

$(O)/common/%.o: common/%.c
	@mkdir -p $(@D)
	$(COMPILE_SHIM)

$(O)/shim/%.o: shim/%.c
	@mkdir -p $(@D)
	$(COMPILE_SHIM)

$(SHIM_SO): $(SHIM_OBJECTS) shim/estprov.map
	$(CC) $(SHIM_CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(@F) -Wl,--version-script=shim/estprov.map \
		$(if $(SANITIZERS),,$(LINK_HARDENING)) -Wl,-z,noseparate-code $(SHIM_OBJECTS) -o $@
	ln -sf $(@F) $(O)/libestprov.so

# One object, in which only the interface has names: nothing of ours meets a firmware's own json_parse.
$(SHIM_A): $(SHIM_OBJECTS)
	$(CC) $(filter -m%,$(CFLAGS)) -nostdlib -r $(SHIM_OBJECTS) -o $(O)/libestprov.o
	$(OBJCOPY) --localize-hidden $(O)/libestprov.o
	rm -f $@
	$(AR) rcs $@ $(O)/libestprov.o

install: install-shim

install-shim: $(SHIM_SO)
	install -d $(DESTDIR)$(LIBDIR)
	install -m 0755 $(SHIM_SO) $(DESTDIR)$(LIBDIR)/

# Below the prefix where they are there, so that `pkg-config --define-prefix` moves them too.
PC_LIBDIR = $(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))
PC_INCLUDEDIR = $(patsubst $(PREFIX)/%,$${prefix}/%,$(INCLUDEDIR))

# What a program is built with.
install-dev: install-shim $(SHIM_A)
	install -d $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(LIBDIR)/cmake/EstProv
	install -m 0644 include/estprov.h $(DESTDIR)$(INCLUDEDIR)/
	install -m 0644 $(SHIM_A) $(DESTDIR)$(LIBDIR)/
	ln -sf $(notdir $(SHIM_SO)) $(DESTDIR)$(LIBDIR)/libestprov.so
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@PC_LIBDIR@|$(PC_LIBDIR)|' -e 's|@PC_INCLUDEDIR@|$(PC_INCLUDEDIR)|' -e 's|@VERSION@|$(VERSION)|' \
		shim/estprov.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/estprov.pc
	install -m 0644 shim/EstProvConfig.cmake $(DESTDIR)$(LIBDIR)/cmake/EstProv/
	sed -e 's|@VERSION@|$(VERSION)|' shim/EstProvConfigVersion.cmake.in >$(DESTDIR)$(LIBDIR)/cmake/EstProv/EstProvConfigVersion.cmake

# The tests of the library: linked with its objects, so that libc can be replaced under it. The socket folder of the built-in path
# must not exist here.
$(O)/check/common/%.o: SOCKET_FOLDER = /run/estprov-test
$(O)/check/common/%.o: common/%.c
	@mkdir -p $(@D)
	$(COMPILE_SHIM)

$(O)/check/shim/%.o: SOCKET_FOLDER = /run/estprov-test
$(O)/check/shim/%.o: shim/%.c
	@mkdir -p $(@D)
	$(COMPILE_SHIM)

$(O)/tests/shim/%.o: tests/shim/%.c
	@mkdir -p $(@D)
	$(CC) $(SHIM_CPPFLAGS) $(filter-out -pthread,$(CFLAGS)) -pthread -Itests -MMD -MP -c $< -o $@

$(O)/tests/shim/check.o: tests/check.c
	@mkdir -p $(@D)
	$(CC) $(SHIM_CPPFLAGS) $(CFLAGS) -DCHECK_WITHOUT_OPENSSL -MMD -MP -c $< -o $@

$(O)/shim_tests: $(SHIM_TEST_OBJECTS) $(SHIM_CHECKED_OBJECTS)
	$(CC) $(CFLAGS) $(LDFLAGS) -pthread $(SHIM_WRAPPED:%=-Wl,--wrap=%) $^ -o $@

check: check-shim

check-shim: $(O)/shim_tests check-size
	$(RUNNER) $(O)/shim_tests

# What it exports, how large it is, and that it needs nothing but libc.
check-size: $(SHIM_SO) $(SHIM_A)
ifeq ($(SANITIZERS),)
	sh tests/shim/artifacts.sh $(SHIM_SO) $(SHIM_A) $(SHIM_BUDGET) "$(NM)" "$(STRIP)" shim/symbols.txt
endif

# Branches taken in the library by its tests.
coverage:
	$(MAKE) O=$(O)/coverage CFLAGS='-O0 -g' SHIM_OPTIMIZE=-O0 LDFLAGS= HARDENING= SANITIZERS=--coverage $(abspath $(O))/coverage/shim_tests
	find $(O)/coverage -name '*.gcda' -delete
	$(O)/coverage/shim_tests
	sh tests/shim/coverage.sh $(O)/coverage/check $(COVERAGE) "$(GCOV)"

# libabigail: the dump in the tree is the interface that programs were built against. It has what estprov.h declares and nothing of the
# compiler's or the machine's, so that any build compares with it.
ABI = --headers-dir include --drop-private-types --exported-interfaces-only --no-show-locs --no-elf-needed --type-id-style hash \
	--no-corpus-path --no-comp-dir-path

check-abi: $(SHIM_SO)
	$(ABIDIFF) --headers-dir2 include --drop-private-types --exported-interfaces-only abi/libestprov.abi $(SHIM_SO)

dump-abi: $(SHIM_SO)
	mkdir -p abi
	$(ABIDW) $(ABI) --out-file abi/libestprov.abi $(SHIM_SO)

-include $(SHIM_OBJECTS:.o=.d) $(SHIM_CHECKED_OBJECTS:.o=.d) $(SHIM_TEST_OBJECTS:.o=.d)

# Fuzzers: libFuzzer where clang has it (FUZZER=libfuzzer), else fuzz/drive.c with gcc. `make check-fuzz` replays the corpora.
FUZZ_TARGETS = answer watch pkcs11_module provider_uri provider_pem provider_reply
FUZZER ?= drive
FUZZ_O = $(O)/fuzz-$(FUZZER)
FUZZ_CC = $(if $(filter libfuzzer,$(FUZZER)),clang,gcc)
FUZZ_SANITIZERS = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
	$(if $(filter libfuzzer,$(FUZZER)),-fsanitize=fuzzer-no-link,-fsanitize-coverage=trace-pc)
FUZZ_CFLAGS = -O1 -g -std=c11 -D_GNU_SOURCE $(WARNINGS) -Iinclude -Ifuzz
FUZZ_WRAPPED = -Wl,--wrap=local_connect,--wrap=local_peer,--wrap=local_pause,--wrap=local_now,--wrap=local_wait

fuzzers: $(FUZZ_TARGETS:%=$(FUZZ_O)/%)

$(FUZZ_O)/common/%.o $(FUZZ_O)/shim/%.o $(FUZZ_O)/pkcs11/%.o $(FUZZ_O)/provider/%.o: FUZZ_EXTRA = $(FUZZ_SANITIZERS)

$(FUZZ_O)/%.o: %.c $(wildcard include/*.h common/*.h shim/*.h pkcs11/*.h provider/*.h fuzz/*.h)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) $(if $(findstring provider,$<),-Iprovider) $(FUZZ_EXTRA) -c $< -o $@

FUZZ_LINK = $(FUZZ_CC) -fsanitize=address,undefined $(if $(filter libfuzzer,$(FUZZER)),-fsanitize=fuzzer) $(FUZZ_WRAPPED)
FUZZ_DRIVER = $(if $(filter libfuzzer,$(FUZZER)),,$(FUZZ_O)/fuzz/drive.o)

$(addprefix $(FUZZ_O)/,answer watch): $(FUZZ_O)/%: $(FUZZ_O)/fuzz/%.o $(FUZZ_O)/fuzz/peer.o $(SHIM_SOURCES:%.c=$(FUZZ_O)/%.o) $(FUZZ_DRIVER)
	$(FUZZ_LINK) $^ -o $@

$(addprefix $(FUZZ_O)/,provider_uri provider_pem provider_reply): $(FUZZ_O)/%: $(FUZZ_O)/fuzz/%.o $(FUZZ_O)/fuzz/peer.o \
		$(FUZZ_O)/provider/keyd.o $(TESTED_ALONE:%=$(FUZZ_O)/provider/%.o) $(PROVIDER_COMMON:%=$(FUZZ_O)/common/%.o) $(FUZZ_DRIVER)
	$(FUZZ_LINK) $^ -o $@

check: check-fuzz

check-fuzz: $(if $(SANITIZE)$(THREADS),,fuzzers)
	$(if $(SANITIZE)$(THREADS),,set -e; for target in $(FUZZ_TARGETS); do $(FUZZ_O)/$$target fuzz/corpora/$$target; done)

# The examples, as a firmware's build would make them: with the installed header and library, through pkg-config.
EXAMPLES = publish sas sign_log watch_renewal
EXAMPLES_ROOT = $(abspath $(O))/examples/root
EXAMPLES_PKG_CONFIG = PKG_CONFIG_PATH=$(EXAMPLES_ROOT)/usr/lib/pkgconfig $(PKG_CONFIG) --define-variable=prefix=$(EXAMPLES_ROOT)/usr

.PHONY: examples
examples: shim
	$(MAKE) O=$(O) DESTDIR=$(EXAMPLES_ROOT) PREFIX=/usr LIBDIR=/usr/lib INCLUDEDIR=/usr/include install-dev
	set -e; for example in $(EXAMPLES); do \
		needs=$$(sed -n 's/.*--cflags --libs \([a-z ]*\)).*/\1/p' examples/$$example.c); \
		$(CC) -std=c99 -D_GNU_SOURCE -O2 -Wall -Wextra -Wpedantic $(WERROR) examples/$$example.c \
			$$($(EXAMPLES_PKG_CONFIG) --cflags --libs $$needs) -o $(O)/examples/$$example; done

check: examples
