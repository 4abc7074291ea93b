// SPDX-License-Identifier: Apache-2.0
//
// What is wrong with a text: every mistake told at once, at its place, with what would be right.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "config/load.h"

using namespace weir::config;

namespace {

/// "line:column what | hint" of each diagnostic.
std::vector<std::string> told(std::string_view text, Severity severity = Severity::error) {
  std::vector<std::string> out;
  const Loaded loaded = load_text("t", text);
  CHECK((loaded.config == nullptr) == (count_errors(loaded.diagnostics) != 0));
  for (const Diagnostic& each : loaded.diagnostics) {
    if (each.severity == severity) {
      out.push_back(std::to_string(each.line) + ":" + std::to_string(each.column) + " " +
                    each.what + (each.hint.empty() ? "" : " | " + each.hint));
    }
  }
  return out;
}

void one(std::string_view text, std::string_view expected) {
  CAPTURE(text);
  const std::vector<std::string> all = told(text);
  if (expected.empty()) {
    CHECK(all.empty());
    return;
  }
  CAPTURE(all);
  CHECK(all == std::vector<std::string>{std::string(expected)});
}

/// One mistake in a forward, a rule, a site, a route, a pool, at column 1 of line 2.
void in(std::string_view block, std::string_view statement, std::string_view expected) {
  std::string text;
  const std::string line = "\n" + std::string(statement) + "\n";
  if (block == "top") {
    text = line + "forward f { listen 127.0.0.1:1 }";
  } else if (block == "forward") {
    text = "forward f { listen 127.0.0.1:1" + line + "}";
  } else if (block == "rules") {
    text = "forward f { listen 127.0.0.1:1; rules {" + line + "} }";
  } else if (block == "site") {
    text = "site s { listen 127.0.0.1:1; route / { respond 200 }" + line + "}";
  } else if (block == "route") {
    text = "site s { listen 127.0.0.1:1; route / { respond 200" + line + "} }";
  } else if (block == "pool") {
    text = "pool p { server h:1" + line + "}\nforward f { listen 127.0.0.1:1 }";
  } else if (block == "cache") {
    text = "cache c { memory 1GB" + line + "}\nforward f { listen 127.0.0.1:1 }";
  } else {
    text = std::string(block) + " {" + line + "}\nforward f { listen 127.0.0.1:1 }";
  }
  one(text, expected);
}

} // namespace

TEST_CASE("C9 five mistakes are five errors: place, line, caret, suggestion") {
  const Loaded loaded = load_text("weir.conf", R"(cache main { memory 1024 }
forward lan {
	lisen   127.0.0.1:3128
    cache   mian   # no such cache
    rules {
        deny  hots ads.example
        allow all
        deny  client 10.0.0.0/8
    }
}
)");
  CHECK_FALSE(loaded.config);
  CHECK(print(loaded.diagnostics) == R"(weir.conf:1:21: error: bad value '1024'
    cache main { memory 1024 }
                        ^^^^
    a unit is missing: write 1024KB, 1024MB or 1024GB
weir.conf:3:2: error: unknown word 'lisen' in forward
    	lisen   127.0.0.1:3128
    	^^^^^
    did you mean 'listen'?
weir.conf:4:13: error: no cache is called 'mian'
        cache   mian   # no such cache
                ^^^^
    did you mean 'main'?
weir.conf:6:15: error: unknown word 'hots' in rule
            deny  hots ads.example
                  ^^^^
    did you mean 'host'?
weir.conf:8:9: error: this rule is never reached
            deny  client 10.0.0.0/8
            ^^^^
    'allow all' at weir.conf:7 ends the search always
5 errors
)");
  const Diagnostic& first = loaded.diagnostics[0]; // as JSON takes it
  CHECK(first.file == "weir.conf");
  CHECK(first.line == 1);
  CHECK(first.column == 21);
  CHECK(first.length == 4);
  CHECK(first.source == "cache main { memory 1024 }");
}

TEST_CASE("C12 words of the language that this build does not carry out are refused") {
  struct Case {
    std::string_view block;
    std::string_view statement;
    std::string_view at_word;
  };
  const Case cases[] = {
      {"top", "header -Server", "2:1 'header'"},
      {"top", "tls cert /x", "2:1 'tls'"},
      {"top", "retry 1 on connect", "2:9 'on'"},
      {"forward", "auth digest from staff", "2:6 'digest'"},
      {"forward", "parent 10.9.9.9:3128", "2:1 'parent'"},
      {"forward", "privacy standard", "2:1 'privacy'"},
      {"forward", "listen 127.0.0.1:2 http3", "2:20 'http3'"},
      {"rules", "set-header X y", "2:1 'set-header'"},
      {"rules", "deny cookie A", "2:6 'cookie'"},
      {"rules", "deny query a", "2:6 'query'"},
      {"rules", "deny mime video/*", "2:6 'mime'"},
      {"rules", "deny country de", "2:6 'country'"},
      {"rules", "deny device phone", "2:6 'device'"},
      {"rules", "deny tls 1.2", "2:6 'tls'"},
      {"site", "header +X y", "2:1 'header'"},
      {"route", "split app 95%", "2:1 'split'"},
      {"pool", "eject after 5 errors", "2:1 'eject'"},
      {"pool", "slow-start 30s", "2:1 'slow-start'"},
      {"pool", "balance least-conn", "2:9 'least-conn'"},
      {"pool", "balance random-two", "2:9 'random-two'"},
      {"pool", "balance hash", "2:9 'hash'"},
      {"pool", "balance round-robin sticky cookie SRV", "2:21 'sticky'"},
      {"pool", "retry 2 on connect 503", "2:9 'on'"},
      {"pool", "retry 2 budget 20%", "2:9 'budget'"},
      {"pool", "server x:443 spill 80%", "2:14 'spill'"},
      {"list l", "format ut1", "2:8 'ut1'"},
      {"list l", "format adblock", "2:8 'adblock'"},
      {"list l", "format rpz", "2:8 'rpz'"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.block, each.statement);
    in(each.block, each.statement,
       std::string(each.at_word) +
           " is not in this version | weir refuses what it would not carry out; take it out of "
           "the file");
  }
  in("rules", "cache main host a.b",
     "2:7 the choice of a cache by a rule is not in this version | form: "
     "cache no|bypass|no-store [CONDITION ...]");
}

TEST_CASE("C9 how a cache is used") {
  in("route", "ttl", "2:1 'ttl' needs more words | form: ttl VALUE, as in: ttl none");
  in("route", "ttl 7", "2:5 ttl 7: bad value | a unit is missing: write 7s, 7min or 7h; or none");
  in("route", "ttl-status 404",
     "2:12 'ttl-status' needs more words | form: ttl-status STATUS ... "
     "TIME");
  in("route", "ttl-status 700 10s",
     "2:12 bad value '700' | write 404, 5xx or 500-504; the time comes last");
  in("route", "ttl-status 206 10s",
     "2:12 bad value '206' | 206 and 304 are kept by their own rules");
  in("route", "ignore everything",
     "2:8 bad value 'everything' | write freshness, no-store, private, no-cache, must-revalidate, "
     "vary or set-cookie");
  in("route", "key-query odd", "2:11 bad value 'odd' | write all, none, sort, only or drop");
  in("route", "key-query only", "2:11 'only' needs names");
  in("route", "key-query none x", "2:16 'none' does not have names");
  in("route", "key-host *.example.com",
     "2:10 bad value '*.example.com' | write one host name: www.example.com");
  in("route", "key-cookie a=b", "2:12 bad value 'a=b' | a name has no spaces, commas or quotes");
  in("route", "key-header 1 2 3 4 5 6 7 8 9", "2:1 a key takes at most 8 of these");
  in("route", "tags -x", "2:6 '-x' takes away what is not there");
}

TEST_CASE("C9 what is compressed") {
  in("route", "compress",
     "2:1 'compress' needs more words | form: compress CODING ... [min SIZE] [types TYPE ...]");
  const std::string words = " | write br, gzip or zstd; sizes follow min, media types follow types";
  in("route", "compress deflate", "2:10 bad value 'deflate'" + words);
  in("site", "compress gzip identity", "2:15 bad value 'identity'" + words);
  in("cache", "compress x-gzip", "2:10 bad value 'x-gzip'" + words);
  in("route", "compress br min", "2:13 bad value 'min' | a size follows it: min 1KB");
  in("route", "compress br min 1", "2:17 bad value '1' | a unit is missing: write 1KB, 1MB or 1GB");
  in("route", "compress br types html",
     "2:19 bad value 'html' | write text/html, text/* or *+json");
  in("route", "compress br types */*", "2:19 bad value '*/*' | write text/html, text/* or *+json");
  in("route", "compress br -gzip", "2:13 '-gzip' takes away what is not there");
  in("route", "compress br types -image/png", "2:19 '-image/png' takes away what is not there");
}

TEST_CASE("C9 the form of the text") {
  one("forward f {\nlisten 127.0.0.1:1", "1:11 the block is not closed | '}' is missing");
  one("via x }", "1:7 '}' without a block that it would close");
  one("via \"x\nforward f { listen 127.0.0.1:1 }",
      "1:5 the quote is not closed on its line | put '\"' at the end of the text; inside it a "
      "quote is written \\\"");
  one("via \"x\"y\nforward f { listen 127.0.0.1:1 }",
      "1:8 white space is missing after the quote | a quoted word ends at its quote; inside it a "
      "quote is written \\\"");
  one("state x\"y",
      "1:7 a quote stands inside a word | write the whole word in quotes; inside them a "
      "quote is written \\\"");
  one("forward f{ listen 127.0.0.1:1 }", "1:10 white space is missing before '{' | braces stand "
                                         "alone; in quotes they are part of a word");
  one("forward f { listen 127.0.0.1:1}", "1:31 white space is missing before '}' | braces stand "
                                         "alone; in quotes they are part of a word");
  one("via a\\;", "1:5 a backslash stands at the end of a word | it joins lines only as the last "
                  "character of a line; else use quotes");
  one(std::string_view("via a\0b", 7), "1:5 a control character stands in this word");
  one("via ${WEIR_NO_SUCH}", "1:5 the environment variable WEIR_NO_SUCH is not set");
  one("via ${1}", "1:5 '${' begins the name of an environment variable | write ${NAME}, or "
                  "\"\\${\" in quotes where it is meant as it stands");
  CHECK(told("{ via x }")[0] ==
        "1:1 a block without a statement before it | '{' stands on the line of its statement");
  std::string deep;
  for (int i = 0; i < 100; ++i) {
    deep += "a {\n";
  }
  CHECK_FALSE(told(deep).empty());
  std::string many;
  for (int i = 0; i < 5000; ++i) {
    many += "x\n";
  }
  CHECK(told(many).size() == 1001);
}

TEST_CASE("C9 statements in the wrong place or form") {
  in("top", "listen 127.0.0.1:2",
     "2:1 'listen' does not stand at the top | it stands in: forward, "
     "site, l4");
  in("rules", "host a.b deny",
     "2:1 'host' does not stand in rules | it stands in: condition, check");
  in("top", "statee /x", "2:1 unknown word 'statee' at the top | did you mean 'state'?");
  in("top", "flubber", "2:1 unknown word 'flubber' at the top");
  in("top", "client_idle_timeout 5s",
     "2:1 unknown word 'client_idle_timeout' at the top | did you mean 'client-idle-timeout'?");
  in("top", "state", "2:1 'state' needs more words | form: state PATH");
  in("top", "state a b", "2:9 'b' is too much here | form: state PATH");
  in("top", "log", "2:1 'log' needs a block | form: log { ... }");
  in("top", "state /x { }", "2:1 'state' does not have a block");
  in("top", "workers", "2:1 'workers' needs more words | form: workers VALUE, as in: workers auto");
  in("top", "retry 1; retry 2", "2:10 'retry' stands twice in this block | the first is at t:2");
  in("forward", "cache none; cache none",
     "2:13 'cache' stands twice in this block | the first is at t:2");
  in("forward", "client-idle-timeout 60",
     "2:21 client-idle-timeout 60: bad value | a unit is missing: write 60s, 60min or 60h");
  in("forward", "client-idle-timeout 2d",
     "2:21 client-idle-timeout 2d: bad value | 2d is too much: at most 1d");
  in("forward", "body-rate-min 5KB",
     "2:15 body-rate-min 5KB: bad value | bytes in a second: write 500B/s or 2KB/s; or none");
  in("forward", "body-rate-min 5/s",
     "2:15 body-rate-min 5/s: bad value | a unit is missing: write 5KB, 5MB or 5GB; or none");
  in("forward", "open-proxy on", "2:12 open-proxy on: bad value | write yes or no");
  in("cache", "disk /d 100MB", "2:9 bad value '100MB' | 100MB is too little: at least 512MB");
  in("cache", "disk /d 1GB object-max 2GB", "2:1 object-max is larger than the tier");
}

TEST_CASE("C5 limits: what is wrong with them") {
  in("limit x", "rate 5",
     "2:6 bad value '5' | write how many in which time: 10/s, 5/min, 100/h or 1000/d");
  in("limit x", "rate 0/s",
     "2:6 bad value '0/s' | write how many in which time: 10/s, 5/min, 100/h or 1000/d");
  in("limit x", "rate 5/week",
     "2:6 bad value '5/week' | write how many in which time: 10/s, 5/min, 100/h or 1000/d");
  in("limit x", "key client /33 /64",
     "2:12 bad value '/33' | write from /0 to /32: of IPv4 first, then of IPv6");
  in("limit x", "key client /24 /129",
     "2:16 bad value '/129' | write from /0 to /128: of IPv4 first, then of IPv6");
  in("limit x", "key client client",
     "2:12 bad value 'client' | write client, user, header NAME or path, each once");
  in("limit x", "key header",
     "2:5 bad value 'header' | write client, user, header NAME or path, each once");
  in("limit x", "key header a:b", "2:12 bad value 'a:b' | this is not the name of a field");
  in("limit x", "burst 0", "2:7 burst 0: bad value | 0 is too little: at least 1");
  one("limit x { rate 5/min }", "1:1 limit 'x' has no key | give it one: key client");
  one("limit x { key client }",
      "1:1 limit 'x' has no rate, bandwidth or quota | give it one: rate 5/min");
  in("limit x", "bandwidth 2MB", "2:11 bad value '2MB' | the time is missing: write 2MB/s");
  in("limit x", "bandwidth 2MB/min", "2:11 bad value '2MB/min' | bytes in a second: write 2MB/s");
  in("limit x", "bandwidth 2/s",
     "2:11 bad value '2/s' | a unit is missing: write 2KB, 2MB or 2GB: write 2MB/s");
  in("limit x", "bandwidth 1KB/s bandwidth 2KB/s",
     "2:17 'bandwidth' stands twice in this block | the first is at t:2");
  in("limit x", "quota 5GB/week",
     "2:7 bad value '5GB/week' | bytes in an hour, a day or a month: write 500MB/h, 5GB/day or "
     "100GB/month");
  in("limit x", "quota 10B/day",
     "2:7 bad value '10B/day' | 10B is too little: at least 1KB: write 500MB/h, 5GB/day or "
     "100GB/month");
  one("limit x { key client quota 1GB/day burst 5 }",
      "1:36 the burst is one of requests, and there is no rate of them | write a rate, or leave "
      "the "
      "burst out: bandwidth has its own, one second");
  one("limit x { key path rate 1/d burst 366 }",
      "1:1 the burst of limit 'x' takes more than a year | write a smaller burst or a larger rate");
  in("rules", "limit nobody host x.test",
     "2:7 no limit is called 'nobody' | declare it at the top: limit nobody { ... }");
  in("rules", "limit",
     "2:1 'limit' needs more words | form: limit NAME [CONDITION ...] [unless CONDITION ...]");
  in("route", "limit nobody",
     "2:7 no limit is called 'nobody' | declare it at the top: limit nobody { ... }");
  one("limit x { key client rate 1/s }\nforward f { listen 127.0.0.1:1; rules { limit x list l } "
      "}\n"
      "list l { file /etc/passwd format cidr }",
      "2:54 a limit of a forward cannot ask the list 'l' | the addresses of the host are known too "
      "late");
  one("limit x { key client rate 1/s }\nsite s { listen 127.0.0.1:1; rules { limit x; limit x; "
      "limit x; limit x }\n"
      "route / { limit x x x x x; respond 200 } }",
      "3:1 9 limits for one request | at most 8 can be asked");
}

TEST_CASE("C5 C6 values that are none") {
  in("forward", "listen 3129",
     "2:8 bad value '3129' | the address is missing: write 0.0.0.0:3129, [::]:3129 or "
     "127.0.0.1:3129");
  in("forward", "listen localhost:1",
     "2:8 bad value 'localhost:1' | an address and a port belong here: 127.0.0.1:3128, "
     "[::1]:3128");
  in("forward", "listen 127.0.0.1",
     "2:8 bad value '127.0.0.1' | the port is missing: write 127.0.0.1:3128");
  in("forward", "listen 127.0.0.1:9 trust 10.0.0.0/8",
     "2:20 trust stands only in a site | a forward proxy removes these fields from every request");
  in("pool", "proxy-protocol",
     "2:1 'proxy-protocol' needs more words | form: proxy-protocol v1|v2");
  in("pool", "proxy-protocol 10.0.0.1", "2:16 bad value '10.0.0.1' | write v1 or v2");
  in("pool", "check", "2:1 'check' needs more words | form: check connect|GET PATH ...");
  in("pool", "check HEAD /x", "2:7 bad value 'HEAD' | write connect or GET /PATH");
  in("pool", "check GET", "2:7 bad value 'GET' | write GET /PATH");
  in("pool", "check connect /x", "2:15 bad value '/x' | connect stands alone");
  in("pool", "check GET health",
     "2:11 bad value 'health' | write the path of a URL, with a query if there is one: /health");
  in("pool", "check GET /x status 2000", "2:21 bad value '2000' | write 200, 2xx or 200-399");
  in("pool", "check GET /x host a/b",
     "2:19 bad value 'a/b' | write a host, with a port if there is one: www.example.com");
  in("pool", "check connect status 200",
     "2:1 status and host are for GET | form: check GET /PATH ...");
  in("pool", "check connect every 5",
     "2:21 every 5: bad value | a unit is missing: write 5s, 5min or 5h");
  in("pool", "check connect fall 0", "2:20 fall 0: bad value | 0 is too little: at least 1");
  in("pool", "http2 yes", "2:7 'yes' is too much here | form: http2 ");
  in("forward", "listen 127.0.0.1:9 proxy-protocol",
     "2:20 'proxy-protocol' needs more words | form: proxy-protocol CIDR ...");
  in("site", "listen 127.0.0.1:9 proxy-protocol v2",
     "2:35 bad value 'v2' | a block is written 10.0.0.0/8 or 2001:db8::/32");
  in("forward", "connect https", "2:9 bad value 'https' | a port is a number from 1 to 65535");
  in("forward", "connect 9-8",
     "2:9 bad value '9-8' | a range runs from the lower port to the "
     "higher");
  in("forward", "connect 443 -80", "2:13 '-80' takes away what is not there");
  in("forward", "private deny except 10.1.2.3/8",
     "2:21 bad value '10.1.2.3/8' | bits are set behind the mask: write 10.0.0.0/8");
  in("forward", "private no", "2:9 bad value 'no' | write deny or allow");
  in("forward", "private allow except 10.0.0.0/8",
     "2:15 an exception from allow has no meaning | form: private deny except CIDR ...");
  in("pool", "server h", "2:8 bad value 'h' | the port is missing: write h:80");
  in("pool", "server http://h:80",
     "2:8 bad value 'http://h:80' | a server has no scheme: write HOST:PORT");
  in("pool", "server 2001:db8::1:80",
     "2:8 bad value '2001:db8::1:80' | an IPv6 address stands in "
     "brackets: [2001:db8::1:80]:80");
  in("pool", "server 1.2.3.400:80",
     "2:8 bad value '1.2.3.400:80' | this is neither a name nor an address");
  in("pool", "server h:1", "2:8 the pool has h:1 already | a larger share is written: weight N");
  in("pool", "server g:1 weight 0", "2:19 weight 0: bad value | 0 is too little: at least 1");
  in("rules", "deny host *.*.x",
     "2:11 bad value '*.*.x' | '*' stands only at the front, for whole labels: *.example.com");
  in("rules", "deny host http://x/",
     "2:11 bad value 'http://x/' | a host has no scheme and no "
     "path");
  in("rules", "deny host a\xff.org", "2:11 bad value 'a?.org' | this is not the name of a host");
  in("rules", "deny path /\xc3\xa4",
     "2:11 bad value '/\xc3\xa4' | a path has only visible ASCII and no '#'; write other bytes as "
     "%XX");
  in("rules", "deny host ~ a(b", "2:13 bad value 'a(b' | RE2: missing ): a(b");
  in("rules", "deny host ~", "2:11 an expression is missing after '~'");
  in("rules", "deny path x/y",
     "2:11 bad value 'x/y' | a path begins with '/'; an expression is written: ~ EXPR");
  in("rules", "deny method get",
     "2:13 bad value 'get' | a method is written in capitals: GET, POST, CONNECT");
  in("rules", "deny scheme ftp", "2:13 bad value 'ftp' | a scheme is http or https");
  in("rules", "deny client office",
     "2:13 bad value 'office' | a block is written 10.0.0.0/8 or "
     "2001:db8::/32; or loopback, or private");
  in("rules", "deny client",
     "2:6 'client' needs more words | form: client "
     "CIDR|loopback|private ...");
  in("rules", "deny \"x\"", "2:6 a condition is missing before this value");
  in("rules", "deny status 200", "2:13 bad value '200' | a status from 400 to 599 belongs here");
  in("rules", "allow all page blocked", "2:11 only a deny has a page, and one that has no status");
  in("rules", "deny host a.b unless", "2:15 'unless' needs a condition after it");
  in("rules", "deny host a.b host c.d",
     "2:15 the same condition stands twice, and both would have "
     "to hold | write all its values after one of them");
  in("rules", "deny all host a.b", "2:6 'all' stands alone, not with other conditions");
  in("rules", "redirect example.com",
     "2:10 bad value 'example.com' | a URL begins with http://, "
     "https:// or '/'");
  in("rules", "redirect https://x/ 304",
     "2:21 bad value '304' | a redirect has the status 301, "
     "302, 303, 307 or 308");
  in("rules", "respond 600", "2:9 bad value '600' | a status from 200 to 599 belongs here");
  in("route", "redirect /x",
     "2:1 the route has an answer already | a route has exactly one of pool, "
     "respond and redirect");
  in("site", "route /x { respond 204 \"text\" }", "2:24 an answer 204 has no text");
  in("site", "route /x { respond 200 text }",
     "2:24 'text' is too much here | a text stands in "
     "quotes");
  in("site", "route /x { }",
     "2:1 route '/x' has no answer | give it one: pool, respond or "
     "redirect");
  in("when w", "time 8-18", "2:6 bad value '8-18' | a time of the day is written 08:00-18:00");
  in("when w", "time mon-fry",
     "2:6 bad value 'mon-fry' | days are mon, tue, wed, thu, fri, sat, "
     "sun; mon-fri; sat,sun");
  in("when w", "time 08:00-08:00",
     "2:6 bad value '08:00-08:00' | the times are equal: the whole "
     "day is 00:00-24:00");
  in("when w", "time mon zone Europe/Bärlin",
     "2:15 bad value 'Europe/Bärlin' | a time zone is "
     "written Europe/Berlin or UTC");
  in("when w", "time mon zone ../passwd",
     "2:15 bad value '../passwd' | a time zone is written "
     "Europe/Berlin or UTC");
  in("admin", "mode 999", "2:6 bad value '999' | permissions are written in octal: 0660");
  in("admin", "http 9145",
     "2:6 bad value '9145' | the address is missing: write 0.0.0.0:9145, "
     "[::]:9145 or 127.0.0.1:9145");
  in("admin", "token secret",
     "2:7 'secret' is not a file | a file is written with its sign: "
     "@/etc/weir/NAME");
  in("dns", "server dns.example",
     "2:8 bad value 'dns.example' | a resolver is an address: "
     "10.0.0.53, [2001:db8::53]:5353");
  in("log", "errors /e loud", "2:11 bad value 'loud' | a level is debug, info, warn or error");
}

TEST_CASE("C4 names: declared once, used as declared, told when not used") {
  one("cache c { memory 1GB }\ncache c { memory 1GB }\nforward f { listen 127.0.0.1:1; cache c }",
      "2:1 cache 'c' is declared twice | the first is at t:1");
  one("forward f { listen 127.0.0.1:1 }\nforward f { listen 127.0.0.1:2 }",
      "2:1 forward 'f' is declared twice | the first is at t:1");
  one("forward f { listen 127.0.0.1:1; cache c }",
      "1:39 no cache is called 'c' | declare it at the top: cache c { ... }");
  one("site s { listen 127.0.0.1:1; cache c; route / { respond 200 } route /b { respond 200 } }",
      "1:36 no cache is called 'c' | declare it at the top: cache c { ... }");
  in("rules", "deny list ads",
     "2:11 no list is called 'ads' | declare it at the top: list ads { "
     "... }");
  in("rules", "deny when work",
     "2:11 no when is called 'work' | declare it at the top: when work "
     "{ ... }");
  in("rules", "deny page gone",
     "2:11 no page is called 'gone' | declare it at the top: page gone "
     "@FILE");
  in("top", "pool a/b { server h:1 }",
     "2:6 'a/b' is not a name | a name has letters, digits, '.', '_' and '-', at most 64");
  in("top", "when host { time mon }", "2:6 'host' is a word of the language | choose another name");
  CHECK(told("pool p { server h:1 }\nforward f { listen 127.0.0.1:1 }", Severity::warning) ==
        std::vector<std::string>{"1:1 pool 'p' is declared and not used"});
  // A name that a refused word would use is not told to be unused.
  CHECK(told("pool p { server h:1 }\nforward f { listen 127.0.0.1:1; auth x }", Severity::warning)
            .empty());
  CHECK(told("forward f { listen 127.0.0.1:1; rules { deny host example.org lst } }",
             Severity::warning) ==
        std::vector<std::string>{"1:63 'lst' is taken as a host | did you mean the word 'list'? In "
                                 "quotes it is a host for certain"});
}

TEST_CASE("C9 blocks that lack what they are for") {
  const std::string_view tail = "\nforward f { listen 127.0.0.1:1 }";
  const auto lacks = [tail](std::string_view block, std::string_view expected) {
    one(std::string(block) + std::string(tail), expected);
  };
  lacks("pool p { }", "1:1 pool 'p' has no server | give it one: server 192.0.2.1:8080");
  lacks("cache c { }", "1:1 cache 'c' has no memory | give it one: memory 1GB");
  lacks("list l { }", "1:1 list 'l' has no file | give it one: file /etc/weir/lists/NAME");
  lacks("when w { }", "1:1 when 'w' has no time | give it one: time mon-fri 08:00-18:00");
  lacks("site s { route / { respond 200 } }",
        "1:1 site 's' has no listener | give it one: listen 0.0.0.0:80");
  lacks("site s { listen 127.0.0.1:2 }",
        "1:1 site 's' has no route | give it one: route / { pool NAME }");
  CHECK(told("site s { }").size() == 2); // each, not only the first
  one("forward f { }", "1:1 forward 'f' has no listener | give it one: listen 127.0.0.1:3128");
}

TEST_CASE("C9 users and groups that this system does not have, and a token for everybody") {
  one("user nobdy", "1:6 this system has no user 'nobdy' | did you mean 'nobody'?");
  one("user zzzzzzzzzzzz", "1:6 this system has no user 'zzzzzzzzzzzz'");
  one("user nobody deamon", "1:13 this system has no group 'deamon' | did you mean 'daemon'?");
  one("user", "1:1 'user' needs more words | form: user NAME [GROUP]");
  one("user root\nuser root", "2:1 'user' stands twice in this block | the first is at t:1");
  one("seccomp maybe", "1:9 seccomp maybe: bad value | write yes or no");
  CHECK(told("admin { http 127.0.0.1:9; token @/etc/passwd }\nforward f { listen 127.0.0.1:1 }",
             Severity::warning) ==
        std::vector<std::string>{"1:33 /etc/passwd can be read by every user of this system | "
                                 "chmod o-r /etc/passwd"});
}

TEST_CASE("C9 files that cannot be read") {
  in("list l", "file /no/such/list", "2:6 /no/such/list: No such file or directory");
  in("list l", "file /dev/null", "2:6 /dev/null: not a plain file");
  in("list l", "dir /no/such/list", "2:5 /no/such/list: No such file or directory");
  in("top", "page gone @/no/such/page", "2:11 /no/such/page: No such file or directory");
  in("top", "include /no/such/file", "2:9 /no/such/file: No such file or directory");
  in("route", "include", "2:1 include takes one path or pattern | form: include GLOB");
  in("admin", "token @/no/such", "2:7 /no/such: No such file or directory");
  const Loaded loaded = load_file("/no/such/file");
  CHECK(print(loaded.diagnostics) == "/no/such/file: error: No such file or directory\n1 error\n");
  CHECK(print(load_file("/").diagnostics) == "/: error: not a plain file\n1 error\n");
}

TEST_CASE("C1 an include that includes itself is refused") {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("weir-loop-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  std::ofstream(folder / "a") << "include b\n";
  std::ofstream(folder / "b") << "\n  include ./*\n";
  const Loaded loaded = load_file((folder / "a").string());
  REQUIRE(count_errors(loaded.diagnostics) == 2); // of a and of b itself
  CHECK(loaded.diagnostics[0].file == (folder / "b").string());
  CHECK(loaded.diagnostics[0].line == 2);
  CHECK(loaded.diagnostics[0].what == (folder / "a").string() + " includes itself");
  std::filesystem::remove_all(folder);
}

TEST_CASE("C9 two listeners on one address") {
  one("forward f { listen 127.0.0.1:1 127.0.0.1:1 }",
      "1:32 two listeners on 127.0.0.1:1 | the first is at t:1");
  one("forward f { listen 127.0.0.1:1 }\nsite s { listen 0.0.0.0:1; route / { respond 200 } }",
      "2:17 0.0.0.0:1 meets the listener on 127.0.0.1:1 | the first is at t:1");
  one("forward f { listen 127.0.0.1:1 }\nadmin { http 127.0.0.1:1 }",
      "2:14 two listeners on 127.0.0.1:1 | the first is at t:1");
  one("site s { listen 127.0.0.1:1; route / { respond 200 } }\n"
      "site t .s S { listen 127.0.0.1:1; route / { respond 200 } }",
      "2:11 two sites are called 's' on 127.0.0.1:1 | the first is at t:1");
  const std::string_view good[] = {
      "forward f { listen 127.0.0.1:1 127.0.0.1:2 [::1]:1 }",
      "forward f { listen 127.0.0.1:0 127.0.0.1:0 }", // the kernel chooses
      "site s { listen 127.0.0.1:1; route / { respond 200 } }\n"
      "site *.s { listen 127.0.0.1:1; route / { respond 200 } }",
      "site s { listen 0.0.0.0:1 [::]:1; route / { respond 200 } }",
      "site s { listen 127.0.0.1:1; route / { respond 200 } }\n"
      "site s { listen 127.0.0.1:2; route / { respond 200 } }"};
  for (const std::string_view text : good) {
    CAPTURE(text);
    CHECK(told(text).empty());
  }
}

TEST_CASE("C9 a forward open to the world is refused unless it says so") {
  const auto open = [](std::string_view rules, std::string_view more = "") {
    const std::vector<std::string> all =
        told("forward f {\nlisten 127.0.0.1:1 0.0.0.0:2\n" + std::string(more) + "\nrules {\n" +
             std::string(rules) + "\n} }\nlist ips { file /etc/passwd format cidr }\n" +
             "list names { file /etc/passwd }");
    for (const std::string& each : all) {
      CHECK(each.find("2:20 forward 'f' would be an open proxy: anybody who reaches 0.0.0.0:2 may "
                      "use it | the rule at t:") == 0);
    }
    return !all.empty();
  };
  CHECK(open("allow all"));
  CHECK(open("allow host a.example"));
  CHECK(open("allow list names"));
  CHECK(open("allow client 0.0.0.0/0"));
  CHECK(open("allow client ::/0 10.0.0.0/8"));
  CHECK(open("allow host a.example unless client 10.0.0.0/8"));
  CHECK(open("deny host a.example unless client 10.0.0.0/8\nallow all"));
  CHECK(open("deny unless client 10.0.0.0/8 host a.example\nallow all"));
  CHECK(open("report unless client 10.0.0.0/8\nallow all"));
  CHECK_FALSE(open("allow all", "open-proxy yes"));
  CHECK_FALSE(open("allow client 10.0.0.0/8"));
  CHECK(open("allow list ips")); // in a forward a list is about the host
  CHECK_FALSE(open("deny unless client 10.0.0.0/8\nallow all"));
  CHECK(open("deny all unless list ips\nallow all"));
  CHECK_FALSE(open("deny all"));
  CHECK(told("forward f { listen 127.0.0.1:1 [::1]:1; rules { allow all } }").empty());
}

TEST_CASE("C9 what can never be reached") {
  in("rules", "allow client 10.0.0.0/8; deny; allow host a.b; deny host c.d",
     "2:32 this rule is never reached | 'deny' at t:2 ends the search always");
  in("site", "rules { allow all }; route /x { respond 200; rules { deny method PUT } }",
     "2:54 this rule is never reached | 'allow all' at t:2 ends the search always");
  in("site", "route / { respond 204 }",
     "2:7 this route is never reached | the same path stands at t:1");
  in("rules", "report all; cache no all; deny unless method GET; allow method GET; deny all", "");
}

TEST_CASE("C9 two things in one place of the file system") {
  one("cache a { memory 1GB; disk /d 1GB }\ncache b { memory 1GB; disk /d/ 1GB }\n"
      "site s { listen 127.0.0.1:1; route / { cache a; respond 200 } route /b { cache b; respond "
      "200 } }",
      "2:28 /d is in use already | by what stands at t:1");
}

TEST_CASE("http2 of a pool: what does not go with it") {
  one("pool p { server h:1; http2; proxy-protocol v2 }\n"
      "site s { listen 127.0.0.1:1; route / { pool p } }",
      "1:29 a pool with http2 cannot begin with a PROXY header | it names one client, and many "
      "share a connection: X-Forwarded-For tells");
  one("pool p { server h:1; http2 }\nl4 a { listen 127.0.0.1:1; pool p }",
      "2:33 the pool p says http2 | an l4 passes bytes on as they are: use a pool without it");
  one("pool p { server h:1; http2 }\npool q { server h:1 }\n"
      "l4 a { listen 127.0.0.1:1; pool q; sni a.example pool p }",
      "3:55 the pool p says http2 | an l4 passes bytes on as they are: use a pool without it");
}

TEST_CASE("a listener of UDP: where it stands, and what does not go together with it") {
  const auto l4 = [](const std::string& words, std::string_view expected, const char* pool = "") {
    one("pool p { server h:1" + std::string(pool) + " }\nl4 a { listen 127.0.0.1:1 udp; pool p\n" +
            words + "\n}",
        expected);
  };
  const char* in_http =
      "3:20 udp stands only in an l4 | HTTP is spoken over TCP: weir has no HTTP/3";
  one("site s {\nroute / { respond 200 }\nlisten 127.0.0.1:1 udp }", in_http);
  one("forward f {\n\nlisten 127.0.0.1:1 udp }", in_http);
  l4("listen 127.0.0.1:2 udp 127.0.0.1:3", "3:24 '127.0.0.1:3' is too much here | form: udp ");
  l4("listen 127.0.0.1:1 udp", "3:8 two listeners on 127.0.0.1:1 | the first is at t:2");
  l4("listen 0.0.0.0:1 udp",
     "3:8 0.0.0.0:1 meets the listener on 127.0.0.1:1 | the first is at t:2");
  l4("listen 127.0.0.1:1", "");
  l4("listen 127.0.0.1:2 udp proxy-protocol 10.0.0.1",
     "3:8 a listener with udp takes no PROXY headers | they begin a connection, and there is none");
  l4("listen 127.0.0.1:2 udp tls",
     "3:8 an l4 speaks neither TLS nor HTTP: it passes on what comes | form: listen ADDRESS:PORT "
     "... [proxy-protocol CIDR ...] [udp]");
  l4("sni a.example pool p",
     "3:1 an l4 with a listener of UDP cannot choose by sni | udp stands at "
     "t:2; TCP may have an l4 of its own");
  l4("proxy-protocol v2", "3:1 an l4 with a listener of UDP cannot send PROXY headers | udp stands "
                          "at t:2; TCP may have an l4 of its own");
  l4("rules { deny sni a.example }",
     "3:14 datagrams have no sni | udp stands at t:2; TCP may have an l4 of its own");
  l4("", "2:37 the pool p begins with PROXY headers | udp stands at t:2: use a pool without them",
     "; proxy-protocol v1");
  l4("", "2:37 the pool p speaks TLS to its servers | udp stands at t:2: use a pool without it",
     " tls");
  in("top", "udp-sessions 0", "2:14 udp-sessions 0: bad value | 0 is too little: at least 1");
}

TEST_CASE("an l4: what it may not have, and what others may not have of it") {
  const auto l4 = [](const std::string& words, std::string_view expected) {
    one("pool p { server h:1 }\nl4 a { listen 127.0.0.1:1; pool p\n" + words + "\n}", expected);
  };
  in("top", "l4 a { pool p }\npool p { server h:1 }",
     "2:1 l4 'a' has no listener | give it one: listen 0.0.0.0:5432");
  in("top", "l4 a { listen 127.0.0.1:2 }", "2:1 l4 'a' has no pool | give it one: pool NAME");
  l4("proxy-protocol v3", "3:16 bad value 'v3' | write v1 or v2");
  l4("sni a.example b.example c.example",
     "3:15 the pool is missing | form: sni HOST ... pool NAME");
  l4("sni * pool p", "3:5 bad value '*' | for all other hosts, and none, write: pool NAME");
  l4("sni 192.0.2.1 pool p", "3:5 bad value '192.0.2.1' | nobody names an address in TLS");
  l4("sni a.example pool p\nsni .A.example pool p",
     "4:5 '.a.example' stands twice in this l4 | the first is at t:3");
  l4("listen 127.0.0.1:2 trust 10.0.0.1",
     "3:20 trust stands only in a site | a forward proxy removes these fields from every request");
  l4("listen 127.0.0.1:2 http2",
     "3:8 an l4 speaks neither TLS nor HTTP: it passes on what comes | form: listen ADDRESS:PORT "
     "... [proxy-protocol CIDR ...] [udp]");
  l4("rules { respond 200 }",
     "3:9 an l4 has no answers and no cache | its rules are allow, deny and "
     "report, without page and status");
  l4("rules { deny status 404 }",
     "3:9 an l4 has no answers and no cache | its rules are allow, deny "
     "and report, without page and status");
  l4("rules { deny host a.example }", "3:14 an l4 knows nothing of requests | its conditions are "
                                      "client, sni, list, when and all");
  one("site s { listen 127.0.0.1:1; rules { deny sni a.example }; route / { respond 200 } }",
      "1:43 'sni' is a condition of an l4 or a forward | the host asked for: host");
  for (const char* rule : {"respond 200 sni a.example", "redirect http://x/ sni a.example",
                           "deny status 451 sni a.example", "cache no sni a.example"}) {
    std::string text = std::string(rule) + "\nallow client 10.0.0.0/8";
    std::size_t column = std::string_view(rule).find("sni") + 1;
    in("rules", text,
       fmt::format("2:{} 'sni' is known when the tunnel is open: nothing is answered | a rule with "
                   "it is allow, deny or report, without page and status",
                   column));
  }
  one("pool p { server h:1 }\nl4 a { listen 127.0.0.1:1; pool p }\nsite s { listen 127.0.0.1:1; "
      "route / { respond 200 } }",
      "2:15 two listeners on 127.0.0.1:1 | the first is at t:3");
}
