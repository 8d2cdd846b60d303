dnl ORDERD_LIBRARIES: every library with the least version that is known to work; all that is missing is said
dnl at once, with the Debian package that has it.

dnl ORDERD_NEED(VARIABLE, MODULE, LEAST VERSION, DEBIAN PACKAGE)
AC_DEFUN([ORDERD_NEED], [
  PKG_CHECK_MODULES([$1], [$2 >= $3], [], [orderd_missing="$orderd_missing
    $2 >= $3 (Debian: $4)"])
])

dnl libjwt exists over OpenSSL and over GnuTLS, under one header. Ours is the OpenSSL one: the other behaves
dnl differently where keys are bad, and nothing here was tested with it. Its pkg-config file tells, also when
dnl building for another machine: only the OpenSSL build names libcrypto among what a static link would need.
AC_DEFUN([ORDERD_LIBJWT_OPENSSL], [
  AC_MSG_CHECKING([that libjwt is the OpenSSL build])
  orderd_jwt_needs=`$PKG_CONFIG --static --libs libjwt 2>/dev/null`
  AS_CASE([" $orderd_jwt_needs "],
    [*gnutls*], [orderd_jwt=no],
    [*" -lcrypto "*], [orderd_jwt=yes],
    [orderd_jwt=no])
  AC_MSG_RESULT([$orderd_jwt])
  AS_IF([test $orderd_jwt = no], [orderd_missing="$orderd_missing
    libjwt over OpenSSL, not over GnuTLS (Debian: libjwt-dev, not libjwt-gnutls-dev)"])
])

AC_DEFUN([ORDERD_LIBRARIES], [
  m4_pattern_forbid([^PKG_])
  orderd_missing=""
  ORDERD_NEED([FCGI], [fcgi], [2.4.2], [libfcgi-dev])
  ORDERD_NEED([SQLITE], [sqlite3], [3.40.1], [libsqlite3-dev])
  ORDERD_NEED([JSON], [json-c], [0.16], [libjson-c-dev])
  ORDERD_NEED([JWT], [libjwt], [1.10.2], [libjwt-dev])
  AS_IF([test -n "$JWT_LIBS"], [ORDERD_LIBJWT_OPENSSL])
  ORDERD_NEED([CRYPTO], [libcrypto], [3.0], [libssl-dev])
  ORDERD_NEED([ARGON2], [libargon2], [20171227], [libargon2-dev])
  ORDERD_NEED([INIH], [inih], [55], [libinih-dev])
  ORDERD_NEED([GMIME], [gmime-3.0], [3.2.13], [libgmime-3.0-dev])
  ORDERD_NEED([CHECK], [check], [0.15.2], [check])
  AS_IF([test -z "$PKG_CONFIG"], [orderd_missing="
    pkg-config itself (Debian: pkg-config), without which no library is found"])
  AS_IF([test -n "$orderd_missing"],
    [AC_MSG_ERROR([missing, or too old:$orderd_missing])])
])
