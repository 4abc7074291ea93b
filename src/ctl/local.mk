# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/ctl/libctl.a
src_ctl_libctl_a_CPPFLAGS = $(AM_CPPFLAGS) $(JSON_CFLAGS) $(CLI11_CFLAGS) $(RE2_CFLAGS)
src_ctl_libctl_a_SOURCES = \
  src/ctl/arguments.cc src/ctl/arguments.h \
  src/ctl/client.cc src/ctl/client.h \
  src/ctl/command.h \
  src/ctl/help.cc src/ctl/help.h \
  src/ctl/offline.cc src/ctl/offline.h \
  src/ctl/print.cc src/ctl/print.h src/ctl/print_explain.cc src/ctl/print_status.cc \
  src/ctl/print_limits.cc src/ctl/print_stored.cc src/ctl/print_users.cc \
  src/ctl/run.cc src/ctl/run.h \
  src/ctl/text.cc src/ctl/text.h \
  src/ctl/user_file.cc src/ctl/user_file.h \
  src/ctl/users.cc src/ctl/users.h \
  src/ctl/warm.cc src/ctl/warm.h

LINK_CTL = src/ctl/libctl.a $(LINK_ADMIN)

bin_PROGRAMS += src/weirctl
src_weirctl_CPPFLAGS = $(src_ctl_libctl_a_CPPFLAGS)
src_weirctl_SOURCES = src/ctl/main.cc
src_weirctl_LDADD = $(LINK_CTL)

check_PROGRAMS += test/unit/ctl_test
test_unit_ctl_test_CPPFLAGS = $(src_ctl_libctl_a_CPPFLAGS)
test_unit_ctl_test_SOURCES = \
  test/unit/ctl/arguments_test.cc \
  test/unit/ctl/print_test.cc \
  test/unit/ctl/text_test.cc \
  test/unit/ctl/user_file_test.cc
test_unit_ctl_test_LDADD = test/unit/libtestmain.a $(LINK_CTL)
TESTS += test/unit/ctl_test
