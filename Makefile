# sharpsde: build, test and install. Everything built lands in $(B).
#
#   make            the command build/sharpsde and the library build/libsharpsde.a
#   make demo       install what is missing, build, run the flagship recipes, name the pictures
#   make figures    install what is missing, build, run every recipe, bind the figure book;
#                   FIGURES='--set paths=64' for a quick look, RECIPES='golden valley' for some
#   make check      install what is missing, build, run every test; TESTS='scheme order' for some
#   make check-quick  the most telling tests, in about 90 seconds once they are built
#   make deps       install what is missing (packages.txt), nothing else; with CHECK=1 also what
#                   tests are skipped without (packages-check.txt, about 1 GB)
#   make asan       the tests under the address and undefined-behaviour sanitizers
#   make valgrind   the non-statistical tests under valgrind, at reduced size
#   make bench      speed against plain C, appended to build/bench.csv; with MPI=1 that of ranks too
#   make api        the C library's reference, build/api/html, by doxygen
#   make install    into PREFIX (default /usr/local), staged under DESTDIR; also make uninstall;
#                   with PYTHON=1 the Python package too, into PYTHONDIR
#   make format, make shellcheck, make clean
#
# MPI=1 builds the command for the ranks of an MPI job (docs/cluster.md). Its compiler flags are
# pkg-config's of MPI_PACKAGE; with an MPI without a package they are the wrapper's, CC=mpicc.
#
# CC, CFLAGS, CPPFLAGS, LDFLAGS, LDLIBS and PKG_CONFIG_PATH are the user's; DEVELOPER=1 turns
# warnings on and into errors.

VERSION := 0.1.0
PREFIX ?= /usr/local
B ?= build
CFLAGS ?= -O3 -g

override PREFIX := $(abspath $(PREFIX))
DATADIR := $(PREFIX)/share/sharpsde
MPI_PACKAGE ?= $(if $(findstring mpicc,$(CC)),,ompi-c)
MPI_PACKAGES := $(if $(filter 1,$(MPI)),$(MPI_PACKAGE))
LIBRARY_PACKAGES := gsl sleef
PACKAGES := $(LIBRARY_PACKAGES) jansson libfyaml libmd netcdf

# What the code needs whatever the user's CFLAGS say: no contraction into fused multiply-adds, so
# that results are the same bits for every level of optimisation. Of the kernels (below) those with
# explicit fused operations, v3 and v4, agree in bits; v2 and portable C may differ from them.
STANDARD := -std=c11 -D_POSIX_C_SOURCE=200809L -fopenmp
ARITHMETIC := -ffp-contract=off -fno-math-errno -fno-trapping-math
DEVELOPER_WARNINGS := -Wall -Wextra -Wmissing-prototypes -Wshadow -Wvla -Werror
WARNINGS := $(if $(filter 1,$(DEVELOPER)),$(DEVELOPER_WARNINGS))

# Empty before `make deps` ran on a bare machine: check and demo therefore build in a second make.
PACKAGE_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
PACKAGE_LIBS := $(shell pkg-config --libs $(PACKAGES) $(MPI_PACKAGES) 2>/dev/null)
LIBRARY_LIBS := $(shell pkg-config --libs $(LIBRARY_PACKAGES) $(MPI_PACKAGES) 2>/dev/null)
CHECK_CFLAGS := $(shell pkg-config --cflags check 2>/dev/null)
CHECK_LIBS := $(shell pkg-config --libs check 2>/dev/null)

# Kernels are compiled for three instruction sets and chosen at run time. A compiler that does not
# know the largest builds the portable code alone.
V2 := -march=x86-64-v2
V3 := -march=x86-64-v3
V4 := -march=x86-64-v4 -mprefer-vector-width=512
KERNELS := $(wildcard sde/*_v2.c sde/*_v3.c sde/*_v4.c)
X86_64 := $(shell $(CC) $(CFLAGS) $(V4) -E -dM -x c /dev/null 2>/dev/null | grep __x86_64__)
PORTABLE := $(if $(X86_64),,-DSDE_PORTABLE)

COMPILE = $(CC) $(STANDARD) -I. $(PACKAGE_CFLAGS) $(CPPFLAGS) $(WARNINGS) $(CFLAGS) $(ARITHMETIC) \
  $(PORTABLE)
DEFINES := -DSHARPSDE_VERSION=\"$(VERSION)\" -DSHARPSDE_DATADIR=\"$(DATADIR)\"
# Plug-ins call the functions of the program that loads them: hence -rdynamic.
LINK = $(CC) $(CFLAGS) -fopenmp -rdynamic $(LDFLAGS)
LIBS = $(LDLIBS) $(PACKAGE_LIBS) -ldl -lm

# V=1 shows whole command lines.
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2); )

objects = $(patsubst %.c,$(B)/%.o,$(1))
ENGINE := $(filter-out sde/ranks_$(if $(filter 1,$(MPI)),one,mpi).c,$(wildcard sde/*.c))
LIBRARY := $(call objects,$(if $(X86_64),$(ENGINE),$(filter-out $(KERNELS),$(ENGINE))) \
  $(wildcard models/*.c analysis/*.c))
COMMAND := $(call objects,$(wildcard experiments/*/*.c))
# The rooms of experiments/, highest first, as the linker reads them: a test takes what it needs.
ROOMS := command report pictures studies results cases recipe io
ROOM_ARCHIVES := $(ROOMS:%=$(B)/experiments/%.a)
TEST_PROGRAMS := $(patsubst %.c,$(B)/%,$(wildcard tests/test_*.c))
TEST_SCRIPTS := $(wildcard tests/run_*.sh) tests/docs_commands.sh
CHECKS := $(wildcard scripts/check_*.sh)
TEST_SUPPORT := $(call objects,$(filter-out tests/test_%,$(wildcard tests/*.c)))
BENCH := $(B)/bench/bench $(patsubst %.c,$(B)/%,$(wildcard bench/plain_*.c))
BENCH_TASKS := $(call objects,$(filter-out bench/bench.c bench/plain_%,$(wildcard bench/*.c)))
EXAMPLES := $(patsubst %.c,$(B)/%.so,$(wildcard examples/*/*.c))
OBJECTS := $(LIBRARY) $(LIBRARY:$(B)/%=$(B)/pic/%) $(COMMAND) $(TEST_PROGRAMS:%=%.o) $(TEST_SUPPORT) \
  $(BENCH:%=%.o) $(BENCH_TASKS)
# What a wrong number would be noticed by first: the theory, the schemes, random numbers, verdicts
# and that bits repeat. 90 seconds on two processors.
QUICK := check_floors check_headers check_symbols affine_limit converge ensemble enumeration escape \
  exponential_euler family fit floor formula gaussian_norm golden landscapes levy_area limit linear \
  losses mathematics mlp multilevel noise objective optimizer order process quadratic random recipe \
  regularizer same_bits scheme stationary statistics update vector_math weak_order wiener
# They start first, so that none of them is left over at the end.
SLOWEST := test_run docs_commands run_mpi run_python run_clang
VALGRIND_TESTS := test_status test_parameters test_recipe
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc || echo 1))
SUBMAKE = +$(MAKE) --no-print-directory

.PHONY: all deps check check-quick test-programs run-tests demo figures asan valgrind bench fuzz api install \
  uninstall clean \
  format shellcheck FORCE
.DELETE_ON_ERROR:

# The command holds the static library. The shared one, for C programs of others, has objects of its
# own, so that position-independent code costs the command nothing.
POSITION := -fPIC -fno-semantic-interposition
PIC := $(LIBRARY:$(B)/%=$(B)/pic/%)
SHARED := libsharpsde.so.$(VERSION)
SONAME := libsharpsde.so.$(firstword $(subst ., ,$(VERSION)))

all: $(B)/sharpsde $(B)/libsharpsde.a

$(B)/libsharpsde.a: $(LIBRARY) $(B)/libraries
	@rm -f $@
	$(call say,AR,$@)$(AR) rcs $@ $(LIBRARY)

$(B)/$(SHARED): $(PIC) $(B)/libraries
	$(call say,LINK,$@)$(CC) $(CFLAGS) -fopenmp -shared -Wl,-soname,$(SONAME) $(LDFLAGS) -o $@ \
	  $(PIC) $(LDLIBS) $(LIBRARY_LIBS) -ldl -lm

$(B)/sharpsde: $(COMMAND) $(B)/libsharpsde.a
	$(call say,LINK,$@)$(LINK) -o $@ $^ $(LIBS)

$(foreach room,$(ROOMS),$(eval $(B)/experiments/$(room).a: \
  $(filter-out %/main.o,$(filter $(B)/experiments/$(room)/%,$(COMMAND)))))
$(B)/tests/support.a: $(TEST_SUPPORT)
$(ROOM_ARCHIVES) $(B)/tests/support.a: $(B)/libraries
	@rm -f $@
	$(call say,AR,$@)$(AR) rcs $@ $(filter %.o,$^)

$(TEST_PROGRAMS): %: %.o $(B)/tests/support.a $(ROOM_ARCHIVES) $(B)/libsharpsde.a | $(EXAMPLES)
	$(call say,LINK,$@)$(LINK) -o $@ $^ $(LIBS) $(CHECK_LIBS)

$(B)/bench/bench: $(BENCH_TASKS)

$(BENCH): %: %.o $(B)/libsharpsde.a
	$(call say,LINK,$@)$(LINK) -o $@ $(filter %.o,$^) $(B)/libsharpsde.a $(LIBS)

$(B)/sde/%_v2.o $(B)/pic/sde/%_v2.o: EXTRA := $(V2)
$(B)/sde/%_v3.o $(B)/pic/sde/%_v3.o: EXTRA := $(V3)
$(B)/sde/%_v4.o $(B)/pic/sde/%_v4.o: EXTRA := $(V4)
$(B)/sde/ranks_mpi.o $(B)/pic/sde/ranks_mpi.o: EXTRA := \
  $(if $(MPI_PACKAGES),$(shell pkg-config --cflags $(MPI_PACKAGES)))
# The baselines are as fast as GSL's headers make them.
$(B)/bench/plain_%.o: EXTRA := -DHAVE_INLINE -DGSL_RANGE_CHECK_OFF
$(B)/tests/%.o: EXTRA := $(CHECK_CFLAGS) -DTESTS_EXAMPLES=\"$(B)/examples\"

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)$(COMPILE) $(EXTRA) $(DEFINES) -MMD -MP -c -o $@ $<

$(B)/pic/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,"$< (shared)")$(COMPILE) $(EXTRA) $(POSITION) $(DEFINES) -MMD -MP -c \
	  -o $@ $<

$(B)/examples/%.so: examples/%.c $(wildcard sde/*.h models/*.h analysis/*.h) $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)$(COMPILE) -fPIC -shared -o $@ $<

# Change only when the flags do, so that other flags, or another PREFIX, build everything anew, and
# other libraries, or MPI, link anew.
$(B)/flags: CONTENT = $(COMPILE) $(DEFINES)
$(B)/libraries: CONTENT = $(LINK) $(LIBS) $(patsubst $(B)/%,%,$(LIBRARY) $(COMMAND) $(TEST_SUPPORT))
$(B)/flags $(B)/libraries: FORCE
	@pkg-config --exists --print-errors $(PACKAGES) $(MPI_PACKAGES) || \
	  { echo "make: a library is missing; 'make deps$(if $(MPI), MPI=1)' installs it" >&2; exit 1; }
	@mkdir -p $(@D)
	@printf '%s\n' '$(CONTENT)' | cmp -s - $@ || printf '%s\n' '$(CONTENT)' > $@

-include $(OBJECTS:.o=.d)

deps:
	@scripts/deps.sh packages.txt
	@$(if $(filter 1,$(MPI)),scripts/deps.sh packages-mpi.txt)
	@$(if $(filter 1,$(CHECK)),scripts/deps.sh packages-check.txt)

# The name of a test is that of its file: of tests/test_scheme.c scheme, of tests/run_report.sh report.
name_of = $(patsubst test_%,%,$(patsubst run_%,%,$(basename $(notdir $(1)))))
chosen = $(if $(TESTS),$(foreach test,$(1),$(if $(filter $(TESTS),$(call name_of,$(test))),$(test))),$(1))
TEST_NAMES := $(sort $(call name_of,$(TEST_PROGRAMS) $(TEST_SCRIPTS) $(CHECKS) tests/same_bytes.sh))
ifneq ($(filter-out $(TEST_NAMES),$(TESTS)),)
$(error no test is called '$(filter-out $(TEST_NAMES),$(TESTS))'; accepted are $(TEST_NAMES))
endif

check: deps
	$(SUBMAKE) $(JOBS) test-programs
	$(SUBMAKE) run-tests

check-quick:
	$(SUBMAKE) check TESTS='$(QUICK)'

# The pages run test programs too.
test-programs: all $(B)/$(SHARED) \
  $(if $(filter docs_commands,$(TESTS)),$(TEST_PROGRAMS),$(call chosen,$(TEST_PROGRAMS)))

run-tests: test-programs
	@SHARPSDE='$(abspath $(B))/sharpsde' COMPILE='$(COMPILE)' TEST_FIRST='$(SLOWEST)' \
	  scripts/run_tests.sh \
	  $(foreach check,$(call chosen,$(CHECKS)),$(check) '$(check) --self-test') \
	  $(call chosen,$(TEST_PROGRAMS)) $(patsubst %,'bash %',$(call chosen,$(TEST_SCRIPTS))) \
	  $(patsubst %,'% --self-test',$(call chosen,tests/same_bytes.sh))

demo: deps
	$(SUBMAKE) $(JOBS) all
	@scripts/demo.sh $(B)

figures: deps
	$(SUBMAKE) $(JOBS) all
	@RECIPES='$(RECIPES)' scripts/figures.sh $(B) $(FIGURES)

asan: export SHARPSDE_TEST_SCALE := 0.1
asan: export CK_TIMEOUT_MULTIPLIER := 10
asan:
	$(SUBMAKE) check B=$(B)-asan CFLAGS="-O1 -g -fsanitize=address,undefined \
	  -fno-sanitize-recover=all -fno-omit-frame-pointer"

# One process and one thread: valgrind then sees each test itself, and no worker of OpenMP's.
valgrind: $(filter $(VALGRIND_TESTS:%=$(B)/tests/%),$(TEST_PROGRAMS))
	@status=0; for test in $^; do \
	  CK_FORK=no OMP_NUM_THREADS=1 SHARPSDE_TEST_SCALE=0.02 \
	    valgrind --leak-check=full --error-exitcode=1 $$test || status=1; \
	done; exit $$status

bench: $(BENCH) $(B)/sharpsde
	$(B)/bench/bench --csv $(B)/bench.csv --baselines $(B)/bench
	$(if $(filter 1,$(MPI)),$(B)/bench/bench --csv $(B)/bench.csv --baselines $(B)/bench ranks)

# The parser of programs under clang's sanitizers, from the seeds in tests/fuzz: make fuzz SECONDS=300.
CLANG ?= clang-14
SECONDS ?= 60
FUZZED := tests/fuzz/fuzz_program.c $(wildcard models/*.c) $(filter-out sde/ranks_mpi.c $(KERNELS),$(wildcard sde/*.c))
fuzz:
	@mkdir -p $(B)-fuzz/program
	$(CLANG) $(STANDARD) -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	  -ffp-contract=off -DSDE_PORTABLE -Wno-pass-failed -I. $(PACKAGE_CFLAGS) $(FUZZED) $(PACKAGE_LIBS) -ldl -lm \
	  -o $(B)-fuzz/fuzz_program
	$(B)-fuzz/fuzz_program -max_len=600 -max_total_time=$(SECONDS) $(B)-fuzz/program tests/fuzz/program

api:
	@mkdir -p $(B)/api
	API_OUTPUT=$(B)/api doxygen docs/Doxyfile
	@echo "the reference is $(B)/api/html/index.html"

SHARE := $(DESTDIR)$(DATADIR)
INCLUDE := $(DESTDIR)$(PREFIX)/include/sharpsde
LIB := $(DESTDIR)$(PREFIX)/lib
MAN1 := $(DESTDIR)$(PREFIX)/share/man/man1
BASH_COMPLETIONS := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSH_COMPLETIONS := $(DESTDIR)$(PREFIX)/share/zsh/site-functions

# The Python package is the same files for every version of Python: they go where Python looks below
# PREFIX, and into the data folder where it looks nowhere there.
PYTHON3 ?= python3
PYTHONDIR ?= $(or $(shell $(PYTHON3) -c "import sys; print(next(p for p in sys.path \
  if p.startswith('$(PREFIX)/lib') and p.endswith('-packages')))" 2>/dev/null),$(DATADIR)/python)
PACKAGE := $(DESTDIR)$(PYTHONDIR)/sharpsde

install: all $(B)/$(SHARED)
	install -d $(DESTDIR)$(PREFIX)/bin $(LIB)/pkgconfig $(INCLUDE)/sde $(INCLUDE)/models \
	  $(INCLUDE)/analysis \
	  $(SHARE)/recipes $(SHARE)/data $(SHARE)/plots $(SHARE)/examples/plugin_loss $(MAN1) \
	  $(BASH_COMPLETIONS) $(ZSH_COMPLETIONS)
	install $(B)/sharpsde $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(B)/libsharpsde.a $(B)/$(SHARED) $(LIB)
	ln -sf $(SHARED) $(LIB)/$(SONAME)
	ln -sf $(SONAME) $(LIB)/libsharpsde.so
	install -m 644 $(filter-out %_kernel.h,$(wildcard sde/*.h)) $(wildcard sde/*.def) $(INCLUDE)/sde
	install -m 644 $(filter-out %_kernel.h,$(wildcard models/*.h)) $(wildcard models/*.def) \
	  $(INCLUDE)/models
	install -m 644 $(wildcard analysis/*.h) $(INCLUDE)/analysis
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' \
	  -e 's|@REQUIRES@|$(strip $(LIBRARY_PACKAGES) $(MPI_PACKAGES))|' sharpsde.pc.in > $(LIB)/pkgconfig/sharpsde.pc
	for file in experiments/recipes/*.yaml data/* plots/*; do \
	  [ ! -f $$file ] || install -m 644 $$file $(SHARE)/$$(basename $$(dirname $$file)); done
	install -m 644 $(wildcard examples/*.c) $(SHARE)/examples
	install -m 644 $(wildcard examples/plugin_loss/*) $(SHARE)/examples/plugin_loss
	install -m 644 docs/sharpsde.1 $(MAN1)
	install -m 644 completions/sharpsde.bash $(BASH_COMPLETIONS)/sharpsde
	install -m 644 completions/_sharpsde $(ZSH_COMPLETIONS)
ifeq ($(PYTHON),1)
	install -d $(PACKAGE)
	install -m 644 $(wildcard python/sharpsde/*.py) python/sharpsde/py.typed $(PACKAGE)
	@echo "the Python package is found with PYTHONPATH=$(PYTHONDIR), if not without it"
endif

uninstall:
	rm -rf $(SHARE) $(INCLUDE)
	rm -f $(DESTDIR)$(PREFIX)/bin/sharpsde $(LIB)/libsharpsde.a $(LIB)/$(SHARED) \
	  $(LIB)/$(SONAME) $(LIB)/libsharpsde.so $(LIB)/pkgconfig/sharpsde.pc \
	  $(MAN1)/sharpsde.1 $(BASH_COMPLETIONS)/sharpsde $(ZSH_COMPLETIONS)/_sharpsde
	rm -rf $(if $(filter 1,$(PYTHON)),$(PACKAGE))

clean:
	rm -rf $(B) $(B)-asan

format:
	clang-format -i $(wildcard $(foreach d,sde models analysis experiments/* tests bench,$d/*.c \
	  $d/*.h) examples/*.c examples/*/*.c)

shellcheck:
	shellcheck -x $(wildcard tests/*.bash scripts/*.sh tests/*.sh bench/*.sh completions/*.bash) .ci/run
