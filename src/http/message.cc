// SPDX-License-Identifier: Apache-2.0
#include "http/message.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace weir::http {

namespace {

constexpr std::array<std::string_view, 10> kMethods{
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PURGE"};

/// Copies piece after piece into one block of the right size.
class Packer {
public:
  Packer(std::size_t size, Arena& arena) : at_(size != 0 ? arena.allocate(size, 1) : nullptr) {}
  std::string_view operator()(std::string_view text) {
    if (text.empty()) {
      return {};
    }
    std::memcpy(at_, text.data(), text.size());
    std::string_view copy{at_, text.size()};
    at_ += text.size();
    return copy;
  }

private:
  char* at_;
};

} // namespace

Method parse_method(std::string_view text) noexcept {
  for (std::size_t i = 0; i < kMethods.size(); ++i) {
    if (kMethods[i] == text) {
      return static_cast<Method>(i);
    }
  }
  return Method::other;
}

std::string_view name(Method method) noexcept {
  auto i = static_cast<std::size_t>(method);
  return i < kMethods.size() ? kMethods[i] : std::string_view{};
}

bool is_safe(Method method) noexcept {
  return method == Method::get || method == Method::head || method == Method::options ||
         method == Method::trace;
}

bool is_idempotent(Method method) noexcept {
  return is_safe(method) || method == Method::put || method == Method::delete_;
}

namespace {

struct Reason {
  int status;
  std::string_view text;
};
constexpr std::array kReasons{
    Reason{100, "Continue"},
    Reason{101, "Switching Protocols"},
    Reason{102, "Processing"},
    Reason{103, "Early Hints"},
    Reason{200, "OK"},
    Reason{201, "Created"},
    Reason{202, "Accepted"},
    Reason{203, "Non-Authoritative Information"},
    Reason{204, "No Content"},
    Reason{205, "Reset Content"},
    Reason{206, "Partial Content"},
    Reason{207, "Multi-Status"},
    Reason{208, "Already Reported"},
    Reason{226, "IM Used"},
    Reason{300, "Multiple Choices"},
    Reason{301, "Moved Permanently"},
    Reason{302, "Found"},
    Reason{303, "See Other"},
    Reason{304, "Not Modified"},
    Reason{305, "Use Proxy"},
    Reason{307, "Temporary Redirect"},
    Reason{308, "Permanent Redirect"},
    Reason{400, "Bad Request"},
    Reason{401, "Unauthorized"},
    Reason{402, "Payment Required"},
    Reason{403, "Forbidden"},
    Reason{404, "Not Found"},
    Reason{405, "Method Not Allowed"},
    Reason{406, "Not Acceptable"},
    Reason{407, "Proxy Authentication Required"},
    Reason{408, "Request Timeout"},
    Reason{409, "Conflict"},
    Reason{410, "Gone"},
    Reason{411, "Length Required"},
    Reason{412, "Precondition Failed"},
    Reason{413, "Content Too Large"},
    Reason{414, "URI Too Long"},
    Reason{415, "Unsupported Media Type"},
    Reason{416, "Range Not Satisfiable"},
    Reason{417, "Expectation Failed"},
    Reason{421, "Misdirected Request"},
    Reason{422, "Unprocessable Content"},
    Reason{423, "Locked"},
    Reason{424, "Failed Dependency"},
    Reason{425, "Too Early"},
    Reason{426, "Upgrade Required"},
    Reason{428, "Precondition Required"},
    Reason{429, "Too Many Requests"},
    Reason{431, "Request Header Fields Too Large"},
    Reason{451, "Unavailable For Legal Reasons"},
    Reason{500, "Internal Server Error"},
    Reason{501, "Not Implemented"},
    Reason{502, "Bad Gateway"},
    Reason{503, "Service Unavailable"},
    Reason{504, "Gateway Timeout"},
    Reason{505, "HTTP Version Not Supported"},
    Reason{506, "Variant Also Negotiates"},
    Reason{507, "Insufficient Storage"},
    Reason{508, "Loop Detected"},
    Reason{511, "Network Authentication Required"},
};

} // namespace

std::string_view reason_phrase(int status) noexcept {
  for (const Reason& reason : kReasons) {
    if (reason.status == status) {
      return reason.text;
    }
  }
  return {};
}

void RequestHead::clear() noexcept {
  method = Method::get;
  method_text = target = {};
  uri = {};
  minor_version = 1;
  http2 = false;
  framing = {};
  keep_alive = expect_continue = expect_unknown = upgrade = false;
  fields.clear();
}

void ResponseHead::clear() noexcept {
  status = 0;
  reason = {};
  minor_version = 1;
  framing = {};
  keep_alive = false;
  fields.clear();
}

void copy_fields(const Fields& from, Fields& to, Arena& arena) {
  std::size_t size = 0;
  for (const Field& field : from) {
    size += field.value.size() + (field.id == FieldId::other ? field.name.size() : 0);
  }
  Packer pack(size, arena);
  to.clear();
  for (const Field& field : from) {
    // A well-known name is static text already: only an unusual spelling of it is copied.
    std::string_view usual = name(field.id);
    std::string_view copied = field.id == FieldId::other ? pack(field.name)
                              : field.name == usual      ? usual
                                                         : arena.copy(field.name);
    to.add({copied, pack(field.value), field.id}, arena);
  }
}

void copy_head(const RequestHead& from, RequestHead& to, Arena& arena) {
  to.method = from.method;
  to.method_text = from.method != Method::other ? name(from.method) : arena.copy(from.method_text);
  to.target = arena.copy(from.target);
  to.uri = from.uri;
  to.uri.host = arena.copy(from.uri.host);
  to.uri.path_query = arena.copy(from.uri.path_query);
  // path and query are parts of path_query.
  to.uri.path = to.uri.path_query.substr(0, from.uri.path.size());
  to.uri.query =
      from.uri.has_query ? to.uri.path_query.substr(from.uri.path.size() + 1) : std::string_view{};
  to.minor_version = from.minor_version;
  to.http2 = from.http2;
  to.framing = from.framing;
  to.keep_alive = from.keep_alive;
  to.expect_continue = from.expect_continue;
  to.expect_unknown = from.expect_unknown;
  to.upgrade = from.upgrade;
  copy_fields(from.fields, to.fields, arena);
}

void copy_head(const ResponseHead& from, ResponseHead& to, Arena& arena) {
  to.status = from.status;
  to.reason = arena.copy(from.reason);
  to.minor_version = from.minor_version;
  to.framing = from.framing;
  to.keep_alive = from.keep_alive;
  copy_fields(from.fields, to.fields, arena);
}

Result<void> resolve_target(RequestHead& head, Arena& arena) {
  const Field* host = head.fields.find(FieldId::host);
  const bool another = host != nullptr && std::any_of(host + 1, head.fields.end(), [](auto& f) {
                         return f.id == FieldId::host;
                       });
  if (another || (host == nullptr && head.minor_version > 0)) { // W4.1
    return fail(Code::malformed, Side::client);
  }
  auto target = parse_target(head.method, head.target, arena);
  if (!target) {
    return fail(target.error());
  }
  head.uri = *target;
  if (host != nullptr) {
    auto authority = parse_authority(host->value, arena);
    if (!authority) { // W4.2: also where an absolute target replaces it
      return fail(authority.error());
    }
    if (head.uri.form == Target::Form::origin || head.uri.form == Target::Form::asterisk) {
      head.uri.host = authority->host;
      head.uri.port = authority->port;
      head.uri.has_port = authority->has_port;
    }
  }
  return {};
}

void read_connection_options(RequestHead& head) noexcept {
  bool close = false;
  bool keep = false;
  bool upgrade = false;
  ListReader options(head.fields, FieldId::connection);
  while (auto option = options.next()) {
    close = close || iequals(*option, "close");
    keep = keep || iequals(*option, "keep-alive");
    upgrade = upgrade || iequals(*option, "upgrade");
  }
  head.keep_alive = !close && (head.minor_version > 0 || keep);
  // RFC 9110 §7.8, §10.1.1: HTTP/1.0 has neither.
  head.upgrade = upgrade && head.minor_version > 0 && head.fields.has(FieldId::upgrade);
  head.expect_continue = head.expect_unknown = false;
  ListReader expectations(head.fields, FieldId::expect);
  while (auto expectation = expectations.next()) {
    if (!iequals(*expectation, "100-continue")) {
      head.expect_unknown = true;
    } else if (head.minor_version > 0) {
      head.expect_continue = true;
    }
  }
}

int status_of(const Error& error) noexcept {
  if (error.side == Side::origin) {
    return 502;
  }
  struct Answer {
    Code code;
    int status;
  };
  static constexpr std::array kAnswers{
      Answer{Code::target_too_long, 414}, Answer{Code::head_too_large, 431},
      Answer{Code::too_large, 413},       Answer{Code::bad_version, 505},
      Answer{Code::unknown_coding, 501},  Answer{Code::unsupported, 501},
  };
  for (const Answer& answer : kAnswers) {
    if (answer.code == error.code) {
      return answer.status;
    }
  }
  return 400;
}

} // namespace weir::http
