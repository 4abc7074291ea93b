// SPDX-License-Identifier: Apache-2.0
#include "ctl/text.h"

#include <catch2/catch.hpp>

using namespace weir::ctl;

TEST_CASE("bytes, times and counts are said with their units") {
  CHECK(bytes_text(0) == "0 B");
  CHECK(bytes_text(999) == "999 B");
  CHECK(bytes_text(1500) == "1.5 KB");
  CHECK(bytes_text(4.2e9) == "4.2 GB");
  CHECK(bytes_text(999'999) == "1.0 MB");
  CHECK(seconds_text(0) == "0 s");
  CHECK(seconds_text(0.0004) == "400 us");
  CHECK(seconds_text(0.2) == "200 ms");
  CHECK(seconds_text(1.5) == "1.5 s");
  CHECK(seconds_text(59.96) == "60 s");
  CHECK(seconds_text(60) == "1 min");
  CHECK(seconds_text(725) == "12 min 5 s");
  CHECK(seconds_text(3600 * 5 + 60) == "5 h 1 min");
  CHECK(seconds_text(86400 * 3 + 3600 * 4) == "3 d 4 h");
  CHECK(seconds_text(-1.5) == "-1.5 s");
  CHECK(count_text(0) == "0");
  CHECK(count_text(999) == "999");
  CHECK(count_text(1000) == "1,000");
  CHECK(count_text(12345678) == "12,345,678");
  CHECK(count_text(-1000) == "-1,000");
  CHECK(time_text(1'795'168'800) == "2026-11-20 10:00:00 UTC");
}

TEST_CASE("what comes from outside cannot steer the terminal") {
  CHECK(clean("a\033[31mb\r\n\x7f") == "a?[31mb???");
  CHECK(clean("a\n\tb", true) == "a\n\tb");
  CHECK(clean("\xc2\x9b"
              "31m") == "?31m"); // U+009B
  CHECK(clean("\xc3\xa4\xc2\xa0") == "\xc3\xa4\xc2\xa0");
  CHECK(clean("\xc2") == "\xc2");
}

TEST_CASE("a table is as wide as its widest cells, by characters") {
  Table table({"NAME", "N"}, {Table::Align::left, Table::Align::right});
  table.add({"\xc3\xa4\xc3\xb6", "1"}, Colour::bad);
  table.add({"longer\n", "12345"});
  CHECK(table.print({}) == "NAME         N\n\xc3\xa4\xc3\xb6           1\nlonger?  12345\n");
  CHECK(table.print({}, 2).starts_with("  NAME"));
  CHECK(table.print({true}).find("\033[31m") != std::string::npos);
  CHECK(table.print({}).find('\033') == std::string::npos);
  Table no_titles({});
  CHECK(no_titles.print({}).empty());
}
