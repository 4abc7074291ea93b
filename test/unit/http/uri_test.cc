// SPDX-License-Identifier: Apache-2.0
#include "http/uri.h"

#include <string>

#include <catch2/catch.hpp>

#include "http/message.h"

using namespace weir;
using namespace weir::http;
using namespace std::literals;

namespace {

std::string show(const Result<Target>& target) {
  if (!target) {
    return std::to_string(status_of(target.error()));
  }
  std::string text{name(target->scheme)};
  text += "|" + std::string(target->host) + "|" +
          (target->has_port ? std::to_string(target->port) : "") + "|" + std::string(target->path) +
          "|" + (target->has_query ? "?" : "") + std::string(target->query);
  std::string joined =
      std::string(target->path) + (target->has_query ? "?" : "") + std::string(target->query);
  CHECK(joined == target->path_query);
  return text;
}

std::string target(std::string_view text, Method method = Method::get) {
  Arena arena;
  return show(parse_target(method, text, arena));
}

std::string host(std::string_view text) {
  Arena arena;
  auto normal = normalise_host(text, arena);
  return normal ? std::string(*normal) : "bad";
}

std::string authority(std::string_view text) {
  Arena arena;
  auto parsed = parse_authority(text, arena);
  return parsed ? std::string(parsed->host) +
                      (parsed->has_port ? " " + std::to_string(parsed->port) : "")
                : "bad";
}

} // namespace

TEST_CASE("W1.10 W1.11 W1.12 origin form") {
  CHECK(target("/") == "|||/|");
  CHECK(target("/a/b") == "|||/a/b|");
  CHECK(target("/a?") == "|||/a|?");
  CHECK(target("/a?b=c?d/e") == "|||/a|?b=c?d/e");
  CHECK(target("//evil.example/x") == "|||//evil.example/x|");
  CHECK(target("/a/../b/./c") == "|||/a/../b/./c|");
  CHECK(target("/%2F%2f%0D%0a%00") == "|||/%2F%2f%0D%0a%00|");
  CHECK(target("/http://x/") == "|||/http://x/|");
}

TEST_CASE("W1.9 octets that may not stand in a target") {
  for (unsigned c = 0; c < 256; ++c) {
    bool good = c > 0x20 && c < 0x7f &&
                "#\\\"<>^{}|`"s.find(static_cast<char>(c)) == std::string::npos && c != '%';
    INFO(c);
    CHECK((target("/a"s + static_cast<char>(c)) != "400") == good);
    CHECK((target("/?a"s + static_cast<char>(c) + "b") != "400") == good);
    CHECK((target("http://a/"s + static_cast<char>(c)) != "400") == good);
  }
  for (auto bad : {"/%", "/%4", "/%4g", "/%g4", "/%%41", "/a%2", "/?%zz", ""}) {
    CHECK(target(bad) == "400");
  }
}

TEST_CASE("W4.3 W4.4 W8.5 absolute form") {
  CHECK(target("http://a/b?c") == "http|a||/b|?c");
  CHECK(target("HTTP://A.B:80/") == "http|a.b|80|/|");
  CHECK(target("https://a") == "https|a||/|");
  CHECK(target("http://a?q") == "http|a||/|?q");
  CHECK(target("http://a:?q") == "http|a||/|?q");
  CHECK(target("http://[2001:DB8::1]:8080/x") == "http|[2001:db8::1]|8080|/x|");
  CHECK(target("http://a", Method::options) == "http|a||*|");
  CHECK(target("http://a/", Method::options) == "http|a||/|");
  for (auto bad : {"http:///",     "http://",     "http://:80/",     "http://u@a/", "http://u:p@a/",
                   "http:/a",      "http:a",      "://a/",           "//",          "a",
                   "a:80",         "a/b",         "http://a:99999/", "http://a:x/", "http://a b/",
                   "http://[::1/", "http://%61/", "http://a\\@b/",   "http//a/",    "ht_tp://a/",
                   "1http://a/"}) {
    INFO(bad);
    CHECK((target(bad) == "400" || std::string_view(bad) == "//"));
  }
  for (auto unsupported :
       {"ftp://a/", "file:///etc/passwd", "gopher://a/", "ws://a/", "x-y+z.1://a/"}) {
    CHECK(target(unsupported) == "501");
  }
}

TEST_CASE("W1.10 W8.1 asterisk and authority form") {
  CHECK(target("*", Method::options) == "|||*|");
  CHECK(target("*", Method::get) == "400");
  CHECK(target("*", Method::other) == "400");
  CHECK(target("a.example:443", Method::connect) == "|a.example|443||");
  CHECK(target("[::1]:443", Method::connect) == "|[::1]|443||");
  CHECK(target("1.2.3.4:1", Method::connect) == "|1.2.3.4|1||");
  for (auto bad : {"a",    "a:",   "a:0",   "a:65536",    "a:-1",      "a:+1",    "a: 1",
                   "a:1 ", "a:1/", "a:1?x", "http://a:1", "http://a/", "u@a:1",   ":443",
                   "/",    "*",    "[::1]", "::1:443",    "a:443:443", "a:0x1bb", "a:4433333"}) {
    INFO(bad);
    CHECK(target(bad, Method::connect) == "400");
  }
}

TEST_CASE("W4.2 authority") {
  CHECK(authority("A.example:8080") == "a.example 8080");
  CHECK(authority("a:") == "a");
  CHECK(authority("a:0") == "a 0");
  CHECK(authority("[::FFFF:1.2.3.4]:1") == "[::ffff:1.2.3.4] 1");
  for (auto bad :
       {"",        ":",        ":1",   "a@b",      "a/",   "a?",        "a,b",       "a b",
        "a:1:2",   "::1",      "[::1", "::1]",     "[]",   "[x]",       "[1.2.3.4]", "[::1]1",
        "[::1]:x", "\xc3\xbc", "a%41", "a:123456", "a\\b", "[::1%25lo]"}) {
    INFO(bad);
    CHECK(authority(bad) == "bad");
  }
}

TEST_CASE("W8.2 host names have one spelling") {
  CHECK(host("WWW.Example.COM") == "www.example.com");
  CHECK(host("example.com.") == "example.com");
  CHECK(host("[0:0:0:0:0:0:0:1]") == "[::1]");
  CHECK(host("b\xc3\xbc"
             "cher.example") == "xn--bcher-kva.example");
  CHECK(host("B\xc3\x9c"
             "CHER.Example.") == "xn--bcher-kva.example");
  CHECK(host("\xef\xbd\x85xample.com") == "example.com"); // full width e
  CHECK(host("a\xe3\x80\x82"
             "b") == "a.b"); // ideographic full stop
  CHECK(host("XN--bcher-kva") == "xn--bcher-kva");
  CHECK(host(std::string(63, 'a') + ".b") == std::string(63, 'a') + ".b");
  std::string longest = std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                        std::string(63, 'c') + "." + std::string(61, 'd');
  CHECK(host(longest) == longest);
  CHECK(host(longest + ".") == longest);
  for (auto bad : {""s, "."s, ".."s, "a.."s, ".a"s, "a..b"s, "a b"s, "a%2eb"s, std::string(64, 'a'),
                   longest + "d", "\xff\xfe"s, "a\0b"s, "b\xc3\xbc\0c"s, "a/b"s, "a*b"s, "~a"s,
                   "[::1"s, "[1.2.3.4]"s}) {
    INFO(bad);
    CHECK(host(bad) == "bad");
  }
}

TEST_CASE("ports") {
  Arena arena;
  CHECK(write_authority("a", 80, Scheme::http, arena) == "a");
  CHECK(write_authority("a", 80, Scheme::https, arena) == "a:80");
  CHECK(write_authority("a", 443, Scheme::https, arena) == "a");
  CHECK(write_authority("[::1]", 8443, Scheme::https, arena) == "[::1]:8443");
  auto t = parse_target(Method::get, "https://a/", arena);
  REQUIRE(t);
  CHECK(t->port_or_default(Scheme::http) == 443);
  t = parse_target(Method::get, "/", arena);
  REQUIRE(t);
  CHECK(t->port_or_default(Scheme::http) == 80);
  t = parse_target(Method::get, "http://a:0/", arena);
  REQUIRE(t);
  CHECK(t->port_or_default(Scheme::http) == 0);
}

TEST_CASE("C11.2 references are resolved (RFC 3986 5.4)") {
  Arena arena;
  auto base = parse_target(Method::get, "http://a/b/c/d;p?q", arena);
  REQUIRE(base);
  auto resolve = [&](std::string_view reference) {
    return show(resolve_reference(*base, Scheme::http, reference, arena));
  };
  struct Case {
    const char* reference;
    const char* want;
  };
  for (auto [reference, want] : {
           Case{"g", "http|a||/b/c/g|"},
           {"./g", "http|a||/b/c/g|"},
           {"g/", "http|a||/b/c/g/|"},
           {"/g", "http|a||/g|"},
           {"//g", "http|g||/|"},
           {"?y", "http|a||/b/c/d;p|?y"},
           {"g?y", "http|a||/b/c/g|?y"},
           {"#s", "http|a||/b/c/d;p|?q"},
           {"g#s", "http|a||/b/c/g|"},
           {"g?y#s", "http|a||/b/c/g|?y"},
           {";x", "http|a||/b/c/;x|"},
           {"", "http|a||/b/c/d;p|?q"},
           {".", "http|a||/b/c/|"},
           {"./", "http|a||/b/c/|"},
           {"..", "http|a||/b/|"},
           {"../", "http|a||/b/|"},
           {"../g", "http|a||/b/g|"},
           {"../..", "http|a||/|"},
           {"../../g", "http|a||/g|"},
           {"../../../g", "http|a||/g|"},
           {"/./g", "http|a||/g|"},
           {"/../g", "http|a||/g|"},
           {"g.", "http|a||/b/c/g.|"},
           {"..g", "http|a||/b/c/..g|"},
           {"./g/.", "http|a||/b/c/g/|"},
           {"g;x=1/../y", "http|a||/b/c/y|"},
           {"g?y/../x", "http|a||/b/c/g|?y/../x"},
           {"https://B:1/x/../y", "https|b|1|/y|"},
           {"mailto:x", "501"},
           {"http:g", "400"},
           {"a b", "400"},
       }) {
    INFO(reference);
    CHECK(resolve(reference) == want);
  }
}
