# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/event/libevent.a
src_event_libevent_a_CPPFLAGS = $(AM_CPPFLAGS) $(LIBEVENT_CFLAGS)
src_event_libevent_a_SOURCES = \
  src/event/background.cc src/event/background.h \
  src/event/deadline.cc src/event/deadline.h \
  src/event/loop.cc src/event/loop.h \
  src/event/mailbox.cc src/event/mailbox.h \
  src/event/watch.cc src/event/watch.h

LINK_EVENT = src/event/libevent.a $(LIBEVENT_LIBS) src/metrics/libmetrics.a $(LINK_BASE)

check_PROGRAMS += test/unit/event_test
test_unit_event_test_SOURCES = \
  test/unit/event/background_test.cc \
  test/unit/event/loop_test.cc
test_unit_event_test_LDADD = test/unit/libtestmain.a $(LINK_EVENT)
TESTS += test/unit/event_test
