dnl ORDERD_WARNINGS: -std=gnu11, the warnings, and what makes mistakes in C harder to use. --enable-werror makes
dnl warnings errors (CI does), --enable-sanitizers=LIST builds with them (address,undefined or thread).
dnl Symbols are hidden: a library must never take a function of ours for its own (jansson has a json_object).
AC_DEFUN([ORDERD_WARNINGS], [
  AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [treat warnings as errors])],
    [], [enable_werror=no])
  AC_ARG_ENABLE([sanitizers],
    [AS_HELP_STRING([--enable-sanitizers=LIST], [build with -fsanitize=LIST, e.g. address,undefined])],
    [], [enable_sanitizers=no])
  AS_IF([test "x$enable_sanitizers" = xyes], [enable_sanitizers=address,undefined])
  ORDERD_CFLAGS="-std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wvla -Wundef -Wformat=2 -fno-strict-aliasing -fvisibility=hidden"
  ORDERD_CPPFLAGS=""
  ORDERD_LDFLAGS=""
  AS_IF([test "x$enable_werror" = xyes], [ORDERD_CFLAGS="$ORDERD_CFLAGS -Werror"])
  AS_IF([test "x$enable_sanitizers" != xno], [ORDERD_SANITIZERS], [ORDERD_HARDENING])
  dnl for every file, not only for those that include config.h
  AS_CASE([$ac_cv_sys_file_offset_bits], [no | unknown], [],
    [ORDERD_CPPFLAGS="$ORDERD_CPPFLAGS -D_FILE_OFFSET_BITS=$ac_cv_sys_file_offset_bits"])
  AC_SUBST([ORDERD_CFLAGS])
  AC_SUBST([ORDERD_CPPFLAGS])
  AC_SUBST([ORDERD_LDFLAGS])
])

AC_DEFUN([ORDERD_SANITIZERS], [
  ORDERD_CFLAGS="$ORDERD_CFLAGS -fsanitize=$enable_sanitizers -fno-omit-frame-pointer -fno-sanitize-recover=all"
  ORDERD_LDFLAGS="-fsanitize=$enable_sanitizers"
  AC_MSG_CHECKING([for the sanitizers $enable_sanitizers])
  orderd_saved="$CFLAGS"
  CFLAGS="$CFLAGS $ORDERD_LDFLAGS"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([$CC cannot build with -fsanitize=$enable_sanitizers])])
  CFLAGS="$orderd_saved"
])

dnl _FORTIFY_SOURCE does nothing without optimisation and warns about it, so -O0 goes without.
AC_DEFUN([ORDERD_HARDENING], [
  ORDERD_CFLAGS="$ORDERD_CFLAGS -fPIE -fstack-protector-strong -fstack-clash-protection"
  ORDERD_LDFLAGS="-pie -Wl,-z,relro,-z,now,-z,noexecstack"
  AC_MSG_CHECKING([whether $CC optimises])
  AC_COMPILE_IFELSE([AC_LANG_SOURCE([[
#ifndef __OPTIMIZE__
#error not optimised
#endif
]])], [AC_MSG_RESULT([yes])
     ORDERD_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"],
    [AC_MSG_RESULT([no])])
])
