# SPDX-License-Identifier: GPL-2.0-only
# Not recursive; everything built lands under $(B).  'make help' lists targets.

B ?= build
.DELETE_ON_ERROR:
.SUFFIXES:

all:

# Settings come from configure, which make runs again when it is newer.
ifeq ($(filter help clean,$(MAKECMDGOALS)),)
include $(B)/config.mk
endif
$(B)/config.mk: configure
	@args=$$(sed -n 's/^CONFIGURE_ARGS := //p' $@ 2>/dev/null); \
	eval "./configure $${args:---build-dir=$(B)}"

version_text := -DVERSION_TEXT='"$(VERSION), built for fio $(FIO_VERSION)"'
cflags := -std=gnu11 -D_GNU_SOURCE $(version_text) -I. -Wall -Wextra -fPIC -fno-plt -fvisibility=hidden $(CFLAGS) $(SANITIZE)
ldflags := $(LDFLAGS) $(SANITIZE)
libs := $(NVME_FLAGS) $(URING_FLAGS) $(JSON_FLAGS) -ldl -lpthread

# pi/ alone; the scanner; the qualification; all that is neither its nor fio's; tests and tools, one source each.
pi_src := $(filter-out pi/gen-%,$(wildcard pi/*.c))
scan_src := $(wildcard engines/scan/*.c)
qualify_src := $(wildcard engines/qualify/*.c)
lib_src := $(pi_src) $(wildcard verify/*.c engines/nvme/*.c engines/controller/*.c) \
	$(filter-out engines/fio.c,$(wildcard engines/*.c))
test_src := $(wildcard tests/*/test-*.c)
shared_src := tests/lib/oracle.c tests/lib/image.c
tool_src := $(filter-out $(test_src),$(wildcard tests/tools/*.c tests/bench/*.c))
ifeq ($(CUNIT_FLAGS),)
test_src :=
endif

# Manual pages, beside what they describe.
pages := pi/libnvmepi.3 $(wildcard $(foreach d,engines engines/* verify scripts scripts/*,$(d)/nvmepi*.[1-9]))

lib_obj := $(lib_src:%.c=$(B)/%.o)
tests := $(test_src:tests/%.c=$(B)/tests/%)
tools := $(tool_src:tests/%.c=$(B)/tests/%)

all: $(B)/nvmepi.so $(B)/nvmepi-scan $(B)/nvmepi-qualify $(B)/nvmepi.bash libnvmepi
tests: $(tests) $(tools)

# The way of an I/O is compiled as one.
way_obj := $(patsubst %,$(B)/%.o,$(addprefix engines/,blocks fio io io-queue nvme/nvme nvme/block nvme/ring nvme/uring) verify/injected verify/plugin)
$(way_obj): extra += $(LTO)
$(B)/nvmepi.so: $(B)/engines/fio.o $(lib_obj) engines/fio.map
	$(CC) -shared -o $@ $(CFLAGS) $(LTO) $(filter %.o,$^) $(ldflags) -Wl,--version-script=engines/fio.map $(libs)

$(B)/engines/fio.o: extra += $(FIO_FLAGS) -DFIO_BUILT_FOR='"fio-$(FIO_VERSION)"'

$(B)/nvmepi-scan: $(scan_src:%.c=$(B)/%.o) $(B)/parts.a
	$(CC) -o $@ $^ $(ldflags) $(libs)

$(B)/nvmepi-qualify: $(qualify_src:%.c=$(B)/%.o) $(B)/parts.a
	$(CC) -o $@ $^ $(ldflags) $(libs)

$(B)/parts.a: $(lib_obj)
	@rm -f $@
	$(AR) rcsP $@ $^

# Targets of libFuzzer in a build that is configured for it (make fuzz); else they are tests.
fuzzers := $(filter $(B)/tests/fuzz/%,$(tests))
fuzzers: $(fuzzers)
ifneq ($(findstring fuzzer,$(SANITIZE)),)
$(fuzzers:%=%.o): extra += -DFUZZER
$(fuzzers): ldflags += -fsanitize=fuzzer
# Their loops are unrolled so far that clang needs minutes for all its checks of them.
$(patsubst %.c,$(B)/%.o,$(wildcard pi/guard-x86-*.c)): extra += -fno-sanitize=address,undefined
endif

# The scanner with a target of its own in place of engines/nvme/target.c.
scan_faulty := $(B)/tests/tools/scan-faulty
$(scan_faulty): $(B)/tests/tools/scan-faulty.o $(scan_src:%.c=$(B)/%.o) $(B)/parts.a
	$(CC) -o $@ $^ $(ldflags) $(libs)

$(tests): libs += $(CUNIT_FLAGS)
$(tests) $(filter-out $(scan_faulty),$(tools)): $(B)/tests/%: $(B)/tests/%.o $(shared_src:%.c=$(B)/%.o) $(B)/parts.a
	$(CC) -o $@ $^ $(ldflags) $(libs)

# The model of the qualification is none of the library.
$(B)/tests/qualify/test-model: $(addprefix $(B)/engines/qualify/,check.o copy.o effect.o expect.o guard.o model.o tuple.o)

# For QEMU and for the guest: not of a format or a library of ours.
counting: $(B)/count.so $(B)/mark
$(B)/count.so: scripts/guest.d/count.c scripts/guest.d/mark.h
	$(CC) $(cflags) -shared -o $@ $<
$(B)/mark: scripts/guest.d/mark.c scripts/guest.d/mark.h
	$(CC) $(cflags) -static -o $@ $<

$(B)/%.o: %.c $(B)/config.mk
	@mkdir -p $(@D)
	$(CC) $(cflags) $(extra) -MMD -MP -c -o $@ $<

include scripts/install.mk

check:
	scripts/check
check-matrix: all tests
	tests/guest/matrix --all
	tests/guest/check-block --all
	tests/qualify/check-qualify --all
	tests/qualify/check-defects --all
	for test in guest/check-negatives guest/check-bad-input scripts/check-sweep-guest pi/test-kernels san/; do \
		TESTS_ALL=1 scripts/check --only $$test || exit; done
check-package:
	tests/install/package
check-compilers:
	tests/install/compilers
analyse:
	scripts/dev/analyse
coverage:
	scripts/dev/coverage
fuzz:
	tests/fuzz/explore $(TIME:%=--time=%)
bench: all tests
	scripts/dev/install-isal || [ $$? -eq 77 ]
	$(B)/tests/bench/bench-guard
	scripts/dev/bench-embedded
bench-guest: all
	scripts/dev/bench-guest

clean:
	rm -rf $(B)/engines $(B)/pi $(B)/verify $(B)/tests $(B)/nvmepi.so $(B)/nvmepi-scan $(B)/nvmepi-qualify \
		$(B)/parts.a $(B)/shared $(B)/libnvmepi.* $(B)/nvmepi.bash \
		$(B)/count.so $(B)/mark $(B)/config.*

help:
	@echo "make               the fio engine, $(B)/nvmepi.so, $(B)/nvmepi-scan, $(B)/nvmepi-qualify, libnvmepi"
	@echo "make tests         test programs, under $(B)/tests"
	@echo "make check         install what is missing, build, run every test"
	@echo "make check-matrix  every format and mode in the guest, on both kernels; nvmepi-qualify in every format, on every defect; what scripts/check takes a part of"
	@echo "make check-package Debian packages, installed in a Debian of their own, by root"
	@echo "make check-compilers  clang; AArch64, s390x and musl under emulation"
	@echo "make analyse       cppcheck, clang-tidy, gcc -fanalyzer, shellcheck and pyflakes over all sources"
	@echo "make coverage      lines and branches of pi/, verify/ and engines/ that tests execute, by gcov"
	@echo "make fuzz          libFuzzer on each target of tests/fuzz, for TIME=60 seconds each"
	@echo "make bench         guards beside ISA-L and the floor of this CPU, the embedded controller beside fio's mmap and psync"
	@echo "make bench-guest   this engine beside fio's own io_uring_cmd, in the guest"
	@echo "make install       into PREFIX (configure --prefix; DESTDIR= goes before it)"
	@echo "make uninstall     what make install installs there"
	@echo "make clean         all but what was downloaded"

.PHONY: all tests counting check check-matrix check-package check-compilers analyse coverage fuzz fuzzers bench bench-guest clean help
-include $(wildcard $(B)/*/*.d $(B)/*/*/*.d)
