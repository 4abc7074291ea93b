// SPDX-License-Identifier: Apache-2.0
#include "proxy/reply.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::proxy;

namespace {

struct Row {
  Code code;
  int client, origin, cache, self;
};

// Every Code but none, and every Side: W1.7, W1.13, W1.14, W3.3, W5.6, W6.1, W6.10, W8.2, W9.1.
constexpr Row kRows[] = {
    {Code::malformed, 400, 502, 500, 500},      {Code::unsupported, 501, 502, 501, 501},
    {Code::too_large, 413, 502, 500, 500},      {Code::target_too_long, 414, 502, 500, 500},
    {Code::head_too_large, 431, 502, 500, 500}, {Code::bad_version, 505, 502, 500, 500},
    {Code::unknown_coding, 501, 502, 500, 500}, {Code::bad_coding, 400, 502, 500, 500},
    {Code::timeout, 408, 504, 500, 500},        {Code::refused, 400, 502, 500, 500},
    {Code::tls_failed, 400, 502, 500, 500},     {Code::unreachable, 400, 502, 500, 500},
    {Code::closed, 400, 502, 500, 500},         {Code::reset, 400, 502, 500, 500},
    {Code::dns_failed, 400, 502, 500, 500},     {Code::denied, 403, 403, 403, 403},
    {Code::sni_mismatch, 400, 502, 500, 500},   {Code::quota, 429, 429, 429, 429},
    {Code::loop, 508, 508, 508, 508},           {Code::no_server, 503, 503, 503, 503},
    {Code::no_slot, 503, 503, 503, 503},        {Code::not_found, 400, 502, 500, 500},
    {Code::exists, 400, 502, 500, 500},         {Code::io, 400, 502, 500, 500},
    {Code::corrupt, 400, 502, 500, 500},        {Code::full, 400, 502, 500, 500},
    {Code::stopped, 503, 503, 503, 503},        {Code::abandoned, 400, 502, 500, 500},
    {Code::overloaded, 503, 503, 503, 503},     {Code::internal, 400, 502, 500, 500},
};

PageFacts facts() {
  PageFacts f;
  f.id = "0123456789abcdef";
  f.url = "http://a/<script>\"'&";
  return f;
}

} // namespace

TEST_CASE("STYLE 4.4 every error has its status") {
  REQUIRE(std::size(kRows) == static_cast<std::size_t>(Code::internal)); // a new Code: a new row
  for (const Row& row : kRows) {
    CAPTURE(name(row.code));
    CHECK(status_of({row.code, Side::client}) == row.client);
    CHECK(status_of({row.code, Side::origin}) == row.origin);
    CHECK(status_of({row.code, Side::cache}) == row.cache);
    CHECK(status_of({row.code, Side::self}) == row.self);
  }
}

TEST_CASE("the log's word for the end of a request") {
  CHECK(end_word({}) == "ok");
  CHECK(end_word({Code::quota, Side::self}) == "quota");
  CHECK(end_word({Code::closed, Side::client}) == "client-abort");
  CHECK(end_word({Code::reset, Side::client}) == "client-abort");
  CHECK(end_word({Code::timeout, Side::client}) == "client-timeout");
  CHECK(end_word({Code::malformed, Side::client}) == "client-error");
  CHECK(end_word({Code::closed, Side::origin}) == "origin-abort");
  CHECK(end_word({Code::timeout, Side::origin}) == "origin-timeout");
  CHECK(end_word({Code::bad_coding, Side::origin}) == "bad-coding");
  CHECK(end_word({Code::refused, Side::origin}) == "origin-refused");
  CHECK(end_word({Code::tls_failed, Side::origin}) == "origin-tls");
  CHECK(end_word({Code::malformed, Side::origin}) == "origin-error");
  CHECK(end_word({Code::denied, Side::origin}) == "denied");
  CHECK(end_word({Code::no_slot, Side::origin}) == "no-server");
  CHECK(end_word({Code::corrupt, Side::cache}) == "cache-error");
  CHECK(end_word({Code::stopped, Side::self}) == "stopped");
}

TEST_CASE("what a client sent cannot become markup of a page") {
  CHECK(escape_html("<a href=\"x\" b='y'>&amp;") ==
        "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;");
  for (const Reply& reply :
       {make_page(403, {}, {}, facts()), make_page(403, "<p>{url}</p>", "text/html", facts())}) {
    CHECK(reply.body.find("<script>") == std::string::npos);
    CHECK(reply.body.find("http://a/&lt;script&gt;&quot;&#39;&amp;") != std::string::npos);
  }
}

TEST_CASE("the client's text is not read for placeholders, nor are they left in a page") {
  PageFacts f = facts();
  f.url = "http://a/{rule}{id}{list}{url}";
  f.rule = "weir.conf:12";
  Reply reply = make_page(403, "{rule}|{list}|{id}|{url}", "text/html", f);
  CHECK(reply.body == "weir.conf:12|-|0123456789abcdef|http://a/{rule}{id}{list}{url}");
}

TEST_CASE("an error page says why, has the request's number, and is not stored") {
  Reply reply = make_error(502, facts());
  CHECK(reply.status == 502);
  CHECK(reply.head.starts_with("HTTP/1.1 502 Bad Gateway\r\nDate: "));
  CHECK(reply.head.find("\r\nCache-Control: no-store\r\n") != std::string::npos); // W7.8
  CHECK(reply.head.ends_with("\r\n"));
  CHECK_FALSE(reply.head.ends_with("\r\n\r\n"));
  CHECK(reply.head.find("Content-Length") == std::string::npos); // framing is the session's
  CHECK(reply.body.find("0123456789abcdef") != std::string::npos);
  CHECK(reply.body.find('{') == reply.body.find("{font")); // no placeholder before the style
  CHECK(reply.body.find("{title}") == std::string::npos);
  CHECK(reply.body.find("{reason}") == std::string::npos);
  CHECK(reply.body.find("502 Bad Gateway") != std::string::npos);
}

TEST_CASE("RFC 9110 §15.5.6: a 405 says what is allowed") {
  CHECK(make_error(405, facts()).head.find("\r\nAllow: GET, HEAD\r\n") != std::string::npos);
  CHECK(make_error(404, facts()).head.find("Allow") == std::string::npos);
}

TEST_CASE("redirects and `respond` have the head they need and no other") {
  Reply redirect = make_redirect(308, "https://a/b");
  CHECK(redirect.status == 308);
  CHECK(redirect.head.find("\r\nLocation: https://a/b\r\n") != std::string::npos);
  CHECK(redirect.head.find("Content-Type") == std::string::npos);
  CHECK(redirect.body.empty());
  Reply text = make_respond(200, "text/plain", "ok");
  CHECK(text.head.find("\r\nContent-Type: text/plain\r\n") != std::string::npos);
  CHECK(text.body == "ok");
  CHECK(make_respond(204, "text/plain", "").head.find("Content-Type") == std::string::npos);
}
