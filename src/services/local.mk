# Layer services: the rules; no HTTP, no JSON, no SQL.
noinst_LIBRARIES += src/libservices.a
src_libservices_a_SOURCES = \
	src/services/action.c src/services/action.h \
	src/services/attempt_end.c src/services/attempt_end.h \
	src/services/auth.c src/services/auth.h \
	src/services/bell.c src/services/bell.h \
	src/services/crew.c src/services/crew.h \
	src/services/order.c src/services/order_create.c src/services/order.h \
	src/services/payment.c src/services/payment.h \
	src/services/relay.c src/services/relay.h \
	src/services/settle.c src/services/settle.h
SERVICES_LIBS = src/libservices.a $(DB_LIBS) $(SECURITY_LIBS) $(GATEWAY_LIBS) $(SPOOL_LIBS)
