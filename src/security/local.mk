# Layer security: its library and its tests.
noinst_LIBRARIES += src/libsecurity.a
src_libsecurity_a_SOURCES = \
	src/security/cursor.c src/security/cursor.h \
	src/security/key_name.c src/security/key_name.h \
	src/security/keyring.c src/security/keyring.h \
	src/security/members.c src/security/members.h \
	src/security/password.c src/security/password.h \
	src/security/token.c src/security/token.h \
	src/security/token_cache.c src/security/token_cache.h
src_libsecurity_a_CFLAGS = $(AM_CFLAGS) $(JWT_CFLAGS) $(ARGON2_CFLAGS) $(CRYPTO_CFLAGS)
SECURITY_LIBS = src/libsecurity.a $(JWT_LIBS) $(ARGON2_LIBS) $(CRYPTO_LIBS)

check_PROGRAMS += \
	tests/unit/test_cursor \
	tests/unit/test_keyring \
	tests/unit/test_keyring_change \
	tests/unit/test_password \
	tests/unit/test_password_turns \
	tests/unit/test_token \
	tests/unit/test_token_cache \
	tests/unit/test_token_claims
security_test_libs = $(SECURITY_LIBS) $(CORE_LIBS) $(UNIT_LIBS)
token_forge = tests/unit/token_forge.c tests/unit/token_forge.h
tests_unit_test_cursor_SOURCES = tests/unit/test_cursor.c
tests_unit_test_cursor_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_cursor_LDADD = $(security_test_libs)
tests_unit_test_keyring_SOURCES = tests/unit/test_keyring.c
tests_unit_test_keyring_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_keyring_LDADD = $(security_test_libs)
tests_unit_test_keyring_change_SOURCES = tests/unit/test_keyring_change.c
tests_unit_test_keyring_change_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_keyring_change_LDADD = $(security_test_libs)
tests_unit_test_password_SOURCES = tests/unit/test_password.c
tests_unit_test_password_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_password_LDADD = $(security_test_libs)
tests_unit_test_password_turns_SOURCES = tests/unit/test_password_turns.c
tests_unit_test_password_turns_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_password_turns_LDADD = $(security_test_libs)
tests_unit_test_token_SOURCES = tests/unit/test_token.c $(token_forge)
tests_unit_test_token_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_token_LDADD = $(security_test_libs)
tests_unit_test_token_claims_SOURCES = tests/unit/test_token_claims.c $(token_forge)
tests_unit_test_token_claims_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_token_claims_LDADD = $(security_test_libs)
tests_unit_test_token_cache_SOURCES = tests/unit/test_token_cache.c $(token_forge)
tests_unit_test_token_cache_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_token_cache_LDADD = $(security_test_libs)
