# The little that all tests share; each layer's local.mk names its own tests.
check_LIBRARIES += tests/libunit.a
tests_libunit_a_SOURCES = tests/unit/unit.c tests/unit/unit.h
tests_libunit_a_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
UNIT_LIBS = tests/libunit.a $(CHECK_LIBS)

# What is not C, longest first; they speak TAP, too.
script_tests = \
	tests/integration/test_fault_points.py \
	tests/integration/test_server_script.py \
	tests/integration/test_faults.py \
	tests/integration/test_commit_faults.py \
	tests/integration/test_order_flow.py \
	tests/integration/test_bad_gateway.py \
	tests/integration/test_slow_gateway.py \
	tests/integration/test_wal.py \
	tests/integration/test_stop_under_load.py \
	tests/integration/test_auth_flow.py \
	tests/integration/test_contract_everywhere.py \
	tests/integration/test_contract_front.py \
	tests/integration/test_contract_idempotency.py \
	tests/integration/test_contract_lighttpd.py \
	tests/integration/test_contract_lists.py \
	tests/integration/test_contract_requests.py \
	tests/integration/test_openapi.py \
	tests/integration/test_power_cut.py \
	tests/integration/test_crash.py \
	tests/integration/test_descriptors.py \
	tests/integration/test_clock_jumps.py \
	tests/integration/test_full_disk.py \
	tests/integration/test_read_only_disk.py \
	tests/integration/test_orderctl.py \
	tests/integration/test_backup.py \
	tests/integration/test_reconcile.py \
	tests/integration/test_reconcile_mails.py \
	tests/integration/test_orderctl_payments.py \
	tests/integration/test_orderctl_users.py \
	tests/integration/test_orderctl_check.py \
	tests/integration/test_orderctl_keys.py \
	tests/integration/test_health.py \
	tests/integration/test_start.py \
	tests/integration/test_two_servers.py \
	tests/integration/test_install.py \
	tests/integration/test_readme.py \
	tests/integration/test_lighttpd.py \
	tests/integration/test_recording.py \
	tests/integration/test_async_notification.py \
	tests/integration/test_bench.py \
	tests/fault/test_mutants.py \
	tests/style.py \
	tests/include_direction.py
EXTRA_DIST += $(script_tests) tests/integration/buyers.py tests/integration/contract.py \
	tests/integration/cut_home.py tests/integration/disk.py \
	tests/integration/fault_points.py tests/integration/gateway.py tests/integration/harness.py \
	tests/integration/judge.py \
	tests/integration/lighttpd.py tests/integration/openapi.py tests/integration/orderctl.py \
	tests/integration/power_cut.py tests/integration/raw.py \
	tests/integration/reconcile.py tests/integration/recording.py tests/integration/script_server.py \
	tests/integration/shops.py tests/integration/tokens.py tests/integration/tap.py tests/integration/vitals.py

# kill -9 at 200 random moments; make check does it ten times.
.PHONY: check-crash
check-crash:
	ORDERD_KILLS=200 $(MAKE) check TESTS=tests/integration/test_crash.py

# Power cuts at every sync, and at random between; make check tries a sample of each kind.
.PHONY: check-power-cut
check-power-cut:
	ORDERD_CUTS=$${ORDERD_CUTS:-2000} $(MAKE) check TESTS=tests/integration/test_power_cut.py

# Dies at every fault point in all scenarios that pass it; make check does it in one, for the first two passages.
.PHONY: check-fault-points
check-fault-points:
if FAULT_POINTS
	ORDERD_FAULT_PASSAGES='1 2 3 5' $(MAKE) check TESTS=tests/integration/test_fault_points.py
else
	@echo 'check-fault-points: configure with --enable-fault-points' >&2; exit 1
endif

# Full and read-only disks, each filled thirty times; make check does it twice. With what else runs out or jumps.
.PHONY: check-disks
check-disks:
	ORDERD_FILLS=$${ORDERD_FILLS:-30} $(MAKE) check TESTS="tests/integration/test_full_disk.py \
		tests/integration/test_read_only_disk.py tests/integration/test_descriptors.py \
		tests/integration/test_clock_jumps.py"

# Every call of every kind fails once, which takes an hour or so and tells how far it is; make check tries some of them.
# ORDERD_FAULT_ONLY chooses kinds by words of their names, as they are told: "service: orderd pwrite,orderctl".
.PHONY: check-faults
check-faults:
	$(MAKE) check TESTS=
	srcdir='$(abs_srcdir)' builddir='$(abs_builddir)' PYTHONDONTWRITEBYTECODE=1 ORDERD_FAULTS=$${ORDERD_FAULTS:-all} \
		$(srcdir)/tests/integration/test_faults.py

# A minute of commits, checkpoints, orderctl and readers together; six seconds in make check.
.PHONY: check-wal
check-wal:
	ORDERD_WAL_SECONDS=$${ORDERD_WAL_SECONDS:-60} $(MAKE) check TESTS=tests/integration/test_wal.py

# A slow gateway under load for a minute; five seconds in make check.
.PHONY: check-gateway
check-gateway:
	ORDERD_GATEWAY_SECONDS=$${ORDERD_GATEWAY_SECONDS:-60} $(MAKE) check \
		TESTS="tests/integration/test_slow_gateway.py tests/integration/test_bad_gateway.py"
