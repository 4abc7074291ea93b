// SPDX-License-Identifier: Apache-2.0
#include "http/basic_credentials.h"

#include <string>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::http;

namespace {

/// "name|password", or "" where there is nothing.
std::string read(std::string_view value) {
  Arena arena;
  auto given = read_basic(value, arena);
  return given ? std::string(given->name) + "|" + std::string(given->password) : "";
}

struct Case {
  std::string_view value;
  std::string_view credentials;
};

} // namespace

TEST_CASE("W8.6 the scheme has no letter case, the password may hold colons") {
  for (auto [value, credentials] : std::initializer_list<Case>{
           {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin|open sesame"},
           {"basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin|open sesame"},
           {"BASIC   QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin|open sesame"},
           {"Basic YW5uOmE6Yjpj", "ann|a:b:c"},
           {"Basic YW5uOg==", "ann|"},
           {"Basic dGVzdDoxMjPCow==", "test|123\xc2\xa3"}, // RFC 7617 §2.1
       }) {
    INFO(value);
    CHECK(read(value) == credentials);
  }
}

TEST_CASE("W8.6 what is not well-formed, NUL and control characters are no credentials") {
  for (std::string_view value : {
           "",
           "Basic",
           "Basic ",
           "Bearer YW5uOmI=",
           "Basicx YW5uOmI=",
           "Basic\tYW5uOmI=",
           "Basic YW5u",         // no colon
           "Basic OmI=",         // no name
           "Basic YW5uOmI",      // not padded
           "Basic YW5uOmI==",    // padded too much
           "Basic YW5uOm=I",     // padding inside
           "Basic YW5uOmJ=",     // bits that mean nothing
           "Basic YW5uOm-_",     // another alphabet
           "Basic YW5uOmI= x",   // more behind it
           "Basic YW5uOmIA",     // "ann:b\0"
           "Basic YQBubjpi",     // "a\0nn:b"
           "Basic YW5uOmIK",     // "ann:b\n"
           "Basic YW5uOn9iYg==", // DEL
           "Basic ====",
       }) {
    INFO(value);
    CHECK(read(value).empty());
  }
  CHECK(is_basic("bAsIc x"));
  CHECK(is_basic("Basic"));
  CHECK_FALSE(is_basic("Basics x"));
  CHECK_FALSE(is_basic(""));
}
