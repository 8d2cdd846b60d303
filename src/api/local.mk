# Layer api: joins http and services.
noinst_LIBRARIES += src/libapi.a
src_libapi_a_SOURCES = \
	src/api/answer.c src/api/answer.h src/api/app.h \
	src/api/auth_routes.c src/api/auth_routes.h \
	src/api/documents.c src/api/documents.h \
	src/api/media_type.c src/api/media_type.h \
	src/api/order_json.c src/api/order_json.h \
	src/api/order_routes.c src/api/order_routes.h \
	src/api/router.c src/api/router.h \
	src/api/routes.c src/api/routes.h \
	src/api/system_routes.c src/api/system_routes.h
API_LIBS = src/libapi.a $(HTTP_LIBS) $(SERVICES_LIBS)

sbin_PROGRAMS += orderd
orderd_SOURCES = src/orderd.c
orderd_LDADD = $(API_LIBS) $(CORE_LIBS)

check_PROGRAMS += \
	tests/unit/test_media_type \
	tests/unit/test_router
tests_unit_test_media_type_SOURCES = tests/unit/test_media_type.c
tests_unit_test_media_type_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_media_type_LDADD = src/libapi.a $(UNIT_LIBS)
tests_unit_test_router_SOURCES = tests/unit/test_router.c
tests_unit_test_router_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_router_LDADD = tests/libshop.a $(API_LIBS) $(CORE_LIBS) $(UNIT_LIBS)
