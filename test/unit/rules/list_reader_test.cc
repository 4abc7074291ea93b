// SPDX-License-Identifier: Apache-2.0
#include "rules/list_reader.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::rules;
using config::ListFormat;

namespace {

/// "=a" exact, "*a" under, ".a" both, "1.2.3.4/32" a block; "!" at the end: bad.
std::string read(ListFormat format, std::string_view line) {
  ListReader reader(format);
  bool good = reader.read(line);
  std::string text;
  for (const auto& entry : reader.entries()) {
    text += text.empty() ? "" : " ";
    if (entry.name.empty()) {
      text += entry.prefix.to_string();
    } else {
      text += entry.kind == DomainKind::exact ? "=" : entry.kind == DomainKind::under ? "*" : ".";
      text += entry.name;
    }
  }
  return text + (good ? "" : "!");
}

struct Case {
  std::string_view line;
  std::string_view entries;
};

} // namespace

TEST_CASE("FEATURES 12: a plain list has one domain a line") {
  for (auto [line, entries] : std::initializer_list<Case>{{"example.com", "=example.com"},
                                                          {".example.com", ".example.com"},
                                                          {"*.example.com", "*example.com"},
                                                          {"  Example.COM.\t# why", "=example.com"},
                                                          {"example.com\r", "=example.com"},
                                                          {"\xef\xbb\xbf"
                                                           "example.com",
                                                           "=example.com"},
                                                          {"", ""},
                                                          {"# nothing", ""},
                                                          {"   ", ""},
                                                          {"10.1.2.3", "10.1.2.3/32"},
                                                          {"::1", "::1/128"},
                                                          {"example.com other.com", "!"},
                                                          {"http://example.com/", "!"},
                                                          {"example.com/path", "!"},
                                                          {"a..b", "!"},
                                                          {".", "!"},
                                                          {"*.", "!"},
                                                          {"*", "!"},
                                                          {"a*b.com", "!"},
                                                          {"\x01", "!"}}) {
    INFO(line);
    CHECK(read(ListFormat::plain, line) == entries);
  }
  CHECK(read(ListFormat::plain, std::string(100'000, 'a')) == "!");
}

TEST_CASE("a name with other letters is taken as its A-label") {
  CHECK(read(ListFormat::plain, ".b\xc3\xbc"
                                "cher.example") == ".xn--bcher-kva.example");
  CHECK(read(ListFormat::plain, "\xff\xfe.example") == "!");
}

TEST_CASE("FEATURES 12: a hosts file names hosts after an address") {
  for (auto [line, entries] : std::initializer_list<Case>{
           {"0.0.0.0 ads.example", "=ads.example"},
           {"127.0.0.1\tads.example  Track.example # two", "=ads.example =track.example"},
           {"::1 ads.example", "=ads.example"},
           {"127.0.0.1 localhost", ""},
           {"127.0.0.1 localhost.localdomain local ads.example", "=ads.example"},
           {"fe80::1%lo0 localhost", ""},
           {"ff02::1 ip6-allnodes", ""},
           {"0.0.0.0 0.0.0.0", ""},
           {"# 0.0.0.0 ads.example", ""},
           {"", ""},
           {"ads.example", "!"},
           {"0.0.0.0", "!"},
           {"0.0.0.0 ads.example a/b", "=ads.example!"}}) {
    INFO(line);
    CHECK(read(ListFormat::hosts, line) == entries);
  }
}

TEST_CASE("FEATURES 12: a list of addresses has CIDR blocks") {
  for (auto [line, entries] :
       std::initializer_list<Case>{{"10.0.0.0/8", "10.0.0.0/8"},
                                   {"10.1.2.3/8 # bits after the prefix", "10.0.0.0/8"},
                                   {"192.0.2.1", "192.0.2.1/32"},
                                   {"2001:db8::1/32", "2001:db8::/32"},
                                   {"0.0.0.0/0", "0.0.0.0/0"},
                                   {"10.0.0.0/33", "!"},
                                   {"10.0.0.0/", "!"},
                                   {"10.0.0.0/-1", "!"},
                                   {"10.0.0/8", "!"},
                                   {"example.com", "!"},
                                   {"10.0.0.0/8 10.0.0.0/9", "!"}}) {
    INFO(line);
    CHECK(read(ListFormat::cidr, line) == entries);
  }
}
