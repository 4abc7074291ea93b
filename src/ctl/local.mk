# SPDX-License-Identifier: Apache-2.0
bin_PROGRAMS += src/weirctl
src_weirctl_CPPFLAGS = $(AM_CPPFLAGS) $(JSON_CFLAGS) $(CLI11_CFLAGS) $(RE2_CFLAGS)
src_weirctl_SOURCES = \
  src/ctl/arguments.cc src/ctl/arguments.h \
  src/ctl/client.cc src/ctl/client.h \
  src/ctl/command.h \
  src/ctl/help.cc src/ctl/help.h \
  src/ctl/main.cc \
  src/ctl/offline.cc src/ctl/offline.h \
  src/ctl/print.cc src/ctl/print.h src/ctl/print_explain.cc src/ctl/print_status.cc \
  src/ctl/run.cc src/ctl/run.h \
  src/ctl/text.cc src/ctl/text.h
src_weirctl_LDADD = $(LINK_ADMIN)
