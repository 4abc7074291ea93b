# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/net/libnet.a
src_net_libnet_a_CPPFLAGS = $(AM_CPPFLAGS) $(CARES_CFLAGS) $(OPENSSL_CFLAGS)
src_net_libnet_a_SOURCES = \
  src/net/client_hello.cc src/net/client_hello.h \
  src/net/client_counts.cc src/net/client_counts.h \
  src/net/connector.cc src/net/connector.h \
  src/net/datagrams.cc src/net/datagrams.h \
  src/net/dns_cache.cc src/net/dns_cache.h \
  src/net/hosts_file.cc src/net/hosts_file.h \
  src/net/listener.cc src/net/listener.h \
  src/net/own_addresses.cc src/net/own_addresses.h \
  src/net/proxy_header.cc src/net/proxy_header.h \
  src/net/resolver.cc src/net/resolver.h \
  src/net/socket.cc src/net/socket.h \
  src/net/tls.cc src/net/tls.h \
  src/net/tls_client.cc src/net/tls_client.h \
  src/net/tls_files.cc src/net/tls_files.h \
  src/net/tls_server.cc src/net/tls_server.h \
  src/net/tls_tickets.cc src/net/tls_tickets.h \
  src/net/transport.cc src/net/transport.h

LINK_NET = src/net/libnet.a $(CARES_LIBS) $(OPENSSL_LIBS) $(LINK_EVENT) $(LINK_METRICS)

check_PROGRAMS += test/unit/net_test
test_unit_net_test_SOURCES = \
  test/unit/net/client_counts_test.cc \
  test/unit/net/client_hello_test.cc \
  test/unit/net/connector_test.cc \
  test/unit/net/datagrams_test.cc \
  test/unit/net/dns_server.h \
  test/unit/net/listener_test.cc \
  test/unit/net/loop_guard.h \
  test/unit/net/proxy_header_test.cc \
  test/unit/net/resolver_test.cc \
  test/unit/net/tls_test.cc \
  test/unit/net/transport_test.cc
test_unit_net_test_LDADD = test/unit/libtestmain.a $(LINK_NET)
TESTS += test/unit/net_test
