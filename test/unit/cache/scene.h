// SPDX-License-Identifier: Apache-2.0
//
// Scene: a request and its response written as lines, for tests of the cache's rules.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "cache/rfc9111.h"

namespace weir::cache {

using std::chrono::hours;
using std::chrono::seconds;

/// Sun, 06 Nov 1994 08:49:37 GMT, and some seconds.
inline WallTime at(std::int64_t offset = 0) { return WallTime(seconds(784111777 + offset)); }
inline std::string date(std::int64_t offset = 0) { return format_http_date(at(offset)); }

using Lines = std::initializer_list<std::string_view>;

inline void add_lines(http::Fields& fields, Lines lines, Arena& arena) {
  for (std::string_view line : lines) {
    line = arena.copy(line);
    std::size_t colon = line.find(':');
    std::string_view name = line.substr(0, colon);
    fields.add({name, http::trim(line.substr(colon + 1)), http::field_id(name)}, arena);
  }
}

class Scene {
public:
  explicit Scene(Lines response_lines = {}, int status = 200, Lines request_lines = {}) {
    request.method = http::Method::get;
    request.method_text = "GET";
    response.status = status;
    asks(request_lines);
    answers(response_lines);
  }
  Scene& asks(Lines lines) {
    add_lines(request.fields, lines, arena);
    return *this;
  }
  Scene& answers(Lines lines) {
    add_lines(response.fields, lines, arena);
    return *this;
  }
  Received received() const {
    return {request,           response,         sent, arrived, heuristic_max, 10,
            refuse_set_cookie, ignore_directives};
  }
  NoStore verdict() const { return may_store(received()); }
  Freshness fresh() const { return freshness(received()); }
  /// Whole seconds.
  std::int64_t lifetime() const { return fresh().lifetime / seconds(1); }
  std::int64_t age() const { return fresh().initial_age / seconds(1); }

  Arena arena;
  http::RequestHead request;
  http::ResponseHead response;
  WallTime sent = at();
  WallTime arrived = at();
  Duration heuristic_max = hours(24);
  bool refuse_set_cookie = false;
  bool ignore_directives = false;
};

} // namespace weir::cache
