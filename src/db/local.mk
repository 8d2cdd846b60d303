# Layer db: the only code that knows SQL.
noinst_LIBRARIES += src/libdb.a
src_libdb_a_SOURCES = \
	src/db/admin.c src/db/admin.h \
	src/db/attempts.c \
	src/db/checkpoint.c src/db/checkpoint.h \
	src/db/commit_queue.c src/db/commit_queue.h \
	src/db/committer.c src/db/committer.h \
	src/db/db.h src/db/db_sqlite.c src/db/db_sqlite.h src/db/query_sqlite.c \
	src/db/verify_sqlite.c \
	src/db/idempotency.c src/db/idempotency.h \
	src/db/locks.c src/db/locks.h \
	src/db/migrate.c src/db/migrate.h \
	src/db/orders.c src/db/orders.h \
	src/db/outbox.c src/db/outbox.h \
	src/db/payments.c src/db/payments.h \
	src/db/readers.c src/db/readers.h \
	src/db/settings.c src/db/settings.h \
	src/db/settle_rows.c src/db/settle_rows.h \
	src/db/statements.def \
	src/db/store.c src/db/store.h \
	src/db/users.c src/db/users.h
src_libdb_a_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
DB_LIBS = src/libdb.a $(SQLITE_LIBS)

migrationsdir = $(pkgdatadir)/sql
dist_migrations_DATA = sql/0001_initial.sql
