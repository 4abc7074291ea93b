dnl SPDX-License-Identifier: Apache-2.0

dnl AX_WEIR_CXX20: the compiler takes C++20 (concepts, <span>, <chrono> calendars).
AC_DEFUN([AX_WEIR_CXX20], [
  CXX="$CXX -std=c++20"
  AC_MSG_CHECKING([whether $CXX takes C++20])
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <chrono>
#include <concepts>
#include <span>]], [[std::span<int> s; std::chrono::year_month_day d{}; (void)d; return static_cast<int>(s.size());]])],
    [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([a C++20 compiler is needed: apt-get install g++])])
])

dnl WEIR_LIBRARY(VAR, pkg-config module with version, Debian package)
dnl Looks for it; collects what is missing, so that all of it is said at once.
AC_DEFUN([WEIR_LIBRARY], [
  PKG_CHECK_MODULES([$1], [$2], [], [
    AC_MSG_RESULT([no])
    weir_missing="$weir_missing
  $2: Debian package $3"
    weir_packages="$weir_packages $3"])
])

dnl WEIR_HEADER(header, Debian package)
AC_DEFUN([WEIR_HEADER], [
  AC_CHECK_HEADER([$1], [], [
    weir_missing="$weir_missing
  $1: Debian package $2"
    weir_packages="$weir_packages $2"])
])

AC_DEFUN([WEIR_REPORT_MISSING], [
  AS_IF([test -n "$weir_missing"], [
    AC_MSG_ERROR([missing libraries:$weir_missing
Install them with: apt-get install$weir_packages
or run ./bootstrap deps])])
])

dnl WEIR_WARNINGS: the warnings of STYLE 4.7, in a variable that only Makefiles use.
dnl No -Wrestrict where it is known: GCC 12 reports its own std::string at -O2 (PR 105651).
AC_DEFUN([WEIR_WARNINGS], [
  weir_flags=$CXXFLAGS
  CXXFLAGS="-Werror -Wno-restrict"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM()], [weir_no_restrict=" -Wno-restrict"], [weir_no_restrict=])
  CXXFLAGS=$weir_flags
  AC_SUBST([WARN_CXXFLAGS], ["-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Wcast-qual -Wnon-virtual-dtor -Woverloaded-virtual -Wsuggest-override -Wswitch-enum -Wundef -Wformat=2 -Wimplicit-fallthrough$weir_no_restrict"])
])
