// SPDX-License-Identifier: Apache-2.0
#include "net/client_hello.h"

#include <bitset>
#include <cstdint>

#include "base/address.h"

namespace weir::net {

namespace {

using Parsed = Result<std::optional<ClientHello>>;

constexpr std::size_t kRecordHead = 5;
constexpr std::size_t kMessageHead = 4;
constexpr std::size_t kMostRecord = 16384;
constexpr unsigned kHandshake = 22;
constexpr unsigned kHelloType = 1;
constexpr unsigned kServerName = 0;
constexpr unsigned kEch = 0xfe0d;

/// Takes numbers and pieces from the front; once there is too little it has failed for good.
class Reader {
public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}

  std::uint32_t number(std::size_t octets) {
    std::uint32_t value = 0;
    for (char c : piece(octets)) {
      value = value << 8U | static_cast<unsigned char>(c);
    }
    return value;
  }
  std::string_view piece(std::size_t size) {
    if (size > left_.size()) {
      good_ = false;
      left_ = {};
      return {};
    }
    std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }
  /// What a length of so many octets announces.
  std::string_view vector(std::size_t octets) { return piece(number(octets)); }
  bool empty() const noexcept { return left_.empty(); }
  bool good() const noexcept { return good_; }

private:
  std::string_view left_;
  bool good_ = true;
};

/// The message out of its records. Nothing: more is to come.
Result<std::optional<std::string>> join_records(std::string_view bytes) {
  std::string message;
  std::size_t whole = SIZE_MAX; // of the message, once its head is there
  for (std::size_t records = 0; message.size() < whole; ++records) {
    if (records == kMostHelloRecords) {
      return fail(Code::malformed, Side::client);
    }
    // What is there of a record's head must be right, even if the rest has not come.
    Reader head(bytes.substr(0, kRecordHead));
    auto octet = [&] { return head.empty() ? -1 : static_cast<int>(head.number(1)); };
    int type = octet();
    int major = octet();
    int minor = octet();
    if ((type >= 0 && type != static_cast<int>(kHandshake)) || (major >= 0 && major != 3) ||
        minor > 4) {
      return fail(Code::malformed, Side::client);
    }
    if (bytes.size() < kRecordHead) {
      return std::nullopt;
    }
    std::size_t size = head.number(2);
    if (size == 0 || size > kMostRecord) {
      return fail(Code::malformed, Side::client);
    }
    std::string_view fragment = bytes.substr(kRecordHead, size);
    message.append(fragment);
    if (whole == SIZE_MAX && message.size() >= kMessageHead) {
      Reader reader(message);
      bool is_hello = reader.number(1) == kHelloType;
      whole = reader.number(3) + kMessageHead;
      if (!is_hello || whole > kMostClientHello + kMessageHead) {
        return fail(Code::malformed, Side::client);
      }
    }
    // Nothing stands behind it in its record: an answer comes first. A record that is announced
    // too long is seen at once.
    std::size_t announced = message.size() - fragment.size() + size;
    if (whole != SIZE_MAX && announced > whole) {
      return fail(Code::malformed, Side::client);
    }
    if (fragment.size() < size) {
      return std::nullopt;
    }
    bytes.remove_prefix(kRecordHead + size);
  }
  return message;
}

/// A name of letters, digits, '-' and '_' between dots; not an address (RFC 6066 §3).
bool read_name(std::string_view text, std::string& name) {
  if (text.empty() || text.size() > 253) {
    return false;
  }
  char before = '.';
  for (char c : text) {
    bool upper = c >= 'A' && c <= 'Z';
    bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!upper && !plain && (c != '.' || before == '.')) {
      return false;
    }
    name += upper ? static_cast<char>(c - 'A' + 'a') : c;
    before = c;
  }
  return before != '.' && !Address::parse_any(name);
}

bool read_server_name(std::string_view data, std::string& name) {
  Reader reader(data);
  Reader list(reader.vector(2));
  bool is_host = list.number(1) == 0;
  std::string_view text = list.vector(2);
  return reader.good() && reader.empty() && list.good() && list.empty() && is_host &&
         read_name(text, name);
}

bool read_extensions(std::string_view bytes, ClientHello& hello) {
  Reader reader(bytes);
  std::bitset<65536> seen; // each type at most once
  while (!reader.empty()) {
    std::uint32_t type = reader.number(2);
    std::string_view data = reader.vector(2);
    if (!reader.good() || seen[type]) {
      return false;
    }
    seen[type] = true;
    if (type == kServerName && !read_server_name(data, hello.sni)) {
      return false;
    }
    hello.ech = hello.ech || type == kEch;
  }
  return true;
}

bool read_message(std::string_view message, ClientHello& hello) {
  Reader reader(message.substr(kMessageHead));
  bool known = reader.number(1) == 3; // the version, or what stands in for it
  bool minor = reader.number(1) <= 3;
  reader.piece(32); // random
  std::string_view session = reader.vector(1);
  std::string_view suites = reader.vector(2);
  std::string_view compression = reader.vector(1);
  if (!reader.good() || !known || !minor || session.size() > 32 || suites.empty() ||
      suites.size() % 2 != 0 || compression.find('\0') == std::string_view::npos) {
    return false;
  }
  if (reader.empty()) {
    return true; // TLS 1.2 and before may have none
  }
  std::string_view extensions = reader.vector(2);
  return reader.good() && reader.empty() && read_extensions(extensions, hello);
}

} // namespace

Parsed parse_client_hello(std::string_view bytes) {
  if (bytes.empty()) {
    return std::nullopt;
  }
  ClientHello hello;
  hello.tls = static_cast<unsigned char>(bytes[0]) == kHandshake;
  if (!hello.tls) {
    return hello;
  }
  auto message = join_records(bytes);
  if (!message) {
    return fail(message.error());
  }
  if (!*message) {
    return std::nullopt;
  }
  if (!read_message(**message, hello)) {
    return fail(Code::malformed, Side::client);
  }
  return hello;
}

} // namespace weir::net
