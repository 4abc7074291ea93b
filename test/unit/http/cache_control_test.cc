// SPDX-License-Identifier: Apache-2.0
#include "http/cache_control.h"

#include <string>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::http;

namespace {

CacheControl parse(std::initializer_list<std::string_view> lines) {
  static Arena arena;
  Fields fields;
  for (auto line : lines) {
    fields.add(FieldId::cache_control, line, arena);
  }
  return parse_cache_control(fields);
}

/// max-age as text: a number, "absent", "invalid".
std::string max_age(std::initializer_list<std::string_view> lines) {
  auto cc = parse(lines);
  CHECK(!(cc.max_age && cc.max_age_invalid));
  return cc.max_age ? std::to_string(*cc.max_age) : cc.max_age_invalid ? "invalid" : "absent";
}

std::string age(std::initializer_list<std::string_view> lines) {
  Arena arena;
  Fields fields;
  for (auto line : lines) {
    fields.add(FieldId::age, line, arena);
  }
  auto seconds = parse_age(fields);
  return seconds ? std::to_string(*seconds) : "none";
}

} // namespace

TEST_CASE("C2.1 W7.3 directives in any letter case, over all lines") {
  auto cc =
      parse({"Max-Age=1, S-MAXAGE=2", "", ",NO-STORE , no-cache", "Private,PUBLIC,must-revalidate",
             "proxy-revalidate,no-transform,must-understand,only-if-cached,immutable",
             "stale-while-revalidate=3,stale-if-error=4,min-fresh=5,max-stale=6"});
  CHECK(cc.max_age == 1U);
  CHECK(cc.s_maxage == 2U);
  CHECK(cc.stale_while_revalidate == 3U);
  CHECK(cc.stale_if_error == 4U);
  CHECK(cc.min_fresh == 5U);
  CHECK(cc.max_stale == 6U);
  CHECK((cc.no_store && cc.no_cache && cc.is_private && cc.is_public && cc.must_revalidate));
  CHECK((cc.proxy_revalidate && cc.no_transform && cc.must_understand && cc.only_if_cached &&
         cc.immutable));
  CHECK(cc.present);
  auto none = parse({});
  CHECK(!none.present);
  CHECK(!none.no_store);
  CHECK(parse({""}).present);
}

TEST_CASE("C3.4 unknown directives are skipped") {
  CHECK(max_age({"foo, max-age=1, bar=baz, x-max-age=7, max-agee=8, \"no-store\""}) == "1");
  CHECK(!parse({"no-storex, xno-store, no-store2=1, \"no-store\""}).no_store);
}

TEST_CASE("C3.5 numbers") {
  CHECK(max_age({"max-age=0"}) == "0");
  CHECK(max_age({"max-age=003600"}) == "3600");
  CHECK(max_age({"max-age=2147483647"}) == "2147483647");
  CHECK(max_age({"max-age=2147483648"}) == "2147483648");
  CHECK(max_age({"max-age=2147483649"}) == "2147483648");
  CHECK(max_age({"max-age=99999999999"}) == "2147483648");
  CHECK(max_age({"max-age=99999999999999999999999999999999"}) == "2147483648");
  CHECK(max_age({"max-age=\"3600\""}) == "3600");
  CHECK(max_age({"max-age=\"36\\00\""}) == "3600");
  for (auto bad :
       {"max-age=-3600", "max-age='3600'", "max-age=a3600", "max-age=3600a", "max-age=3600.5",
        "max-age=", "max-age", "max-age=\"\"", "max-age=\"3600", "max-age=\"3600\"x", "max-age=+1",
        "max-age=\" 1\"", "max-age=1 2", "max-age=0x10"}) {
    INFO(bad);
    CHECK(max_age({bad}) == "invalid");
  }
  CHECK(parse({"s-maxage=x"}).s_maxage_invalid);
}

TEST_CASE("C3.6 a blank beside '=' makes no directive") {
  CHECK(max_age({"max-age =3600"}) == "absent");
  CHECK(max_age({"max-age= 3600"}) == "absent");
  CHECK(max_age({"max-age = 3600, max-age=1"}) == "1");
}

TEST_CASE("C3.7 quoted strings are one token") {
  CHECK(max_age({"ext=\"max-age=3600\""}) == "absent");
  CHECK(max_age({"ext=\"max-age=3600\", max-age=1"}) == "1");
  CHECK(max_age({"max-age=1, ext=\"max-age=3600\""}) == "1");
  CHECK(max_age({"ext=\"a, max-age=3600, b\", max-age=1"}) == "1");
  CHECK(max_age({"ext=\"a\\\", max-age=3600, \\\"\", max-age=1"}) == "1");
  CHECK(!parse({"ext=\"no-store, private\""}).no_store);
}

TEST_CASE("C3.8 a directive given twice is never the most generous") {
  CHECK(max_age({"max-age=5, max-age=5"}) == "5");
  CHECK(max_age({"max-age=5", "max-age=\"5\""}) == "5");
  CHECK(max_age({"max-age=5, max-age=3600"}) == "invalid");
  CHECK(max_age({"max-age=3600", "max-age=5"}) == "invalid");
  CHECK(max_age({"max-age=5, max-age=x"}) == "invalid");
  CHECK(max_age({"max-age=x, max-age=5, max-age=5"}) == "invalid");
}

TEST_CASE("C2.2 C2.12 qualified private and no-cache") {
  auto cc = parse({"private=\"a, b\", no-cache=\"Set-Cookie\""});
  CHECK(!cc.is_private);
  CHECK(cc.private_fields);
  CHECK(cc.private_names == "a, b");
  CHECK(!cc.no_cache);
  CHECK(cc.no_cache_fields);
  CHECK(cc.no_cache_names == "Set-Cookie");
  cc = parse({"private=\"a\", private"});
  CHECK((cc.is_private && cc.private_fields));
  for (auto whole : {"private", "private=", "private=\"\"", "private=\"a", "private=\"a\"b",
                     "private=\"a\",private=\"b\""}) {
    INFO(whole);
    CHECK(parse({whole}).is_private);
  }
  CHECK(parse({"no-cache=x"}).no_cache_names == "x");
}

TEST_CASE("C2.1 what forbids counts with an argument, what permits does not") {
  CHECK(parse({"no-store=1"}).no_store);
  CHECK(parse({"must-revalidate=\"x\""}).must_revalidate);
  CHECK(!parse({"public=1"}).is_public);
  CHECK(!parse({"must-understand=1"}).must_understand);
  CHECK(!parse({"immutable=x"}).immutable);
}

TEST_CASE("C13 request directives") {
  CHECK(parse({"max-stale"}).max_stale == kVeryLong);
  CHECK(parse({"max-stale=5"}).max_stale == 5U);
  CHECK(!parse({"max-stale=x"}).max_stale);
  CHECK(!parse({"min-fresh"}).min_fresh);
  Arena arena;
  Fields fields;
  CHECK(!is_pragma_no_cache(fields));
  fields.add(FieldId::pragma, "x, No-Cache", arena);
  CHECK(is_pragma_no_cache(fields));
  fields.add(FieldId::cache_control, "", arena);
  CHECK(!is_pragma_no_cache(fields));
}

TEST_CASE("C5.3 Age") {
  CHECK(age({}) == "none");
  CHECK(age({"0"}) == "0");
  CHECK(age({"7200"}) == "7200");
  CHECK(age({"0, 7200"}) == "0");
  CHECK(age({"7200, 0"}) == "7200");
  CHECK(age({"0", "7200"}) == "0");
  CHECK(age({"7200", "0"}) == "7200");
  CHECK(age({"2147483648"}) == "2147483648");
  CHECK(age({"99999999999999999999"}) == "2147483648");
  for (auto bad : {"abc", "-7200", "7200.0", "7200;x=1", "7200 1", "", "\"7200\"", "+1"}) {
    INFO(bad);
    CHECK(age({bad}) == "none");
  }
}

TEST_CASE("C12.5 the same syntax in another field") {
  Arena arena;
  Fields fields;
  fields.add(FieldId::surrogate_control, "max-age=9", arena);
  CHECK(parse_cache_control(fields, FieldId::surrogate_control).max_age == 9U);
  CHECK(!parse_cache_control(fields).present);
}
