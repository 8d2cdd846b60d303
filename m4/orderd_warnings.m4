dnl ORDERD_WARNINGS: -std=gnu11 and the warnings; --enable-werror makes them errors (CI does),
dnl --enable-sanitizers=LIST builds with them (address,undefined or thread).
AC_DEFUN([ORDERD_WARNINGS], [
  AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [treat warnings as errors])],
    [], [enable_werror=no])
  AC_ARG_ENABLE([sanitizers],
    [AS_HELP_STRING([--enable-sanitizers=LIST], [build with -fsanitize=LIST, e.g. address,undefined])],
    [], [enable_sanitizers=no])
  ORDERD_CFLAGS="-std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wvla -Wundef -Wformat=2 -fno-strict-aliasing"
  ORDERD_LDFLAGS=""
  AS_IF([test "x$enable_werror" = xyes], [ORDERD_CFLAGS="$ORDERD_CFLAGS -Werror"])
  AS_IF([test "x$enable_sanitizers" != xno], [
    ORDERD_CFLAGS="$ORDERD_CFLAGS -fsanitize=$enable_sanitizers -fno-omit-frame-pointer -fno-sanitize-recover=all"
    ORDERD_LDFLAGS="$ORDERD_LDFLAGS -fsanitize=$enable_sanitizers"], [
    ORDERD_CFLAGS="$ORDERD_CFLAGS -fstack-protector-strong -fPIE"
    ORDERD_LDFLAGS="$ORDERD_LDFLAGS -pie -Wl,-z,relro,-z,now"])
  AC_SUBST([ORDERD_CFLAGS])
  AC_SUBST([ORDERD_LDFLAGS])
])
