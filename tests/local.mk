# The little that all tests share; each layer's local.mk names its own tests.
check_LIBRARIES += tests/libunit.a
tests_libunit_a_SOURCES = tests/unit/unit.c tests/unit/unit.h
tests_libunit_a_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
UNIT_LIBS = tests/libunit.a $(CHECK_LIBS)

script_tests =
