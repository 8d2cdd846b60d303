# Layer services: the rules; no HTTP, no JSON, no SQL.
noinst_LIBRARIES += src/libservices.a
src_libservices_a_SOURCES = \
	src/services/action.c src/services/action.h \
	src/services/attempt_end.c src/services/attempt_end.h \
	src/services/auth.c src/services/auth_login.c src/services/auth.h src/services/auth_state.h \
	src/services/bell.c src/services/bell.h \
	src/services/crew.c src/services/crew.h \
	src/services/permits.c src/services/permits.h \
	src/services/hold.c src/services/hold.h \
	src/services/order.c src/services/order_create.c src/services/order.h \
	src/services/payment.c src/services/payment.h \
	src/services/relay.c src/services/relay.h \
	src/services/settle.c src/services/settle.h \
	src/services/tally.c src/services/tally.h \
	src/services/throttle.c src/services/throttle.h
SERVICES_LIBS = src/libservices.a $(DB_LIBS) $(SECURITY_LIBS) $(GATEWAY_LIBS) $(SPOOL_LIBS)

# A whole service without HTTP, which the tests of services and api stand on.
check_LIBRARIES += tests/libshop.a
tests_libshop_a_SOURCES = tests/unit/shop.c tests/unit/shop.h \
	tests/unit/fake_gateway.c tests/unit/fake_gateway.h
tests_libshop_a_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
SHOP_LIBS = tests/libshop.a $(SERVICES_LIBS) $(CORE_LIBS) $(UNIT_LIBS)

check_PROGRAMS += \
	tests/unit/test_auth_service \
	tests/unit/test_crew \
	tests/unit/test_permits \
	tests/unit/test_hold \
	tests/unit/test_order_service \
	tests/unit/test_payment_service \
	tests/unit/test_relay \
	tests/unit/test_settle \
	tests/unit/test_throttle
tests_unit_test_auth_service_SOURCES = tests/unit/test_auth_service.c
tests_unit_test_auth_service_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_auth_service_LDADD = $(SHOP_LIBS)
tests_unit_test_permits_SOURCES = tests/unit/test_permits.c
tests_unit_test_permits_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_permits_LDADD = src/libservices.a $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_crew_SOURCES = tests/unit/test_crew.c
tests_unit_test_crew_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_crew_LDADD = src/libservices.a $(CORE_LIBS) $(UNIT_LIBS)
tests_unit_test_hold_SOURCES = tests/unit/test_hold.c
tests_unit_test_hold_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_hold_LDADD = $(SHOP_LIBS)
tests_unit_test_order_service_SOURCES = tests/unit/test_order_service.c
tests_unit_test_order_service_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_order_service_LDADD = $(SHOP_LIBS)
tests_unit_test_payment_service_SOURCES = tests/unit/test_payment_service.c
tests_unit_test_payment_service_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_payment_service_LDADD = $(SHOP_LIBS)
tests_unit_test_relay_SOURCES = tests/unit/test_relay.c
tests_unit_test_relay_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_relay_LDADD = $(SHOP_LIBS)
tests_unit_test_settle_SOURCES = tests/unit/test_settle.c
tests_unit_test_settle_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_settle_LDADD = $(SHOP_LIBS)
tests_unit_test_throttle_SOURCES = tests/unit/test_throttle.c
tests_unit_test_throttle_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_throttle_LDADD = src/libservices.a $(CORE_LIBS) $(UNIT_LIBS)
