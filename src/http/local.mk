# Layer http: its library and its tests.
noinst_LIBRARIES += src/libhttp.a
src_libhttp_a_SOURCES = \
	src/http/connection.c src/http/connection.h \
	src/http/exchange.c src/http/exchange.h \
	src/http/fastcgi.c src/http/fastcgi.h src/http/fastcgi_listen.c \
	src/http/field_rules.c src/http/field_rules.h \
	src/http/fields.c src/http/fields.h src/http/fields_query.c \
	src/http/handover.c src/http/handover.h \
	src/http/json.c src/http/json.h \
	src/http/json_gate.c src/http/json_gate.h \
	src/http/json_tree.c src/http/json_tree.h \
	src/http/json_writer.c \
	src/http/listener.c src/http/listener.h \
	src/http/problem.c src/http/problem.h \
	src/http/request.c src/http/request.h \
	src/http/worker.c src/http/worker.h
src_libhttp_a_CFLAGS = $(AM_CFLAGS) $(FCGI_CFLAGS) $(JSON_CFLAGS)
HTTP_LIBS = src/libhttp.a $(FCGI_LIBS) $(JSON_LIBS)

check_PROGRAMS += tests/unit/test_request
tests_unit_test_request_SOURCES = tests/unit/test_request.c
tests_unit_test_request_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_request_LDADD = $(HTTP_LIBS) $(CORE_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_problem
tests_unit_test_problem_SOURCES = tests/unit/test_problem.c
tests_unit_test_problem_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_problem_LDADD = $(HTTP_LIBS) $(CORE_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_json
tests_unit_test_json_SOURCES = tests/unit/test_json.c
tests_unit_test_json_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_json_LDADD = $(HTTP_LIBS) $(CORE_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_json_gate
tests_unit_test_json_gate_SOURCES = tests/unit/test_json_gate.c
tests_unit_test_json_gate_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_json_gate_LDADD = $(HTTP_LIBS) $(CORE_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_fields
tests_unit_test_fields_SOURCES = tests/unit/test_fields.c
tests_unit_test_fields_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_fields_LDADD = $(HTTP_LIBS) $(CORE_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_fields_query
tests_unit_test_fields_query_SOURCES = tests/unit/test_fields_query.c
tests_unit_test_fields_query_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_fields_query_LDADD = $(HTTP_LIBS) $(CORE_LIBS) $(UNIT_LIBS)

# A peer that speaks FastCGI, and a service for it to talk to.
fastcgi_tests_shared = \
	tests/unit/peer.c tests/unit/peer.h \
	tests/unit/service.c tests/unit/service.h

check_PROGRAMS += tests/unit/test_fastcgi
tests_unit_test_fastcgi_SOURCES = tests/unit/test_fastcgi.c $(fastcgi_tests_shared)
tests_unit_test_fastcgi_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_fastcgi_LDADD = $(HTTP_LIBS) $(CORE_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_fastcgi_peers
tests_unit_test_fastcgi_peers_SOURCES = tests/unit/test_fastcgi_peers.c $(fastcgi_tests_shared)
tests_unit_test_fastcgi_peers_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_fastcgi_peers_LDADD = $(HTTP_LIBS) $(CORE_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_handover
tests_unit_test_handover_SOURCES = tests/unit/test_handover.c
tests_unit_test_handover_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_handover_LDADD = $(HTTP_LIBS) $(CORE_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_fastcgi_load
tests_unit_test_fastcgi_load_SOURCES = tests/unit/test_fastcgi_load.c $(fastcgi_tests_shared)
tests_unit_test_fastcgi_load_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_fastcgi_load_LDADD = $(HTTP_LIBS) $(CORE_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_fastcgi_stop
tests_unit_test_fastcgi_stop_SOURCES = tests/unit/test_fastcgi_stop.c $(fastcgi_tests_shared)
tests_unit_test_fastcgi_stop_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_fastcgi_stop_LDADD = $(HTTP_LIBS) $(CORE_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_fastcgi_listen
tests_unit_test_fastcgi_listen_SOURCES = \
	tests/unit/test_fastcgi_listen.c tests/unit/peer.c tests/unit/peer.h
tests_unit_test_fastcgi_listen_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_fastcgi_listen_LDADD = $(HTTP_LIBS) $(CORE_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_libfcgi
tests_unit_test_libfcgi_SOURCES = tests/unit/test_libfcgi.c tests/unit/peer.c tests/unit/peer.h
tests_unit_test_libfcgi_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(FCGI_CFLAGS)
tests_unit_test_libfcgi_LDADD = $(UNIT_LIBS) $(FCGI_LIBS)
