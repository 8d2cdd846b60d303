# Layer db: the only code that knows SQL.
noinst_LIBRARIES += src/libdb.a
src_libdb_a_SOURCES = \
	src/db/admin.c src/db/admin.h \
	src/db/attempts.c src/db/attempts.h \
	src/db/backup.c src/db/backup.h src/db/backup_sqlite.c \
	src/db/books.c src/db/books.h \
	src/db/checkpoint.c src/db/checkpoint.h \
	src/db/commit_queue.c src/db/commit_queue.h \
	src/db/committer.c src/db/committer.h \
	src/db/db.h src/db/db_unit.h src/db/db_whole.h src/db/db_sqlite.c src/db/db_sqlite.h src/db/query_sqlite.c \
	src/db/verify_sqlite.c \
	src/db/idempotency.c src/db/idempotency.h \
	src/db/locks.c src/db/locks.h \
	src/db/logins.c src/db/logins.h \
	src/db/migrate.c src/db/migrate.h \
	src/db/orders.c src/db/orders.h \
	src/db/outbox.c src/db/outbox.h \
	src/db/payments.c src/db/payments.h \
	src/db/readers.c src/db/readers.h \
	src/db/restore.c src/db/restore.h \
	src/db/restored.c src/db/restored.h \
	src/db/settings.c src/db/settings.h \
	src/db/settle_rows.c src/db/settle_rows.h \
	src/db/statements.def \
	src/db/store.c src/db/store.h \
	src/db/users.c src/db/users.h
src_libdb_a_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
DB_LIBS = src/libdb.a $(SQLITE_LIBS)

migrationsdir = $(pkgdatadir)/sql
dist_migrations_DATA = sql/0001_initial.sql sql/0002_write_offs.sql

# The tests, and what they share; tests/unit/db_rig.c looks at the database from outside.
check_LIBRARIES += tests/libdbrig.a
tests_libdbrig_a_SOURCES = \
	tests/unit/db_rig.c tests/unit/db_rig.h \
	tests/unit/store_rig.c tests/unit/store_rig.h
tests_libdbrig_a_CPPFLAGS = $(AM_CPPFLAGS) -DSOURCE_FOLDER='"$(abs_top_srcdir)"'
tests_libdbrig_a_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SQLITE_CFLAGS)
db_test_libs = tests/libdbrig.a $(DB_LIBS) $(CORE_LIBS) $(UNIT_LIBS)
check_PROGRAMS += \
	tests/unit/test_backup \
	tests/unit/test_books \
	tests/unit/test_commit_queue \
	tests/unit/test_db \
	tests/unit/test_idempotency \
	tests/unit/test_logins \
	tests/unit/test_migrate \
	tests/unit/test_order_pages \
	tests/unit/test_orders \
	tests/unit/test_outbox \
	tests/unit/test_payments \
	tests/unit/test_restore \
	tests/unit/test_settings \
	tests/unit/test_sql \
	tests/unit/test_store \
	tests/unit/test_store_faults \
	tests/unit/test_store_processes \
	tests/unit/test_store_thread \
	tests/unit/test_users \
	tests/unit/test_write_offs
tests_unit_test_commit_queue_SOURCES = tests/unit/test_commit_queue.c
tests_unit_test_commit_queue_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_commit_queue_LDADD = $(db_test_libs)
tests_unit_test_db_SOURCES = tests/unit/test_db.c
tests_unit_test_db_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_db_LDADD = $(db_test_libs)
tests_unit_test_idempotency_SOURCES = tests/unit/test_idempotency.c
tests_unit_test_idempotency_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_idempotency_LDADD = $(db_test_libs)
tests_unit_test_logins_SOURCES = tests/unit/test_logins.c
tests_unit_test_logins_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_logins_LDADD = $(db_test_libs)
tests_unit_test_migrate_SOURCES = tests/unit/test_migrate.c
tests_unit_test_migrate_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_migrate_LDADD = $(db_test_libs)
tests_unit_test_order_pages_SOURCES = tests/unit/test_order_pages.c
tests_unit_test_order_pages_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_order_pages_LDADD = $(db_test_libs)
tests_unit_test_orders_SOURCES = tests/unit/test_orders.c
tests_unit_test_orders_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_orders_LDADD = $(db_test_libs)
tests_unit_test_outbox_SOURCES = tests/unit/test_outbox.c
tests_unit_test_outbox_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_outbox_LDADD = $(db_test_libs)
tests_unit_test_payments_SOURCES = tests/unit/test_payments.c
tests_unit_test_payments_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_payments_LDADD = $(db_test_libs)
tests_unit_test_settings_SOURCES = tests/unit/test_settings.c
tests_unit_test_settings_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_settings_LDADD = $(db_test_libs)
tests_unit_test_store_SOURCES = tests/unit/test_store.c
tests_unit_test_store_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_store_LDADD = $(db_test_libs)
tests_unit_test_store_faults_SOURCES = tests/unit/test_store_faults.c
tests_unit_test_store_faults_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_store_faults_LDADD = $(db_test_libs)
tests_unit_test_users_SOURCES = tests/unit/test_users.c
tests_unit_test_users_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_users_LDADD = $(db_test_libs)
tests_unit_test_sql_SOURCES = tests/unit/test_sql.c
tests_unit_test_sql_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_sql_LDADD = $(db_test_libs)
tests_unit_test_store_processes_SOURCES = tests/unit/test_store_processes.c
tests_unit_test_store_processes_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_store_processes_LDADD = $(db_test_libs)
tests_unit_test_books_SOURCES = tests/unit/test_books.c
tests_unit_test_books_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_books_LDADD = $(db_test_libs)
tests_unit_test_write_offs_SOURCES = tests/unit/test_write_offs.c
tests_unit_test_write_offs_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_write_offs_LDADD = $(db_test_libs)
tests_unit_test_store_thread_SOURCES = tests/unit/test_store_thread.c
tests_unit_test_store_thread_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_store_thread_LDADD = $(db_test_libs)
tests_unit_test_backup_SOURCES = tests/unit/test_backup.c
tests_unit_test_backup_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_backup_LDADD = $(db_test_libs)
tests_unit_test_restore_SOURCES = tests/unit/test_restore.c
tests_unit_test_restore_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_restore_LDADD = $(db_test_libs)
