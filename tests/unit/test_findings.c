/* ctl/findings: what is said about files that are not as they should be. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buffer.h"

#include "ctl/findings.h"

#include "unit.h"

static struct arena arena;
static struct findings findings;
static const char *folder;

static void begin(void)
{
    arena_init(&arena, 1024);
    findings_begin(&findings, &arena);
    folder = unit_folder();
}

static void end(void)
{
    arena_fini(&arena);
}

static const char *make_file(mode_t mode)
{
    const char *path = unit_path(folder, "file");
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

static const char *text(void)
{
    struct buffer out;
    buffer_begin(&out, &arena, 256);
    findings_render(&findings, false, &out);
    return out.data;
}

static void expect_text(const char *part)
{
    ck_assert_msg(strstr(text(), part), "no \"%s\" in \"%s\"", part, text());
}

START_TEST(what_is_as_it_should_be_is_not_mentioned)
{
    const char *path = make_file(0600);
    struct expected expected = {.forbidden = S_IRWXG | S_IRWXO, .access = R_OK | W_OK};
    ck_assert(findings_expect(&findings, "area", path, &expected));
    ck_assert_uint_eq(findings_count(&findings), 0);
    ck_assert_str_eq(text(), "");
}
END_TEST

START_TEST(a_missing_file_is_a_finding)
{
    ck_assert(
        !findings_expect(&findings, "area", unit_path(folder, "none"), &(struct expected){0}));
    ck_assert_uint_eq(findings_count(&findings), 1);
    expect_text("none: No such file or directory; see that it exists");
}
END_TEST

START_TEST(a_file_that_may_be_missing_is_none)
{
    struct expected expected = {.may_be_missing = true, .access = R_OK};
    ck_assert(!findings_expect(&findings, "area", unit_path(folder, "none"), &expected));
    ck_assert_uint_eq(findings_count(&findings), 0);
}
END_TEST

START_TEST(what_cannot_be_reached_is_a_finding_even_if_it_may_be_missing)
{
    struct expected expected = {.may_be_missing = true};
    const char *inside_a_file = arena_printf(&arena, "%s/x", make_file(0600));
    ck_assert(!findings_expect(&findings, "area", inside_a_file, &expected));
    expect_text("Not a directory");
}
END_TEST

START_TEST(a_folder_is_no_file)
{
    ck_assert(!findings_expect(&findings, "area", folder, &(struct expected){0}));
    expect_text("is no regular file; move it away");
}
END_TEST

START_TEST(a_file_is_no_folder)
{
    ck_assert(!findings_expect(
        &findings, "area", make_file(0600), &(struct expected){.is_folder = true}));
    expect_text("is no folder; move it away");
}
END_TEST

START_TEST(a_mode_that_gives_too_much_comes_with_the_chmod_that_mends_it)
{
    const char *path = make_file(0666);
    findings_expect(&findings, "area", path, &(struct expected){.forbidden = S_IWGRP | S_IWOTH});
    expect_text(arena_printf(
        &arena, "area: %s: its mode 0666 gives too much to others; chmod 0644 %s\n", path, path));
}
END_TEST

START_TEST(a_sticky_bit_can_be_forbidden)
{
    ck_assert_int_eq(chmod(folder, 01770), 0);
    findings_expect(
        &findings, "area", folder, &(struct expected){.is_folder = true, .forbidden = S_ISVTX});
    expect_text("chmod 0770 ");
}
END_TEST

START_TEST(another_owner_is_a_finding)
{
    const char *path = make_file(0644);
    if (geteuid() != 0) /* root's file, then */
        path = "/etc/passwd";
    else
        ck_assert_int_eq(chown(path, 65534, (gid_t)-1), 0);
    findings_expect(&findings, "area", path, &(struct expected){0});
    ck_assert_uint_eq(findings_count(&findings), 1);
    expect_text("belongs to ");
    expect_text("; chown ");
}
END_TEST

START_TEST(root_may_be_as_good_as_the_owner)
{
    findings_expect(
        &findings, "area", "/etc/passwd", &(struct expected){.owner = OWNER_OURS_OR_ROOT});
    ck_assert_uint_eq(findings_count(&findings), 0);
}
END_TEST

START_TEST(what_we_cannot_read_or_write_is_a_finding)
{
    const char *path = make_file(0);
    if (geteuid() == 0) { /* root could */
        ck_assert_int_eq(chown(path, 65534, (gid_t)-1), 0);
        ck_assert_int_eq(chmod(folder, 0755), 0);
        ck_assert_int_eq(seteuid(65534), 0);
    }
    findings_expect(&findings, "area", path, &(struct expected){.access = R_OK | W_OK});
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
    ck_assert_uint_eq(findings_count(&findings), 2);
    expect_text("cannot read it: Permission denied; chmod u+r ");
    expect_text("cannot write it: Permission denied; chmod u+w ");
}
END_TEST

START_TEST(a_name_cannot_begin_a_line_of_its_own)
{
    findings_add(&findings, "area", "/a\n/b", "hint", "problem %d", 7);
    ck_assert_str_eq(text(), "area: /a?/b: problem 7; hint\n");
}
END_TEST

START_TEST(the_json_form_holds_the_same)
{
    struct buffer out;
    buffer_begin(&out, &arena, 256);
    findings_add(&findings, "area", "/a", "hint", "problem");
    findings_render(&findings, true, &out);
    ck_assert_str_eq(out.data, "{\"findings\": [\n{\"area\": \"area\", \"path\": \"/a\", "
                               "\"problem\": \"problem\", \"hint\": "
                               "\"hint\"}\n]}\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("findings");
    TCase *tcase = tcase_create("findings");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, a_missing_file_is_a_finding);
    tcase_add_test(tcase, a_file_that_may_be_missing_is_none);
    tcase_add_test(tcase, what_cannot_be_reached_is_a_finding_even_if_it_may_be_missing);
    tcase_add_test(tcase, a_folder_is_no_file);
    tcase_add_test(tcase, a_file_is_no_folder);
    tcase_add_test(tcase, a_mode_that_gives_too_much_comes_with_the_chmod_that_mends_it);
    tcase_add_test(tcase, a_sticky_bit_can_be_forbidden);
    tcase_add_test(tcase, another_owner_is_a_finding);
    tcase_add_test(tcase, root_may_be_as_good_as_the_owner);
    tcase_add_test(tcase, what_we_cannot_read_or_write_is_a_finding);
    tcase_add_test(tcase, a_name_cannot_begin_a_line_of_its_own);
    tcase_add_test(tcase, the_json_form_holds_the_same);
    tcase_add_test(tcase, what_is_as_it_should_be_is_not_mentioned);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
