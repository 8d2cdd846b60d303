# Layer http: its library and its tests.
noinst_LIBRARIES += src/libhttp.a
src_libhttp_a_SOURCES = \
	src/http/connection.c src/http/connection.h \
	src/http/exchange.c src/http/exchange.h \
	src/http/fastcgi.c src/http/fastcgi.h src/http/fastcgi_listen.c \
	src/http/field_rules.c src/http/field_rules.h \
	src/http/fields.c src/http/fields.h src/http/fields_query.c \
	src/http/handover.c src/http/handover.h \
	src/http/json.c src/http/json.h \
	src/http/json_gate.c src/http/json_gate.h \
	src/http/json_tree.c src/http/json_tree.h \
	src/http/json_writer.c \
	src/http/listener.c src/http/listener.h \
	src/http/problem.c src/http/problem.h \
	src/http/request.c src/http/request.h \
	src/http/worker.c src/http/worker.h
src_libhttp_a_CFLAGS = $(AM_CFLAGS) $(FCGI_CFLAGS) $(JSON_CFLAGS)
HTTP_LIBS = src/libhttp.a $(FCGI_LIBS) $(JSON_LIBS)
