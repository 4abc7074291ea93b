// SPDX-License-Identifier: Apache-2.0
#include "net/client_hello.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::net;

namespace {

std::string number(std::size_t value, int octets) {
  std::string text;
  for (int i = octets - 1; i >= 0; --i) {
    text += static_cast<char>(value >> (8 * static_cast<unsigned>(i)) & 0xffU);
  }
  return text;
}
std::string vector(std::string_view bytes, int octets) {
  return number(bytes.size(), octets).append(bytes);
}
std::string extension(std::size_t type, std::string_view data) {
  return number(type, 2) + vector(data, 2);
}
std::string server_name(std::string_view name, char kind = 0) {
  return extension(0, vector(std::string(1, kind) + vector(name, 2), 2));
}
std::string body(std::string_view extensions, bool has_any = true) {
  std::string text = number(0x0303, 2) + std::string(32, 'r') + vector("session", 1) +
                     vector(std::string("\x13\x01\x13\x02", 4), 2) +
                     vector(std::string(1, '\0'), 1);
  return has_any ? text + vector(extensions, 2) : text;
}
std::string message(std::string_view body, char type = 1) { return type + vector(body, 3); }
std::string record(std::string_view fragment) {
  return std::string("\x16\x03\x01", 3) + vector(fragment, 2);
}
std::string hello(std::string_view extensions) { return record(message(body(extensions))); }

/// "www.test", "-" without a name, "more", "not tls", "bad".
std::string read(std::string_view bytes) {
  auto got = parse_client_hello(bytes);
  if (!got) {
    return "bad";
  }
  if (!*got) {
    return "more";
  }
  return !(*got)->tls ? "not tls" : (*got)->sni.empty() ? "-" : (*got)->sni;
}

} // namespace

TEST_CASE("ClientHello: the host that it names, in lower case") {
  CHECK(read(hello(server_name("www.test"))) == "www.test");
  CHECK(read(hello(extension(23, "") + server_name("WWW.Test") + extension(43, "x"))) ==
        "www.test");
  CHECK(read(hello(extension(43, "\x02\x03\x04"))) == "-");
  CHECK(read(hello("")) == "-");
  CHECK(read(record(message(body("", false)))) == "-"); // TLS 1.2 without extensions
  CHECK(read(hello(server_name("www.test")) + "what follows") == "www.test");
  CHECK_FALSE((*parse_client_hello(hello(server_name("a.test"))))->ech);
  CHECK((*parse_client_hello(hello(server_name("a.test") + extension(0xfe0d, "x"))))->ech);
}

TEST_CASE("ClientHello: every beginning waits for more, whatever the records") {
  std::string whole = message(body(server_name("www.test")));
  for (const std::string& text :
       {record(whole), record(whole.substr(0, 2)) + record(whole.substr(2)),
        record(whole.substr(0, 60)) + record(whole.substr(60, 1)) + record(whole.substr(61))}) {
    for (std::size_t n = 0; n < text.size(); ++n) {
      CAPTURE(n);
      CHECK(read(text.substr(0, n)) == "more");
    }
    CHECK(read(text) == "www.test");
  }
}

TEST_CASE("ClientHello: what is no TLS is told by its first byte") {
  CHECK(read("") == "more");
  for (const char* text : {"SSH-2.0-x\r\n", "GET / HTTP/1.1\r\n", "\x80\x2e\x01\x03\x01", "\x17"}) {
    CHECK(read(text) == "not tls");
  }
}

TEST_CASE("ClientHello: what two programs could read differently is refused") {
  std::string good = body(server_name("www.test"));
  std::string name = server_name("a.test");
  CHECK(read(record(message(good, 2))) == "bad");       // not a hello
  CHECK(read(std::string("\x16\x02\x01", 3)) == "bad"); // no version of TLS
  CHECK(read(std::string("\x16\x03\x05", 3)) == "bad");
  CHECK(read(record("")) == "bad");                             // an empty record
  CHECK(read(std::string("\x16\x03\x01\x40\x01", 5)) == "bad"); // too long a record
  CHECK(read(record(message(good) + "x")) == "bad");            // more in its record
  CHECK(read(record(message(good).substr(0, 9)) + "\x17\x03\x03\x00\x01x") == "bad");
  CHECK(read(record(message(good + "x"))) == "bad");                      // behind extensions
  CHECK(read(record(message(good.substr(0, good.size() - 1)))) == "bad"); // too short
  CHECK(read(hello(name + name)) == "bad");                               // twice
  CHECK(read(hello(extension(23, "") + extension(23, ""))) == "bad");
  CHECK(read(hello(server_name("a.test", 1))) == "bad"); // no host name
  CHECK(read(hello(extension(0, ""))) == "bad");
  CHECK(read(hello(extension(0, vector(std::string("\0\0\1a\0\0\1b", 8), 2)))) ==
        "bad"); // two names
  CHECK(read(hello(extension(0, vector(std::string("\0\0\1a", 4), 2) + "x"))) == "bad");
  for (std::string_view each :
       {std::string_view(""), std::string_view("a..test"), std::string_view(".test"),
        std::string_view("a.test."), std::string_view("a test"), std::string_view("a\0.test", 7),
        std::string_view("192.0.2.1"), std::string_view("0x7f.1"), std::string_view("::1"),
        std::string_view("[::1]"), std::string_view("a/b"), std::string_view("\xc3\xa4.test")}) {
    CAPTURE(each);
    CHECK(read(hello(server_name(each))) == "bad");
  }
  CHECK(read(hello(server_name(std::string(254, 'a')))) == "bad");
}

TEST_CASE("ClientHello: neither a long message nor many records are waited for") {
  CHECK(read(record(std::string("\x01\x00\x3c\x01", 4))) == "bad"); // 15 KB and a byte
  std::string whole = message(body(extension(21, std::string(kMostClientHello - 100, '\0'))));
  REQUIRE(whole.size() <= kMostClientHello + 4);
  CHECK(read(record(whole)) == "-");
  std::string many;
  for (std::size_t i = 0; i < kMostHelloRecords; ++i) {
    CHECK(read(many) == "more");
    many += record(whole.substr(i, 1));
  }
  CHECK(read(many) == "bad");
  CHECK(many.size() < kWholeClientHello);
}
