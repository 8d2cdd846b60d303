# Layer gateway: its library and its tests.
noinst_LIBRARIES += src/libgateway.a
src_libgateway_a_SOURCES = \
	src/gateway/event.c src/gateway/event.h \
	src/gateway/garbage.c src/gateway/garbage.h \
	src/gateway/gateway.c src/gateway/gateway.h \
	src/gateway/index.c src/gateway/index.h \
	src/gateway/late.c src/gateway/late.h \
	src/gateway/ledger.c src/gateway/ledger.h \
	src/gateway/ledger_scan.c src/gateway/ledger_scan.h \
	src/gateway/rules.c src/gateway/rules.h \
	src/gateway/simulated.c src/gateway/simulated.h
GATEWAY_LIBS = src/libgateway.a

check_PROGRAMS += \
	tests/unit/test_gateway \
	tests/unit/test_gateway_late \
	tests/unit/test_gateway_threads \
	tests/unit/test_index \
	tests/unit/test_ledger \
	tests/unit/test_ledger_scan
gateway_test = tests/unit/gateway_desk.c tests/unit/gateway_desk.h
gateway_test_libs = $(GATEWAY_LIBS) $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_gateway_SOURCES = tests/unit/test_gateway.c $(gateway_test)
tests_unit_test_gateway_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_gateway_LDADD = $(gateway_test_libs)
tests_unit_test_gateway_late_SOURCES = tests/unit/test_gateway_late.c $(gateway_test)
tests_unit_test_gateway_late_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_gateway_late_LDADD = $(gateway_test_libs)
tests_unit_test_gateway_threads_SOURCES = tests/unit/test_gateway_threads.c $(gateway_test)
tests_unit_test_gateway_threads_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_gateway_threads_LDADD = $(gateway_test_libs)
tests_unit_test_index_SOURCES = tests/unit/test_index.c
tests_unit_test_index_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_index_LDADD = $(gateway_test_libs)
tests_unit_test_ledger_SOURCES = tests/unit/test_ledger.c $(gateway_test)
tests_unit_test_ledger_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ledger_LDADD = $(gateway_test_libs)
tests_unit_test_ledger_scan_SOURCES = tests/unit/test_ledger_scan.c $(gateway_test)
tests_unit_test_ledger_scan_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ledger_scan_LDADD = $(gateway_test_libs)
