dnl ORDERD_LIBRARIES: every library with the least version that is known to work; all that is missing is said
dnl at once, with the Debian package that has it.
AC_DEFUN([ORDERD_LIBRARIES], [
  orderd_missing=""
  m4_define([orderd_need], [
    PKG_CHECK_MODULES([$1], [$2], [], [orderd_missing="$orderd_missing
    $2 (Debian: $3)"])])
  orderd_need([FCGI], [fcgi >= 2.4.2], [libfcgi-dev])
  orderd_need([SQLITE], [sqlite3 >= 3.40.1], [libsqlite3-dev])
  orderd_need([JSON], [json-c >= 0.16], [libjson-c-dev])
  orderd_need([JWT], [libjwt >= 1.10.2], [libjwt-dev])
  orderd_need([CRYPTO], [libcrypto >= 3.0], [libssl-dev])
  orderd_need([ARGON2], [libargon2], [libargon2-dev])
  orderd_need([INIH], [inih >= 55], [libinih-dev])
  orderd_need([GMIME], [gmime-3.0 >= 3.2], [libgmime-3.0-dev])
  orderd_need([CHECK], [check >= 0.15], [check])
  AS_IF([test -n "$orderd_missing"], [AC_MSG_ERROR([these libraries are missing or too old:$orderd_missing])])
  AC_CHECK_LIB([pthread], [pthread_create], [], [AC_MSG_ERROR([no pthreads])])
])
