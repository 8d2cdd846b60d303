/* Named places to die at, in a build with --enable-fault-points; nothing in any other. A name says
 * what has just been done, after the file it was done in: "written" is in a transaction,
 * "committed" and "synced" are on disk. A program lists its points, each ended by NULs, in its ELF
 * section fault_points; so whoever walks them all needs no other list.
 *
 * A point is inert until ORDERD_FAULT_POINT is "NAME" or "NAME:N", in the environment: then the
 * first or the Nth passage ends the program, without a word to anybody, with FAULT_POINT_STATUS.
 * "trace" tells each passage on the standard error, in a line "fault point NAME". */
#ifndef ORDERD_CORE_FAULT_POINT_H
#define ORDERD_CORE_FAULT_POINT_H

#ifdef ORDERD_FAULT_POINTS

#define FAULT_POINT_STATUS 86

#define FAULT_POINT(name)                                                                          \
    do {                                                                                           \
        static const char fault_point[] __attribute__((section("fault_points"), used)) = #name;    \
        fault_point_pass(fault_point);                                                             \
    } while (0)

void fault_point_pass(const char *name);

#else

#define FAULT_POINT(name) ((void)0)

#endif

#endif
