# SPDX-License-Identifier: GPL-2.0-only
# Part of the Makefile: libnvmepi, which is pi/ as a library of its own; 'make install' and its reverse.

soname := libnvmepi.so.0
libnvmepi := $(B)/$(soname) $(B)/libnvmepi.a
pi_obj := $(pi_src:%.c=$(B)/shared/%.o)

libnvmepi: $(libnvmepi)
$(B)/shared/%.o: extra += -DNVMEPI_EXPORT -fno-semantic-interposition
$(B)/shared/%.o: %.c $(B)/config.mk
	@mkdir -p $(@D)
	$(CC) $(cflags) $(extra) -MMD -MP -c -o $@ $<
$(B)/$(soname): $(pi_obj) pi/libnvmepi.map
	$(CC) -shared -o $@ $(CFLAGS) $(pi_obj) $(ldflags) -Wl,-soname,$(soname) \
		-Wl,--version-script=pi/libnvmepi.map
# One object, in which names that are not in the headers are its own.
$(B)/libnvmepi.a: $(pi_obj)
	$(LD) -r -o $(B)/shared/libnvmepi.o $(pi_obj)
	$(OBJCOPY) --localize-hidden $(B)/shared/libnvmepi.o
	@rm -f $@
	$(AR) rcs $@ $(B)/shared/libnvmepi.o

programs := sweep report compare regress
completed := $(addprefix nvmepi-,scan qualify $(programs))
$(B)/nvmepi.bash: scripts/dev/completion $(addprefix scripts/,$(programs)) $(B)/nvmepi.so $(B)/nvmepi-scan $(B)/nvmepi-qualify
	BUILD=$(B) FIO=$(FIO) scripts/dev/completion >$@

# home has the folders of the tree that programs look into: place.py knows that. What is
# installed is named by its installed name in manual pages and job files.
to = $(DESTDIR)$(PREFIX)
home = $(to)/lib/fio-nvmepi
include = $(to)/include/fio-nvmepi
doc = $(to)/share/doc/nvmepi
engine = $(PREFIX)/lib/fio-nvmepi/nvmepi.so
parts := $(wildcard scripts/lib/*/*.py scripts/lib/*/*.css scripts/plans/*.plan)
job_files := $(wildcard jobs/*.fio jobs/*/*.fio)
headers := verify/verify.h verify/mismatch.h pi/pi.h pi/guard.h
# Texts of messages (.Li) stay as programs print them, and ./scripts/ is a source tree's.
as_installed = sed -e 's|external:\(\$$PWD/\)\{0,1\}build/nvmepi\.so|external:$(engine)|' \
	-e 's,build/\(nvmepi-[a-z]\),\1,g' -e 's,build/\(results\|regress\)/,nvmepi-\1/,g' \
	-e 's,\(^\|[^/]\)scripts/\(sweep\|report\|compare\|regress\)\>,\1nvmepi-\2,g' \
	-e 's,/usr/local/lib/fio-nvmepi,$(PREFIX)/lib/fio-nvmepi,' \
	-e '/^\.Li /b' -e '/Made by/b' \
	-e 's|build/nvmepi\.so|$(engine)|' -e 's|From the top of the tree: ||' \
	-e 's|build/tests/tools/image-damage|$(PREFIX)/lib/fio-nvmepi/image-damage|' \
	-e 's,\(^\|[^/a-z]\)\(jobs/[a-z*]\|scripts/plans\),\1$(PREFIX)/lib/fio-nvmepi/\2,g' \
	-e 's,\(engines\|scripts\)/\(fio-options\.md\|ci-example\.yml\),$(PREFIX)/share/doc/nvmepi/\2,' \
	-e 's,verify/example\>,$(PREFIX)/share/doc/nvmepi/example,' -e 's, INCLUDE=\$$PWD,,' \
	-e 's,-I\$$PWD,-I$(PREFIX)/include/fio-nvmepi,'

# $(call put,FILES,FOLDER,MODE): with their folders in the tree, below FOLDER.
put = for f in $(1); do install -D -m $(3) $$f $(2)/$$f || exit; done
# $(call put_as_installed,FILES,NAME OF $$f)
put_as_installed = for f in $(1); do \
	install -d $$(dirname $(2)) && $(as_installed) $$f >$(2) && chmod 644 $(2) || exit; done

install: all $(libnvmepi) $(B)/nvmepi.bash $(B)/tests/tools/image-damage
	install -D -m 644 $(B)/nvmepi.so $(home)/nvmepi.so
	install $(B)/tests/tools/image-damage $(home)
	sed -n '/^\(FIO_\)\{0,1\}VERSION := /p' $(B)/config.mk >$(home)/config.mk && chmod 644 $(home)/config.mk
	$(call put,$(addprefix scripts/,$(programs)),$(home),755)
	$(call put,$(parts),$(home),644)
	$(call put_as_installed,$(job_files),$(home)/$$f)
	install -d $(to)/bin $(DESTDIR)$(LIBDIR)/fio $(DESTDIR)$(LIBDIR)/pkgconfig
	install $(B)/nvmepi-scan $(B)/nvmepi-qualify $(to)/bin
	for p in $(programs); do ln -sfr $(home)/scripts/$$p $(to)/bin/nvmepi-$$p || exit; done
	ln -sfr $(home)/nvmepi.so $(DESTDIR)$(LIBDIR)/fio/fio-nvmepi.so
	ln -sfr $(home)/nvmepi.so $(DESTDIR)$(LIBDIR)/nvmepi
	install -m 644 $(B)/$(soname) $(B)/libnvmepi.a $(DESTDIR)$(LIBDIR)
	ln -sf $(soname) $(DESTDIR)$(LIBDIR)/libnvmepi.so
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' pi/libnvmepi.pc.in \
		>$(DESTDIR)$(LIBDIR)/pkgconfig/libnvmepi.pc && chmod 644 $(DESTDIR)$(LIBDIR)/pkgconfig/libnvmepi.pc
	$(call put,$(headers),$(include),644)
	$(call put_as_installed,$(pages),$(to)/share/man/man$${f##*.}/$${f##*/})
	install -D -m 644 $(B)/nvmepi.bash $(to)/share/bash-completion/completions/nvmepi-scan
	for p in $(filter-out nvmepi-scan,$(completed)); do \
		ln -sf nvmepi-scan $(to)/share/bash-completion/completions/$$p || exit; done
	install -d $(doc)/example
	install -m 644 engines/fio-options.md scripts/ci-example.yml $(doc)
	install -m 644 verify/example/plugin.c $(doc)/example
	sed 's,^INCLUDE ?= .*,INCLUDE ?= $(PREFIX)/include/fio-nvmepi,' verify/example/Makefile >$(doc)/example/Makefile
	chmod 644 $(doc)/example/Makefile
	@echo "ioengine=external:$(engine)"

# Exactly what would be installed is removed, and folders that are of this project alone.
uninstall:
	rm -rf $(B)/uninstall
	$(MAKE) --no-print-directory -s install DESTDIR=$(abspath $(B))/uninstall >/dev/null
	cd $(B)/uninstall && find . ! -type d -exec sh -c 'for f; do rm -f "$(DESTDIR)/$$f"; done' - {} +
	cd $(B)/uninstall && find . -depth -type d \( -path '*nvmepi*' -o -name fio \) -exec sh -c \
		'for d; do rmdir "$(DESTDIR)/$$d" 2>/dev/null; done; true' - {} +
	rm -rf $(B)/uninstall

.PHONY: libnvmepi install uninstall
