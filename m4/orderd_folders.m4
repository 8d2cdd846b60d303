dnl ORDERD_FOLDER(NAME, SHELL-VARIABLE, BELOW, DESCRIPTION): a folder of the installation as a string in config.h, so
dnl that what knows it is compiled again when configure is run with another one.
AC_DEFUN([ORDERD_FOLDER], [
  orderd_prefix=$prefix
  orderd_exec_prefix=$exec_prefix
  AS_IF([test "x$prefix" = xNONE], [prefix=$ac_default_prefix])
  AS_IF([test "x$exec_prefix" = xNONE], [exec_prefix=$prefix])
  orderd_folder=$$2
  eval "orderd_folder=\"$orderd_folder\""
  eval "orderd_folder=\"$orderd_folder\""
  prefix=$orderd_prefix
  exec_prefix=$orderd_exec_prefix
  AC_DEFINE_UNQUOTED([$1], ["$orderd_folder/$3"], [$4])
])
