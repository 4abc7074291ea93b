// SPDX-License-Identifier: Apache-2.0
//
// docgen: the .def tables → man pages and the commented sample. A program of the build, not
// installed; its output is committed, and test/lint/docs compares.
#pragma once

#include <string>
#include <string_view>

namespace weir::server {

/// Text in mdoc(7): a sentence a line, lines under 80 columns, everything escaped.
class Mdoc {
public:
  /// A page's head up to its DESCRIPTION: "weir.conf", "5", "configuration of weir".
  Mdoc(std::string_view name, std::string_view section, std::string_view line);

  void section(std::string_view title);
  /// Running text; an empty line in it begins a paragraph.
  void text(std::string_view prose);
  void paragraph() { out_ += ".Pp\n"; }
  /// Lines as they are, indented.
  void literal(std::string_view lines);
  /// A list of terms: begin_list(), then item() and text() in turn, then end_list().
  void begin_list();
  void item(std::string_view word, std::string_view form);
  void end_list();
  void see_also(std::string_view pages);
  std::string take() { return std::move(out_); }

private:
  std::string out_;
};

/// The pages.
std::string config_page();   // weir.conf(5)
std::string config_sample(); // etc/weir.conf.sample
std::string log_page();      // weir-log(7)
std::string metrics_page();  // weir-metrics(7)

} // namespace weir::server
