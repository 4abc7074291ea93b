# SPDX-License-Identifier: Apache-2.0
# One target for each parser of outside bytes; its corpus in corpus/NAME. `make check` replays the
# corpora, `make fuzz` searches (test/variant).
FUZZ_ENGINE = test/fuzz/libreplay.a
check_LIBRARIES += test/fuzz/libreplay.a
test_fuzz_libreplay_a_SOURCES = test/fuzz/replay.cc

FUZZ_TESTS = \
  test/fuzz/basic_credentials_fuzz \
  test/fuzz/cache_control_fuzz \
  test/fuzz/chunked_fuzz \
  test/fuzz/client_hello_fuzz \
  test/fuzz/coding_fuzz \
  test/fuzz/disk_record_fuzz \
  test/fuzz/config_fuzz \
  test/fuzz/domain_set_fuzz \
  test/fuzz/h1_request_fuzz \
  test/fuzz/h1_response_fuzz \
  test/fuzz/h2_codec_fuzz \
  test/fuzz/h2_origin_codec_fuzz \
  test/fuzz/http_date_fuzz \
  test/fuzz/list_reader_fuzz \
  test/fuzz/proxy_header_fuzz \
  test/fuzz/range_fuzz \
  test/fuzz/structured_fields_fuzz \
  test/fuzz/rfc9111_fuzz \
  test/fuzz/uri_fuzz \
  test/fuzz/user_table_fuzz \
  test/fuzz/zone_fuzz \
  test/fuzz/log_block_fuzz \
  test/fuzz/log_filter_fuzz
check_PROGRAMS += $(FUZZ_TESTS)
TESTS += $(FUZZ_TESTS)
EXTRA_DIST += test/fuzz/corpus

test_fuzz_log_block_fuzz_SOURCES = test/fuzz/log_block_fuzz.cc test/fuzz/check.h
test_fuzz_log_block_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_LOG)

test_fuzz_log_filter_fuzz_SOURCES = test/fuzz/log_filter_fuzz.cc
test_fuzz_log_filter_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_LOG)

test_fuzz_cache_control_fuzz_SOURCES = test/fuzz/cache_control_fuzz.cc test/fuzz/check.h
test_fuzz_cache_control_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_HTTP)

test_fuzz_chunked_fuzz_SOURCES = test/fuzz/chunked_fuzz.cc test/fuzz/check.h
test_fuzz_chunked_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_HTTP)

test_fuzz_client_hello_fuzz_SOURCES = test/fuzz/client_hello_fuzz.cc test/fuzz/check.h
test_fuzz_client_hello_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_NET)

test_fuzz_coding_fuzz_SOURCES = test/fuzz/coding_fuzz.cc test/fuzz/check.h
test_fuzz_coding_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_HTTP)

test_fuzz_h1_request_fuzz_SOURCES = test/fuzz/h1_request_fuzz.cc test/fuzz/check.h test/fuzz/h1_heads.h
test_fuzz_h1_request_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_HTTP)

test_fuzz_h1_response_fuzz_SOURCES = test/fuzz/h1_response_fuzz.cc test/fuzz/check.h test/fuzz/h1_heads.h
test_fuzz_h1_response_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_HTTP)

test_fuzz_h2_codec_fuzz_SOURCES = test/fuzz/h2_codec_fuzz.cc test/fuzz/check.h
test_fuzz_h2_codec_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_HTTP)

test_fuzz_h2_origin_codec_fuzz_SOURCES = test/fuzz/h2_origin_codec_fuzz.cc test/fuzz/check.h
test_fuzz_h2_origin_codec_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_HTTP)

test_fuzz_http_date_fuzz_SOURCES = test/fuzz/http_date_fuzz.cc test/fuzz/check.h
test_fuzz_http_date_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_BASE)

test_fuzz_proxy_header_fuzz_SOURCES = test/fuzz/proxy_header_fuzz.cc test/fuzz/check.h
test_fuzz_proxy_header_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_NET)

test_fuzz_range_fuzz_SOURCES = test/fuzz/range_fuzz.cc test/fuzz/check.h
test_fuzz_range_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_HTTP)

test_fuzz_structured_fields_fuzz_SOURCES = test/fuzz/structured_fields_fuzz.cc test/fuzz/check.h
test_fuzz_structured_fields_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_HTTP)

test_fuzz_uri_fuzz_SOURCES = test/fuzz/uri_fuzz.cc test/fuzz/check.h
test_fuzz_uri_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_HTTP)

test_fuzz_domain_set_fuzz_SOURCES = test/fuzz/domain_set_fuzz.cc
test_fuzz_domain_set_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_RULES)

test_fuzz_list_reader_fuzz_SOURCES = test/fuzz/list_reader_fuzz.cc
test_fuzz_list_reader_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_RULES)

test_fuzz_zone_fuzz_SOURCES = test/fuzz/zone_fuzz.cc
test_fuzz_zone_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_RULES)

test_fuzz_config_fuzz_SOURCES = test/fuzz/config_fuzz.cc
test_fuzz_config_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_CONFIG)

test_fuzz_disk_record_fuzz_SOURCES = test/fuzz/disk_record_fuzz.cc test/fuzz/check.h
test_fuzz_disk_record_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_CACHE)

test_fuzz_rfc9111_fuzz_SOURCES = test/fuzz/rfc9111_fuzz.cc test/fuzz/check.h
test_fuzz_rfc9111_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_CACHE)

test_fuzz_basic_credentials_fuzz_SOURCES = test/fuzz/basic_credentials_fuzz.cc test/fuzz/check.h
test_fuzz_basic_credentials_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_HTTP)

test_fuzz_user_table_fuzz_SOURCES = test/fuzz/user_table_fuzz.cc test/fuzz/check.h
test_fuzz_user_table_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_RULES)
