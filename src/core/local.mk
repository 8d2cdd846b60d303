# Layer core: knows nothing of the others.
noinst_LIBRARIES += src/libcore.a
src_libcore_a_SOURCES = \
	src/core/error.def src/core/error.h \
	src/core/digest.c src/core/digest.h
src_libcore_a_CFLAGS = $(AM_CFLAGS) $(INIH_CFLAGS) $(CRYPTO_CFLAGS)
CORE_LIBS = src/libcore.a $(INIH_LIBS) $(CRYPTO_LIBS)
