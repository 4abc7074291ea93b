// SPDX-License-Identifier: Apache-2.0
#include "admin/access.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "base/arena.h"
#include "http/h1_parser.h"
#include "net/socket.h"

using namespace weir;
using namespace weir::admin;

namespace {

struct Asked {
  explicit Asked(const std::string& fields, const std::string& target = "/v1/status")
      : text("POST " + target + " HTTP/1.1\r\n" + fields + "\r\n") {
    auto progress = parser.parse_request(text, head, arena);
    INFO(text);
    REQUIRE(progress);
    REQUIRE(progress->complete);
  }
  std::string text;
  Arena arena;
  http::H1Parser parser;
  http::RequestHead head;
};

bool has(const std::string& value, std::string_view token) {
  return has_token(Asked("Host: localhost\r\nAuthorization: " + value + "\r\n").head, token);
}

bool is_foreign(const std::string& fields) { return !foreign(Asked(fields).head).empty(); }

} // namespace

TEST_CASE("the token is compared whole") {
  CHECK(has("Bearer secret", "secret"));
  CHECK(has("bEARER  secret ", "secret"));
  for (const char* bad :
       {"Bearer secre", "Bearer secrets", "Bearer secretsecret", "Bearer ", "Bearer", "secret",
        "Basic secret", "Bearer Secret", "Bearer secret secret"}) {
    INFO(bad);
    CHECK_FALSE(has(bad, "secret"));
  }
  CHECK_FALSE(has("Bearer ", "")); // no token: nobody has it
  CHECK_FALSE(has_token(Asked("Host: localhost\r\n").head, "secret"));
  CHECK_FALSE(has_token(
      Asked("Host: localhost\r\nAuthorization: Bearer secret\r\nAuthorization: Bearer secret\r\n")
          .head,
      "secret"));
}

TEST_CASE("a web page cannot ask, whatever name it gives our address") {
  CHECK_FALSE(is_foreign("Host: localhost\r\n"));
  CHECK_FALSE(is_foreign("Host: localhost:9145\r\n"));
  CHECK_FALSE(is_foreign("Host: 127.0.0.1:9145\r\n"));
  CHECK_FALSE(is_foreign("Host: [::1]:9145\r\n"));
  CHECK(is_foreign("Host: evil.example\r\n"));
  CHECK(is_foreign("Host: localhost.evil.example\r\n"));
  CHECK(is_foreign("Host: localhost\r\nOrigin: http://localhost\r\n"));
}

TEST_CASE("the peer's credentials give its level") {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  net::Fd a(ends[0]);
  net::Fd b(ends[1]);
  CHECK(access_of_peer(a.get(), ::getegid()) == Access::admin); // the same user
  CHECK(access_of_peer(-1, ::getegid()) == Access::none);
}

TEST_CASE("a token's file: its first line, printable, not empty") {
  std::string path = "/tmp/weir-token-XXXXXX";
  net::Fd fd(::mkstemp(path.data()));
  REQUIRE(fd);
  auto read = [&](std::string_view text) {
    REQUIRE(::ftruncate(fd.get(), 0) == 0);
    REQUIRE(::pwrite(fd.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    return read_token(path);
  };
  CHECK(read("secret\n").value() == "secret");
  CHECK(read("secret").value() == "secret");
  CHECK(read("secret\r\nmore\n").value() == "secret");
  CHECK_FALSE(read(""));
  CHECK_FALSE(read("\nsecret\n"));
  CHECK_FALSE(read("two words\n"));
  CHECK_FALSE(read(std::string(5000, 'x')));
  ::unlink(path.c_str());
  CHECK_FALSE(read_token(path));
}

TEST_CASE("a group by its name") {
  CHECK(find_group("").value() == ::getegid());
  CHECK(find_group("root").value() == 0);
  CHECK_FALSE(find_group("no-such-group-at-all"));
}
