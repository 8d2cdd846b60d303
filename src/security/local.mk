# Layer security: its library and its tests.
noinst_LIBRARIES += src/libsecurity.a
src_libsecurity_a_SOURCES = \
	src/security/cursor.c src/security/cursor.h \
	src/security/keyring.c src/security/keyring.h \
	src/security/members.c src/security/members.h \
	src/security/password.c src/security/password.h \
	src/security/token.c src/security/token.h
src_libsecurity_a_CFLAGS = $(AM_CFLAGS) $(JWT_CFLAGS) $(ARGON2_CFLAGS) $(CRYPTO_CFLAGS)
SECURITY_LIBS = src/libsecurity.a $(JWT_LIBS) $(ARGON2_LIBS) $(CRYPTO_LIBS)
