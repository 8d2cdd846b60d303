# Layer ctl: orderctl, its library and its tests.
noinst_LIBRARIES += src/libctl.a
src_libctl_a_SOURCES = \
	src/ctl/account.c src/ctl/account.h \
	src/ctl/arguments.c src/ctl/arguments.h \
	src/ctl/backup.c \
	src/ctl/check.c src/ctl/checks.h \
	src/ctl/check_database.c \
	src/ctl/check_files.c \
	src/ctl/check_spool.c \
	src/ctl/subcommand.c src/ctl/subcommand.h \
	src/ctl/ctl.c src/ctl/ctl.h \
	src/ctl/disagreements.c src/ctl/disagreements.h \
	src/ctl/findings.c src/ctl/findings.h \
	src/ctl/key.c \
	src/ctl/ledger_map.c src/ctl/ledger_map.h \
	src/ctl/mail_compare.c src/ctl/mail_compare.h \
	src/ctl/mail_list.c src/ctl/mail_list.h \
	src/ctl/mail_maildir.c \
	src/ctl/mail_repeat.c \
	src/ctl/mail_spool.c \
	src/ctl/migrate.c \
	src/ctl/new_password.c src/ctl/new_password.h \
	src/ctl/order_list.c \
	src/ctl/order_show.c \
	src/ctl/output.c src/ctl/output.h \
	src/ctl/owner.c src/ctl/owner.h \
	src/ctl/payment.c \
	src/ctl/reconcile.c \
	src/ctl/release.c src/ctl/release.h \
	src/ctl/restore.c \
	src/ctl/subjects.h \
	src/ctl/terminal.c src/ctl/terminal.h \
	src/ctl/usage.c src/ctl/usage.h \
	src/ctl/user.c \
	src/ctl/user_change.c \
	src/ctl/user_row.c src/ctl/user_row.h \
	src/ctl/verdict.c src/ctl/verdict.def src/ctl/verdict.h
CTL_LIBS = src/libctl.a

sbin_PROGRAMS += orderctl
orderctl_SOURCES = src/orderctl.c
orderctl_LDADD = $(CTL_LIBS) $(SPOOL_LIBS) $(GATEWAY_LIBS) $(SECURITY_LIBS) $(DB_LIBS) $(CORE_LIBS)

ctl_test_libs = $(CTL_LIBS) $(SPOOL_LIBS) $(GATEWAY_LIBS) $(SECURITY_LIBS) $(DB_LIBS) $(CORE_LIBS) $(UNIT_LIBS)
check_PROGRAMS += \
	tests/unit/test_account \
	tests/unit/test_admin \
	tests/unit/test_arguments \
	tests/unit/test_disagreements \
	tests/unit/test_findings \
	tests/unit/test_ledger_map \
	tests/unit/test_mail_compare \
	tests/unit/test_mail_list \
	tests/unit/test_output \
	tests/unit/test_terminal \
	tests/unit/test_verdict
tests_unit_test_account_SOURCES = tests/unit/test_account.c
tests_unit_test_account_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_account_LDADD = $(CTL_LIBS) $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_admin_SOURCES = tests/unit/test_admin.c
tests_unit_test_admin_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_admin_LDADD = $(DB_LIBS) $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_arguments_SOURCES = tests/unit/test_arguments.c
tests_unit_test_arguments_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_arguments_LDADD = $(ctl_test_libs)
tests_unit_test_findings_SOURCES = tests/unit/test_findings.c
tests_unit_test_findings_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_findings_LDADD = $(ctl_test_libs)
tests_unit_test_output_SOURCES = tests/unit/test_output.c
tests_unit_test_output_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_output_LDADD = $(ctl_test_libs)
tests_unit_test_terminal_SOURCES = tests/unit/test_terminal.c
tests_unit_test_terminal_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_terminal_LDADD = $(ctl_test_libs)
tests_unit_test_disagreements_SOURCES = tests/unit/test_disagreements.c
tests_unit_test_disagreements_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_disagreements_LDADD = $(ctl_test_libs)
tests_unit_test_ledger_map_SOURCES = tests/unit/test_ledger_map.c $(gateway_test)
tests_unit_test_ledger_map_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ledger_map_LDADD = $(ctl_test_libs)
tests_unit_test_mail_compare_SOURCES = tests/unit/test_mail_compare.c
tests_unit_test_mail_compare_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_mail_compare_LDADD = $(ctl_test_libs)
tests_unit_test_mail_list_SOURCES = tests/unit/test_mail_list.c $(spool_desk)
tests_unit_test_mail_list_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_mail_list_LDADD = $(ctl_test_libs)
tests_unit_test_verdict_SOURCES = tests/unit/test_verdict.c
tests_unit_test_verdict_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_verdict_LDADD = $(ctl_test_libs)
