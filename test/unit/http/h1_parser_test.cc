// SPDX-License-Identifier: Apache-2.0
//
// Heads: WIRE_RULES 1 to 4 and 6. Each head goes through the parser whole, in every split into two,
// and octet by octet in a buffer that moves at each step; all must have the same outcome.
#include "http/h1_parser.h"

#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::http;

namespace {

struct Parsed {
  int status = 0; // 0: complete, -1: more is needed, else status_of(error)
  std::size_t size = 0;
  std::string text; // everything the head says

  friend bool operator==(const Parsed&, const Parsed&) = default;
};

std::ostream& operator<<(std::ostream& out, const Parsed& p) {
  return out << "status " << p.status << " size " << p.size << "\n" << p.text;
}

std::string describe(const Fields& fields) {
  std::string text;
  for (const Field& f : fields) {
    text += std::string(f.name) + "=" + std::string(f.value) + "|" +
            std::to_string(static_cast<int>(f.id)) + "\n";
  }
  return text;
}

std::string describe(const Framing& framing) {
  return std::to_string(static_cast<int>(framing.kind)) + ":" + std::to_string(framing.length);
}

std::string describe(const RequestHead& h) {
  return std::string(h.method_text) + " " + std::string(h.target) + " " +
         std::to_string(h.minor_version) + " host " + std::string(h.uri.host) + " port " +
         std::to_string(h.uri.port) + " path " + std::string(h.uri.path_query) + " framing " +
         describe(h.framing) + (h.keep_alive ? " keep" : "") + (h.expect_continue ? " 100" : "") +
         (h.expect_unknown ? " 417" : "") + (h.upgrade ? " upgrade" : "") + "\n" +
         describe(h.fields);
}

std::string describe(const ResponseHead& h) {
  return std::to_string(h.status) + " " + std::string(h.reason) + " " +
         std::to_string(h.minor_version) + " framing " + describe(h.framing) +
         (h.keep_alive ? " keep" : "") + "\n" + describe(h.fields);
}

/// Feeds `bytes` in steps that end at `cuts`; each step sees the bytes so far in fresh memory.
template <class Head, class Parse>
Parsed feed(std::string_view bytes, const std::vector<std::size_t>& cuts, Parse&& parse) {
  auto head = std::make_unique<Head>();
  Arena arena;
  std::unique_ptr<char[]> memory;
  for (std::size_t end : cuts) {
    std::unique_ptr<char[]> fresh(new char[end + 1]);
    bytes.copy(fresh.get(), end);
    memory = std::move(fresh); // the former one is gone: a view kept into it shows under ASan
    Result<Progress> progress = parse(std::string_view(memory.get(), end), *head, arena);
    if (!progress) {
      return {status_of(progress.error()), 0, {}};
    }
    if (progress->complete) {
      return {0, progress->size, describe(*head)};
    }
  }
  return {-1, 0, {}};
}

template <class Head, class MakeParse>
Parsed feed_all_ways(std::string_view bytes, MakeParse&& make_parse) {
  Parsed whole = feed<Head>(bytes, {bytes.size()}, make_parse());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    INFO("cut at " << i);
    REQUIRE(feed<Head>(bytes, {i, bytes.size()}, make_parse()) == whole);
  }
  std::vector<std::size_t> each;
  for (std::size_t i = 1; i <= bytes.size(); ++i) {
    each.push_back(i);
  }
  REQUIRE(feed<Head>(bytes, each, make_parse()) == whole);
  return whole;
}

Parsed request(std::string_view bytes) {
  INFO(bytes);
  return feed_all_ways<RequestHead>(bytes, [] {
    return [parser = H1Parser()](std::string_view b, RequestHead& head, Arena& arena) mutable {
      return parser.parse_request(b, head, arena);
    };
  });
}

Parsed response(std::string_view bytes, Method method = Method::get) {
  INFO(bytes);
  return feed_all_ways<ResponseHead>(bytes, [method] {
    return [method, parser = H1Parser()](std::string_view b, ResponseHead& head,
                                         Arena& arena) mutable {
      return parser.parse_response(b, method, head, arena);
    };
  });
}

/// A request that is right but for what is put in.
Parsed with_fields(std::string_view fields) {
  return request("POST /x HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n");
}
Parsed with_line(std::string_view line) {
  return request(std::string(line) + "\r\nHost: a\r\n\r\n");
}

std::string framing_of(const Parsed& parsed) {
  auto at = parsed.text.find("framing ");
  return parsed.status != 0
             ? std::to_string(parsed.status)
             : parsed.text.substr(at + 8, parsed.text.find_first_of(" \n", at + 8) - at - 8);
}

using namespace std::literals;

} // namespace

TEST_CASE("a request head is read") {
  auto p = request(
      "GET /a?b=c HTTP/1.1\r\nHost: Example.COM:8080\r\nX-Odd:\tv w \r\nEmpty:\r\n\r\nrest");
  CHECK(p.status == 0);
  CHECK(p.size == 68);
  CHECK(p.text == "GET /a?b=c 1 host example.com port 8080 path /a?b=c framing 0:0 keep\n"
                  "Host=Example.COM:8080|" +
                      std::to_string(static_cast<int>(FieldId::host)) +
                      "\nX-Odd=v w|0\nEmpty=|0\n");
}

TEST_CASE("W1.1 empty lines in front are skipped, anything else is refused") {
  CHECK(request("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 0);
  for (auto junk : {" "sv, "\n"sv, "\0"sv, "\xef\xbb\xbf"sv, "\x16\x03\x01"sv, "\r"sv, "\t"sv}) {
    CHECK(request(std::string(junk) + "GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 400);
  }
  std::string flood;
  for (int i = 0; i < 40000; ++i) {
    flood += "\r\n";
  }
  H1Parser parser;
  RequestHead head;
  Arena arena;
  auto result = parser.parse_request(flood, head, arena);
  REQUIRE(!result);
  CHECK(status_of(result.error()) == 431);
}

TEST_CASE("W1.2 W1.3 the method is a token of at most 64 octets, its case counts") {
  CHECK(with_line("get / HTTP/1.1").text.starts_with("get /"));
  CHECK(with_line("M-SEARCH / HTTP/1.1").status == 0);
  CHECK(with_line(std::string(64, 'A') + " / HTTP/1.1").status == 0);
  CHECK(with_line(std::string(65, 'A') + " / HTTP/1.1").status == 400);
  for (auto method : {"G\"ET", "GE(T", "G\x80T", "G:T", "", "G/T", "G@", "G\tT"}) {
    CHECK(with_line(std::string(method) + " / HTTP/1.1").status == 400);
  }
  CHECK(parse_method("get") == Method::other);
  CHECK(parse_method("GET") == Method::get);
  CHECK(parse_method("DELETE") == Method::delete_);
}

TEST_CASE("W1.4 W1.5 W1.6 W1.7 separators, line ends and versions") {
  for (auto line : {"GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET\t/ HTTP/1.1",
                    "GET / HTTP/1.1 ", "GET /\tHTTP/1.1", "GET / HTTP/1.1 x",
                    "GET /",           "GET / ",          "GET",
                    "GET / http/1.1",  "GET / HTTP/1",    "GET / HTTP/1.",
                    "GET / HTTP/1.x",  "GET / HTTP/a.1",  "GET / HTTP/1.1.1",
                    "GET / HTTP/11.1", "GET / HTTP/+1.1", "GET / HTTP 1.1",
                    "GET / HTTPS/1.1", "GET / HTTP/1.10", "GET /\rx HTTP/1.1"}) {
    CHECK(with_line(line).status == 400);
  }
  CHECK(with_line("GET / HTTP/2.0").status == 505);
  CHECK(with_line("GET / HTTP/0.9").status == 505);
  CHECK(request("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status == 505);
  CHECK(request("GET / HTTP/1.1\nHost: a\n\n").status == 400);
  CHECK(request("GET / HTTP/1.1\r\nHost: a\n\r\n").status == 400);
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\n\n").status == 400);
  CHECK(request("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n").status == 400);
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\n\rX: b\r\n\r\n").status == 400);
}

TEST_CASE("W1.8 versions 1.2 to 1.9 count as 1.1") {
  CHECK(with_line("GET / HTTP/1.9").text.find(" 1 host") != std::string::npos);
  CHECK(with_line("GET / HTTP/1.0").text.find(" 0 host") != std::string::npos);
}

TEST_CASE("W1.9 W1.10 W1.11 what a target may be made of") {
  for (auto c : "\x01\x7f\x80\xff#\\\"<>^{}|`"s) {
    CHECK(with_line("GET /a"s + c + " HTTP/1.1").status == 400);
  }
  CHECK(with_line("GET /\0 HTTP/1.1"sv).status == 400);
  for (auto target :
       {"/%", "/%1", "/%g0", "/%0g", "x", "a:80", "*", "http:/x", "?x", "://a/", "1http://a/"}) {
    CHECK(with_line("GET "s + target + " HTTP/1.1").status == 400);
  }
  for (auto target : {"/%00", "/%0d%0a", "//x", "/~a;b=c,d:@!$&'()*+", "/?a[b]=c", "/a?b?c/d"}) {
    auto p = with_line("GET "s + target + " HTTP/1.1");
    CHECK(p.status == 0);
    CHECK(p.text.find("host a port 0 path "s + target) != std::string::npos);
  }
  CHECK(with_line("OPTIONS * HTTP/1.1").status == 0);
  CHECK(with_line("CONNECT / HTTP/1.1").status == 400);
  CHECK(with_line("CONNECT * HTTP/1.1").status == 400);
}

TEST_CASE("W1.13 W1.14 limits: 414 and 431") {
  auto parse = [](const std::string& bytes) {
    H1Parser parser;
    RequestHead head;
    Arena arena;
    auto result = parser.parse_request(bytes, head, arena);
    return result ? (result->complete ? 0 : -1) : status_of(result.error());
  };
  const std::string end = " HTTP/1.1\r\nHost: a\r\n\r\n";
  CHECK(parse("GET /" + std::string(16 * 1024 - 1, 'a') + end) == 0);
  CHECK(parse("GET /" + std::string(16 * 1024, 'a') + end) == 414);
  CHECK(parse("GET /" + std::string(16 * 1024, 'a')) == 414);
  CHECK(parse("GET /" + std::string(16 * 1024 - 1, 'a')) == -1);
  const std::string begin = "GET / HTTP/1.1\r\nHost: a\r\n";
  CHECK(parse(begin + "X: " + std::string(32 * 1024 - 3, 'a') + "\r\n\r\n") == 0);
  CHECK(parse(begin + "X: " + std::string(32 * 1024 - 2, 'a') + "\r\n\r\n") == 431);
  CHECK(parse(begin + "X: " + std::string(32 * 1024, 'a') + "\x01\r\n\r\n") == 431);
  CHECK(parse(begin + "X: " + std::string(32 * 1024 - 4, 'a') + "\x01\r\n\r\n") == 400);
  CHECK(parse(begin + std::string(40000, 'a')) == 431);
  std::string field = "X: " + std::string(995, 'a') + "\r\n"; // 1000 octets
  std::string head = begin;
  for (int i = 0; i < 65; ++i) {
    head += field;
  }
  CHECK(parse(head + "\r\n") == 0);
  CHECK(parse(head + field + "\r\n") == 431);
  std::string many = begin;
  for (int i = 0; i < 127; ++i) {
    many += "X:\r\n";
  }
  CHECK(parse(many + "\r\n") == 0);
  CHECK(parse(many + "X:\r\n\r\n") == 431);
}

TEST_CASE("W1.14 limits give the same outcome in every split") {
  static const HeadLimits kSmall{20, 120, 30, 4, 64};
  auto small = [](std::string_view bytes) {
    INFO(bytes);
    return feed_all_ways<RequestHead>(bytes,
                                      [] {
                                        return [parser = H1Parser(kSmall)](std::string_view b,
                                                                           RequestHead& head,
                                                                           Arena& arena) mutable {
                                          return parser.parse_request(b, head, arena);
                                        };
                                      })
        .status;
  };
  std::string end = "\r\nHost: a\r\n";
  CHECK(small("GET /" + std::string(19, 'a') + " HTTP/1.1" + end + "\r\n") == 0);
  CHECK(small("GET /" + std::string(20, 'a') + " HTTP/1.1" + end + "\r\n") == 414);
  CHECK(small("GET /" + std::string(20, 'a')) == 414);
  CHECK(small("GET /" + std::string(19, 'a') + "\x01") == 400);
  CHECK(small("GET / HTTP/1.1" + end + "X: " + std::string(27, 'b') + "\r\n\r\n") == 0);
  CHECK(small("GET / HTTP/1.1" + end + "X: " + std::string(28, 'b') + "\r\n\r\n") == 431);
  CHECK(small("GET / HTTP/1.1" + end + "X: " + std::string(40, 'b')) == 431);
  CHECK(small("GET / HTTP/1.1" + end + std::string(40, 'b')) == 431);
  CHECK(small("GET / HTTP/1.1" + end + "a:\r\nb:\r\nc:\r\n\r\n") == 0);
  CHECK(small("GET / HTTP/1.1" + end + "a:\r\nb:\r\nc:\r\nd:\r\n\r\n") == 431);
  CHECK(small("GET / HTTP/1.1" + end + "a: " + std::string(26, 'b') + "\r\nb: " +
              std::string(26, 'b') + "\r\nc: " + std::string(27, 'b') + "\r\n\r\n") == 431);
}

TEST_CASE("W2.1 W2.2 W2.3 W2.4 field lines that are refused") {
  for (auto line :
       {"X : a\r\n"sv, "X\t: a\r\n"sv, ": a\r\n"sv, "X\r\n"sv, "X a\r\n"sv, "X(: a\r\n"sv,
        "\x80: a\r\n"sv, "X: a\0b\r\n"sv, "X: a\rb\r\n"sv, "X: a\nb\r\n"sv, "X: \x01\r\n"sv,
        "X: a\x7f\r\n"sv, "X: a\r\n b\r\n"sv, "X: a\r\n\tb\r\n"sv, "X: a\r\r\n"sv,
        "X:0123456789abcdef0123\x0b\r\n"sv, "X\0: a\r\n"sv}) {
    CHECK(with_fields(line).status == 400);
  }
  CHECK(request("GET / HTTP/1.1\r\n Host: a\r\n\r\n").status == 400);
  CHECK(request("GET / HTTP/1.1\r\n\tX: a\r\nHost: a\r\n\r\n").status == 400);
}

TEST_CASE("W2.5 W2.6 field lines that are taken") {
  auto p = with_fields("X: \x80\xff\ty\r\nEmpty:   \r\nContent_Length: 9\r\n");
  CHECK(p.status == 0);
  CHECK(p.text.find("X=\x80\xff\ty|0\nEmpty=|0\nContent_Length=9|0") != std::string::npos);
  CHECK(framing_of(p) == "0:0");
}

TEST_CASE("W3.1 W3.2 Content-Length of a request") {
  CHECK(framing_of(with_fields("Content-Length: 0\r\n")) == "1:0");
  CHECK(framing_of(with_fields("content-length:\t 0042 \r\n")) == "1:42");
  CHECK(framing_of(with_fields("Content-Length: 9223372036854775807\r\n")) ==
        "1:9223372036854775807");
  for (auto value : {"+1", "-1", "0x1", "1, 2", "1,1", "1 1", "1e1", "", "1.0", "a", "1\xa0", "1,",
                     "9223372036854775808", "18446744073709551616", "18446744073709551617",
                     "99999999999999999999999999", "\"1\""}) {
    CHECK(with_fields("Content-Length: "s + value + "\r\n").status == 400);
  }
  CHECK(with_fields("Content-Length: 1\r\nContent-Length: 1\r\n").status == 400);
  CHECK(with_fields("Content-Length: 1\r\nContent-Length: 2\r\n").status == 400);
  CHECK(with_fields("Content-Length: 1\r\ncontent-length:\r\n").status == 400);
}

TEST_CASE("W3.3 W3.4 W3.5 Transfer-Encoding of a request") {
  CHECK(framing_of(with_fields("Transfer-Encoding: chunked\r\n")) == "2:0");
  CHECK(framing_of(with_fields("Transfer-Encoding: \tCHUNKED \r\n")) == "2:0");
  for (auto value : {"chunked, chunked", "chunked,", ",chunked", "gzip", "identity", "chunked;q=1",
                     "\"chunked\"", "chunked gzip", "chunked, gzip", "", "xchunked", "chunked\xa0",
                     "gzip;q=1, chunked", "gzip,,chunked"}) {
    CHECK(with_fields("Transfer-Encoding: "s + value + "\r\n").status == 400);
  }
  CHECK(with_fields("Transfer-Encoding: gzip, chunked\r\n").status == 501);
  CHECK(with_fields("Transfer-Encoding: odd, chunked\r\n").status == 501);
  CHECK(with_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n").status == 400);
  CHECK(with_fields("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n").status == 400);
  CHECK(with_fields("Content-Length: 3\r\nTransfer-Encoding: x\r\n").status == 400);
  CHECK(request("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").status == 400);
}

TEST_CASE("W3.6 W3.8 no framing field: no body, whatever the method") {
  CHECK(framing_of(with_fields("")) == "0:0");
  CHECK(framing_of(request("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n")) == "1:7");
}

TEST_CASE("W4.1 W4.2 Host") {
  auto host = [](std::string_view lines) {
    return request("GET / HTTP/1.1\r\n" + std::string(lines) + "\r\n");
  };
  CHECK(host("").status == 400);
  CHECK(host("Host: a\r\nHost: a\r\n").status == 400);
  CHECK(host("Host: a\r\nhost: b\r\n").status == 400);
  for (auto value : {"",       " ",     "a b",     "a,b",  "u@a",    "a/b",       "a?b",
                     "a:b",    "a:1:2", "a:65536", "a:-1", "a:+1",   "a:0x50",    "\xc3\xa9",
                     "a%20b",  "a\tb",  "::1",     "[::1", "[::1]x", "[1.2.3.4]", "[::1%25eth0]",
                     "[v1.x]", "a..b",  ".",       ".a",   ":80",    "a#b",       "a:000080"}) {
    CHECK(host("Host: "s + value + "\r\n").status == 400);
  }
  for (auto value : {"a", "A.b", "a.", "a:80", "a:0", "a:65535", "a:", "1.2.3.4", "[::1]",
                     "[::1]:8080", "a_b", "xn--bcher-kva"}) {
    CHECK(host("Host: "s + value + "\r\n").status == 0);
  }
  CHECK(request("GET / HTTP/1.0\r\n\r\n").status == 0);
  CHECK(request("GET http://b/ HTTP/1.1\r\n\r\n").status == 400);
  CHECK(request("GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n").status == 400);
  CHECK(request("CONNECT b:1 HTTP/1.1\r\n\r\n").status == 400);
}

TEST_CASE("W4.3 the authority of an absolute target replaces Host") {
  auto p = request("GET http://B.example:81?x HTTP/1.1\r\nHost: a:80\r\n\r\n");
  CHECK(p.text.find("host b.example port 81 path /?x") != std::string::npos);
  CHECK(request("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n").status == 400);
  CHECK(request("GET http://:80/x HTTP/1.1\r\nHost: a\r\n\r\n").status == 400);
  CHECK(request("GET http://u@b/x HTTP/1.1\r\nHost: a\r\n\r\n").status == 400);
  CHECK(request("GET ftp://b/x HTTP/1.1\r\nHost: a\r\n\r\n").status == 501);
}

TEST_CASE("connection options and expectations") {
  auto says = [](std::string_view version, std::string_view fields) {
    auto p = request("GET / HTTP/" + std::string(version) + "\r\nHost: a\r\n" +
                     std::string(fields) + "\r\n");
    auto line = p.text.substr(0, p.text.find('\n'));
    return line.substr(line.find("framing 0:0") + 11);
  };
  CHECK(says("1.1", "") == " keep");
  CHECK(says("1.1", "Connection: x, CLOSE\r\n") == "");
  CHECK(says("1.1", "Connection: keep-alive\r\nConnection: close\r\n") == "");
  CHECK(says("1.0", "") == "");
  CHECK(says("1.0", "Connection: Keep-Alive\r\n") == " keep");
  CHECK(says("1.1", "Expect: 100-Continue\r\n") == " keep 100");
  CHECK(says("1.1", "Expect: x\r\n") == " keep 417");
  CHECK(says("1.0", "Expect: 100-continue\r\n") == "");
  CHECK(says("1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n") == " keep upgrade");
  CHECK(says("1.1", "Upgrade: websocket\r\n") == " keep");
  CHECK(says("1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n") == "");
}

TEST_CASE("W6.1 W6.5 W6.6 W6.9 answers of the origin") {
  CHECK(response("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
            .text.starts_with("200 OK 1 framing 1:3 keep\n"));
  CHECK(
      response("HTTP/1.1 200\r\nContent-Length: 3\r\n\r\n").text.starts_with("200  1 framing 1:3"));
  CHECK(response("HTTP/1.1 200 \r\nContent-Length: 3\r\n\r\n").status == 0);
  CHECK(response("HTTP/1.0 999 Any \x80 thing\r\n\r\n")
            .text.starts_with("999 Any \x80 thing 0 framing 3:0\n"));
  for (auto line : {"HTTP/2.0 200 OK", "HTTP/1.1  200 OK", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK",
                    "http/1.1 200 OK", "HTTP/1.1 099 OK", "HTTP/1.1 2x0 OK", "HTTP/1.1\t200 OK",
                    "HTTP/1.1 200\tOK", "\r\nHTTP/1.1 200 OK", "HTTP/1.1 200 O\x01K",
                    "HTTP/1.1 200 O\rK", "ICY 200 OK", "", "HTTP/1.1 200 OK\n"}) {
    CHECK(response(std::string(line) + "\r\nContent-Length: 0\r\n\r\n").status == 502);
  }
  for (auto field : {"X : a"sv, "X: a\0"sv, "X: a\r\n b"sv, "X: a\nY: b"sv, ": a"sv, "X"sv}) {
    CHECK(response("HTTP/1.1 200 OK\r\n" + std::string(field) + "\r\n\r\n").status == 502);
  }
}

TEST_CASE("W6.2 Content-Length of an answer") {
  auto of = [](std::string_view fields) {
    return response("HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n");
  };
  CHECK(framing_of(of("Content-Length: 1\r\nContent-Length: 2\r\n")) == "502");
  CHECK(framing_of(of("Content-Length: 1, 2\r\n")) == "502");
  CHECK(framing_of(of("Content-Length: x\r\n")) == "502");
  CHECK(framing_of(of("Content-Length: 1,\r\n")) == "502");
  CHECK(framing_of(of("Content-Length: 1\r\nContent-Length:\r\n")) == "502");
  CHECK(framing_of(of("Content-Length: 9223372036854775808\r\n")) == "502");
  auto same = of("X: y\r\nContent-Length: 4, 4\r\nContent-Length: 4\r\n");
  CHECK(framing_of(same) == "1:4");
  CHECK(same.text == "200 OK 1 framing 1:4 keep\nX=y|0\nContent-Length=4|" +
                         std::to_string(static_cast<int>(FieldId::content_length)) + "\n");
  CHECK(framing_of(of("")) == "3:0");
}

TEST_CASE("W6.3 W6.13 Transfer-Encoding of an answer") {
  auto of = [](std::string_view fields) {
    return response("HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n");
  };
  CHECK(of("Transfer-Encoding: chunked\r\n").text.starts_with("200 OK 1 framing 2:0 keep\n"));
  auto both = of("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n");
  CHECK(both.text.starts_with("200 OK 1 framing 2:0\n"));
  CHECK(both.text.find("Content-Length") == std::string::npos);
  auto unknown = of("Transfer-Encoding: odd\r\nX: y\r\n");
  CHECK(unknown.text == "200 OK 1 framing 3:0\nX=y|0\n");
  for (auto value : {"gzip", "deflate", "odd, chunked", "gzip, chunked", "chunked, chunked",
                     "chunked, odd", "", "\"chunked\""}) {
    CHECK(of("Transfer-Encoding: "s + value + "\r\n").status == 502);
  }
  CHECK(of("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n").status == 502);
  CHECK(response("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").status == 502);
}

TEST_CASE("W6.7 W8.1 answers without a body") {
  auto of = [](std::string_view status, Method method) {
    return framing_of(
        response("HTTP/1.1 " + std::string(status) + " x\r\nContent-Length: 3\r\n\r\n", method));
  };
  CHECK(of("200", Method::get) == "1:3");
  CHECK(of("200", Method::head) == "0:0");
  CHECK(of("204", Method::get) == "0:0");
  CHECK(of("304", Method::get) == "0:0");
  CHECK(of("103", Method::get) == "0:0");
  CHECK(of("200", Method::connect) == "0:0");
  CHECK(of("403", Method::connect) == "1:3");
  CHECK(response("HTTP/1.1 200 x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
                 Method::connect)
            .text == "200 x 1 framing 0:0\n");
  CHECK(response("HTTP/1.1 304 x\r\nContent-Length: 3\r\n\r\n").text.find("Content-Length=3") !=
        std::string::npos);
  CHECK(response("HTTP/1.1 204 x\r\nContent-Length: 3\r\n\r\n").text.find("Content-Length") ==
        std::string::npos);
  CHECK(response("HTTP/1.1 200 x\r\nContent-Length: q\r\n\r\n", Method::head).status == 502);
}

TEST_CASE("a parser is ready again after reset()") {
  const std::string two = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n";
  H1Parser parser;
  RequestHead head;
  Arena arena;
  auto first = parser.parse_request(two, head, arena);
  REQUIRE((first && first->complete));
  CHECK(head.target == "/1");
  parser.reset();
  CHECK(!parser.begun());
  auto second = parser.parse_request(std::string_view(two).substr(first->size), head, arena);
  REQUIRE((second && second->complete));
  CHECK(head.target == "/2");
  CHECK(head.fields.size() == 1);
}
