// SPDX-License-Identifier: Apache-2.0
//
// Records for the tests of log/: random ones that own their texts. Test threads only.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "log/record.h"

namespace weir::log::test {

/// A record with the memory that its views point to.
struct Sample {
  AccessRecord record;
  std::vector<std::unique_ptr<std::string>> texts;

  std::string_view keep(std::string text) {
    texts.push_back(std::make_unique<std::string>(std::move(text)));
    return *texts.back();
  }
};

class Samples {
public:
  explicit Samples(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t n) { return random_() % n; }
  template <std::size_t N> std::string pick(const char* const (&choices)[N]) {
    return choices[below(N)];
  }

  Sample next(std::int64_t time_us) {
    Sample s;
    AccessRecord& r = s.record;
    r.time = time_us;
    r.id = ids_.next(WallTime(Duration(time_us - 1000)));
    r.kind = s.keep(pick({"forward", "site", "tunnel"}));
    r.place = s.keep(pick({"www.example.com", "office", ""}));
    r.client = address(0);
    r.user = s.keep(pick({"", "", "anna", "bert"}));
    r.method = s.keep(pick({"GET", "GET", "POST", "HEAD", "CONNECT"}));
    r.scheme = s.keep(pick({"http", "https"}));
    r.host = s.keep(pick({"www.example.com", "img.example.com", "example.com", "other.test", "a"}));
    r.port = static_cast<std::int64_t>(pick({"80", "443", "8080"}).size()) * 100;
    r.path = s.keep("/p" + std::to_string(below(50)) + pick({"", ".html", "/x'y\"", "/a*b?[c]"}));
    r.query = s.keep(below(2) == 0 ? "" : "q=" + std::to_string(below(9)));
    r.status = static_cast<std::int64_t>(200 + 100 * below(4) + below(5));
    r.cache = s.keep(pick({"hit", "miss", "pass", ""}));
    r.bytes_in = static_cast<std::int64_t>(below(5000));
    r.bytes_out = static_cast<std::int64_t>(below(5'000'000));
    r.ttfb = static_cast<std::int64_t>(below(400'000));
    r.duration = r.ttfb + static_cast<std::int64_t>(below(1'000'000));
    r.origin = below(3) == 0 ? Address() : address(443);
    r.pool = s.keep(pick({"", "app", "static"}));
    r.rule = s.keep(pick({"", "weir.conf:12 deny", "weir.conf:14 allow"}));
    r.http = s.keep(pick({"1.1", "1.0", "2"}));
    r.end = s.keep(pick({"ok", "ok", "ok", "timeout", "client-abort"}));
    r.user_agent = s.keep("agent/" + std::to_string(below(30)));
    r.referer = s.keep(pick({"", "http://example.com/"}));
    r.mime = s.keep(pick({"text/html", "image/png", ""}));
    r.generation = 1;
    r.worker = static_cast<std::int64_t>(below(4));
    return s;
  }

private:
  Address address(std::uint16_t port) {
    auto byte = [this] { return static_cast<std::uint8_t>(1 + below(6)); };
    if (below(3) == 0) {
      return *Address::parse("2001:db8::" + std::to_string(byte()), port);
    }
    return Address::v4({10, 0, static_cast<std::uint8_t>(below(2)), byte()}, port);
  }

  std::mt19937 random_;
  RequestIds ids_{3};
};

} // namespace weir::log::test
