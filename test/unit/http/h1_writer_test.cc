// SPDX-License-Identifier: Apache-2.0
#include "http/h1_writer.h"

#include <array>
#include <limits>
#include <string>

#include <catch2/catch.hpp>

#include "http/h1_parser.h"

using namespace weir;
using namespace weir::http;
using namespace std::literals;

namespace {

template <class F> std::string written(F&& write, std::size_t capacity = 4096) {
  std::string memory(capacity + 8, '#');
  H1Writer out(memory.data(), capacity);
  write(out);
  CHECK(memory.substr(capacity) == "########");
  return out.ok() ? std::string(out.bytes()) : "failed";
}

} // namespace

TEST_CASE("a request is written") {
  Arena arena;
  Fields fields;
  fields.add({"X-Odd", "v", FieldId::other}, arena);
  fields.add(FieldId::connection, "close", arena);
  fields.add({"accept", "", FieldId::accept}, arena);
  FieldSet without;
  without.set(index(FieldId::connection));
  CHECK(written([&](H1Writer& out) {
          out.request_line("GET", "/x?y");
          out.field(FieldId::host, "a");
          out.field(FieldId::content_length, 0);
          out.fields(fields, without);
          out.end_head();
        }) == "GET /x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nX-Odd: v\r\naccept: \r\n\r\n");
}

TEST_CASE("a status line is written") {
  auto line = [](int status, std::string_view reason = {}) {
    return written([&](H1Writer& out) { out.status_line(status, reason); });
  };
  CHECK(line(200) == "HTTP/1.1 200 OK\r\n");
  CHECK(line(404, "Gone fishing") == "HTTP/1.1 404 Gone fishing\r\n");
  CHECK(line(599) == "HTTP/1.1 599 \r\n");
  CHECK(line(99) == "failed");
  CHECK(line(1000) == "failed");
  CHECK(line(200, "a\r\nb: c") == "failed");
}

TEST_CASE("W2.2 nothing that could end a line is ever written") {
  for (auto bad : {"a\rb"sv, "a\nb"sv, "a\0b"sv, "\r\n"sv, "\x7f"sv}) {
    CHECK(written([&](H1Writer& out) { out.field("X", bad); }) == "failed");
    CHECK(written([&](H1Writer& out) { out.field(bad, "x"); }) == "failed");
    CHECK(written([&](H1Writer& out) { out.field(FieldId::via, bad); }) == "failed");
    CHECK(written([&](H1Writer& out) { out.request_line(bad, "/"); }) == "failed");
    CHECK(written([&](H1Writer& out) { out.request_line("GET", bad); }) == "failed");
    Arena arena;
    Fields fields;
    fields.add({"X", bad, FieldId::other}, arena);
    CHECK(written([&](H1Writer& out) { out.fields(fields); }) == "failed");
    CHECK(written([&](H1Writer& out) { out.last_chunk(fields); }) == "failed");
  }
  CHECK(written([](H1Writer& out) { out.field("a b", "x"); }) == "failed");
  CHECK(written([](H1Writer& out) { out.field("", "x"); }) == "failed");
  CHECK(written([](H1Writer& out) { out.field("a:b", "x"); }) == "failed");
  CHECK(written([](H1Writer& out) { out.field(FieldId::other, "x"); }) == "failed");
  CHECK(written([](H1Writer& out) { out.request_line("GET", "/a b"); }) == "failed");
  CHECK(written([](H1Writer& out) { out.request_line("GET", ""); }) == "failed");
  CHECK(written([](H1Writer& out) {
          out.field("a", "b\nc");
          out.field("d", "e");
        }) == "failed");
  CHECK(written([](H1Writer& out) { out.field("X", "\x80\t\xff"); }) == "X: \x80\t\xff\r\n");
}

TEST_CASE("what does not fit fails and writes nothing beyond the end") {
  auto write = [](H1Writer& out) {
    out.status_line(200);
    out.field("X", "yz");
    out.end_head();
    out.chunk_size(255);
  };
  std::size_t size = written(write).size();
  CHECK(written(write, size) == "HTTP/1.1 200 OK\r\nX: yz\r\n\r\nff\r\n");
  for (std::size_t capacity = 0; capacity < size; ++capacity) {
    CHECK(written(write, capacity) == "failed");
  }
}

TEST_CASE("W3.13 chunk lines, the last chunk") {
  CHECK(written([](H1Writer& out) {
          out.chunk_size(1);
          out.chunk_end();
          out.chunk_size(0x10);
          out.chunk_size(std::numeric_limits<std::uint64_t>::max());
          out.last_chunk();
        }) == "1\r\n\r\n10\r\nffffffffffffffff\r\n0\r\n\r\n");
  CHECK(written([](H1Writer& out) { out.chunk_size(0); }) == "failed");
  Arena arena;
  Fields trailers;
  trailers.add({"X-Sum", "9", FieldId::other}, arena);
  CHECK(written([&](H1Writer& out) { out.last_chunk(trailers); }) == "0\r\nX-Sum: 9\r\n\r\n");
}

TEST_CASE("numbers as text") {
  CHECK(Decimal(0).view() == "0");
  CHECK(Decimal(10).view() == "10");
  CHECK(Decimal(18446744073709551615ULL).view() == "18446744073709551615");
}

TEST_CASE("what is written is what was parsed") {
  const std::string bytes =
      "PUT http://A/x?y HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\nX: a\tb\x80\r\n\r\n";
  RequestHead head;
  Arena arena;
  H1Parser parser;
  auto progress = parser.parse_request(bytes, head, arena);
  REQUIRE((progress && progress->complete));
  auto again = written([&](H1Writer& out) {
    out.request_line(head.method_text, head.uri.path_query);
    out.fields(head.fields);
    out.end_head();
  });
  CHECK(again == "PUT /x?y HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\nX: a\tb\x80\r\n\r\n");
}

TEST_CASE("reason phrases and methods") {
  CHECK(reason_phrase(200) == "OK");
  CHECK(reason_phrase(511) == "Network Authentication Required");
  CHECK(reason_phrase(299).empty());
  for (auto method :
       {Method::get, Method::head, Method::post, Method::put, Method::delete_, Method::connect,
        Method::options, Method::trace, Method::patch, Method::purge}) {
    CHECK(parse_method(name(method)) == method);
  }
  CHECK(name(Method::other).empty());
  CHECK(is_safe(Method::head));
  CHECK(!is_safe(Method::purge));
  CHECK(!is_safe(Method::other));
  CHECK(is_idempotent(Method::delete_));
  CHECK(!is_idempotent(Method::post));
  CHECK(is_bodiless(304));
  CHECK(!is_bodiless(200));
}
