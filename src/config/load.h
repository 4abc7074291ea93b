// SPDX-License-Identifier: Apache-2.0
//
// load(): configuration text → checked Config, or everything that is wrong with it at once.
// format(): the canonical text.  show(): what is in force.  Pure but for the files they read; any
// thread.
//
//   auto loaded = config::load_file("/etc/weir/weir.conf");
//   if (!loaded.config) { std::fputs(config::print(loaded.diagnostics).c_str(), stderr); }
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace weir::config {

struct Loaded {
  std::shared_ptr<const Config> config; // null when there is an error
  std::vector<Diagnostic> diagnostics;  // errors and warnings, in the order of the file
};

struct LoadSettings {
  /// False: nothing outside the text is touched (fuzzing, checks of a text that came from afar):
  /// include, @FILE and list files are taken as there and empty, ${NAME} as the word "env".
  bool outside = true;
};

Loaded load_file(const std::string& path);
/// `name` stands in messages; relative paths in the text start from its folder, if it has one.
Loaded load_text(const std::string& name, std::string_view text, LoadSettings settings = {});

/// Canonical form, comments kept; format(format(x)) == format(x). An error in the form of the text
/// (not in its meaning) leaves `text` empty.
struct Formatted {
  std::string text;
  std::vector<Diagnostic> diagnostics;
};
Formatted format(const std::string& name, std::string_view text);

/// One value in force.
struct ShowLine {
  std::string block; // "forward lan", "site www.example.com route /"; empty: the top
  std::string word;  // "client-idle-timeout"
  std::string value; // "60s"
  std::string where; // "weir.conf:12", or "default"
};
/// What the file says; with `effective` every default as well.
std::vector<ShowLine> show(const Config& config, bool effective);
/// The lines aligned for a person.
std::string print(const std::vector<ShowLine>& lines);

/// What `bootstrap run` runs: a forward proxy on 127.0.0.1:3128 and a site on 127.0.0.1:8080 before
/// 127.0.0.1:8090, everything under ./var.
std::string_view embedded_default() noexcept;

} // namespace weir::config
