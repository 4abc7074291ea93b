// SPDX-License-Identifier: Apache-2.0
#include "http/fields.h"

#include <cctype>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "http/chars.h"
#include "http/message.h"

using namespace weir;
using namespace weir::http;
using namespace std::literals;

namespace {

Field field(std::string_view name, std::string_view value) { return {name, value, field_id(name)}; }

std::string text(const Fields& fields) {
  std::string out;
  for (const Field& f : fields) {
    out += std::string(f.name) + ":" + std::string(f.value) + "\n";
  }
  return out;
}

std::vector<std::string> members(std::initializer_list<std::string_view> lines) {
  Arena arena;
  Fields fields;
  for (auto line : lines) {
    fields.add(field("Other", "x, y"), arena);
    fields.add(FieldId::vary, line, arena);
  }
  std::vector<std::string> out;
  ListReader reader(fields, FieldId::vary);
  while (auto member = reader.next()) {
    out.emplace_back(*member);
  }
  return out;
}
using List = std::vector<std::string>;

} // namespace

TEST_CASE("every name of the table is found in any letter case, and no other") {
  for (std::size_t i = 1; i < kFieldIds; ++i) {
    auto id = static_cast<FieldId>(i);
    std::string text{name(id)};
    INFO(text);
    REQUIRE(!text.empty());
    CHECK(is_token(text));
    CHECK(field_id(text) == id);
    std::string upper = text;
    std::string lower_text = text;
    for (std::size_t k = 0; k < text.size(); ++k) {
      upper[k] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[k])));
      lower_text[k] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[k])));
    }
    CHECK(field_id(upper) == id);
    CHECK(field_id(lower_text) == id);
    CHECK(field_id(text + "x") != id);
    CHECK(field_id(text.substr(0, text.size() - 1)) != id);
    for (std::size_t k = 0; k < text.size(); ++k) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string odd = text;
        odd[k] = static_cast<char>(static_cast<unsigned char>(odd[k]) ^ (1U << bit));
        bool same = std::tolower(static_cast<unsigned char>(odd[k])) ==
                    std::tolower(static_cast<unsigned char>(text[k]));
        CHECK((field_id(odd) == id) == same);
      }
    }
  }
  CHECK(field_id("") == FieldId::other);
  CHECK(field_id("X") == FieldId::other);
  CHECK(field_id(std::string(1000, 'a')) == FieldId::other);
  CHECK(field_id("Content_Length") == FieldId::other); // W2.6
}

TEST_CASE("flags of the table") {
  for (auto id :
       {FieldId::connection, FieldId::keep_alive, FieldId::proxy_connection, FieldId::te,
        FieldId::trailer, FieldId::transfer_encoding, FieldId::upgrade, FieldId::http2_settings}) {
    CHECK(has_flag(id, kHop)); // W5.2, W5.4
  }
  CHECK(!has_flag(FieldId::proxy_authorization, kHop));
  for (auto id : {FieldId::proxy_authenticate, FieldId::proxy_authentication_info,
                  FieldId::proxy_authorization}) {
    CHECK(has_flag(id, kUnstored)); // C2.10
  }
  for (auto id : {FieldId::content_length, FieldId::transfer_encoding, FieldId::host}) {
    CHECK(has_flag(id, kPinned)); // W3.7
    CHECK(has_flag(id, kNoTrailer));
  }
  CHECK(flags(FieldId::other) == 0);
}

TEST_CASE("Fields keeps order, finds, counts, removes") {
  Arena arena;
  Fields fields;
  fields.add(field("Vary", "a"), arena);
  fields.add(field("X-Own", "1"), arena);
  fields.add(field("vary", "b"), arena);
  fields.add(field("Age", "2"), arena);
  CHECK(fields.size() == 4);
  CHECK(fields.has(FieldId::vary));
  CHECK(fields.has(FieldId::other));
  CHECK(!fields.has(FieldId::host));
  CHECK(fields.find(FieldId::vary)->value == "a");
  CHECK(fields.find("VARY")->value == "a");
  CHECK(fields.find("x-own")->value == "1");
  CHECK(fields.find("x-owner") == nullptr);
  CHECK(fields.find(FieldId::host) == nullptr);
  CHECK(fields.value(FieldId::host).empty());
  CHECK(fields.count(FieldId::vary) == 2);
  CHECK(fields.remove("X-OWN") == 1);
  CHECK(!fields.has(FieldId::other));
  CHECK(text(fields) == "Vary:a\nvary:b\nAge:2\n");
  fields.set(FieldId::vary, "c", arena);
  CHECK(text(fields) == "Vary:c\nAge:2\n");
  fields.set(FieldId::etag, "\"x\"", arena);
  CHECK(text(fields) == "Vary:c\nAge:2\nETag:\"x\"\n");
  CHECK(!fields.replace(FieldId::host, "h"));
  CHECK(fields.remove(FieldId::vary) == 1);
  CHECK(fields.remove(FieldId::vary) == 0);
  FieldSet set;
  set.set(index(FieldId::age));
  CHECK(fields.remove(set) == 1);
  CHECK(text(fields) == "ETag:\"x\"\n");
  fields.clear();
  CHECK(fields.empty());
  CHECK(!fields.has(FieldId::etag));
}

TEST_CASE("more than 48 fields go to the arena and stay in order") {
  Arena arena;
  Fields fields;
  std::vector<std::string> values;
  for (int i = 0; i < 300; ++i) {
    values.push_back(std::to_string(i));
  }
  for (const auto& value : values) {
    fields.add(field("X", value), arena);
  }
  REQUIRE(fields.size() == 300);
  for (std::size_t i = 0; i < 300; ++i) {
    REQUIRE(fields[i].value == values[i]);
  }
  Fields moved = std::move(fields);
  CHECK(moved.size() == 300);
  CHECK(moved[299].value == "299");
  Fields copy;
  copy.assign(moved, arena);
  copy.remove_if([](const Field& f) { return f.value != "7"; });
  CHECK(text(copy) == "X:7\n");
  CHECK(moved.size() == 300);
  CHECK(moved[0].value == "0");
  copy.add(field("Y", "8"), arena);
  CHECK(text(copy) == "X:7\nY:8\n");
}

TEST_CASE("copies stand alone") {
  std::string bytes = "valueOddName";
  Arena arena;
  Arena own;
  RequestHead from;
  from.method = Method::other;
  from.method_text = std::string_view(bytes).substr(5, 3);
  from.target = std::string_view(bytes).substr(0, 5);
  from.fields.add(
      {std::string_view(bytes).substr(5), std::string_view(bytes).substr(0, 5), FieldId::other},
      arena);
  std::string odd_case = "hOST";
  std::string host = "a.example:81";
  from.fields.add({odd_case, host, FieldId::host}, arena);
  std::string target = "/p?q";
  from.target = target;
  REQUIRE(resolve_target(from, arena));
  RequestHead to;
  copy_head(from, to, own);
  bytes.assign(bytes.size(), '!');
  odd_case.assign(odd_case.size(), '!');
  host.assign(host.size(), '!');
  target.assign(target.size(), '!');
  arena.reset();
  CHECK(to.method_text == "Odd");
  CHECK(to.target == "/p?q");
  CHECK(to.uri.path == "/p");
  CHECK(to.uri.query == "q");
  CHECK(to.uri.path_query == "/p?q");
  CHECK(to.uri.host == "a.example");
  CHECK(to.uri.port == 81);
  CHECK(text(to.fields) == "OddName:value\nhOST:a.example:81\n");
}

TEST_CASE("C3.7 W5.1 list members over all lines, quotes respected") {
  CHECK(members({"a, b,c"}) == List{"a", "b", "c"});
  CHECK(members({"a", "", " ,, b ,", "\tc\t"}) == List{"a", "b", "c"});
  CHECK(members({"a=\"x, y\", b"}) == List{"a=\"x, y\"", "b"});
  CHECK(members({"a=\"x\\\", y\", b"}) == List{"a=\"x\\\", y\"", "b"});
  CHECK(members({"a=\"x, y", "b"}) == List{"a=\"x, y", "b"});
  CHECK(members({"a=\"x\\", "b"}) == List{"a=\"x\\", "b"});
  CHECK(members({}) == List{});
  CHECK(members({",", " "}) == List{});
  ListReader line("p, q");
  CHECK(line.next() == "p");
  CHECK(line.next() == "q");
  CHECK(!line.next());
}

TEST_CASE("W3.7 W5.1 W5.2 hop-by-hop fields and what Connection names are removed") {
  Arena arena;
  Fields fields;
  for (auto [name, value] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"Host", "h"},
           {"Connection", "x-one, , X-TWO,host"},
           {"X-One", "1"},
           {"x-two", "2"},
           {"X-Three", "3"},
           {"Keep-Alive", "k"},
           {"Proxy-Connection", "X-Four"},
           {"X-Four", "4"},
           {"Content-Length", "5"},
           {"Transfer-Encoding", "chunked"},
           {"connection", "content-length, Cookie, transfer-encoding"},
           {"Cookie", "c"},
           {"TE", "trailers"},
           {"Trailer", "x"},
           {"Upgrade", "h2c"},
           {"HTTP2-Settings", "AAM"},
           {"Via", "1.1 a"}}) {
    fields.add(field(name, value), arena);
  }
  remove_hop_by_hop(fields);
  CHECK(text(fields) == "Host:h\nX-Three:3\nContent-Length:5\nVia:1.1 a\n");
}

TEST_CASE("W3.12 what a trailer may not hold is dropped") {
  Arena arena;
  Fields fields;
  for (auto name : {"X-Sum",
                    "Host",
                    "Content-Length",
                    "Transfer-Encoding",
                    "Authorization",
                    "Cookie",
                    "Set-Cookie",
                    "Cache-Control",
                    "Connection",
                    "Content-Encoding",
                    "Content-Type",
                    "Content-Range",
                    "Trailer",
                    "If-Match",
                    "Age",
                    "Vary",
                    "Location",
                    "X-Forwarded-For",
                    "ETag",
                    "Server-Timing"}) {
    fields.add(field(name, "v"), arena);
  }
  remove_forbidden_trailers(fields);
  CHECK(text(fields) == "X-Sum:v\nETag:v\nServer-Timing:v\n");
}

TEST_CASE("letter case, blanks, tokens, values, numbers") {
  CHECK(iequals("", ""));
  CHECK(iequals("Transfer-Encoding", "tRANSFER-eNCODING"));
  CHECK(!iequals("Transfer-Encoding", "Transfer-Encodinh"));
  CHECK(!iequals("a", "ab"));
  for (unsigned a = 0; a < 256; ++a) {
    for (unsigned b = 0; b < 256; ++b) {
      auto low = [](unsigned c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; };
      std::string x(9, static_cast<char>(a));
      std::string y(9, static_cast<char>(b));
      REQUIRE(iequals(x, y) == (low(a) == low(b)));
      REQUIRE(iequals(x.substr(0, 3), y.substr(0, 3)) == (low(a) == low(b)));
    }
  }
  Arena arena;
  CHECK(lower_case("aB-Z", arena) == "ab-z");
  CHECK(lower_case("", arena).empty());
  CHECK(trim(" \ta b\t ") == "a b");
  CHECK(trim(" \t").empty());
  CHECK(trim("\va") == "\va");
  CHECK(is_token("!#$%&'*+-.^_`|~09azAZ"));
  for (char c : "\"(),/:;<=>?@[\\]{} \t\x7f\x80"s) {
    CHECK(!is_token(std::string("a") + c));
  }
  CHECK(!is_token(""));
  for (unsigned c = 0; c < 256; ++c) {
    bool good = c == '\t' || (c >= 0x20 && c != 0x7f);
    for (std::size_t at : {0U, 5U, 15U, 16U, 31U, 39U}) {
      std::string value(40, 'v');
      value[at] = static_cast<char>(c);
      REQUIRE(is_field_value(value) == good);
      REQUIRE(find_control(value.data(), value.data() + 40) == (good ? 40 : at));
    }
  }
  for (std::size_t size = 0; size <= 40; ++size) {
    std::string value = std::string("0123456789abcdefghijklmnopqrstuvwxyz\t \x80~").substr(0, size);
    std::string copy(size + 1, '#');
    REQUIRE(copy_value(copy.data(), value));
    REQUIRE(copy == value + '#'); // nothing behind it is touched
    for (std::size_t at = 0; at < size; ++at) {
      for (char c : {'\0', '\n', '\r', '\x1f', '\x7f'}) {
        std::string bad = value;
        bad[at] = c;
        REQUIRE_FALSE(copy_value(copy.data(), bad));
      }
    }
  }
  CHECK(parse_decimal("9223372036854775807") == 9223372036854775807U);
  CHECK(parse_decimal("000") == 0U);
  for (auto bad :
       {"", "9223372036854775808", "18446744073709551616", "-1", "+1", " 1", "1 ", "0x1"}) {
    CHECK(!parse_decimal(bad));
  }
}
