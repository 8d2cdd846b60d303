# Layer core: knows nothing of the others.
noinst_LIBRARIES += src/libcore.a
src_libcore_a_SOURCES = \
	src/core/account.c src/core/account.h \
	src/core/arena.c src/core/arena.h \
	src/core/buffer.c src/core/buffer.h \
	src/core/clock.c src/core/clock.h \
	src/core/config.c src/core/config.h src/core/config_values.h \
	src/core/config_print.c \
	src/core/context.h \
	src/core/command.c src/core/command.h \
	src/core/digest.c src/core/digest.h \
	src/core/error.c src/core/error.def src/core/error.h \
	src/core/fault_point.h \
	src/core/file.c src/core/file.h \
	src/core/log.c src/core/log.h \
	src/core/log_file.c src/core/log_file.h \
	src/core/logfmt.c src/core/logfmt.h \
	src/core/metrics.c src/core/metrics.def src/core/metrics.h \
	src/core/option.c src/core/option.h src/core/options.def \
	src/core/random.c src/core/random.h \
	src/core/text.c src/core/text.h
if FAULT_POINTS
src_libcore_a_SOURCES += src/core/fault_point.c
endif
src_libcore_a_CFLAGS = $(AM_CFLAGS) $(INIH_CFLAGS) $(CRYPTO_CFLAGS)
CORE_LIBS = src/libcore.a $(INIH_LIBS) $(CRYPTO_LIBS)

check_PROGRAMS += \
	tests/unit/test_arena \
	tests/unit/test_buffer \
	tests/unit/test_clock \
	tests/unit/test_command \
	tests/unit/test_config \
	tests/unit/test_config_print \
	tests/unit/test_digest \
	tests/unit/test_error \
	tests/unit/test_fault_point \
	tests/unit/test_file \
	tests/unit/test_log \
	tests/unit/test_log_file \
	tests/unit/test_logfmt \
	tests/unit/test_metrics \
	tests/unit/test_option \
	tests/unit/test_random \
	tests/unit/test_text
tests_unit_test_arena_SOURCES = tests/unit/test_arena.c
tests_unit_test_arena_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_arena_LDADD = $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_arena_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=free
tests_unit_test_buffer_SOURCES = tests/unit/test_buffer.c
tests_unit_test_buffer_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_buffer_LDADD = $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_clock_SOURCES = tests/unit/test_clock.c
tests_unit_test_clock_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_clock_LDADD = $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_command_SOURCES = tests/unit/test_command.c
tests_unit_test_command_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_command_LDADD = $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_config_SOURCES = tests/unit/test_config.c
tests_unit_test_config_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_config_LDADD = $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_config_print_SOURCES = tests/unit/test_config_print.c
tests_unit_test_config_print_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_config_print_LDADD = $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_digest_SOURCES = tests/unit/test_digest.c
tests_unit_test_digest_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_digest_LDADD = $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_error_SOURCES = tests/unit/test_error.c
tests_unit_test_error_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_error_LDADD = $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_fault_point_SOURCES = tests/unit/test_fault_point.c src/core/fault_point.c
tests_unit_test_fault_point_CPPFLAGS = $(AM_CPPFLAGS) -UORDERD_FAULT_POINTS -DORDERD_FAULT_POINTS
tests_unit_test_fault_point_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_fault_point_LDADD = $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_file_SOURCES = tests/unit/test_file.c
tests_unit_test_file_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_file_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=renameat2,--wrap=unlink,--wrap=fsync
tests_unit_test_file_LDADD = $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_log_SOURCES = tests/unit/test_log.c tests/unit/log_files.c tests/unit/log_files.h
tests_unit_test_log_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_log_LDADD = $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_log_file_SOURCES = tests/unit/test_log_file.c tests/unit/log_files.c tests/unit/log_files.h
tests_unit_test_log_file_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_log_file_LDADD = $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_logfmt_SOURCES = tests/unit/test_logfmt.c
tests_unit_test_logfmt_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_logfmt_LDADD = $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_metrics_SOURCES = tests/unit/test_metrics.c
tests_unit_test_metrics_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_metrics_LDADD = $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_option_SOURCES = tests/unit/test_option.c
tests_unit_test_option_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_option_LDADD = $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_random_SOURCES = tests/unit/test_random.c
tests_unit_test_random_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_random_LDADD = $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_text_SOURCES = tests/unit/test_text.c
tests_unit_test_text_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_text_LDADD = $(CORE_LIBS) $(UNIT_LIBS)
