# Libraries that a test preloads into a program of ours, to change the world it runs in. They are built without the
# sanitizers: what they are loaded into may have some, others or none.
fault_libraries = \
	tests/fault/clock_shift.so \
	tests/fault/read_only.so \
	tests/fault/recorder.so
check_DATA = $(fault_libraries)
CLEANFILES += $(fault_libraries)
EXTRA_DIST += $(fault_libraries:.so=.c)

SUFFIXES = .so
.c.so:
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wshadow $(CFLAGS) -fPIC -shared \
		-fvisibility=hidden -o $@ $<

# This one is more than a file, and what it replaces must be seen. A call that it passes on leaves no frame of its own,
# for LeakSanitizer forgives the dynamic linker what it forgives nobody else, and looks at who called malloc.
failing_sources = tests/fault/failing.c tests/fault/rules.c
check_DATA += tests/fault/failing.so
CLEANFILES += tests/fault/failing.so
EXTRA_DIST += $(failing_sources) tests/fault/rules.h
tests/fault/failing.so: $(failing_sources) tests/fault/rules.h
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wshadow $(CFLAGS) -O2 -foptimize-sibling-calls \
		-fPIC -shared -o $@ $(srcdir)/tests/fault/failing.c $(srcdir)/tests/fault/rules.c

# What the mutants' tests need besides the programs.
.PHONY: fault-tools
fault-tools: $(check_DATA)

# Programs that are wrong on purpose, each of which some test must catch. In a build of their own.
EXTRA_DIST += tests/fault/mutants.py tests/fault/check_mutants.py
.PHONY: check-mutants
check-mutants:
	srcdir=$(abs_top_srcdir) /usr/bin/python3 $(srcdir)/tests/fault/check_mutants.py $(abs_top_builddir)/tests/mutants $(MUTANTS)
