# SPDX-License-Identifier: GPL-2.0-only
#
# make            the module for each supported kernel, the tools, the tests
# make help       the other targets
#
# Everything that is made goes to build/.

MAKEFLAGS += --no-print-directory --no-builtin-rules
SHELL	:= /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

build	:= $(CURDIR)/build
host	:= selftests/host

# Kernels to build for: all that setup fetched, or the releases that KERNELS="..." names. For these setup is not asked.
named	:= $(filter command environment,$(firstword $(origin KERNELS)))
fetched	:= $(sort $(notdir $(realpath $(wildcard $(build)/kernels/*))))
KERNELS	?= $(fetched)
default	 = $$(basename $$(realpath $(build)/kernels/default))

# CHECKING=1 builds into folders of its own.
variant	:= $(if $(filter 1,$(CHECKING)),-checking)
farm	= $(build)/kmod-$(1)$(variant)

# Warnings of the build's surroundings, which say nothing of our code.
harmless := the compiler differs from the one used to build the kernel|Skipping BTF generation|unavailability of vmlinux

.PHONY: demo demo-linux check check-fresh check-holds check-debug bench bench-holds bench-fields bench-profile lint all modules tools selftests host setup install uninstall clean distclean help

all: modules tools selftests

help:
	@sed -n 's/^#: //p' $(firstword $(MAKEFILE_LIST))

#: make                 modules, tools and selftests
#: make modules         the module for each kernel: build/kmod-RELEASE/tinyvmx.ko (KERNELS="RELEASE..." to choose)
#: make CHECKING=1      the same with assertions: build/kmod-RELEASE-checking/tinyvmx.ko
#: make tools           vmctl and libtvx: build/tools/
#: make selftests       the test programs: build/selftests/
#: make host            the emulated test host: kernels and saved machines, for selftests/host/run
#: make clean           remove what was built, but not the kernels and the saved machines
#: make distclean       remove build/

# Install what is missing and fetch kernels and the emulator; quiet where nothing is missing.
.PHONY: setup-all setup-host setup-tools
setup-all setup-host setup-tools: setup-%:
	@$(if $(named),:,$(host)/setup $*)

# Only setup knows the list of kernels.
modules: setup-all
	@$(MAKE) module-list

# The one kernel that selftests/host/run takes by default.
.PHONY: default-module
default-module: setup-host
	@$(MAKE) module-list $(if $(named),,KERNELS=$(default))

ifneq ($(filter module-list,$(MAKECMDGOALS)),)
.PHONY: module-list $(KERNELS:%=module-%)
module-list: $(KERNELS:%=module-%)
	@[ -n "$(strip $(KERNELS))" ] || { echo "no kernel to build for: $(host)/setup failed?" >&2; exit 1; }

# A farm of links gives each kernel its own place for objects. Any warning fails the build and clears the farm, so that the
# next build shows it again.
$(KERNELS:%=module-%): module-%:
	+@mkdir -p $(build); exec 9> $(call farm,$*).lock; flock 9; \
	mkdir -p $(call farm,$*); cd $(call farm,$*); \
	find . -xtype l -delete; \
	cp -rsf $(CURDIR)/Kbuild $(wildcard $(CURDIR)/kmod $(CURDIR)/uapi) .; \
	log=$(call farm,$*).log; \
	if ! $(CURDIR)/$(host)/kbuild $* $(call farm,$*) W=1 KCFLAGS=-Werror $(if $(variant),CHECKING=1) > $$log 2>&1 || \
	   grep -i warning $$log | grep -qvE '$(harmless)'; then \
		cat $$log >&2; rm -rf $(call farm,$*); \
		echo "the module does not build without warnings for $*" >&2; exit 1; \
	fi; \
	echo "built build/kmod-$*$(variant)/tinyvmx.ko"
endif

tools: setup-tools
	@if [ -e tools/vmctl/Makefile ]; then mkdir -p $(build)/tools; $(MAKE) -C tools/vmctl O=$(build)/tools; fi

selftests: tools
	@if [ -e selftests/Makefile ]; then mkdir -p $(build)/selftests; $(MAKE) -C selftests O=$(build)/selftests; fi

#: make demo            all of it, and guests that show it
demo: setup-host setup-tools
	@$(MAKE) $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$$((2 * $$(nproc)))) -s demo-parts
	@selftests/demo

# A machine boots on one CPU while the others compile.
.PHONY: demo-parts prepare
demo-parts: prepare default-module tools

prepare: setup-host
	@$(host)/run --prepare

#: make demo-linux      a stock Debian kernel as a guest, up to a shell (selftests/demo-linux --shell: at which you type)
demo-linux: default-module tools
	@selftests/demo-linux

#: make check           all tests: unit tests, kselftests on several CPU models and kernels, Linux guests, the whole from outside
check: all
	@$(MAKE) CHECKING=1 modules
	@selftests/check $(CHECKFLAGS)

#: make check-fresh     make demo and make check in a fresh, minimal Debian 12 and Debian 13, by debootstrap (FRESHFLAGS)
check-fresh:
	@selftests/check-fresh $(FRESHFLAGS)

#: make check-holds     each kernel, each way to hold VMX: KVM, CPUs, suspend, kexec, crash meanwhile; a table (HOLDSFLAGS)
check-holds: all
	@$(MAKE) CHECKING=1 modules
	@selftests/holds $(HOLDSFLAGS)

#: make check-debug     every kselftest under a kernel with KASAN, UBSAN and lockdep, which is fetched and built once
check-debug: selftests
	@selftests/debug-kernel $(DEBUGTESTS)

#: make bench           what operations cost, beside KVM: a table, and whether the targets are met (BENCHFLAGS)
#: make bench-holds     the same of tinyvmx by how VMX is held: own, ride, window
#: make bench-fields    VMREADs, VMWRITEs, MSR accesses, INVEPTs of each operation
#: make bench-profile   where the instructions of one operation go: OP=cpuid, ON="tvx kvm" (selftests/bench/README.md)
bench bench-holds bench-fields bench-profile: default-module tools
	@mkdir -p $(build)/bench; $(MAKE) -C selftests/bench O=$(build)/bench
	@selftests/bench/bench $(patsubst bench-%,%,$(@:bench=bench-table)) $(BENCHFLAGS) \
		$(if $(filter bench-profile,$@),$(ON:%=--on %) $(OP))

#: make lint            the rules of the house, and the kernel's checkpatch
lint:
	@selftests/lint

# ---- installation: the module for one kernel, vmctl, its man page, libtvx, the udev rule

KERNEL	?= $(shell uname -r)
PREFIX	?= /usr/local
moddir	= $(DESTDIR)/lib/modules/$(KERNEL)/updates
rules	= $(DESTDIR)/etc/udev/rules.d/60-tinyvmx.rules

#: make install         module (KERNEL=RELEASE, the running one's by default), vmctl, libtvx, udev rule; DESTDIR, PREFIX
install: tools
	@if [ -e /lib/modules/$(KERNEL)/build ]; then \
		$(MAKE) modules KERNELS=$(KERNEL); \
		install -D -m 644 build/kmod-$(KERNEL)/tinyvmx.ko $(moddir)/tinyvmx.ko; \
		if [ -z "$(DESTDIR)" ]; then depmod $(KERNEL); fi; \
	else \
		echo "no headers of the kernel $(KERNEL): the module is not installed" >&2; \
	fi
	@for tool in libtvx vmctl; do \
		$(MAKE) -C tools/$$tool O=$(build)/tools DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) install; \
	done
	install -D -m 644 packaging/60-tinyvmx.rules $(rules)

#: make uninstall       the same, undone
uninstall:
	rm -f $(moddir)/tinyvmx.ko $(rules)
	@if [ -z "$(DESTDIR)" ]; then depmod $(KERNEL); fi
	@for tool in libtvx vmctl; do \
		$(MAKE) -C tools/$$tool O=$(build)/tools DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) uninstall; \
	done

host: setup-all
	@for link in $(build)/kernels/*; do $(host)/run --bochs --kernel $${link##*/} --prepare; done

clean:
	rm -rf $(build)/kmod-* $(build)/tools $(build)/selftests

distclean:
	rm -rf $(build)
