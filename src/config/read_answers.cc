// SPDX-License-Identifier: Apache-2.0
//
// Answers that weir generates: `respond` and `redirect`, in routes and rules; files of pages.
#include <fmt/format.h>

#include "config/statements.h"
#include "config/values.h"

namespace weir::config {

std::size_t read_respond(Reading& r, const Statement& s, std::size_t from, RespondDecl& out) {
  if (from >= s.words.size()) {
    r.report.error(s.at(), "the status of the answer is missing",
                   "form: respond STATUS [TEXT|@FILE]");
    return 0;
  }
  if (std::string wrong = read_status(s.words[from].text, 200, 599, out.status); !wrong.empty()) {
    bad_value(r, s.words[from], std::move(wrong));
    return 1;
  }
  out.content_type = "text/plain; charset=utf-8";
  if (from + 1 >= s.words.size()) {
    return 1;
  }
  const Word& word = s.words[from + 1];
  if (!word.quoted && word.text.substr(0, 1) != "@") {
    return 1;
  }
  if (out.status == 204 || out.status == 304) {
    r.report.error(word.at, fmt::format("an answer {} has no text", out.status));
  }
  if (word.quoted) {
    out.body = word.text;
  } else {
    out.file = read_at_file(r, word);
    out.body = read_page_file(r, word, out.file);
    out.content_type = content_type(out.file, "application/octet-stream");
  }
  return 2;
}

std::size_t read_redirect(Reading& r, const Statement& s, std::size_t from, std::string& url,
                          std::uint16_t& status) {
  if (from >= s.words.size()) {
    r.report.error(s.at(), "the address to go to is missing", "form: redirect URL [STATUS]");
    return 0;
  }
  url = s.words[from].text;
  if (std::string wrong = check_url(url); !wrong.empty()) {
    bad_value(r, s.words[from], std::move(wrong));
  }
  status = 302;
  if (from + 1 >= s.words.size() || s.words[from + 1].quoted ||
      s.words[from + 1].text.find_first_not_of("0123456789") != std::string::npos) {
    return 1;
  }
  const Word& word = s.words[from + 1];
  if (std::string wrong = read_status(word.text, 301, 308, status);
      !wrong.empty() || (status > 303 && status < 307)) {
    bad_value(r, word, "a redirect has the status 301, 302, 303, 307 or 308");
  }
  return 2;
}

std::string read_page_file(Reading& r, const Word& word, const std::string& path) {
  if (!r.settings.outside || path.empty()) {
    return {};
  }
  auto text = read_file(path, kLargestPage);
  if (!text) {
    r.report.error(word.at, fmt::format("{}: {}", path, why(text.error())));
    return {};
  }
  return std::move(*text);
}

std::string content_type(std::string_view path, std::string_view otherwise) {
  struct Known {
    std::string_view ending;
    std::string_view type;
  };
  constexpr Known kKnown[] = {
      {".html", "text/html; charset=utf-8"},
      {".htm", "text/html; charset=utf-8"},
      {".txt", "text/plain; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".js", "text/javascript"},
      {".json", "application/json"},
      {".xml", "application/xml"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".ico", "image/x-icon"},
  };
  for (const Known& known : kKnown) {
    if (path.size() > known.ending.size() &&
        path.substr(path.size() - known.ending.size()) == known.ending) {
      return std::string(known.type);
    }
  }
  return std::string(otherwise);
}

} // namespace weir::config
