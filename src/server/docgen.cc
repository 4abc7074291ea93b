// SPDX-License-Identifier: Apache-2.0
#include "server/docgen.h"

#include <cstdio>

#include <fmt/format.h>

namespace weir::server {
namespace {

constexpr std::size_t kWidth = 78;
/// The pages' date: of the last change of their text, not of the build.
constexpr std::string_view kDate = "November 21, 2026";

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c == '\\' ? std::string("\\e") : c == '"' ? std::string("\\(dq") : std::string(1, c);
  }
  return out;
}

/// Whether a sentence ends with this word and another begins with the next.
bool ends_sentence(std::string_view word, std::string_view rest) {
  if (!word.empty() && (word.back() == ')' || word.back() == '"')) {
    word.remove_suffix(1);
  }
  const bool upper = !rest.empty() && ((rest[0] >= 'A' && rest[0] <= 'Z') || rest[0] == '(');
  return !word.empty() && (word.back() == '.' || word.back() == ':') && (rest.empty() || upper);
}

std::string fill(std::string_view paragraph) {
  std::string out;
  std::string line;
  const auto flush = [&out, &line] {
    if (!line.empty()) {
      const bool control = line[0] == '.' || line[0] == '\'';
      out += (control ? "\\&" : "") + line + "\n";
      line.clear();
    }
  };
  while (!paragraph.empty()) {
    const std::size_t end = paragraph.find_first_of(" \n");
    const std::string_view word = paragraph.substr(0, end);
    paragraph = end == std::string_view::npos ? "" : paragraph.substr(end + 1);
    if (word.empty()) {
      continue;
    }
    const std::string safe = escape(word);
    if (!line.empty() && line.size() + 1 + safe.size() > kWidth) {
      flush();
    }
    line += (line.empty() ? "" : " ") + safe;
    if (ends_sentence(word, paragraph)) {
      flush();
    }
  }
  flush();
  return out;
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return out;
}

} // namespace

Mdoc::Mdoc(std::string_view name, std::string_view section, std::string_view line) {
  out_ = fmt::format(".\\\" SPDX-License-Identifier: Apache-2.0\n"
                     ".\\\" Made by docgen from the tables of the source; edit those.\n"
                     ".Dd {}\n.Dt {} {}\n.Os\n.Sh NAME\n.Nm {}\n.Nd {}\n",
                     kDate, upper(name), section, name, line);
}

void Mdoc::section(std::string_view title) { out_ += fmt::format(".Sh {}\n", upper(title)); }

void Mdoc::text(std::string_view prose) {
  for (bool first = true; !prose.empty(); first = false) {
    const std::size_t end = prose.find("\n\n");
    out_ += (first ? "" : ".Pp\n") + fill(prose.substr(0, end));
    prose = end == std::string_view::npos ? "" : prose.substr(end + 2);
  }
}

void Mdoc::literal(std::string_view lines) {
  out_ += ".Bd -literal -offset indent\n" + escape(lines) + ".Ed\n";
}

void Mdoc::begin_list() { out_ += ".Bl -tag -width Ds\n"; }

void Mdoc::item(std::string_view word, std::string_view form) {
  out_ += fmt::format(".It Ic {}", word);
  out_ += form.empty() ? "\n" : fmt::format(" Ar \"{}\"\n", escape(form));
}

void Mdoc::end_list() { out_ += ".El\n"; }

void Mdoc::see_also(std::string_view pages) {
  section("See also");
  while (!pages.empty()) {
    const std::size_t end = pages.find(' ');
    const std::string_view page = pages.substr(0, end);
    pages = end == std::string_view::npos ? "" : pages.substr(end + 1);
    const std::size_t open = page.find('(');
    out_ += fmt::format(".Xr {} {}{}\n", page.substr(0, open), page.substr(open + 1, 1),
                        pages.empty() ? "" : " ,");
  }
}

} // namespace weir::server

/// docgen PAGE: the page on standard output.
int main(int argc, char** argv) {
  using namespace weir::server;
  const std::string_view page = argc == 2 ? argv[1] : "";
  std::string text;
  if (page == "weir.conf.5") {
    text = config_page();
  } else if (page == "weir.conf.sample") {
    text = config_sample();
  } else if (page == "weir-log.7") {
    text = log_page();
  } else if (page == "weir-metrics.7") {
    text = metrics_page();
  } else {
    std::fputs("usage: docgen weir.conf.5|weir.conf.sample|weir-log.7|weir-metrics.7\n", stderr);
    return 2;
  }
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}
