# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/net/libnet.a
src_net_libnet_a_SOURCES = \
  src/net/connector.cc src/net/connector.h \
  src/net/listener.cc src/net/listener.h \
  src/net/own_addresses.cc src/net/own_addresses.h \
  src/net/socket.cc src/net/socket.h \
  src/net/transport.cc src/net/transport.h

LINK_NET = src/net/libnet.a $(LINK_EVENT) $(LINK_METRICS)

check_PROGRAMS += test/unit/net_test
test_unit_net_test_SOURCES = \
  test/unit/net/connector_test.cc \
  test/unit/net/listener_test.cc \
  test/unit/net/loop_guard.h \
  test/unit/net/transport_test.cc
test_unit_net_test_LDADD = test/unit/libtestmain.a $(LINK_NET)
TESTS += test/unit/net_test
