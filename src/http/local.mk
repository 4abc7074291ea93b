# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/http/libhttp.a
src_http_libhttp_a_CPPFLAGS = $(AM_CPPFLAGS) $(IDN2_CFLAGS) $(NGHTTP2_CFLAGS) $(ZLIB_CFLAGS) \
  $(BROTLI_CFLAGS) $(ZSTD_CFLAGS) $(OPENSSL_CFLAGS)
src_http_libhttp_a_SOURCES = \
  src/http/basic_credentials.cc src/http/basic_credentials.h \
  src/http/cache_control.cc src/http/cache_control.h \
  src/http/chars.h \
  src/http/client_request.cc src/http/client_request.h \
  src/http/coding.cc src/http/coding.h \
  src/http/conditional.cc src/http/conditional.h \
  src/http/fields.cc src/http/fields.def src/http/fields.h \
  src/http/h1_chunked.cc src/http/h1_chunked.h \
  src/http/h1_framing.cc \
  src/http/h1_parser.cc src/http/h1_parser.h \
  src/http/h1_writer.cc src/http/h1_writer.h \
  src/http/h2_codec.cc src/http/h2_codec.h \
  src/http/h2_frames.cc src/http/h2_frames.h \
  src/http/h2_origin_codec.cc src/http/h2_origin_codec.h \
  src/http/h2_memory.cc src/http/h2_values.h \
  src/http/media_type.h \
  src/http/message.cc src/http/message.h \
  src/http/preference.cc src/http/preference.h \
  src/http/range.cc src/http/range.h \
  src/http/structured_fields.cc src/http/structured_fields.h \
  src/http/uri.cc src/http/uri.h \
  src/http/websocket.cc src/http/websocket.h

LINK_HTTP = src/http/libhttp.a $(IDN2_LIBS) $(NGHTTP2_LIBS) $(ZLIB_LIBS) $(BROTLI_LIBS) $(ZSTD_LIBS) $(OPENSSL_LIBS) \
  $(LINK_BASE)

check_PROGRAMS += test/unit/http_test
test_unit_http_test_SOURCES = \
  test/unit/http/basic_credentials_test.cc \
  test/unit/http/cache_control_test.cc \
  test/unit/http/client_request_test.cc \
  test/unit/http/coding_test.cc \
  test/unit/http/conditional_test.cc \
  test/unit/http/fields_test.cc \
  test/unit/http/h1_chunked_test.cc \
  test/unit/http/h1_parser_test.cc \
  test/unit/http/h1_writer_test.cc \
  test/unit/http/h2_origin_codec_test.cc \
  test/unit/http/range_test.cc \
  test/unit/http/structured_fields_test.cc \
  test/unit/http/uri_test.cc \
  test/unit/http/websocket_test.cc
test_unit_http_test_LDADD = test/unit/libtestmain.a $(LINK_HTTP)
TESTS += test/unit/http_test
