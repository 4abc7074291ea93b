// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>

#include "config/load.h"

using namespace weir::config;

namespace {

std::string read(const std::string& name) {
  std::ifstream file(std::string(WEIR_SOURCE_DIR) + "/" + name);
  REQUIRE(file.good());
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The canonical form, which has to be its own.
std::string canonical(std::string_view text) {
  const Formatted once = format("x", text);
  CHECK(once.diagnostics.empty());
  CHECK(format("x", once.text).text == once.text);
  return once.text;
}

} // namespace

TEST_CASE("C10 what is shipped is in canonical form") {
  for (const char* name : {"etc/weir.conf", "etc/weir.conf.sample"}) {
    CAPTURE(name);
    const std::string text = read(name);
    CHECK(canonical(text) == text);
  }
  CHECK(canonical(embedded_default()) == embedded_default());
}

TEST_CASE("C10 the canonical form, case by case") {
  struct Case {
    std::string_view text;
    std::string_view form;
  };
  const Case cases[] = {
      {"", ""},
      {"\n\n  \n", ""},
      {"a", "a\n"},
      {"a;b ;  c\n", "a\nb\nc\n"},
      {"\xef\xbb\xbf"
       "a\r\nb\r\n",
       "a\nb\n"},
      {"# one\n\n\n# two  \na", "# one\n\n# two\na\n"},
      {"a # why", "a  # why\n"},
      {"a; b # why", "a\nb  # why\n"},
      {"a x\nlonger y\n\nb z", "a      x\nlonger y\n\nb z\n"},
      {"a x\n# between\nlonger y", "a      x\n# between\nlonger y\n"},
      {"a x\nlonger { }\nb", "a x\nlonger { }\nb\n"},
      {"a { b; c { d }; e }", "a { b; c { d } e }\n"},
      {"a { b }; c", "a { b }\nc\n"},
      {"a {\nb }", "a {\n    b\n}\n"},
      {"a {\n}", "a {\n}\n"},
      {"a { # open\n b\n # tail\n\n} # close", "a {  # open\n    b\n    # tail\n}  # close\n"},
      {"a { b # inner\n}", "a {\n    b  # inner\n}\n"},
      {"a \\\n  b \\\r\n c", "a b c\n"},
      {"a \"b c\"  \"\\\"\" ~ \\.png$", "a \"b c\" \"\\\"\" ~ \\.png$\n"},
      {"a ${HOME}/x b#c # d", "a ${HOME}/x b#c  # d\n"},
      {"a\n\n}", ""}, // not well formed: told, not printed
  };
  for (const Case& each : cases) {
    CAPTURE(each.text);
    const Formatted once = format("x", each.text);
    CHECK(once.text == each.form);
    CHECK(format("x", once.text).text == once.text);
    CHECK(once.diagnostics.empty() == (each.text != "a\n\n}"));
  }
}

TEST_CASE("C10 what does not fit a line is joined by backslashes, and stays so") {
  std::string text = "site";
  for (int i = 0; i < 20; ++i) {
    text += " host" + std::to_string(i) + ".example.com";
  }
  const std::string form = canonical(text + " { listen 127.0.0.1:80 } # why");
  CHECK(form.find(" \\\n    host") != std::string::npos);
  std::istringstream lines(form);
  for (std::string line; std::getline(lines, line);) {
    CHECK(line.size() <= 100);
  }
}
