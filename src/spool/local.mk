# Layer spool: its library and its tests.
noinst_LIBRARIES += src/libspool.a
src_libspool_a_SOURCES = \
	src/spool/inspect.c src/spool/inspect.h \
	src/spool/layout.c src/spool/layout.h \
	src/spool/name.c src/spool/name.h \
	src/spool/record.c src/spool/record.h \
	src/spool/seal.c src/spool/seal.h \
	src/spool/spool.c src/spool/spool.h \
	src/spool/take.c src/spool/take.h \
	src/spool/take_end.c src/spool/take_scan.c src/spool/take_state.h
SPOOL_LIBS = src/libspool.a

# What the tests of the spool and of its reader share.
spool_desk = tests/unit/spool_desk.c tests/unit/spool_desk.h

check_PROGRAMS += tests/unit/test_record tests/unit/test_spool tests/unit/test_take
tests_unit_test_record_SOURCES = tests/unit/test_record.c
tests_unit_test_record_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_record_LDADD = $(SPOOL_LIBS) $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_spool_SOURCES = tests/unit/test_spool.c
tests_unit_test_spool_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_spool_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=syncfs,--wrap=fsync,--wrap=renameat
tests_unit_test_spool_LDADD = $(SPOOL_LIBS) $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_take_SOURCES = tests/unit/test_take.c $(spool_desk)
tests_unit_test_take_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_take_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=renameat,--wrap=openat
tests_unit_test_take_LDADD = $(SPOOL_LIBS) $(CORE_LIBS) $(UNIT_LIBS)
