// SPDX-License-Identifier: Apache-2.0
#include "proxy/reply.h"

#include <fmt/format.h>

#include "base/clock.h"
#include "http/message.h"

namespace weir::proxy {

namespace {

constexpr std::string_view kHtml = "text/html; charset=utf-8";

constexpr std::string_view kErrorPage = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{font:16px/1.5 sans-serif;max-width:40em;margin:4em auto;padding:0 1em;color:#222}
h1{font-size:1.4em}code{background:#eee;padding:0 .3em}small{color:#666}</style></head>
<body><h1>{title}</h1><p>{reason}</p>
<p><small>Request <code>{id}</code>, answered by weir.</small></p></body></html>
)";

constexpr std::string_view kBlockedPage = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>This page is blocked</title>
<style>body{font:16px/1.5 sans-serif;max-width:40em;margin:4em auto;padding:0 1em;color:#222}
h1{font-size:1.4em}code{background:#eee;padding:0 .3em}dt{color:#666}</style></head>
<body><h1>This page is blocked</h1><p>The rules of this network do not allow <code>{url}</code>.</p>
<dl><dt>Rule</dt><dd><code>{rule}</code></dd><dt>List</dt><dd><code>{list}</code></dd>
<dt>Request</dt><dd><code>{id}</code></dd></dl>
<p>If you think this is a mistake, give the request's number to your administrator.</p></body></html>
)";

std::string head_of(int status, std::string_view content_type, std::string_view more = {}) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\nDate: {}\r\nServer: weir\r\n{}{}{}Cache-Control: no-store\r\n{}", status,
      http::reason_phrase(status), Clock::http_date(),
      content_type.empty() ? "" : "Content-Type: ", content_type,
      content_type.empty() ? "" : "\r\n", more);
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    text.replace(at, what.size(), with);
    at += with.size();
  }
}

std::string filled(std::string_view page, const PageFacts& facts) {
  std::string body(page);
  auto or_dash = [](std::string_view text) { return text.empty() ? "-" : escape_html(text); };
  replace_all(body, "{rule}", or_dash(facts.rule));
  replace_all(body, "{list}", or_dash(facts.list));
  replace_all(body, "{id}", or_dash(facts.id));
  replace_all(body, "{reason}", escape_html(facts.reason));
  replace_all(body, "{url}", or_dash(facts.url)); // last: it is the client's text
  return body;
}

std::string_view default_reason(int status) {
  switch (status) {
  case 400:
    return "The request is not valid HTTP.";
  case 401:
  case 407:
    return "Log in with your name and password.";
  case 403:
    return "This request is not allowed.";
  case 404:
    return "There is no site of this name here.";
  case 405:
    return "This method is not allowed here.";
  case 408:
    return "The request did not arrive in time.";
  case 413:
    return "The body of the request is too large.";
  case 414:
    return "The address of the request is too long.";
  case 417:
    return "The expectation of the request cannot be met.";
  case 429:
    return "Too many requests have come from here. Try again later.";
  case 431:
    return "The head of the request is too large.";
  case 501:
    return "This is not supported.";
  case 502:
    return "The server behind this proxy did not give a valid answer.";
  case 503:
    return "The service cannot answer at the moment.";
  case 504:
    return "The server behind this proxy did not answer in time.";
  case 505:
    return "This version of HTTP is not supported.";
  case 508:
    return "The request has passed through this proxy before.";
  default:
    return "The request could not be carried out.";
  }
}

Reply error_page(int status, const PageFacts& facts, std::string_view fields) {
  PageFacts full = facts;
  if (full.reason.empty()) {
    full.reason = default_reason(status);
  }
  std::string page(kErrorPage);
  replace_all(page, "{title}", fmt::format("{} {}", status, http::reason_phrase(status)));
  return {status, head_of(status, kHtml, fields), filled(page, full)};
}

} // namespace

int status_of(const Error& error) noexcept {
  Code code = error.code;
  if (code == Code::denied) {
    return 403;
  }
  if (code == Code::quota) {
    return 429;
  }
  if (code == Code::loop) {
    return 508;
  }
  if (code == Code::stopped || code == Code::overloaded || code == Code::no_slot ||
      code == Code::no_server) {
    return 503;
  }
  if (error.side == Side::client) {
    return code == Code::timeout ? 408 : http::status_of(error);
  }
  if (error.side == Side::origin) {
    return code == Code::timeout ? 504 : 502;
  }
  return code == Code::unsupported ? 501 : 500;
}

std::string_view end_word(const Error& error) noexcept {
  Code code = error.code;
  if (code == Code::none) {
    return "ok";
  }
  if (code == Code::denied || code == Code::sni_mismatch || code == Code::quota ||
      code == Code::loop || code == Code::dns_failed || code == Code::stopped ||
      code == Code::bad_coding) {
    return name(code);
  }
  if (code == Code::no_slot || code == Code::no_server) {
    return "no-server";
  }
  bool aborted = code == Code::closed || code == Code::reset || code == Code::abandoned;
  switch (error.side) {
  case Side::client:
    return aborted ? "client-abort" : code == Code::timeout ? "client-timeout" : "client-error";
  case Side::origin:
    return aborted                    ? "origin-abort"
           : code == Code::timeout    ? "origin-timeout"
           : code == Code::refused    ? "origin-refused"
           : code == Code::tls_failed ? "origin-tls"
                                      : "origin-error";
  case Side::cache:
    return "cache-error";
  case Side::self:
    return code == Code::timeout ? "timeout" : code == Code::overloaded ? "overloaded" : "error";
  }
  return "error";
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '&':
      out += "&amp;";
      break;
    case '"':
      out += "&quot;";
      break;
    case '\'':
      out += "&#39;";
      break;
    default:
      out += c;
    }
  }
  return out;
}

Reply make_error(int status, const PageFacts& facts) {
  return error_page(status, facts, status == 405 ? "Allow: GET, HEAD\r\n" : "");
}

Reply make_challenge(bool proxy, std::string_view realm, const PageFacts& facts) {
  return error_page(proxy ? 407 : 401, facts,
                    fmt::format("{}-Authenticate: Basic realm=\"{}\", charset=\"UTF-8\"\r\n",
                                proxy ? "Proxy" : "WWW", realm));
}

Reply make_page(int status, std::string_view page, std::string_view content_type,
                const PageFacts& facts) {
  return {status, head_of(status, content_type.empty() ? kHtml : content_type),
          filled(page.empty() ? kBlockedPage : page, facts)};
}

Reply make_redirect(int status, std::string_view location) {
  return {status, head_of(status, {}, fmt::format("Location: {}\r\n", location)), {}};
}

Reply make_respond(int status, std::string_view content_type, std::string_view body) {
  return {status, head_of(status, body.empty() ? std::string_view{} : content_type),
          std::string(body)};
}

} // namespace weir::proxy
