# What measures; bench/README tells how. "make bench" builds its programs, and so does make check, lest they rot; they are
# never installed.
EXTRA_PROGRAMS += $(bench_programs)
bench_programs = \
	bench/plain \
	bench/best \
	bench/commits \
	bench/pace
bench_nothing_sources = bench/nothing.c bench/nothing.h
bench_plain_SOURCES = bench/plain.c $(bench_nothing_sources)
bench_plain_CFLAGS = $(AM_CFLAGS) $(FCGI_CFLAGS)
bench_plain_LDADD = $(FCGI_LIBS)
bench_best_SOURCES = bench/best.c $(bench_nothing_sources)
bench_best_CFLAGS = $(AM_CFLAGS) $(FCGI_CFLAGS)
bench_best_LDADD = $(FCGI_LIBS)
bench_commits_SOURCES = bench/commits.c bench/times.c bench/times.h
bench_commits_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
bench_commits_LDADD = src/libcore.a $(SQLITE_LIBS)
bench_pace_SOURCES = bench/pace.c bench/pace_reply.c bench/pace_reply.h bench/times.c bench/times.h

.PHONY: bench
bench: $(bench_programs)
check_DATA += $(bench_programs)
CLEANFILES += $(bench_programs)
EXTRA_DIST += bench/README bench/run bench/grow bench/instructions bench/seed \
	bench/fcgi.py bench/gauge.py bench/goals.py bench/replay.lua bench/rows.py bench/seeding.py bench/sizes.py \
	bench/stage.py bench/traffic.py
