# The fuzz targets. As replay_NAME each runs over its corpus in make check, with whatever sanitizers this build has;
# as fuzz_NAME it is libFuzzer's, in a build of its own (make check-fuzz).
check_LIBRARIES += tests/libfuzz.a
tests_libfuzz_a_SOURCES = tests/fuzz/fuzz.c tests/fuzz/fuzz.h
replay_sources = tests/fuzz/replay.c
fuzz_flags = $(AM_LDFLAGS) -fsanitize=fuzzer
token_fuzz_cflags = $(AM_CFLAGS) $(CRYPTO_CFLAGS)

core_fuzz_libs = tests/libfuzz.a $(CORE_LIBS)
json_fuzz_libs = tests/libfuzz.a $(HTTP_LIBS) $(CORE_LIBS)
api_fuzz_libs = tests/libfuzz.a $(API_LIBS) $(CORE_LIBS)
security_fuzz_libs = tests/libfuzz.a $(SECURITY_LIBS) $(CORE_LIBS)
spool_fuzz_libs = tests/libfuzz.a $(NOTIFY_LIBS) $(CORE_LIBS)
event_fuzz_libs = tests/libfuzz.a $(GATEWAY_LIBS) $(CORE_LIBS)

check_PROGRAMS += \
	tests/fuzz/replay_body \
	tests/fuzz/replay_config \
	tests/fuzz/replay_cursor \
	tests/fuzz/replay_event \
	tests/fuzz/replay_json \
	tests/fuzz/replay_logfmt \
	tests/fuzz/replay_query \
	tests/fuzz/replay_spool \
	tests/fuzz/replay_token
EXTRA_PROGRAMS = \
	tests/fuzz/fuzz_body \
	tests/fuzz/fuzz_config \
	tests/fuzz/fuzz_cursor \
	tests/fuzz/fuzz_event \
	tests/fuzz/fuzz_json \
	tests/fuzz/fuzz_logfmt \
	tests/fuzz/fuzz_query \
	tests/fuzz/fuzz_spool \
	tests/fuzz/fuzz_token
tests_fuzz_replay_body_SOURCES = tests/fuzz/target_body.c $(replay_sources)
tests_fuzz_replay_body_LDADD = $(api_fuzz_libs)
tests_fuzz_fuzz_body_SOURCES = tests/fuzz/target_body.c
tests_fuzz_fuzz_body_LDADD = $(api_fuzz_libs)
tests_fuzz_fuzz_body_LDFLAGS = $(fuzz_flags)
tests_fuzz_replay_config_SOURCES = tests/fuzz/target_config.c $(replay_sources)
tests_fuzz_replay_config_LDADD = $(core_fuzz_libs)
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/target_config.c
tests_fuzz_fuzz_config_LDADD = $(core_fuzz_libs)
tests_fuzz_fuzz_config_LDFLAGS = $(fuzz_flags)
tests_fuzz_replay_cursor_SOURCES = tests/fuzz/target_cursor.c $(replay_sources)
tests_fuzz_replay_cursor_LDADD = $(security_fuzz_libs)
tests_fuzz_fuzz_cursor_SOURCES = tests/fuzz/target_cursor.c
tests_fuzz_fuzz_cursor_LDADD = $(security_fuzz_libs)
tests_fuzz_fuzz_cursor_LDFLAGS = $(fuzz_flags)
tests_fuzz_replay_event_SOURCES = tests/fuzz/target_event.c $(replay_sources)
tests_fuzz_replay_event_LDADD = $(event_fuzz_libs)
tests_fuzz_fuzz_event_SOURCES = tests/fuzz/target_event.c
tests_fuzz_fuzz_event_LDADD = $(event_fuzz_libs)
tests_fuzz_fuzz_event_LDFLAGS = $(fuzz_flags)
tests_fuzz_replay_json_SOURCES = tests/fuzz/target_json.c $(replay_sources)
tests_fuzz_replay_json_LDADD = $(json_fuzz_libs)
tests_fuzz_fuzz_json_SOURCES = tests/fuzz/target_json.c
tests_fuzz_fuzz_json_LDADD = $(json_fuzz_libs)
tests_fuzz_fuzz_json_LDFLAGS = $(fuzz_flags)
tests_fuzz_replay_logfmt_SOURCES = tests/fuzz/target_logfmt.c $(replay_sources)
tests_fuzz_replay_logfmt_LDADD = $(core_fuzz_libs)
tests_fuzz_fuzz_logfmt_SOURCES = tests/fuzz/target_logfmt.c
tests_fuzz_fuzz_logfmt_LDADD = $(core_fuzz_libs)
tests_fuzz_fuzz_logfmt_LDFLAGS = $(fuzz_flags)
tests_fuzz_replay_query_SOURCES = tests/fuzz/target_query.c $(replay_sources)
tests_fuzz_replay_query_LDADD = $(api_fuzz_libs)
tests_fuzz_fuzz_query_SOURCES = tests/fuzz/target_query.c
tests_fuzz_fuzz_query_LDADD = $(api_fuzz_libs)
tests_fuzz_fuzz_query_LDFLAGS = $(fuzz_flags)
tests_fuzz_replay_spool_SOURCES = tests/fuzz/target_spool.c $(replay_sources)
tests_fuzz_replay_spool_LDADD = $(spool_fuzz_libs)
tests_fuzz_fuzz_spool_SOURCES = tests/fuzz/target_spool.c
tests_fuzz_fuzz_spool_LDADD = $(spool_fuzz_libs)
tests_fuzz_fuzz_spool_LDFLAGS = $(fuzz_flags)
tests_fuzz_replay_token_SOURCES = tests/fuzz/target_token.c $(replay_sources)
tests_fuzz_replay_token_CFLAGS = $(token_fuzz_cflags)
tests_fuzz_replay_token_LDADD = $(security_fuzz_libs)
tests_fuzz_fuzz_token_SOURCES = tests/fuzz/target_token.c
tests_fuzz_fuzz_token_CFLAGS = $(token_fuzz_cflags)
tests_fuzz_fuzz_token_LDADD = $(security_fuzz_libs)
tests_fuzz_fuzz_token_LDFLAGS = $(fuzz_flags)
EXTRA_DIST += tests/fuzz/corpus

# What takes too long for make check; script/sanitize says what each is.
check-fuzz:
	$(top_srcdir)/script/sanitize fuzz $(FUZZ_SECONDS)
check-tsan:
	$(top_srcdir)/script/sanitize tsan
check-valgrind:
	$(top_srcdir)/script/sanitize valgrind
.PHONY: check-fuzz check-tsan check-valgrind
EXTRA_DIST += script/sanitize tests/tsan.supp tests/valgrind.supp
EXTRA_DIST += tests/integration/load.py
