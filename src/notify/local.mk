# Layer notify: its library, orderd-notifier, and its tests.
noinst_LIBRARIES += src/libnotify.a
src_libnotify_a_SOURCES = \
	src/notify/backoff.c src/notify/backoff.h \
	src/notify/currency.c src/notify/currency.h \
	src/notify/header.c src/notify/header.h \
	src/notify/message.c src/notify/message.h \
	src/notify/queue.c src/notify/queue.h \
	src/notify/service.c src/notify/service.h \
	src/notify/transport.h \
	src/notify/transport_maildir.c src/notify/transport_maildir.h
src_libnotify_a_CFLAGS = $(AM_CFLAGS) $(GMIME_CFLAGS)
NOTIFY_LIBS = src/libnotify.a $(SPOOL_LIBS) $(GMIME_LIBS)

sbin_PROGRAMS += orderd-notifier
orderd_notifier_SOURCES = src/notifierd.c
orderd_notifier_LDADD = $(NOTIFY_LIBS) $(CORE_LIBS)

check_PROGRAMS += tests/unit/test_maildir tests/unit/test_message \
	tests/unit/test_queue tests/unit/test_service
tests_unit_test_maildir_SOURCES = tests/unit/test_maildir.c $(spool_desk)
tests_unit_test_maildir_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_maildir_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=syncfs,--wrap=fsync,--wrap=renameat,--wrap=write
tests_unit_test_maildir_LDADD = $(NOTIFY_LIBS) $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_message_SOURCES = tests/unit/test_message.c $(spool_desk)
tests_unit_test_message_CFLAGS = $(AM_CFLAGS) $(GMIME_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_message_LDADD = $(NOTIFY_LIBS) $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_queue_SOURCES = tests/unit/test_queue.c $(spool_desk)
tests_unit_test_queue_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_queue_LDADD = $(NOTIFY_LIBS) $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_service_SOURCES = tests/unit/test_service.c $(spool_desk)
tests_unit_test_service_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_service_LDADD = $(NOTIFY_LIBS) $(CORE_LIBS) $(UNIT_LIBS)
