#include "unit.h"

#include <signal.h>
#include <string.h>

#include <openssl/crypto.h>

#include "core/digest.h"

/* FIPS 180-4's examples, and the digest of nothing. */
static const struct {
    const char *text;
    const char *digest;
} rows[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

START_TEST(digests_are_those_of_the_standard)
{
    char out[DIGEST_TEXT_SIZE];
    digest_sha256_text(out, rows[_i].text, strlen(rows[_i].text));
    ck_assert_str_eq(out, rows[_i].digest);
}
END_TEST

START_TEST(openssl_aborts_for_want_of_memory)
{
    digest_begin();
    void *memory = OPENSSL_malloc(16);
    ck_assert_ptr_nonnull(memory);
    memory = OPENSSL_realloc(memory, 32);
    ck_assert_ptr_nonnull(memory);
    OPENSSL_free(memory);
    ck_assert_ptr_null(OPENSSL_malloc(0));
    (void)OPENSSL_malloc(PTRDIFF_MAX); /* without ours it returns NULL */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("digest");
    TCase *tcase = tcase_create("digest");
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, digests_are_those_of_the_standard, 0, sizeof rows / sizeof *rows);
    tcase_add_test_raise_signal(tcase, openssl_aborts_for_want_of_memory, SIGABRT);
    return unit_run(suite);
}
