# Layer gateway: its library and its tests.
noinst_LIBRARIES += src/libgateway.a
src_libgateway_a_SOURCES = \
	src/gateway/event.c src/gateway/event.h \
	src/gateway/gateway.c src/gateway/gateway.h \
	src/gateway/index.c src/gateway/index.h \
	src/gateway/late.c src/gateway/late.h \
	src/gateway/ledger.c src/gateway/ledger.h \
	src/gateway/rules.c src/gateway/rules.h \
	src/gateway/simulated.c
GATEWAY_LIBS = src/libgateway.a
