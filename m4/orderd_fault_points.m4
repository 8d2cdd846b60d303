dnl ORDERD_FAULT_POINTS: --enable-fault-points compiles in the places to die at of core/fault_point.h, for every file.
AC_DEFUN([ORDERD_FAULT_POINTS], [
  AC_ARG_ENABLE([fault-points],
    [AS_HELP_STRING([--enable-fault-points], [compile in named places to die at, for tests; never for production])],
    [], [enable_fault_points=no])
  AS_IF([test "x$enable_fault_points" != xno], [ORDERD_CPPFLAGS="$ORDERD_CPPFLAGS -DORDERD_FAULT_POINTS"])
  AM_CONDITIONAL([FAULT_POINTS], [test "x$enable_fault_points" != xno])
])
