// SPDX-License-Identifier: Apache-2.0
//
// The answers weir makes itself: errors, pages, redirects, `respond`. And the one place that turns
// an Error into a status (STYLE 4.4). Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::proxy {

/// A generated answer. Owner: the Exchange.
struct Reply {
  int status = 0;
  std::string head; // status line and fields, no framing, no empty line
  std::string body;
};

/// What a page may say.
struct PageFacts {
  std::string_view id;   // of the request, as in the log
  std::string_view url;  // as asked for
  std::string_view rule; // "weir.conf:12", or empty
  std::string_view list; // "ads (hosts.txt:7)", or empty
  std::string_view reason;
};

/// 400, 403, 408, 413, 414, 417, 431, 501-505, 508: the one for this error.
int status_of(const Error& error) noexcept;
/// A word for the log's `end` column: "client-abort", "origin-timeout", ...
std::string_view end_word(const Error& error) noexcept;

Reply make_error(int status, const PageFacts& facts);
/// 407 of a forward, 401 of a site: name and password are wanted (RFC 7617). `realm` needs no
/// escape in quotes.
Reply make_challenge(bool proxy, std::string_view realm, const PageFacts& facts);
/// A page of the configuration: {rule} {list} {url} {id} are replaced, escaped for HTML. An empty
/// `page` stands for the built-in one.
Reply make_page(int status, std::string_view page, std::string_view content_type,
                const PageFacts& facts);
Reply make_redirect(int status, std::string_view location);
Reply make_respond(int status, std::string_view content_type, std::string_view body);

std::string escape_html(std::string_view text);

} // namespace weir::proxy
