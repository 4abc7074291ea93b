// SPDX-License-Identifier: Apache-2.0
#include "http/h1_chunked.h"

#include <memory>
#include <string>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::http;
using namespace std::literals;

namespace {

struct Decoded {
  std::string state; // "end", "more", "400", ...
  std::string body;
  std::string trailers;
  std::size_t used = 0;
  friend bool operator==(const Decoded&, const Decoded&) = default;
};

std::ostream& operator<<(std::ostream& out, const Decoded& d) {
  return out << d.state << " used " << d.used << " body '" << d.body << "' trailers " << d.trailers;
}

/// `step` octets arrive at a time, each time in fresh memory.
Decoded decode(std::string_view bytes, std::size_t step,
               const HeadLimits& limits = kDefaultLimits) {
  ChunkedReader reader(Side::client, limits);
  Fields trailers;
  Arena arena;
  Decoded out;
  std::unique_ptr<char[]> memory;
  std::size_t arrived = 0;
  while (true) {
    arrived = std::min(bytes.size(), arrived + step);
    auto fresh = std::make_unique<char[]>(arrived - out.used + 1);
    bytes.substr(out.used, arrived - out.used).copy(fresh.get(), arrived - out.used);
    memory = std::move(fresh);
    std::string_view unread(memory.get(), arrived - out.used);
    while (true) {
      auto piece = reader.next(unread, trailers, arena);
      if (!piece) {
        out = {std::to_string(status_of(piece.error())), {}, {}, 0};
        return out;
      }
      REQUIRE(piece->skip + piece->data <= unread.size());
      out.body += unread.substr(piece->skip, piece->data);
      unread.remove_prefix(piece->skip + piece->data);
      out.used += piece->skip + piece->data;
      if (piece->end) {
        for (const Field& f : trailers) {
          out.trailers += std::string(f.name) + "=" + std::string(f.value) + ";";
        }
        out.state = "end";
        CHECK(reader.at_end());
        return out;
      }
      if (piece->skip == 0 && piece->data == 0) {
        break;
      }
    }
    if (arrived == bytes.size()) {
      out.state = "more";
      return out;
    }
  }
}

Decoded decode_all_ways(std::string_view bytes, const HeadLimits& limits = kDefaultLimits) {
  INFO(bytes);
  Decoded whole = decode(bytes, bytes.size() + 1, limits);
  for (std::size_t step = 1; step < bytes.size(); ++step) {
    INFO("step " << step);
    REQUIRE(decode(bytes, step, limits) == whole);
  }
  return whole;
}

} // namespace

TEST_CASE("W3.9 chunks are read in any split") {
  auto d = decode_all_ways("4\r\nWiki\r\n5\r\npedia\r\nE\r\n in \r\n\r\nchunks\r\n0\r\n\r\nGET");
  CHECK(d.state == "end");
  CHECK(d.body == "Wikipedia in \r\n\r\nchunks");
  CHECK(d.used == 43);
  CHECK(decode_all_ways("0\r\n\r\n").state == "end");
  CHECK(decode_all_ways("0000\r\n\r\n").state == "end");
  CHECK(decode_all_ways("00a\r\n0123456789\r\n0\r\n\r\n").body == "0123456789");
  CHECK(decode_all_ways("A\r\n0123456789\r\n0\r\n\r\n").body == "0123456789");
  CHECK(decode_all_ways("00000000000000000000000000000001\r\nx\r\n0\r\n\r\n").body == "x");
}

TEST_CASE("no more of a chunk is given than is wanted") {
  std::string_view bytes = "a\r\n0123456789\r\n0\r\n\r\n";
  ChunkedReader reader(Side::client);
  Fields trailers;
  Arena arena;
  std::string body;
  for (bool end = false; !end;) {
    auto piece = reader.next(bytes, trailers, arena, 3);
    REQUIRE(piece);
    CHECK(piece->data <= 3);
    body += bytes.substr(piece->skip, piece->data);
    bytes.remove_prefix(piece->skip + piece->data);
    end = piece->end;
  }
  CHECK(body == "0123456789");
  CHECK(bytes.empty());
}

TEST_CASE("W3.9 sizes that are refused") {
  for (auto size : {"", "+1", "-1", "0x1", " 1", "1 ", "1\t", "1_0", "g", "1g", "8000000000000000",
                    "10000000000000000", "ffffffffffffffff", "100000000000000000000001", "1\x80",
                    "\"1\"", "1.0", "1,1", "1 1"}) {
    INFO(size);
    CHECK(decode_all_ways(std::string(size) + "\r\nx\r\n0\r\n\r\n").state == "400");
  }
  CHECK(decode_all_ways("7fffffffffffffff\r\nx").state == "more");
}

TEST_CASE("W3.10 extensions are read over, within a bound") {
  for (auto extension :
       {";a", ";a=b", ";a=\"b;c\"", ";a=b;c=d", " ;a", "\t; a = b", ";", ";\x80"}) {
    auto d = decode_all_ways("1" + std::string(extension) + "\r\nx\r\n0" + std::string(extension) +
                             "\r\n\r\n");
    CHECK(d.state == "end");
    CHECK(d.body == "x");
  }
  for (auto extension :
       {";a\n"sv, ";a\rb"sv, ";a\0"sv, ";\x01"sv, ";\x7f"sv, ";a\r\r"sv, " a"sv, " \r"sv}) {
    INFO(extension);
    CHECK(decode_all_ways("1" + std::string(extension) + "\r\nx\r\n0\r\n\r\n").state == "400");
  }
  CHECK(decode("1;" + std::string(4092, 'a') + "\r\nx\r\n0\r\n\r\n", 10000).state == "end");
  CHECK(decode("1;" + std::string(4093, 'a') + "\r\nx\r\n0\r\n\r\n", 10000).state == "400");
  CHECK(decode(std::string(5000, '0') + "\r\n\r\n", 10000).state == "400");
}

TEST_CASE("W3.11 CRLF exactly, data as long as its size") {
  for (auto bytes :
       {"1\nx\r\n0\r\n\r\n", "1\r\nx\n0\r\n\r\n", "1\r\nx\r0\r\n\r\n", "1\r\nxy\r\n0\r\n\r\n",
        "2\r\nx\r\n0\r\n\r\n", "1\rx\r\n0\r\n\r\n", "1\r\nx\r\n0\n\r\n", "1\r\nx\r\n0\r\n\n",
        "1\r\nx0\r\n\r\n", "1\r\nx\r\n\r\n0\r\n\r\n"}) {
    INFO(bytes);
    CHECK(decode_all_ways(bytes).state == "400");
  }
  for (auto cut : {"", "1", "1\r", "1\r\n", "1\r\nx", "1\r\nx\r", "1\r\nx\r\n", "1\r\nx\r\n0",
                   "1\r\nx\r\n0\r\n", "1\r\nx\r\n0\r\n\r", "1\r\nx\r\n0\r\na: b\r\n"}) {
    CHECK(decode_all_ways(cut).state == "more");
  }
}

TEST_CASE("W3.12 trailers") {
  auto d = decode_all_ways("1\r\nx\r\n0\r\nX-Sum: 9\r\nContent-Length: 4\r\nHost: h\r\nY:\r\n\r\n");
  CHECK(d.state == "end");
  CHECK(d.trailers == "X-Sum=9;Y=;");
  for (auto line : {" a: b", "a : b", ": b", "a", "a: b\n", "a: \x01", "a: b\r\n c"}) {
    CHECK(decode_all_ways("0\r\n" + std::string(line) + "\r\n\r\n").state == "400");
  }
  static const HeadLimits kSmall{16, 60, 30, 2, 64};
  CHECK(decode_all_ways("0\r\na:\r\nb:\r\n\r\n", kSmall).state == "end");
  CHECK(decode_all_ways("0\r\na:\r\nb:\r\nc:\r\n\r\n", kSmall).state == "431");
  CHECK(decode_all_ways("0\r\na: 0123456789012345678901234567890\r\n\r\n", kSmall).state == "431");
}

TEST_CASE("a reader is ready again after reset()") {
  ChunkedReader reader(Side::origin);
  Fields trailers;
  Arena arena;
  for (int i = 0; i < 2; ++i) {
    auto piece = reader.next("0\r\n", trailers, arena);
    REQUIRE(piece);
    CHECK(piece->skip == 3);
    CHECK(!piece->end);
    piece = reader.next("\r\n", trailers, arena);
    REQUIRE(piece);
    CHECK(piece->skip == 2);
    CHECK(piece->end);
    reader.reset();
  }
  CHECK(!reader.next("x", trailers, arena));
}
