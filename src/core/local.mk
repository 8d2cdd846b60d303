# Layer core: knows nothing of the others.
noinst_LIBRARIES += src/libcore.a
src_libcore_a_SOURCES = \
	src/core/arena.c src/core/arena.h \
	src/core/buffer.c src/core/buffer.h \
	src/core/clock.c src/core/clock.h \
	src/core/config.c src/core/config.h src/core/config_values.h \
	src/core/config_print.c \
	src/core/context.h \
	src/core/command.c src/core/command.h \
	src/core/digest.c src/core/digest.h \
	src/core/error.c src/core/error.def src/core/error.h \
	src/core/file.c src/core/file.h \
	src/core/log.c src/core/log.h \
	src/core/log_file.c src/core/log_file.h \
	src/core/logfmt.c src/core/logfmt.h \
	src/core/metrics.c src/core/metrics.def src/core/metrics.h \
	src/core/option.c src/core/option.h src/core/options.def \
	src/core/random.c src/core/random.h \
	src/core/text.c src/core/text.h
src_libcore_a_CFLAGS = $(AM_CFLAGS) $(INIH_CFLAGS) $(CRYPTO_CFLAGS)
CORE_LIBS = src/libcore.a $(INIH_LIBS) $(CRYPTO_LIBS)
